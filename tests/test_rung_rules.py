"""Rules of halving and of median stopping: where the rungs are, which configurations go on, and what is no rule."""

import numpy as np
import pytest

import fastprop as fp
from tests.compare import assert_refused
from tests.halvings import INF, NAN, sweep

# ---- rungs ----

RUNGS = [
    (fp.Halving(3), 81, 81, [6, 18, 54, 81]),
    (fp.Halving(3), 27, 100, [2, 6, 18, 27]),
    (fp.Halving(3), 27, 9, [6, 18, 27]),
    (fp.Halving(3), 27, 10, [2, 6, 18, 27]),
    (fp.Halving(3), 9, 100, [1, 3, 9]),
    (fp.Halving(2), 100, 4, [28, 56, 100]),
    (fp.Halving(4), 1, 100, [1]),
    (fp.Halving(3, min_epochs=1), 30, 2, [1, 3, 10, 30]),
    (fp.Halving(3), 81, 1, [81]),
    (fp.Halving(3, min_epochs=5), 81, 2, [9, 27, 81]),
    (fp.Halving(3, min_epochs=100), 81, 1000, [81]),
    (fp.MedianStopping(), 4, 7, [1, 2, 3, 4]),
    (fp.MedianStopping(3), 9, 7, [3, 6, 9]),
    (fp.MedianStopping(3, min_epochs=4), 10, 7, [6, 9, 10]),
    (fp.MedianStopping(20), 10, 7, [10]),
    (fp.MedianStopping(3, min_epochs=6), 10, 7, [6, 9, 10]),
    (fp.MedianStopping(1, min_epochs=150_000), 200_000, 7, list(range(150_000, 200_001))),
]


@pytest.mark.parametrize(("halving", "epochs", "configurations", "expected"), RUNGS)
def test_rungs_are_fractions_of_the_epochs_or_so_many_apart(halving, epochs, configurations, expected):
    assert halving.rungs(epochs, configurations) == expected


# ---- who goes on ----

THIRDS = [
    ([5, 1, 3], [1]),
    ([5, 1, 3, 2], [1, 3]),
    ([9, 8, 7, 6, 5, 4, 3, 2, 1], [6, 7, 8]),
    ([2, 2, 2, 2, 2, 2], [0, 1]),
    ([3, 2, 2, 2, 1, 3], [1, 4]),
    ([NAN, 4, INF], [1]),
    ([NAN, 5, INF, 6], [1, 3]),
    ([-0.5, -0.9, -0.7], [1]),
    ([7], [0]),
]


@pytest.mark.parametrize(("costs", "expected"), THIRDS)
def test_the_best_third_goes_on_rounded_up_and_of_equals_the_first(costs, expected):
    earlier = np.arange(len(costs))[:, None]  # what came of earlier rungs counts no more
    assert np.flatnonzero(fp.Halving(3).going_on(np.hstack([earlier, np.array(costs)[:, None]]))).tolist() == expected


MEDIANS = [
    ([[1], [2], [3]], [0, 1]),  # the others' medians: 2.5, 2, 1.5
    ([[1], [2]], [0]),
    ([[2], [2], [2]], [0, 1, 2]),
    ([[9, 2], [4, 4], [3, 5], [6, 6]], [0, 1, 2]),  # best 2 4 3 6 of means 5.5 4 4 6
    ([[9, 5.6], [4, 4], [3, 5], [6, 6]], [1, 2]),
    ([[NAN], [1], [INF], [2]], [1, 3]),  # 2 is against the median of 1 and two infinite ones
    ([[NAN, 0], [1, 1], [2, 2]], [0, 1, 2]),
    ([[5]], [0]),
]


@pytest.mark.parametrize(("costs", "expected"), MEDIANS)
def test_who_was_never_as_good_as_the_median_of_the_others_means_is_stopped(costs, expected):
    assert np.flatnonzero(fp.MedianStopping().going_on(np.array(costs, float))).tolist() == expected


def test_the_median_is_that_of_the_others_for_any_costs():
    random = np.random.default_rng(0)
    for count in range(2, 9):
        costs = random.integers(6, size=(200, count, 3)).astype(float)
        for each in costs:
            medians = [np.median(np.delete(each.mean(axis=1), index)) for index in range(count)]
            np.testing.assert_array_equal(fp.MedianStopping().going_on(each), each.min(axis=1) <= medians)


# ---- bad values ----

REFUSED = [
    (True, TypeError, "halving must be a whole number, not True: give an int of at least 2"),
    (False, TypeError, "halving must be a whole number, not False: give an int of at least 2"),
    (1, ValueError, "halving must be at least 2, not 1: give a larger number"),
    (0, ValueError, "halving must be at least 2, not 0: give a larger number"),
    (2.5, TypeError, "halving must be a whole number, not 2.5: give an int of at least 2"),
    ("median", TypeError, "halving must be a whole number, not 'median': give an int of at least 2"),
    (fp.Halving, TypeError, "halving must be a whole number"),
]


@pytest.mark.parametrize(("halving", "error", "words"), REFUSED)
def test_what_is_no_halving_is_refused(halving, error, words):
    assert_refused(error, words, sweep, halving=halving)


OPTIONS = [
    (fp.Halving, {"factor": 1}, ValueError, "factor must be at least 2, not 1"),
    (fp.Halving, {"factor": True}, TypeError, "factor must be a whole number, not True"),
    (fp.Halving, {"min_epochs": 0}, ValueError, "min_epochs must be at least 1, not 0"),
    (fp.MedianStopping, {"epochs": 0}, ValueError, "epochs must be at least 1, not 0"),
    (fp.MedianStopping, {"min_epochs": 1.5}, TypeError, "min_epochs must be a whole number, not 1.5"),
]


@pytest.mark.parametrize(("kind", "values", "error", "words"), OPTIONS)
def test_options_are_checked_when_they_are_made(kind, values, error, words):
    assert_refused(error, words, kind, **values)


def test_a_number_of_numpy_is_as_good():
    assert sweep(halving=np.int64(3)).rungs == [1, 3, 9]
