"""Sweeps: each configuration has the result of `train`, whatever the grid, the threads and Ctrl-C."""

import threading

import numpy as np
import pytest

import fastprop as fp
from fastprop.data import Dataset
from fastprop.kernels import compiler
from fastprop.sweeping import SweepResult
from tests.compare import padded
from tests.processes import output_after_interrupt

RANDOM = np.random.default_rng(0)
SIZES = (4, 6, 3)
X = RANDOM.random((90, 4))
LABELS = RANDOM.integers(3, size=90)
NUMBERS = X @ RANDOM.normal(size=(4, 3))
HELD_OUT = slice(70, None)
PAIR = (X[HELD_OUT], LABELS[HELD_OUT])


def sweep(grid, network=SIZES, y=LABELS, epochs=3, **options):
    return fp.sweep(network, X, y, grid, epochs=epochs, **options)


def row_by_name(result, index):
    return {name: result.table[name][index] for name in result.hyperparameters}


# ---- the table ----


def test_a_mapping_stands_for_all_combinations_the_last_name_running_fastest():
    table = sweep({"seed": range(2), "learning_rate": np.array([0.1, 0.2, 0.3])}, validation=0.2).table
    np.testing.assert_array_equal(table["seed"], [0, 0, 0, 1, 1, 1])
    np.testing.assert_array_equal(table["learning_rate"], [0.1, 0.2, 0.3] * 2)


def test_a_list_stands_for_just_its_configurations_and_what_they_do_not_name_is_the_sweeps_own():
    grid = [{"learning_rate": 0.3}, {"momentum": 0.8, "seed": 2}, {"batch_size": 7}]
    result = sweep(grid, optimizer=fp.SGD(0.2, momentum=0.5), batch_size=16, seed=4)
    expected = [(0.3, 0.5, 16, 4), (0.2, 0.8, 16, 2), (0.2, 0.5, 7, 4)]
    assert result.table[["learning_rate", "momentum", "batch_size", "seed"]].tolist() == expected


def test_an_iterator_of_configurations_is_as_good_as_a_list():
    grid = [{"learning_rate": 0.1}, {"learning_rate": 0.2}]
    np.testing.assert_array_equal(sweep(iter(grid)).history, sweep(grid).history)


COLUMNS = {
    "learning_rate": ([0.1, 1], np.float64),
    "momentum": ([0, 0.5], np.float64),
    "batch_size": ([5, 10**6], np.int64),
    "seed": ([1, 2], np.int64),
    "layer_sizes": ([SIZES, (4, 3)], object),
    "dropout": ([0.0, 0.5], np.float64),
    "average": ([None, fp.EMA(0.9), fp.EMA(0.9, start_epoch=2)], object),
}


RESULTS = "score", "score_std", "loss", "validation_loss", "epochs", "final_epochs", "stopped", "seconds"


@pytest.mark.parametrize("name", COLUMNS)
def test_a_row_has_what_was_swept_and_what_came_of_it(name):
    values, dtype = COLUMNS[name]
    result = sweep({name: values}, validation=PAIR)
    table = result.table
    assert table.dtype.names == (name, *RESULTS)
    assert table[name].dtype == dtype
    assert table[name].tolist() == values
    np.testing.assert_array_equal(table["stopped"], "finished")
    np.testing.assert_array_equal(table["epochs"], 3)
    np.testing.assert_array_equal(result.history[:, -1], table["validation_loss"])
    assert np.isfinite(table["loss"]).all()
    assert (table["seconds"] > 0).all()
    assert result.seconds > 0


@pytest.mark.parametrize("sizes", [list(SIZES), np.array(SIZES)], ids=["list", "array"])
def test_layer_sizes_are_tuples_in_the_table_whatever_they_were_in_the_grid(sizes):
    assert sweep({"layer_sizes": [sizes]}).table["layer_sizes"].tolist() == [SIZES]


@pytest.mark.parametrize(
    ("validation", "column"), [(None, "loss"), (0.2, "validation_loss"), (PAIR, "validation_loss")]
)
def test_the_history_is_of_the_loss_that_ranks(validation, column):
    result = sweep({"learning_rate": [0.1, 0.5]}, validation=validation, epochs=4)
    assert (result.history.shape, result.history.dtype) == ((2, 4), np.float64)
    np.testing.assert_array_equal(result.history[:, -1], result.table[column])
    assert np.isnan(result.table["score"]).all() == (validation is None)


# ---- the same as training alone ----

ALONE = {
    "learning_rate": [0.1, 1.0, 2.5],
    "momentum": [0.0, 0.5, 0.9],
    "batch_size": [1, 32, 100],
    "seed": [0, 1, 2],
    "layer_sizes": [(4, 6, 3), (4, 17, 5, 3), (4, 3)],
}


def train_alone(configuration, **options):
    values = {"learning_rate": 0.1, "momentum": 0.0, "batch_size": 32, "seed": 0, "layer_sizes": SIZES, **configuration}
    net = fp.MLP(values["layer_sizes"], output="softmax", seed=int(values["seed"]))
    optimizer = fp.SGD(values["learning_rate"], momentum=values["momentum"])
    batch_size, seed = int(values["batch_size"]), int(values["seed"])
    return net, fp.train(net, X, LABELS, epochs=3, optimizer=optimizer, batch_size=batch_size, seed=seed, **options)


@pytest.mark.parametrize(
    "grid", [*({name: values} for name, values in ALONE.items()), ALONE], ids=[*ALONE, "all at once"]
)
def test_a_configuration_is_the_same_to_the_last_bit_as_alone(grid):
    weight = np.linspace(0.5, 2, len(X))
    result = sweep(grid, validation=0.2, sample_weight=weight)
    best = result.table["validation_loss"].argmin()
    for index in {0, len(result.table) // 2, len(result.table) - 1, best}:
        net, history = train_alone(row_by_name(result, index), validation=0.2, sample_weight=weight)
        np.testing.assert_array_equal(result.history[index], history.validation_loss)
        assert result.table["loss"][index] == history.loss[-1]
        if index == best:
            np.testing.assert_array_equal(result.best_network.parameters, net.parameters)


def test_a_network_is_copied_for_each_configuration_and_stays_as_it_was():
    net = fp.MLP(SIZES, output="softmax", seed=0)
    net.weights[0][...] = 0.25
    before = net.parameters.copy()
    result = sweep({"learning_rate": [0.0, 0.5]}, net)
    np.testing.assert_array_equal(net.parameters, before)
    alone = fp.train(net, X, LABELS, epochs=3, optimizer=fp.SGD(0.5))
    np.testing.assert_array_equal(result.history[1], alone.loss)


def test_a_swept_seed_makes_new_networks_of_the_given_kind(dtype):
    given = fp.MLP(SIZES, output="sigmoid", seed=9, dtype=dtype)
    result = sweep({"seed": [5]}, given)
    assert repr(result.best_network) == repr(given)
    net = fp.MLP(SIZES, output="sigmoid", seed=5, dtype=dtype)
    np.testing.assert_array_equal(result.history[0], fp.train(net, X, LABELS, epochs=3, seed=5).loss)


def test_layer_sizes_alone_begin_with_the_network_of_the_sweeps_seed():
    grid = {"learning_rate": [0.1, 0.5]}
    given = sweep(grid, fp.MLP(SIZES, output="softmax", seed=3), seed=3)
    np.testing.assert_array_equal(sweep(grid, list(SIZES), seed=3).history, given.history)


def test_the_reference_gives_the_same_table():
    kernels, reference = (
        sweep(
            {"learning_rate": [0.1, 0.5], "seed": [0, 1]},
            fp.MLP(SIZES, dtype="float64"),
            validation=0.2,
            backend=backend,
        )
        for backend in ("kernels", "reference")
    )
    np.testing.assert_allclose(kernels.history, reference.history, rtol=1e-9)
    np.testing.assert_array_equal(kernels.table["score"], reference.table["score"])
    np.testing.assert_allclose(
        kernels.best_network.parameters, reference.best_network.parameters, rtol=1e-8, atol=1e-10
    )


@pytest.mark.parametrize(
    ("sizes", "y", "loss", "output"),
    [
        (SIZES, LABELS, None, "softmax"),
        (SIZES, LABELS.tolist(), None, "softmax"),
        (SIZES, NUMBERS, None, "identity"),
        ((4, 6, 1), NUMBERS[:, 0], None, "identity"),
        (SIZES, LABELS, "mse", "identity"),
        (SIZES, LABELS, "binary_cross_entropy", "sigmoid"),
        ((4, 6, 1), LABELS > 1, "binary_cross_entropy", "sigmoid"),
        (SIZES, np.eye(3)[LABELS], "cross_entropy", "softmax"),
    ],
)
def test_layer_sizes_get_the_output_that_goes_with_the_loss_or_with_the_targets(sizes, y, loss, output):
    assert sweep({"seed": [0]}, sizes, y, loss=loss).best_network.output == output


# ---- losses and endings ----


def test_losses_are_swept_each_on_the_network_that_goes_with_it():
    losses = ["mse", "cross_entropy", fp.CrossEntropy(0.1), "binary_cross_entropy"]
    result = sweep({"loss": losses, "seed": range(3)}, validation=0.2, epochs=5)
    outputs = ["identity", "softmax", "softmax", "sigmoid"]
    for index, (loss, output, seed) in enumerate((*pair, s) for pair in zip(losses, outputs) for s in range(3)):
        net = fp.MLP(SIZES, output=output, seed=seed)
        history = fp.train(net, X, LABELS, epochs=5, loss=loss, seed=seed, validation=0.2)
        np.testing.assert_array_equal(result.history[index], history.validation_loss)
        assert result.table["loss_function"][index] == loss
        assert result.table["score"][index] == history.score


def test_a_loss_that_is_left_out_of_a_configuration_is_the_sweeps_own():
    table = sweep([{"loss": "mse"}, {"seed": 3}, {"loss": None}], validation=0.2).table
    assert table["loss_function"].tolist() == ["mse", "cross_entropy", "cross_entropy"]


def test_of_several_losses_the_highest_score_is_the_best():
    losses, outputs = ["mse", "cross_entropy", "binary_cross_entropy"], ["identity", "softmax", "sigmoid"]
    result = sweep({"loss": losses, "learning_rate": [0.0, 0.5]}, validation=0.2, epochs=30)
    scores = result.table["score"]
    assert scores.argmax() != result.table["validation_loss"].argmin()
    assert result.best["score"] == scores.max()
    assert (np.diff(result.top(6)["score"]) <= 0).all()
    assert result.best_network.output == dict(zip(losses, outputs))[result.best["loss_function"]]


def test_accuracy_is_the_score_where_one_of_the_losses_classifies():
    result = sweep({"loss": ["mse", "cross_entropy"]}, y=np.eye(3)[LABELS], validation=0.2, epochs=5)
    assert result.score_name == "accuracy"
    history = fp.train(fp.MLP(SIZES, output="identity"), X, LABELS, epochs=5, loss="mse", validation=0.2)
    assert result.table["score"][0] == history.score


def test_endings_are_swept():
    endings = [None, fp.EarlyStopping(1, 0.1), fp.EarlyStopping(2)]
    options = {"epochs": 15, "validation": 0.2, "optimizer": fp.SGD(1.5)}
    result = sweep({"early_stopping": endings, "seed": range(2)}, **options)
    assert result.finished.all()
    assert "early" in result.table["stopped"]
    for index, (ending, seed) in enumerate((each, s) for each in endings for s in range(2)):
        history = fp.train(
            fp.MLP(SIZES, output="softmax", seed=seed), X, LABELS, early_stopping=ending, seed=seed, **options
        )
        losses = result.history[index]
        np.testing.assert_array_equal(losses, padded(history.validation_loss, len(losses)))
        assert result.table["stopped"][index] == history.stopped


def test_what_an_optimizer_does_not_have_is_nan_in_its_row(tmp_path):
    grid = [{"optimizer": fp.Adam(), "beta1": 0.8}, {"optimizer": fp.SGD(), "momentum": 0.9}]
    result = sweep(grid)
    np.testing.assert_array_equal(result.table["momentum"], [np.nan, 0.9])
    np.testing.assert_array_equal(result.table["beta1"], [0.8, np.nan])
    result.plot(tmp_path / "sweep.png")


def test_a_picture_needs_no_score(tmp_path):
    sweep({"learning_rate": [0.1, 0.5]}).plot(tmp_path / "sweep.png")


# ---- the best ----


def test_top_ranks_by_loss_and_best_is_its_first():
    result = sweep({"learning_rate": [0.0, 2.0, 0.5, 0.1]}, validation=PAIR, epochs=10)
    losses = result.table["validation_loss"]
    assert len(set(losses)) == 4
    np.testing.assert_array_equal(result.top(4)["validation_loss"], np.sort(losses))
    np.testing.assert_array_equal(result.top(2), result.top(4)[:2])
    assert result.best == dict(zip(result.table.dtype.names, result.table[losses.argmin()].tolist()))
    assert list(result.best.keys()) == list(result.table.dtype.names)
    best_rate = result.table["learning_rate"][losses.argmin()]
    assert dict(result.best)["learning_rate"] == result.best["learning_rate"] == best_rate
    assert len(result.top(99)) == 4


def test_of_equals_the_first_is_the_best():
    seeds = RANDOM.permutation(40)
    options = {"optimizer": fp.SGD(0.0), "epochs": 1}  # with inputs of zero all weights are as good
    result = fp.sweep((4, 3), np.zeros_like(X), LABELS, {"seed": seeds}, **options)
    assert len(set(result.table["loss"])) == 1
    np.testing.assert_array_equal(result.top(40)["seed"], seeds)
    first = fp.MLP((4, 3), output="softmax", seed=int(seeds[0]))
    np.testing.assert_array_equal(result.best_network.parameters, first.parameters)


def score_of_classes(outputs):
    return (outputs.argmax(axis=1) == LABELS[HELD_OUT]).mean()


def score_of_numbers(outputs):
    y = NUMBERS[HELD_OUT]
    return (1 - ((y - outputs) ** 2).sum(axis=0) / ((y - y.mean(axis=0)) ** 2).sum(axis=0)).mean()


SCORES = {
    "labels": (LABELS, None, score_of_classes),
    "labels and squared error": (LABELS, "mse", score_of_classes),
    "one-hot targets": (np.eye(3)[LABELS], "cross_entropy", score_of_classes),
    "numbers": (NUMBERS, None, score_of_numbers),
}


@pytest.mark.parametrize(("y", "loss", "expected"), SCORES.values(), ids=SCORES)
def test_the_score_is_accuracy_for_classes_and_r2_for_numbers(y, loss, expected):
    result = sweep({"learning_rate": [0.1, 0.3]}, y=y, loss=loss, validation=(X[HELD_OUT], y[HELD_OUT]), epochs=20)
    outputs = result.best_network.predict(X[HELD_OUT])
    assert result.best["score"] == pytest.approx(expected(outputs), rel=1e-5)


def test_the_best_network_of_digits_is_a_good_one():
    X, y = fp.datasets.digits()
    options = {"validation": (X[1500:], y[1500:]), "optimizer": fp.SGD(momentum=0.9)}
    result = fp.sweep((64, 32, 10), X[:1500], y[:1500], {"learning_rate": [0.001, 0.3, 100]}, epochs=20, **options)
    assert result.best["learning_rate"] == 0.3
    assert result.best["score"] == (result.best_network.predict(X[1500:]).argmax(axis=1) == y[1500:]).mean() > 0.9


# ---- runs that end early ----


@pytest.mark.parametrize("backend", ["kernels", "reference"])
def test_a_run_that_diverges_ends_alone_and_comes_last(dtype, backend):
    rates = [1e6, 0.1, 1e20, 0.2]
    net = fp.MLP(SIZES, output="identity", dtype=dtype)
    options = {"y": NUMBERS, "epochs": 60, "validation": 0.2, "backend": backend}
    result = sweep({"learning_rate": rates}, net, **options)
    np.testing.assert_array_equal(result.table["stopped"], ["diverged", "finished", "diverged", "finished"])
    np.testing.assert_array_equal(result.history[1::2], sweep({"learning_rate": rates[1::2]}, net, **options).history)
    for losses, epochs in zip(result.history[::2], result.table["epochs"][::2]):
        assert 1 <= epochs < 60
        assert np.isnan(losses[epochs:]).all()
    np.testing.assert_array_equal(result.top(4)["learning_rate"][2:], [1e6, 1e20])
    assert np.isfinite(result.best_network.parameters).all()


def test_where_all_diverge_there_is_no_best_network():
    net = fp.MLP(SIZES, output="identity")
    words = "2 of 2 configurations diverged and none finished.* give a smaller learning rate than 1e[+]06"
    with pytest.warns(fp.DivergenceWarning, match=words):
        result = sweep({"learning_rate": [1e6, 1e7]}, net, NUMBERS, epochs=60)
    assert result.best_network is None


def test_a_run_that_diverges_in_its_last_step_is_not_the_best():
    result = sweep({"learning_rate": [1e300, 0.1]}, epochs=1, batch_size=len(X))  # the loss is that before the step
    assert result.table["loss"][0] == result.table["loss"][1]
    assert result.best["learning_rate"] == 0.1
    assert np.isfinite(result.best_network.parameters).all()


@pytest.mark.slow
@pytest.mark.parametrize("threads", [1, 2])
def test_ctrl_c_gives_back_what_is_finished_and_leaves_nothing_running(threads):
    script = f"""
import threading
import numpy as np
import fastprop as fp
from tests.processes import ONE_DONE, say_go
X, y = fp.datasets.digits()
options = {{"epochs": 20, "validation": 0.2, "threads": {threads}, "progress": True}}
say_go(ONE_DONE)
result = fp.sweep((64, 32, 10), X, y, {{"seed": range(20_000)}}, **options)
running = sum(type(thread) is threading.Thread for thread in threading.enumerate())
print(running, result.best["stopped"], np.isfinite(result.best_network.predict(X)).all())
print(*result.table["stopped"])
"""
    first_line, states = output_after_interrupt(script).splitlines()
    assert first_line == "0 finished True"
    ended = [state for state in states.split() if state in ("finished", "interrupted")]
    assert 1 <= len(ended) < 20_000
    assert ended.count("interrupted") <= threads * compiler.lanes("float32")  # packs
    assert states == " ".join(ended) + " not run" * (20_000 - len(ended))


@pytest.mark.parametrize("halving", [2, fp.MedianStopping(2)], ids=str)
def test_where_all_have_ended_at_a_rung_none_goes_on(halving):
    result = sweep({"seed": range(3)}, epochs=9, halving=halving, early_stopping=fp.EarlyStopping(1, 1e9))
    np.testing.assert_array_equal(result.table["stopped"], "early")
    np.testing.assert_array_equal(result.table["epochs"], 2)


# ---- how it goes ----


@pytest.mark.parametrize("y", [LABELS, NUMBERS], ids=["labels", "numbers"])
def test_data_is_converted_once_for_all_losses(y, monkeypatch):
    seen, of = [], Dataset.of
    monkeypatch.setattr(Dataset, "of", lambda *arguments, **names: seen.append(names) or of(*arguments, **names))
    sweep({"loss": ["mse", fp.Huber(0.5), "mae"]}, y=y, validation=PAIR if y is LABELS else (X, y))
    assert len(seen) == 2  # the data, and that which is held out


def test_each_loss_must_fit_the_targets():
    shares = np.abs(NUMBERS)
    for bad in ({}, {"validation": (X, 9 * shares)}):
        y = shares / shares.max() if bad else shares * 9
        words = "(?:validation )?y holds .* but loss 'binary_cross_entropy' needs numbers from 0 to 1"
        with pytest.raises(ValueError, match=words):
            sweep({"loss": ["mse", "binary_cross_entropy"]}, y=y, score="r2", **{"validation": 0.2} | bad)


def test_results_are_recorded_in_the_calling_thread(monkeypatch):
    threads, record = set(), SweepResult.record

    def seen_record(*arguments):
        threads.add(threading.current_thread())
        return record(*arguments)

    monkeypatch.setattr(SweepResult, "record", seen_record)
    sweep({"seed": range(100)}, threads=3, halving=2)
    assert threads == {threading.current_thread()}


# ---- seeing it go ----


def test_a_progress_bar_is_shown_where_it_is_asked_for(terminal):
    sweep({"seed": range(3)})
    terminal.readouterr()  # the first run of a process may say that it compiles
    sweep({"seed": range(3)})
    assert terminal.readouterr() == ("", "")
    sweep({"seed": range(3)}, progress=True)
    output, bar = terminal.readouterr()
    assert output == ""
    assert "3/3" in bar
    assert "configuration" in bar
