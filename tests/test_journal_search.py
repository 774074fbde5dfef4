"""A search that was interrupted or killed goes on from its journal and its study."""

import pkgutil
import random

import numpy as np
import pytest

import fastprop as fp
from tests import killed
from tests.compare import assert_refused
from tests.journals import SPACE, journal_path, new_study, states, sweep, trained_fits
from tests.processes import output_after_interrupt
from tests.results import assert_same_result

path = journal_path
trained = trained_fits


def searched(path, study, **options):
    options = {"grid": SPACE, "samples": 24, "search": fp.OptunaSearch(study, at_once=8)} | options
    return sweep(journal=path, **options)


def assert_told(study, result):
    """Fail unless each row is that of a trial of the study, by its parameters and by its result."""
    told = {trial.params["learning_rate"]: trial for trial in study.trials if trial.state.name != "FAIL"}
    assert len(result.table) == len(told)
    for row in result.table:
        trial = told[row["learning_rate"]]
        assert trial.state.name == {"finished": "COMPLETE", "halved": "PRUNED"}[row["stopped"]]
        if trial.state.name == "COMPLETE":
            assert trial.value == row["validation_loss"]
    assert "RUNNING" not in states(study)


def test_a_search_that_goes_on_asks_for_the_same_again(path, trained):
    whole = searched(path, new_study())
    lines = path.read_bytes().splitlines(keepends=True)
    outcomes = [b'"history"' in line for line in lines]
    path.write_bytes(b"".join(line for line, kept in zip(lines, outcomes) if not kept or sum(outcomes[:14])))
    path.write_bytes(b"".join(lines[:22]))  # the header, the study, 8 trials and outcomes of them, and more
    recorded = sum(outcomes[:22])
    trained.clear()
    assert_same_result(searched(path, new_study()), whole)
    assert len(trained) == 24 - recorded
    other = searched(path, new_study(seed=1))
    assert_same_result(other, searched(path.with_name("other"), new_study(seed=1)))


class Killed(BaseException):
    pass


@pytest.mark.slow
@pytest.mark.parametrize("options", [{}, {"halving": 2}], ids=str)
@pytest.mark.parametrize("moment", ["training", "telling", "asking"])
def test_a_study_of_a_killed_sweep_goes_on_by_the_same_call(moment, options, path, monkeypatch):
    study, calls = new_study(path), []

    def killed(*arguments):
        calls.append(arguments)
        if len(calls) == (11 if moment == "asking" else 2):
            raise Killed
        return original(*arguments)

    owner, name = {
        "training": ("fastprop.sweeping.sweep_runner.SweepRunner", "train"),
        "telling": ("fastprop.sweeping.search._Filling", "_tell"),
        "asking": ("fastprop.integrations.optuna_search", "suggested"),
    }[moment]
    with monkeypatch.context() as patch:
        if moment != "telling":  # a process that is killed tells nothing
            patch.setattr("fastprop.sweeping.search._Filling._tell", lambda *arguments: None)
            patch.setattr("fastprop.integrations.optuna_search.Study.fail", lambda *arguments: None)
        original = getattr(pkgutil.resolve_name(owner), name)
        patch.setattr(f"{owner}.{name}", killed)
        with pytest.raises(Killed):
            searched(path, study, **options)
    begun = len(study.trials)
    assert "RUNNING" in states(study)
    result = searched(path, new_study(path, seed=1), **options)
    assert_told(study, result)
    assert len(result.table) == 24
    assert len(study.trials) == 24 + (moment == "asking")
    for trial, row in zip(study.trials[: begun - 1], result.table):
        assert trial.params["learning_rate"] == row["learning_rate"]
    again = searched(path, new_study(path, seed=1), **options)  # all is recorded
    assert_same_result(again, result)
    assert len(study.trials) == 24 + (moment == "asking")


@pytest.mark.slow
def test_more_or_fewer_samples_may_be_asked_for_than_before(path):
    study = new_study(path)
    first = searched(path, study, samples=12)
    more = searched(path, study, samples=20)
    np.testing.assert_array_equal(more.history[:12], first.history)
    fewer = searched(path, study, samples=5)
    np.testing.assert_array_equal(fewer.history, first.history[:5])
    assert states(study) == ["COMPLETE"] * 20


@pytest.mark.slow  # because it waits
def test_trials_that_others_run_are_left_alone(path):
    study = new_study(path)
    mine, theirs = study.ask(), study.ask()
    result = searched(path, study, samples=10)
    again = searched(path, study, samples=12)
    np.testing.assert_array_equal(again.history[:10], result.history)
    assert states(study) == ["RUNNING"] * 2 + ["COMPLETE"] * 12
    study.tell(mine, 1.0)
    study.tell(theirs, 2.0)


@pytest.mark.slow
def test_the_journal_of_a_search_of_another_space_is_refused(path):
    searched(path, new_study(path), samples=2)
    other = SPACE | {"learning_rate": fp.loguniform(1e-3, 10)}
    words = "grid['learning_rate'] is loguniform(low=0.001, high=1.0) and not loguniform(low=0.001, high=10.0): give"
    assert_refused(ValueError, words, searched, path, new_study(path), grid=other, samples=2)


@pytest.mark.slow
def test_a_study_of_a_sweep_that_is_killed_at_any_time_goes_on(path):
    waits = random.Random(0)
    for attempt in range(6):
        killed.kill("search", path, wait=waits.uniform(0, 0.6), threads=1 + attempt % 3)
    study = new_study(path)
    result = killed.search(path)
    assert len(result.table) == 40
    assert_told(study, result)


@pytest.mark.slow
@pytest.mark.parametrize("stored", [False, True])
def test_a_study_of_a_sweep_that_was_interrupted_goes_on(path, stored):
    script = f"""
from pathlib import Path
import fastprop as fp
from tests.processes import say_go
from tests.journals import new_study, states
X, y = fp.datasets.digits()
path = Path({str(path)!r})
study = new_study(path if {stored} else None)
grid = {{"learning_rate": fp.loguniform(1e-3, 1)}}
options = {{"search": fp.OptunaSearch(study, at_once=4), "samples": 12, "validation": 0.2, "journal": path}}
say_go(ready=lambda: len(study.trials) == 8)
first = fp.sweep((64, 32, 10), X, y, grid, epochs=1500, **options)
print((first.table["stopped"] == "finished").sum() < 8, "RUNNING" in states(study))
again = fp.sweep((64, 32, 10), X, y, grid, epochs=1500, **options)
print(len(again.table), set(again.table["stopped"]), states(study).count("COMPLETE"), "RUNNING" in states(study))
print(again.table["learning_rate"][:8].tolist() == first.table["learning_rate"].tolist())
values = {{trial.params["learning_rate"]: trial.value for trial in study.trials if trial.state.name == "COMPLETE"}}
print([values[rate] for rate in again.table["learning_rate"]] == again.table["validation_loss"].tolist())
"""
    lines = output_after_interrupt(script).splitlines()
    assert lines == ["True False", "12 {np.str_('finished')} 12 False", "True", "True"]
