"""Runs that diverge: what users are told, and the weights that early stopping gives back all the same."""

import warnings

import numpy as np
import pytest

import fastprop as fp
from fastprop import cli
from tests.compare import assert_same_bits
from tests.plain_options import plain

random = np.random.default_rng(5)
X = random.normal(size=(120, 4)).astype("f4")
Y = X[:, 0] * 2 + np.sin(X[:, 1])
EPOCHS = 60

RISING = {"optimizer": fp.SGD(0.01, momentum=0.5), "schedule": fp.ExponentialDecay(1.4), "validation": 0.2}
"""Options of a run that first learns and then diverges, because its learning rate rises."""

BACKENDS = pytest.mark.parametrize("backend", ["kernels", "reference"])
STOPPING = fp.EarlyStopping(EPOCHS)


def new(sizes=(4, 8, 1), **options):
    return fp.MLP(sizes, hidden="relu", output="identity", **options)


def told(function, *arguments, **options):
    """Call a function; return what it returns, and the one DivergenceWarning that it must give."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        returned = function(*arguments, **options)
    (warning,) = caught
    assert warning.category is fp.DivergenceWarning
    assert "\n" not in str(warning.message)
    return returned, warning


# ---- what is said ----


@BACKENDS
@pytest.mark.parametrize(
    ("scale_of_inputs", "scale_of_targets", "options", "words"),
    [
        (1, 1e5, {}, "scale y, which reaches {y:.3g}, to about 1 in size, or give a smaller learning rate than 0.1"),
        (1e4, 1, {}, "standardize X, which reaches {X:.3g}, or give a smaller learning rate than 0.1"),
        (1e4, 1e9, {"standardize": True}, "useless: scale y, which reaches {y:.3g}, to about 1 in size, or give a"),
        (1, 1, {"optimizer": fp.SGD(1e9)}, "useless: give a smaller learning rate than 1e+09, or limit the gradient"),
        (
            1,
            1,
            {"optimizer": fp.SGD(1e30), "clip": fp.ClipValue(1e9)},
            "useless: give a smaller learning rate than 1e+30.",
        ),
    ],
)
def test_a_run_that_diverges_says_where_and_what_may_help(scale_of_inputs, scale_of_targets, options, words, backend):
    data = scale_of_inputs * X, scale_of_targets * Y
    history, warning = told(fp.train, new(), *data, epochs=50, backend=backend, **options)
    assert history.stopped == "diverged"
    assert history.best_epoch == -1
    message = str(warning.message).replace("no longer finite, and the network is of no use", "useless")
    assert message.startswith(f"training diverged in epoch {history.epochs} of 50, where the ")
    assert words.format(X=np.abs(data[0]).max(), y=np.abs(data[1]).max()) in message


def test_the_warning_names_the_line_of_the_caller():
    for function, data in ((fp.train, (X, 1e9 * Y)), (fp.train_stream, ([(X, 1e9 * Y)],))):
        options = {"epochs": 5} if function is fp.train else {}
        _, warning = told(function, new(), *data, **options)
        assert warning.filename == __file__
    _, warning = told(fp.sweep, new(), X, 1e9 * Y, {"learning_rate": [1.0, 2.0]}, epochs=9)
    assert warning.filename == __file__


def test_labels_and_counts_are_not_to_be_scaled():
    labels = np.arange(120) % 60
    _, warning = told(fp.train, new((4, 60)), 1e20 * X, labels, loss="mse", epochs=9, optimizer=fp.SGD(1e9))
    assert "scale y" not in str(warning.message)
    counts = np.full(120, 1e6)
    _, warning = told(fp.train, fp.MLP((4, 1), output="exp"), X, counts, epochs=9)
    assert "scale y" not in str(warning.message)
    assert "give a smaller learning rate than 0.1" in str(warning.message)


def test_a_resumed_run_that_had_diverged_says_so_again(tmp_path):
    options = {"epochs": 9, "optimizer": fp.SGD(1e9), "checkpoint": tmp_path / "run.checkpoint"}
    _, first = told(fp.train, new(), X, Y, **options)
    _, again = told(fp.train, new(), X, Y, resume=True, **options)
    assert str(again.message) == str(first.message)


@BACKENDS
@pytest.mark.parametrize("options", [{}, {"validation": 0.2, "halving": 2}, {"cv": 3}], ids=str)
def test_a_sweep_of_which_nothing_finished_says_so_once(options, backend):
    grid = {"learning_rate": [1e9, 3e9, 1e10]}
    _, warning = told(fp.sweep, new(), X, Y, grid, epochs=30, backend=backend, **options)
    assert str(warning.message).startswith(
        "3 of 3 configurations diverged and none finished, so that there is no best: "
        "give a smaller learning rate than 1e+09"
    )


@BACKENDS
def test_a_sweep_of_which_something_finished_says_nothing(backend):
    result = fp.sweep(new(), X, Y, {"learning_rate": [1e9, 0.01]}, epochs=9, validation=0.2, backend=backend)
    assert result.table["stopped"].tolist() == ["diverged", "finished"]


@BACKENDS
def test_a_network_that_diverges_on_all_rows_after_the_folds_is_not_kept(backend):
    spiked = X.copy()
    spiked[0] = 1e18
    rows = np.arange(1, 120)  # the folds leave out the row with the spike
    pairs = [(rows[:60], rows[60:]), (rows[60:], rows[:60])]
    result, warning = told(fp.sweep, new(), spiked, Y, {"seed": [0, 1]}, epochs=9, cv=pairs, backend=backend)
    assert result.table["stopped"].tolist() == ["finished", "finished"]
    assert result.best_network is None
    assert f"configuration {result.ranking[0]} diverged in the last training, on all rows" in str(warning.message)
    assert "standardize X, which reaches 1e+18" in str(warning.message)


def test_weights_that_only_the_reference_can_hold_are_told_as_well():
    """In float64 the weights are finite, but not in the dtype of the network."""
    history, _ = told(fp.train, new(), X, Y, epochs=2, optimizer=fp.SGD(1e12), backend="reference", batch_size=120)
    assert history.stopped == "diverged"


def test_on_the_command_line_it_is_one_plain_line(capsys, tmp_path):
    path = tmp_path / "prices.csv"
    np.savetxt(path, np.column_stack([X, 1e6 * Y]), delimiter=",", header="a,b,c,d,price", comments="")
    for line in (f"train {path}", f"sweep {path} --learning-rate 1,2"):
        assert cli.main(plain(f"{line} --activation relu --epochs 5").split()) == 2
        errors = [each for each in capsys.readouterr().err.replace("\r", "\n").split("\n") if "|" not in each]
        (said,) = filter(None, errors)
        assert said.startswith("fastprop: ")
        assert "give a smaller learning rate than" in said  # the command has scaled y


# ---- the best weights ----


@BACKENDS
@pytest.mark.parametrize("average", [None, fp.EMA(0.5)], ids=str)
@pytest.mark.parametrize("validation", [0.2, None])
def test_the_best_weights_come_back_where_the_run_diverged_later(validation, average, backend, dtype):
    network, options = new(dtype=dtype), RISING | {"backend": backend, "validation": validation, "average": average}
    history, warning = told(fp.train, network, X, Y, epochs=1000, early_stopping=STOPPING, **options)
    watched = history.loss if validation is None else history.validation_loss
    assert (history.stopped, history.best_epoch) == ("diverged", np.nanargmin(watched))
    assert f"and the network has the weights of epoch {history.best_epoch + 1} again: " in str(warning.message)
    shorter = new(dtype=dtype)
    until_then = fp.train(shorter, X, Y, epochs=history.best_epoch + 1, **options)
    assert_same_bits([network.parameters], [shorter.parameters])
    np.testing.assert_equal(history.score, until_then.score)
    assert np.isfinite(network.predict(X)).all()


@BACKENDS
def test_without_restore_best_nothing_comes_back(backend):
    stopping = fp.EarlyStopping(EPOCHS, restore_best=False)
    history, _ = told(fp.train, new(), X, Y, epochs=1000, early_stopping=stopping, backend=backend, **RISING)
    assert (history.stopped, history.best_epoch) == ("diverged", -1)


def test_the_best_weights_come_back_after_a_break(tmp_path):
    options = RISING | {"epochs": EPOCHS, "early_stopping": STOPPING}
    whole, broken = new(), new()
    expected, _ = told(fp.train, whole, X, Y, **options)
    options["checkpoint"] = tmp_path / "run.checkpoint"
    fp.train(new(), X, Y, callback=lambda epoch, history: epoch == expected.best_epoch + 2, **options)
    history, _ = told(fp.train, broken, X, Y, resume=True, **options)
    assert (history.stopped, history.best_epoch) == ("diverged", expected.best_epoch)
    assert_same_bits([broken.parameters], [whole.parameters])


@BACKENDS
@pytest.mark.parametrize("options", [{}, {"halving": 2}, {"cv": 3, "validation": None}], ids=str)
def test_a_configuration_that_diverged_later_may_win_a_sweep(options, backend):
    grid = {"learning_rate": [1e-5, 0.01, 0.02, 1e9]}
    options = RISING | {"epochs": EPOCHS, "early_stopping": STOPPING, "score": "r2", "backend": backend} | options
    result = fp.sweep(new(), X, Y, grid, **options)
    best = result.best
    assert best["stopped"] == "diverged"
    assert 0 < best["final_epochs"] < best["epochs"]
    assert best["score"] > 0.8
    assert np.isfinite(result.best_network.predict(X)).all()
    is_halved = result.table["stopped"] == "halved"
    assert result.finished.tolist() == ((result.table["final_epochs"] > 0) & ~is_halved).tolist()
    assert result.ranking[-1] == 3  # it diverged at once, and has no weights to go back to
    if "cv" not in options:
        alone = new()
        del options["score"]
        options.pop("halving", None)
        options["optimizer"] = fp.SGD(best["learning_rate"], momentum=0.5)
        history, _ = told(fp.train, alone, X, Y, **options)
        assert best["final_epochs"] == history.best_epoch + 1
        assert_same_bits([result.best_network.parameters], [alone.parameters])


# ---- a finite loss of no use ----


@BACKENDS
@pytest.mark.parametrize("loss", ["mse", "mae", fp.Huber(2.0)])
def test_a_run_that_ends_with_a_huge_finite_loss_says_that_it_is_of_no_use(loss, backend):
    network = new()
    network.weights[0][...] *= 1e6
    options = {"epochs": 2, "optimizer": fp.SGD(1e-30), "loss": loss, "backend": backend}
    history, warning = told(fp.train, network, X, Y, **options)
    assert history.stopped == "finished"
    error = {"mse": np.mean(Y**2), "mae": np.mean(abs(Y))}.get(loss)
    if error is None:
        error = np.mean(np.where(abs(Y) < 2, Y**2 / 2, 2 * (abs(Y) - 1)))
    words = (
        f"training ended with a loss of {history.loss[-1]:.3g}, where a network whose weights are all 0 has {error:.3g}"
    )
    assert f"{words}, so that the network is of no use: give a smaller learning rate" in str(warning.message)


def test_a_sweep_whose_best_is_of_no_use_says_so():
    network = new()
    network.weights[0][...] *= 1e6
    rates = {"learning_rate": [1e-30, 1e-29]}
    for options in ({"validation": 0.2}, {"cv": 2}, {}):
        _, warning = told(fp.sweep, network, X, Y, rates, epochs=1, **options)
        assert "the best configuration, " in str(warning.message)
        assert "where a network whose weights are all 0 has 3." in str(warning.message)


def test_a_stream_that_ends_with_a_huge_finite_loss_says_that_it_is_of_no_use():
    network = new()
    network.weights[0][...] *= 1e6
    _, warning = told(fp.train_stream, network, [(X, Y)] * 2, optimizer=fp.SGD(1e-30))
    assert "training ended with a loss of" in str(warning.message)


RANDOM_LABELS = random.integers(6, size=120)


def test_classes_of_a_huge_finite_loss_are_of_no_use_too():
    for output, outputs, zero in (("softmax", 3, np.log(3)), ("sigmoid", 1, np.log(2))):
        network = fp.MLP((4, 8, outputs), hidden="relu", output=output)
        network.weights[0][...] *= 1e6
        y = RANDOM_LABELS % (3 if outputs == 3 else 2)
        _, warning = told(fp.train, network, X, y, epochs=1, optimizer=fp.SGD(1e-30))
        assert f"where a network whose weights are all 0 has {zero:.3g}" in str(warning.message)


@pytest.mark.parametrize("scale", [0.0, 1e-6, 1.0, 1e3])
def test_a_run_that_has_only_not_learned_yet_is_no_divergence(scale):
    fp.train(new(), X, scale * Y, epochs=1, optimizer=fp.SGD(1e-9))
    fp.train(new(), X, scale * Y + 2000 * scale, epochs=1, optimizer=fp.SGD(1e-12))


def test_labels_of_numbers_are_columns_of_zeros_and_ones():
    network = fp.MLP((4, 8, 6), hidden="relu", output="identity")
    fp.train(network, X, RANDOM_LABELS, epochs=1)
    network.weights[0][...] *= 1e6
    _, warning = told(fp.train, network, X, RANDOM_LABELS, epochs=1, optimizer=fp.SGD(1e-30))
    assert f"where a network whose weights are all 0 has {1 / 6:.3g}" in str(warning.message)
