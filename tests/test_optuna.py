"""Searches by an Optuna study."""

import numpy as np
import pytest

import fastprop as fp
from fastprop import checks
from tests.processes import output_after_interrupt
from tests.searches import GRID, LABELS, SIZES, X, imported_optuna, new_study, sweep

optuna = imported_optuna


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


def test_a_result_that_the_storage_of_a_study_does_not_take_is_an_error(optuna, monkeypatch):
    study = new_study(optuna)

    def gone(*arguments, **options):
        raise ConnectionError("the storage is gone")

    monkeypatch.setattr(study, "tell", gone)
    with pytest.raises(ConnectionError, match="the storage is gone"):
        sweep(samples=2, search=fp.OptunaSearch(study))


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
