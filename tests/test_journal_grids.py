"""Another grid takes over from a journal the configurations that it shares with it."""

import numpy as np
import pytest

import fastprop as fp
from fastprop.sweeping.configuration_outcomes import ConfigurationOutcome
from fastprop.sweeping.journal import Journal
from fastprop.sweeping.journal_header import Known
from tests.journals import RANDOM, journal_path, sweep, trained_fits
from tests.results import assert_same_result

path = journal_path
trained = trained_fits


GRIDS = {
    "a fourth rate": {"learning_rate": [0.1, 0.3, 0.5, 0.7], "seed": [0, 1]},
    "fewer rates": {"learning_rate": [0.3], "seed": [0, 1]},
    "another order": {"seed": [1, 0], "learning_rate": [0.5, 0.1, 0.3]},
    "other rates": {"learning_rate": [0.2, 0.4]},
    "a list": [{"learning_rate": 0.3, "seed": 1}, {"learning_rate": 0.7, "seed": 1}, {"learning_rate": 0.3, "seed": 1}],
    "another hyperparameter": {"learning_rate": [0.1, 0.3, 0.5], "seed": [0, 1], "momentum": [0.0, 0.9]},
    "another loss": {"learning_rate": [0.1, 0.3, 0.5], "seed": [0, 1], "loss": ["cross_entropy", "mse"]},
}


@pytest.mark.parametrize("grid", GRIDS.values(), ids=GRIDS)
def test_configurations_that_are_recorded_are_taken_over_by_another_grid(grid, path, trained):
    first = {"learning_rate": [0.1, 0.3, 0.5], "seed": [0, 1]}
    sweep(grid=first, journal=path, keep="all")
    trained.clear()
    result = sweep(grid=grid, journal=path, keep="all")
    recorded = set()
    if result.hyperparameters == ["learning_rate", "seed"]:
        pairs = [(row["learning_rate"], row["seed"]) for row in result.table]
        recorded = {pairs.index(pair) for pair in pairs if pair[0] in first["learning_rate"]}  # the first of equal ones
    assert sorted(index for index, _ in trained) == [k for k in range(len(result.table)) if k not in recorded]
    assert_same_result(result, sweep(grid=grid, keep="all"))


@pytest.mark.parametrize("options", [{"halving": 2}, {"cv": 2, "validation": None}], ids=str)
def test_a_longer_grid_has_the_right_result_with_halving_and_folds(options, path):
    sweep(grid={"learning_rate": [0.1, 0.3, 0.5], "seed": [0, 1]}, journal=path, **options)
    longer = {"learning_rate": [0.1, 0.3, 0.5, 0.7], "seed": [0, 1, 2]}
    assert_same_result(sweep(grid=longer, journal=path, **options), sweep(grid=longer, **options))


def test_arrays_in_a_grid_are_told_apart(path, trained):
    weights = [np.zeros((4, 600)), RANDOM.normal(size=(600, 3))]
    others = [weights[0], weights[1].copy()]
    others[1][300, 1] += 1
    sweep((4, 600, 3), [{"initialization": weights}], journal=path)
    trained.clear()
    result = sweep((4, 600, 3), [{"initialization": others}, {"initialization": weights}], journal=path)
    assert [index for index, _ in trained][:1] == [0]
    assert_same_result(result, sweep((4, 600, 3), [{"initialization": others}, {"initialization": weights}]))


def test_a_sweep_may_be_halved_after_it_was_recorded_whole(path):
    sweep(journal=path)
    assert_same_result(sweep(journal=path, halving=3), sweep(halving=3))
    assert_same_result(sweep(journal=path, halving=fp.MedianStopping(2)), sweep(halving=fp.MedianStopping(2)))


VALUES = {
    "quotes and newlines": ('a "quoted"\nname', "it's \\ and \u2028 \ud800", "tab\t\x00"),
    "large": (2**62, -(2**62), 10**30),
    "floats": (1e-320, np.inf, -np.inf, np.nan, -0.0, 0.1 + 0.2),
    "of NumPy": (np.float32(0.1), np.int64(7), np.float64(1e300)),
    "others": (None, True, (64, np.int64(32), 10), fp.SGD(0.1), [np.zeros((2, 2))]),
}


@pytest.mark.parametrize("values", VALUES.values(), ids=VALUES)
def test_values_of_any_kind_are_found_again(values, path):
    losses = {"loss": -np.inf, "validation_loss": np.nan, "history": np.array([np.nan, np.inf])}
    epochs = {
        "epochs": 2,
        "final_epochs": 1,
        "stopped": "early",
        "seconds": 0.1,
        "fold_scores": (0.5,),
        "fold_seconds": (0.1,),
    }
    row = ConfigurationOutcome(score=np.nan, score_std=np.inf, **losses, **epochs)
    about = {"journal format": Known("2")}
    with Journal(path, about) as journal:
        journal.read()
        for index, value in enumerate(values):
            journal.add(index, 2, {"loss": value}, row._replace(seconds=float(index)), None)
        journal.flush()
    with Journal(path, about) as journal:
        journal.read()
        for index, value in enumerate(values):
            found, network = journal.take({"loss": value}, 2)
            assert network is None
            assert found.seconds == index
            assert repr(found[:-1]) == repr(row._replace(seconds=float(index))[:-1])
            np.testing.assert_array_equal(found.history, row.history)
            assert journal.take({"loss": value}, 2) is None
