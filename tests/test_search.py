"""The configurations of a sweep: grids, draws from distributions, and searches by an Optuna study."""

import numpy as np
import pytest

import fastprop as fp
from fastprop import checks
from fastprop.sweeping.grids import Draws, Product
from tests.compare import assert_refused
from tests.problems import three_classes
from tests.processes import output_after_interrupt

X, LABELS = three_classes()
SIZES = (4, 6, 3)
GRID = {"learning_rate": fp.loguniform(1e-3, 1), "momentum": fp.uniform(0, 0.9), "batch_size": [8, 16]}


def sweep(grid=GRID, network=SIZES, **options):
    return fp.sweep(network, X, LABELS, grid, **{"epochs": 2, "validation": 0.2, **options})


def columns(result):
    return {name: result.table[name].tolist() for name in result.hyperparameters}


# ---- grids ----


def test_spaced_values_are_plain_floats_with_exact_ends():
    for first, last in [(1e-4, 10), (0.3, 0.1), (7, 7e5)]:
        values = fp.geomspace(first, last, 256)
        assert (values[0], values[-1], len(values)) == (first, last, 256)
        np.testing.assert_allclose(np.diff(np.log(values)), np.log(last / first) / 255)
        values = fp.linspace(-first, last, 33)
        assert (values[0], values[-1], len(values)) == (-first, last, 33)
        np.testing.assert_allclose(np.diff(values), (last + first) / 32)
        assert {type(value) for value in values + fp.geomspace(first, last, 3)} == {float}
    assert fp.geomspace(2, 5, 1) == [2.0]


def test_a_product_is_a_sequence_the_last_name_running_fastest():
    product = Product({"a": [1, 2], "b": ["x"], "c": [3, 4, 5]})
    expected = [{"a": a, "b": "x", "c": c} for a in (1, 2) for c in (3, 4, 5)]
    assert list(product) == expected
    assert (len(product), product[4], product[-1]) == (6, expected[4], expected[-1])
    assert list(product[2]) == ["a", "b", "c"]
    for index in (6, -7):
        with pytest.raises(IndexError):
            product[index]


def test_a_large_product_is_not_built():
    product = Product({name: range(100) for name in "abcde"})
    assert len(product) == 10**10
    assert product[1234567890] == {"a": 12, "b": 34, "c": 56, "d": 78, "e": 90}


def test_values_from_an_iterator_are_as_good_as_a_list():
    result = sweep({"learning_rate": (rate / 10 for rate in range(3)), "momentum": iter([0.5])})
    assert columns(result) == {"learning_rate": [0.0, 0.1, 0.2], "momentum": [0.5] * 3}


# ---- draws ----


DRAWN = {
    "uniform": (fp.uniform(-2, 3), -2, 3, lambda value: (value + 2) / 5),
    "loguniform": (fp.loguniform(1e-4, 10), 1e-4, 10, lambda value: np.log10(value * 1e4) / 5),
    "integers": (fp.integers(3, 12), 3, 12, lambda value: (value - 2.5) / 10),
    "integers, log": (
        fp.integers(1, 10**6, log=True),
        1,
        10**6,
        lambda value: np.log(value * 2) / np.log(2e6 + 1),
    ),
    "choice": (fp.choice(range(10)), 0, 9, lambda value: (value + 0.5) / 10),
}


@pytest.mark.parametrize("name", DRAWN)
def test_what_is_drawn_is_as_likely_all_over_the_range(name):
    distribution, low, high, to_unit = DRAWN[name]
    values = [each["x"] for each in Draws({"x": distribution}, 4000, seed=1)]
    assert {type(value) for value in values} == {float if "uniform" in name else int}
    assert low <= min(values)
    assert max(values) <= high
    if name in ("integers", "choice"):
        assert set(values) == set(range(low, high + 1))
    shares, _ = np.histogram(to_unit(np.array(values)), bins=10, range=(0, 1))
    assert abs(shares / 400 - 1).max() < 0.2  # four standard deviations of a share


def test_whole_numbers_on_a_logarithmic_scale_have_the_shares_of_their_logarithms():
    values = np.array([each["x"] for each in Draws({"x": fp.integers(2, 5, log=True)}, 20_000, seed=1)])
    ends = np.log([1.5, 2.5, 3.5, 4.5, 5.5])
    expected = np.diff(ends) / (ends[-1] - ends[0])  # .393, .259, .193, .154
    np.testing.assert_allclose(np.bincount(values)[2:] / 20_000, expected, atol=0.015)


LAYERS = {
    "one": [(4, fp.integers(2, 9), 3)],
    "depths": [(4, fp.integers(2, 9), 3), [4, fp.choice([5, 6]), fp.integers(10, 20, log=True), 3], (4, 3)],
    "choice": fp.choice([(4, fp.integers(2, 9), 3), (4, 30, fp.integers(10, 20), 3)]),
}


@pytest.mark.parametrize("layers", LAYERS.values(), ids=LAYERS)
@pytest.mark.parametrize("options", [{}, {"halving": 2, "epochs": 4}, {"cv": 2, "validation": None}], ids=str)
def test_layer_sizes_may_hold_distributions(layers, options):
    grid = {"layer_sizes": layers, "learning_rate": [0.1, 0.5]}
    result, again = (sweep(grid, samples=30, **options) for _ in range(2))
    assert columns(result) == columns(again)
    assert columns(result) != columns(sweep(grid, samples=30, seed=1, **options))
    sizes = result.table["layer_sizes"].tolist()
    depths = {(len(each), *(1 if size < 10 else 2 for size in each[1:-1])) for each in sizes}
    assert (
        depths
        == {"one": {(3, 1)}, "depths": {(3, 1), (4, 1, 2), (2,)}, "choice": {(3, 1), (4, 2, 2)}}[
            next(name for name, each in LAYERS.items() if each is layers)
        ]
    )
    assert len(set(sizes)) > 5
    assert result.best_network.layer_sizes == result.best["layer_sizes"]


def test_draws_of_hyperparameters_and_configurations_are_independent():
    draws = Draws({name: fp.uniform(0, 1) for name in "abc"}, 2000, seed=3)
    values = np.array([list(each.values()) for each in draws])
    assert abs(np.corrcoef(values.T) - np.eye(3)).max() < 0.1
    assert abs(np.corrcoef(values[1:, 0], values[:-1, 0])[0, 1]) < 0.1


def test_more_samples_begin_with_those_of_fewer():
    few, many = sweep(samples=5), sweep(samples=12)
    np.testing.assert_array_equal(few.history, many.history[:5])
    for name, values in columns(few).items():
        assert values == many.table[name][:5].tolist()


def test_draws_depend_on_the_seed_and_not_on_the_order_of_names():
    reordered = dict(reversed(GRID.items()))
    assert columns(sweep(samples=6)) == columns(sweep(reordered, samples=6))
    assert columns(sweep(samples=6)) != columns(sweep(samples=6, seed=1))


def test_lists_beside_a_distribution_are_drawn_from():
    result = sweep({**GRID, "hidden": ["tanh", "relu", "gelu"]}, samples=40)
    assert set(result.table["batch_size"]) == {8, 16}
    assert set(result.table["hidden"]) == {"tanh", "relu", "gelu"}
    pairs = {(row["batch_size"], row["hidden"]) for row in result.table}
    assert len(pairs) == 6


def test_a_drawn_configuration_is_the_same_to_the_last_bit_as_alone():
    result = sweep(samples=20)
    for row, history in zip(result.table, result.history):
        network = fp.MLP(SIZES, output="softmax", seed=0)
        optimizer = fp.SGD(float(row["learning_rate"]), momentum=float(row["momentum"]))
        options = {"batch_size": int(row["batch_size"]), "validation": 0.2, "optimizer": optimizer}
        alone = fp.train(network, X, LABELS, epochs=2, **options)
        np.testing.assert_array_equal(history, alone.validation_loss)
        assert row["loss"] == alone.loss[-1]


def test_distributions_of_scipy_are_drawn_from():
    stats = pytest.importorskip("scipy.stats")
    grid = {
        "learning_rate": stats.loguniform(1e-3, 1),
        "momentum": stats.beta(2, 2, scale=0.9),
        "batch_size": stats.randint(8, 17),
    }
    few, many = sweep(grid, samples=10), sweep(grid, samples=30)
    np.testing.assert_array_equal(few.history, many.history[:10])
    table = many.table
    assert ((table["learning_rate"] >= 1e-3) & (table["learning_rate"] <= 1)).all()
    assert ((table["batch_size"] >= 8) & (table["batch_size"] <= 16)).all()
    assert len(set(table["batch_size"])) > 4
    assert {type(value) for draw in Draws(grid, 3, 0) for value in draw.values()} == {int, float}


def test_draws_are_halved():
    result = sweep(samples=9, halving=3, epochs=9)
    assert sorted(result.table["epochs"]) == [1] * 6 + [3] * 2 + [9]


# ---- Optuna ----


@pytest.fixture
def optuna():
    optuna = pytest.importorskip("optuna")
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna


def new_study(optuna, sampler=None, **options):
    return optuna.create_study(sampler=sampler or optuna.samplers.TPESampler(seed=0), **options)


def test_a_study_asks_for_all_rows_and_is_told_what_came_of_them(optuna):
    study = new_study(optuna)
    result = sweep(samples=50, search=fp.OptunaSearch(study, at_once=16))
    assert [trial.params for trial in study.trials] == [
        dict(zip(GRID, row)) for row in result.table[list(GRID)].tolist()
    ]
    assert [trial.value for trial in study.trials] == result.table["validation_loss"].tolist()
    assert all(trial.state.name == "COMPLETE" for trial in study.trials)
    assert study.best_trial.number == result.ranking[0]
    assert study.best_value == result.best["validation_loss"]
    assert result.best_network is not None


def test_a_studys_trial_is_the_same_to_the_last_bit_as_alone(optuna):
    study = new_study(optuna)
    result = sweep(samples=24, search=fp.OptunaSearch(study, at_once=10), keep="all")
    for index, trial in enumerate(study.trials):
        network = fp.MLP(SIZES, output="softmax", seed=0)
        rate, momentum, batch_size = (trial.params[name] for name in GRID)
        options = {"batch_size": batch_size, "validation": 0.2, "optimizer": fp.SGD(rate, momentum=momentum)}
        alone = fp.train(network, X, LABELS, epochs=2, **options)
        np.testing.assert_array_equal(result.history[index], alone.validation_loss)
        np.testing.assert_array_equal(result.networks[index].parameters, network.parameters)


def test_later_trials_are_chosen_by_what_came_of_earlier_ones(optuna):
    options = {"samples": 120, "epochs": 5}
    chosen = sweep(search=fp.OptunaSearch(new_study(optuna), at_once=20), **options).table["validation_loss"]
    assert np.median(chosen[60:]) < np.quantile(chosen[:20], 0.25)


@pytest.mark.parametrize("threads", [2, 5])
def test_the_choice_does_not_depend_on_threads(optuna, threads):
    one, several = (
        sweep(samples=40, search=fp.OptunaSearch(new_study(optuna), at_once=15), threads=count)
        for count in (1, threads)
    )
    np.testing.assert_array_equal(one.history, several.history)


def test_a_study_goes_on_in_another_sweep(optuna):
    whole, parts = new_study(optuna), new_study(optuna)
    sweep(samples=48, search=fp.OptunaSearch(whole, at_once=16))
    first = sweep(samples=32, search=fp.OptunaSearch(parts, at_once=16))
    second = sweep(samples=16, search=fp.OptunaSearch(parts, at_once=16))
    assert (len(first.table), len(second.table)) == (32, 16)
    assert [trial.params for trial in whole.trials] == [trial.params for trial in parts.trials]


def test_a_named_score_is_what_a_study_is_told(optuna):
    study = new_study(optuna, direction="maximize")
    result = sweep(samples=20, search=fp.OptunaSearch(study), score="accuracy", epochs=9)
    assert [trial.value for trial in study.trials] == result.table["score"].tolist()
    assert study.best_trial.number == result.ranking[0]
    study = new_study(optuna)
    result = sweep(samples=20, search=fp.OptunaSearch(study), score="log_loss")
    assert [trial.value for trial in study.trials] == result.table["score"].tolist()


def test_folds_are_searched_by_their_mean(optuna):
    study = new_study(optuna)
    result = sweep(samples=12, search=fp.OptunaSearch(study, at_once=5), cv=3, validation=None)
    assert [trial.value for trial in study.trials] == result.table["validation_loss"].tolist()
    assert result.best_network is not None


def test_what_was_halved_is_told_as_pruned_with_what_was_seen_at_its_rungs(optuna):
    study = new_study(optuna)
    result = sweep(samples=18, search=fp.OptunaSearch(study, at_once=9), halving=3, epochs=9)
    assert result.rungs == [1, 3, 9]
    states = [trial.state.name for trial in study.trials]
    assert (states.count("PRUNED"), states.count("COMPLETE")) == (16, 2)
    for trial, row, history in zip(study.trials, result.table, result.history):
        assert (trial.state.name == "PRUNED") == (row["stopped"] == "halved")
        assert trial.intermediate_values == {rung: history[rung - 1] for rung in (1, 3, 9) if rung <= row["epochs"]}
    assert study.best_trial.number == result.ranking[0]


def test_what_diverges_is_told_as_failed(optuna):
    study = new_study(optuna, optuna.samplers.RandomSampler(seed=0))
    grid = {"learning_rate": fp.loguniform(1e-3, 1e30)}
    network = fp.MLP(SIZES, output="identity")
    result = sweep(grid, network, samples=24, search=fp.OptunaSearch(study), loss="mse", epochs=20)
    states = [{"COMPLETE": "finished", "FAIL": "diverged"}[trial.state.name] for trial in study.trials]
    assert states == result.table["stopped"].tolist()
    assert set(states) == {"finished", "diverged"}


def test_an_error_leaves_no_trial_of_a_study_running(optuna):
    study = new_study(optuna, direction="maximize")

    def broken(outputs, y):
        raise ArithmeticError("of the user's")

    with pytest.warns(RuntimeWarning, match="score 'broken' raised ArithmeticError: of the user's"):
        sweep(samples=10, search=fp.OptunaSearch(study), score=broken)
    assert [trial.state.name for trial in study.trials] == ["FAIL"] * 10


CHOICES = {
    "loss": ["mse", "cross_entropy"],
    "optimizer": [fp.SGD(0.5), fp.SGD(0.1, momentum=0.9), fp.Adam(0.01)],
    "layer_sizes": fp.choice([(4, 5, 3), (4, 6, 2, 3)]),
    "early_stopping": [None, fp.EarlyStopping(3)],
    "seed": fp.integers(0, 5),
}


def test_objects_are_searched_by_what_they_look_like(optuna):
    study = new_study(optuna, direction="maximize")
    result = sweep(CHOICES, samples=40, search=fp.OptunaSearch(study, at_once=20), score="accuracy")
    for trial, row in zip(study.trials, result.table):
        assert trial.params["loss"] == row["loss_function"]
        for name in ("optimizer", "layer_sizes", "early_stopping"):
            assert trial.params[name] == checks.shown(row[name])
        assert trial.params["seed"] == row["seed"]
    assert set(map(repr, result.table["optimizer"])) == set(map(repr, CHOICES["optimizer"]))


def test_objects_that_look_alike_are_told_apart(optuna):
    weights = [[np.full((4, 6), value), np.ones((6, 3))] for value in (0.1, 0.1 + 1e-12)]
    study = new_study(optuna)
    result = sweep({"initialization": weights}, samples=12, search=fp.OptunaSearch(study))
    chosen = [trial.params["initialization"][:2] for trial in study.trials]
    assert set(chosen) == {"0:", "1:"}
    for label, value in zip(chosen, result.table["initialization"]):
        assert value is weights[int(label[0])]


def test_what_is_enqueued_in_a_study_is_tried_first(optuna):
    study = new_study(optuna)
    study.enqueue_trial({"learning_rate": 0.25, "momentum": 0.5, "batch_size": 16})
    result = sweep(samples=3, search=fp.OptunaSearch(study))
    assert result.table[list(GRID)][0].tolist() == (0.25, 0.5, 16)


@pytest.mark.slow
@pytest.mark.parametrize("amid", ["training", "asking"])
def test_ctrl_c_leaves_a_result_and_a_study_to_go_on_with(optuna, amid):
    script = f"""
import optuna, os, signal, threading
import fastprop as fp
from tests.processes import say_go
optuna.logging.set_verbosity(optuna.logging.WARNING)
X, y = fp.datasets.digits()
pressed, wakeup = os.pipe()
os.set_blocking(wakeup, False)
signal.set_wakeup_fd(wakeup)
class Sampler(optuna.samplers.RandomSampler):
    def before_trial(self, study, trial):
        if trial.number == 25 and {amid == "asking"}:
            print("go", flush=True)
            os.read(pressed, 1)
study = optuna.create_study(sampler=Sampler(seed=0))
grid = {{"learning_rate": fp.loguniform(1e-3, 1)}}
options = {{"search": fp.OptunaSearch(study, at_once=10), "validation": 0.2}}
epochs = 1500 if {amid == "training"} else 1
if {amid == "training"}:
    say_go(ready=lambda: len(study.trials) == 20)
result = fp.sweep((64, 32, 10), X, y, grid, samples=100, epochs=epochs, **options)
states = [trial.state.name for trial in study.trials]
print(len(result.table), len(states), states.count("RUNNING"), threading.active_count())
expected = {{"finished": "COMPLETE", "interrupted": "FAIL", "not run": "FAIL"}}
print([expected[stopped] for stopped in result.table["stopped"]] == states, states.count("COMPLETE"))
print(study.trials[-1].params["learning_rate"] == result.table["learning_rate"][-1])
again = fp.sweep((64, 32, 10), X, y, grid, samples=10, epochs=1, **options)
print(again.done, len(study.trials))
"""
    lines = output_after_interrupt(script).splitlines()
    asked, finished = (20, 10) if amid == "training" else (26, 20)
    assert lines == [f"{asked} {asked} 0 1", f"True {finished}", "True", f"10 {asked + 10}"]


# ---- samplers that end a search ----


def grid_sampler(optuna, **values):
    return optuna.samplers.GridSampler(values, seed=0)


RATES = [0.1, 0.3, 0.5]


@pytest.mark.parametrize("at_once", [1, 2, 64])
@pytest.mark.parametrize(("samples", "expected"), [(2, 2), (3, 3), (10, 3)])
def test_a_grid_sampler_ends_the_search_well(optuna, samples, expected, at_once):
    study = new_study(optuna, grid_sampler(optuna, learning_rate=RATES))
    search = fp.OptunaSearch(study, at_once=at_once)
    result = sweep({"learning_rate": fp.choice(RATES)}, samples=samples, search=search)
    assert len(result.table) == len(study.trials) == expected
    assert len(set(result.table["learning_rate"])) == expected
    assert {trial.state.name for trial in study.trials} == {"COMPLETE"}
    assert result.best_network is not None


def test_a_grid_within_a_range_ends_the_search_too(optuna):
    study = new_study(optuna, grid_sampler(optuna, learning_rate=RATES, batch_size=[8, 32]))
    grid = {"learning_rate": fp.loguniform(0.01, 1), "batch_size": fp.integers(4, 64)}
    result = sweep(grid, samples=50, search=fp.OptunaSearch(study, at_once=4))
    assert len({(row["learning_rate"], row["batch_size"]) for row in result.table}) == len(result.table) == 6
    words = "search has a study whose GridSampler has tried all that it has to try: give a new study."
    assert_refused(ValueError, words, sweep, grid, samples=5, search=fp.OptunaSearch(study))
    assert len(study.trials) == 6


@pytest.mark.parametrize("at_once", [1, 2, 64])
@pytest.mark.filterwarnings("ignore:BruteForceSampler is experimental")
def test_a_brute_force_sampler_ends_the_search_well(optuna, at_once):
    study = new_study(optuna, optuna.samplers.BruteForceSampler(seed=0))
    grid = {"learning_rate": RATES, "layer_sizes": [(4, fp.integers(5, 6), 3), (4, 3)]}
    result = sweep(grid, samples=50, search=fp.OptunaSearch(study, at_once=at_once))
    assert len(result.table) == 9
    assert len({(row["learning_rate"], row["layer_sizes"]) for row in result.table}) == 9
    assert {trial.state.name for trial in study.trials} == {"COMPLETE"}


def test_a_sampler_may_stop_the_study(optuna):
    class Stopping(optuna.samplers.RandomSampler):
        def after_trial(self, study, trial, state, values):
            if trial.number == 4:
                study.stop()

    study = new_study(optuna, Stopping(seed=0))
    result = sweep(samples=20, search=fp.OptunaSearch(study, at_once=3))
    assert len(result.table) == len(study.trials) == 6  # the batch of trial 4 is trained
    assert {trial.state.name for trial in study.trials} == {"COMPLETE"}
    assert "stop" not in vars(study)


def test_an_error_of_a_sampler_after_a_trial_loses_nothing(optuna):
    class Broken(optuna.samplers.RandomSampler):
        def after_trial(self, study, trial, state, values):
            raise KeyError("grid_id")

    study = new_study(optuna, Broken(seed=0))
    with pytest.warns(UserWarning, match="after it the sampler Broken raised KeyError"):
        result = sweep(samples=3, search=fp.OptunaSearch(study))
    assert [trial.value for trial in study.trials] == result.table["validation_loss"].tolist()


# ---- what a study cannot do ----

CHANGED = [
    ({"hidden": ["tanh", "relu"]}, {"hidden": ["tanh", "relu", "gelu"]}, "hidden from the choices 'tanh', 'relu', and"),
    ({"momentum": fp.uniform(0, 0.9)}, {"momentum": [0.0, 0.9]}, "momentum from numbers from 0.0 to 0.9, and grid has"),
    (
        {"batch_size": fp.integers(8, 32)},
        {"batch_size": fp.integers(8, 32, log=True)},
        "8 to 32 on a logarithmic scale",
    ),
]


@pytest.mark.parametrize(("first", "second", "words"), CHANGED)
def test_a_study_that_has_searched_among_other_choices_is_refused(optuna, first, second, words):
    study = new_study(optuna, optuna.samplers.RandomSampler(seed=0))
    sweep(first, samples=2, search=fp.OptunaSearch(study))
    for part in ("search has a study whose trials have ", words, "give the same, or a new study."):
        assert_refused(ValueError, part, sweep, second, samples=2, search=fp.OptunaSearch(study))
    assert [trial.state.name for trial in study.trials] == ["COMPLETE"] * 2


def test_ranges_of_a_study_may_change(optuna):
    study = new_study(optuna)
    sweep({"momentum": fp.uniform(0, 0.9)}, samples=2, search=fp.OptunaSearch(study))
    result = sweep({"momentum": fp.uniform(0.5, 0.6)}, samples=2, search=fp.OptunaSearch(study))
    assert (result.table["momentum"] >= 0.5).all()


@pytest.mark.parametrize("amid", ["before_trial", "sample_independent"])
def test_an_ask_that_fails_leaves_no_trial_running(optuna, amid):
    class Broken(optuna.samplers.RandomSampler):
        def before_trial(self, study, trial):
            self.check(trial, "before_trial")

        def sample_independent(self, study, trial, name, distribution):
            self.check(trial, "sample_independent")
            return super().sample_independent(study, trial, name, distribution)

        def check(self, trial, where):
            if where == amid and trial.number == 5:
                raise ValueError("The parameter is unknown.")

    study = new_study(optuna, Broken(seed=0))
    words = (
        "search has a study whose Broken cannot choose from grid, because of this: The parameter is unknown. "
        "Give the study another sampler, or the grid what that one expects."
    )
    assert_refused(ValueError, words, sweep, samples=9, search=fp.OptunaSearch(study, at_once=4))
    assert [trial.state.name for trial in study.trials] == ["COMPLETE"] * 4 + ["FAIL"] * 2


def test_a_grid_sampler_of_another_name_is_refused_in_words(optuna):
    study = new_study(optuna, grid_sampler(optuna, rate=RATES))
    words = (
        "search has a study whose GridSampler cannot choose from grid, because of this: The parameter name, learning"
    )
    assert_refused(ValueError, words, sweep, samples=3, search=fp.OptunaSearch(study))
    assert [trial.state.name for trial in study.trials] == ["FAIL"]


def test_a_choice_that_was_enqueued_and_is_none_is_refused_in_words(optuna):
    study = new_study(optuna)
    study.enqueue_trial({"hidden": "swish"})
    words = "cannot choose from grid, because of this: 'swish' not in ('tanh', 'relu')"
    assert_refused(ValueError, words, sweep, {"hidden": ["tanh", "relu"]}, samples=3, search=fp.OptunaSearch(study))
    assert [trial.state.name for trial in study.trials] == ["FAIL"]


@pytest.mark.parametrize("options", [{}, {"halving": 3}], ids=str)
@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.filterwarnings("ignore:score 'score' returned inf")
def test_a_score_that_is_no_number_is_told_as_failed(optuna, options, bad):
    study = new_study(optuna, direction="maximize")

    def score(outputs, y):
        score.calls += 1
        return bad if score.calls in (13, 16, 18) else 0.5  # the 13th is that of the one that halving lets end

    score.calls = 0
    options = {"epochs": 9, "threads": 1, **options}
    result = sweep(samples=9 if options.get("halving") else 18, search=fp.OptunaSearch(study), score=score, **options)
    ended = result.table["stopped"] != "halved"
    numbers = np.isfinite(result.table["score"])
    states = np.array([trial.state.name for trial in study.trials])
    assert (ended & ~numbers).any()
    assert (states[ended & ~numbers] == "FAIL").all()
    assert (states[ended & numbers] == "COMPLETE").all()
    assert all(trial.value is None for trial in study.trials if trial.state.name == "FAIL")


NESTED = {
    "layer_sizes": [(4, fp.integers(4, 9), 3), (4, fp.choice([5, 6]), fp.integers(10, 20, log=True), 3), (4, 3)],
    "learning_rate": fp.loguniform(1e-2, 1),
}


def test_layer_sizes_are_searched(optuna):
    study = new_study(optuna)
    result = sweep(NESTED, samples=24, search=fp.OptunaSearch(study, at_once=8), halving=2, epochs=4)
    assert {len(sizes) for sizes in result.table["layer_sizes"]} == {2, 3, 4}
    for trial, sizes in zip(study.trials, result.table["layer_sizes"]):
        chosen = {name: value for name, value in trial.params.items() if name.startswith("layer_sizes[")}
        expected = {2: {}, 3: {"layer_sizes[0][1]": sizes[1]}, 4: {"layer_sizes[1][2]": sizes[-2]}}[len(sizes)]
        if len(sizes) == 4:
            expected["layer_sizes[1][1]"] = sizes[1]
        assert chosen == expected


# ---- bad values ----

REFUSED = [
    (
        {"learning_rate": fp.loguniform(1, 2)},
        {},
        "learning_rate'] is a distribution, loguniform(low=1.0, high=2.0): say",
    ),
    (
        {"layer_sizes": [(4, fp.integers(2, 9), 3)]},
        {},
        "grid['layer_sizes'] has a distribution, integers(low=2, high=9, ",
    ),
    ({"layer_sizes": [(4, fp.integers, 3)]}, {"samples": 3}, "grid['layer_sizes'] is a kind of distribution, <class"),
    ({"layer_sizes": [(4, fp.uniform(2, 9), 3)]}, {"samples": 3}, "each of layer_sizes must be a whole number, not "),
    ({"layer_sizes": [(5, fp.integers(2, 9), 3)]}, {"samples": 3}, "must begin with 4 inputs and end with 3 outputs"),
    ({"seed": [1]}, {"samples": 5}, "samples are drawn from distributions, of which grid has none: give one"),
    ([{"seed": 1}], {"samples": 5}, "grid is a list of configurations: leave samples and search out"),
    (GRID, {"samples": 0}, "samples must be at least 1, not 0: give"),
    (GRID, {"samples": True}, "samples must be a whole number, not True: give"),
    (GRID, {"samples": 10**9}, "grid would be 1,000,000,000 configurations; 10,000,000 are the most: give"),
    ({"momentum": fp.uniform(0.5, 1.3)}, {"samples": 99}, "momentum must be at least 0 and below 1, not 1."),
    ({"batch_size": fp.uniform(1, 9)}, {"samples": 9}, "batch_size must be a whole number, not "),
    ([{"learning_rate": fp.uniform(0, 1)}], {}, "learning_rate must be a number, not uniform(low=0.0, high=1.0): give"),
    ({"seed": range(10**12)}, {}, "grid would be 1,000,000,000,000 configurations; 10,000,000 are the most: give"),
    (
        {"learning_rate": range(10_000), "momentum": fp.linspace(0, 0.9, 3200), "seed": range(100)},
        {},
        "grid would be 3,200,000,000 configurations; 10,000,000 are the most: give fewer values",
    ),
    ({"rate": fp.uniform(0, 1)}, {"samples": 3}, "grid has an unknown hyperparameter 'rate': known are"),
    ({"momentum": fp.uniform}, {"samples": 3}, "grid['momentum'] is a kind of distribution, <class"),
    ({**GRID, "seed": []}, {"samples": 3}, "grid['seed'] has no values: give"),
    (GRID, {"samples": 3, "search": "optuna"}, "search must be an OptunaSearch, not 'optuna': give one, such as"),
]


@pytest.mark.parametrize(("grid", "options", "words"), REFUSED)
def test_a_search_is_refused_before_anything_is_trained(grid, options, words, monkeypatch):
    monkeypatch.setattr(fp.MLP, "copy", None)
    assert_refused((ValueError, TypeError), words, sweep, grid, fp.MLP(SIZES, output="softmax"), **options)


SEARCHES = [
    (GRID, {}, "search needs to know how many configurations to try: give it, such as samples=100"),
    ([{"seed": 1}], {"samples": 3}, "grid is a list of configurations: leave samples and search out"),
    ({"momentum": fp.uniform(0, 1.3)}, {"samples": 3}, "momentum must be at least 0 and below 1, not 1.3: give"),
    ({"hidden": fp.choice(["tanh", "x"])}, {"samples": 3}, "hidden must be"),
    (GRID, {"samples": 3, "score": "accuracy"}, "accuracy is best where it is highest: create the study with"),
]


@pytest.mark.parametrize(("grid", "options", "words"), SEARCHES)
def test_a_search_by_a_study_is_refused_before_it_is_asked(optuna, grid, options, words):
    study = new_study(optuna)
    assert_refused((ValueError, TypeError), words, sweep, grid, search=fp.OptunaSearch(study), **options)
    assert study.trials == []


def test_no_study_searches_distributions_of_scipy(optuna):
    stats = pytest.importorskip("scipy.stats")
    grid = {"momentum": stats.beta(2, 2)}
    words = "grid['momentum'] is a distribution that no study searches"
    assert_refused(ValueError, words, sweep, grid, samples=3, search=fp.OptunaSearch(new_study(optuna)))


def test_a_study_is_checked(optuna):
    assert_refused(TypeError, "study must be an Optuna study, not 'tpe'", fp.OptunaSearch, "tpe")
    assert_refused(TypeError, "at_once must be a whole number, not 2.5", fp.OptunaSearch, new_study(optuna), 2.5)
    two = optuna.create_study(directions=["minimize", "maximize"])
    assert_refused(ValueError, "study has 2 objectives, and a sweep ranks by one", fp.OptunaSearch, two)


DISTRIBUTIONS = [
    (fp.loguniform, (0, 1), ValueError, "low must be above 0, not 0"),
    (fp.loguniform, (1, "x"), TypeError, "high must be a number, not 'x'"),
    (fp.uniform, (2, 1), ValueError, "low must be below high, not 2.0 and 1.0"),
    (fp.uniform, (0, np.inf), ValueError, "high must be finite, not inf"),
    (fp.integers, (1, 1), ValueError, "low must be below high, not 1 and 1"),
    (fp.integers, (0, 9, True), ValueError, "low must be at least 1, not 0"),
    (fp.integers, (1, 9, "log"), TypeError, "log must be True or False, not 'log'"),
    (fp.integers, (1, 2.5), TypeError, "high must be a whole number, not 2.5"),
    (fp.choice, ([],), ValueError, "values has no values"),
    (fp.choice, ("abc",), TypeError, "values must be a list of values, not 'abc'"),
    (fp.geomspace, (-1, 1, 3), ValueError, "first must be above 0, not -1"),
    (fp.geomspace, (1, 2, 0), ValueError, "count must be at least 1, not 0"),
    (fp.linspace, (1, np.nan, 3), ValueError, "last must be finite, not nan"),
]


@pytest.mark.parametrize(("kind", "values", "error", "words"), DISTRIBUTIONS)
def test_values_are_checked_when_they_are_made(kind, values, error, words):
    assert_refused(error, words, kind, *values)
