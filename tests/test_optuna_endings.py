"""Studies of Optuna that end a search, that fail amid it, or that cannot search a grid."""

import signal

import numpy as np
import pytest

import fastprop as fp
from tests.compare import assert_refused
from tests.searches import GRID, imported_optuna, new_study, sweep

optuna = imported_optuna


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


@pytest.mark.parametrize("at_once", [1, 2])
def test_what_is_enqueued_is_tried_beside_the_grid(optuna, at_once):
    study = new_study(optuna, grid_sampler(optuna, learning_rate=RATES))
    study.enqueue_trial({"learning_rate": 0.3})
    result = sweep({"learning_rate": fp.choice(RATES)}, samples=10, search=fp.OptunaSearch(study, at_once=at_once))
    assert result.table["learning_rate"][0] == 0.3
    assert sorted(result.table["learning_rate"]) == [0.1, 0.3, 0.3, 0.5]


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


@pytest.mark.filterwarnings("ignore:BruteForceSampler is experimental")
def test_trials_that_have_no_parameters_yet_are_none_that_a_brute_force_sampler_has_tried(optuna):
    study = new_study(optuna, optuna.samplers.BruteForceSampler(seed=0))
    study.ask()  # by another process, which has not yet suggested anything
    result = sweep({"learning_rate": RATES}, samples=50, search=fp.OptunaSearch(study, at_once=2))
    assert sorted(result.table["learning_rate"]) == RATES


def test_an_error_of_a_study_that_is_told_is_raised_after_it_was_told_all_of_the_batch(optuna, monkeypatch):
    study = new_study(optuna)
    tell = study.tell

    def failing(trial, *told, **options):
        if trial.number == 1:
            raise ConnectionError("the storage is gone")
        return tell(trial, *told, **options)

    monkeypatch.setattr(study, "tell", failing)
    with pytest.raises(ConnectionError, match="the storage is gone"):
        sweep(samples=8, search=fp.OptunaSearch(study, at_once=4))
    assert [trial.state.name for trial in study.trials] == ["COMPLETE", "RUNNING", "COMPLETE", "COMPLETE"]


@pytest.mark.usefixtures("hears_ctrl_c")
def test_ctrl_c_while_a_study_is_told_waits_until_it_was_told_all_of_the_batch(optuna, monkeypatch, capsys):
    study = new_study(optuna)
    tell = study.tell

    def interrupted(trial, *told, **options):
        if trial.number == 1:
            signal.raise_signal(signal.SIGINT)
        return tell(trial, *told, **options)

    monkeypatch.setattr(study, "tell", interrupted)
    result = sweep(samples=8, search=fp.OptunaSearch(study, at_once=4))
    assert [trial.state.name for trial in study.trials] == ["COMPLETE"] * 4
    assert len(result.table) == 4
    assert "Ctrl-C has ended the sweep" in capsys.readouterr().err


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


def test_rows_that_a_stopped_study_leaves_out_have_no_notes_of_scores(optuna):
    class Stopping(optuna.samplers.RandomSampler):
        def after_trial(self, study, trial, state, values):
            if trial.number == 3:
                study.stop()

    def score(outputs, y):
        return outputs[:, 0].mean(), 7.0

    score.gives_notes = True
    study = new_study(optuna, Stopping(seed=0), direction="maximize")
    result = sweep(samples=40, search=fp.OptunaSearch(study, at_once=4), score=score)
    assert len(result.table) == 4
    np.testing.assert_array_equal(result.fold_notes, np.full((4, 1, 1), 7.0))


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
