"""Intervals by CV+: the bounds of the paper's formula, and their coverage of rows that no network has seen."""

import math

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import KFold

import fastprop as fp
from fastprop.intervals import FoldErrors
from tests.compare import assert_refused

RANDOM = np.random.default_rng(3)
ROWS = 37
FOLDS = list(KFold(4, shuffle=True, random_state=0).split(np.zeros(ROWS)))
Y = RANDOM.normal(size=(ROWS, 2))
OUT_OF_FOLD = Y + RANDOM.normal(size=(ROWS, 2))
PREDICTIONS = RANDOM.normal(size=(4, 11, 2))


def bounds_of_the_paper(predictions, out_of_fold, y, coverage):
    """Return the interval of one new row as the paper writes it: the quantiles of all sums and of all differences."""
    alpha = 1 - coverage
    sums, differences = [], []
    for prediction, (_, held_out) in zip(predictions, FOLDS):
        for row in held_out:
            error = abs(y[row] - out_of_fold[row])
            sums.append(prediction + error)
            differences.append(prediction - error)
    n = len(sums)
    upper = sorted(sums)[math.ceil((1 - alpha) * (n + 1)) - 1]
    lower = sorted(differences)[math.floor(alpha * (n + 1)) - 1]
    return lower, upper


@pytest.mark.parametrize("coverage", [0.5, 0.77, 0.95])
def test_bounds_are_those_of_the_paper(coverage, monkeypatch):
    found = fp.intervals.cv_plus(PREDICTIONS, OUT_OF_FOLD, Y, FOLDS, coverage=coverage)
    assert found.shape == (11, 2, 2)
    for row in range(11):
        for output in range(2):
            expected = bounds_of_the_paper(PREDICTIONS[:, row, output], OUT_OF_FOLD[:, output], Y[:, output], coverage)
            np.testing.assert_array_equal(found[row, output], expected)
    monkeypatch.setattr("fastprop.intervals.BLOCK_ELEMENTS", 3 * ROWS)  # in blocks of three rows
    np.testing.assert_array_equal(fp.intervals.cv_plus(PREDICTIONS, OUT_OF_FOLD, Y, FOLDS, coverage=coverage), found)
    single = fp.intervals.cv_plus(PREDICTIONS[..., :1], OUT_OF_FOLD[:, 0], Y[:, :1], FOLDS, coverage=coverage)
    np.testing.assert_array_equal(single, found[:, 0])


def test_rows_that_no_fold_holds_out_do_not_count():
    some = [([0, 1], [2, 4, 5]), ([2, 4, 5], [0, 1])]
    missing = OUT_OF_FOLD.copy()
    missing[[3, *range(6, ROWS)]] = np.nan
    errors = FoldErrors.of(missing, Y, some)
    np.testing.assert_array_equal(errors.errors, np.abs(Y - OUT_OF_FOLD)[[0, 1, 2, 4, 5]])
    assert errors.folds.tolist() == [1, 1, 0, 0, 0]


def test_a_rank_is_not_raised_by_rounding():
    assert [fp.intervals.rank_of(coverage, 9) for coverage in (0.1, 0.7, 0.9)] == [1, 7, 9]
    assert fp.intervals.rank_of(0.55, 99) == 55  # 0.55 * 100 is a little more than 55
    assert_refused(
        ValueError, "coverage=0.95 needs 19 rows that are held out, and there are 9", fp.intervals.rank_of, 0.95, 9
    )


@pytest.mark.parametrize(
    ("message", "changed"),
    [
        ("coverage must be at least 0 and below 1, not 1", {"coverage": 1}),
        ("coverage must be above 0, not 0", {"coverage": 0}),
        ("cannot be compared with y of shape (36, 2)", {"y": Y[1:]}),
        ("fold 1 holds out rows that are held out before", {"folds": [FOLDS[0], FOLDS[0]]}),
        (
            "an error of a row that is held out is negative or not finite",
            {"y": np.where(np.arange(ROWS)[:, None] == 5, np.nan, Y)},
        ),
        ("predictions of 3 networks with 2 outputs do not fit 4 folds with 2", {"predictions": PREDICTIONS[:3]}),
        ("predictions of 4 networks with 1 outputs", {"predictions": PREDICTIONS[..., 0]}),
        ("y must have a row for each prediction, not shape ()", {"y": 3.0}),
    ],
)
def test_what_is_refused(message, changed):
    arguments = {"predictions": PREDICTIONS, "out_of_fold": OUT_OF_FOLD, "y": Y, "folds": FOLDS, "coverage": 0.8}
    arguments |= changed
    coverage = arguments.pop("coverage")
    assert_refused(ValueError, message, fp.intervals.cv_plus, *arguments.values(), coverage=coverage)


@pytest.mark.parametrize(
    ("errors", "folds"), [(np.ones(3), np.arange(3)), (np.ones((3, 1)), np.arange(2)), (np.ones((0, 1)), np.arange(0))]
)
def test_errors_that_no_fold_holds_out_are_refused(errors, folds):
    words = f"errors of shape {errors.shape} and folds of shape {folds.shape} do not fit each other: give the errors"
    assert_refused(ValueError, words, fp.intervals.FoldErrors, errors, folds)


@pytest.mark.slow
@pytest.mark.parametrize("coverage", [0.6, 0.9])
def test_intervals_of_linear_models_cover_new_rows(coverage):
    """Errors whose spread grows, with long tails: over 50 tables, the mean coverage is that which is asked for."""
    covered = []
    for seed in range(50):
        random = np.random.default_rng(seed)
        X = random.normal(size=(160, 3))
        y = X @ [1, 2, 3] + random.standard_t(3, 160) * (1 + np.abs(X[:, 0]))
        folds = list(KFold(5).split(X[:80]))
        models = [LinearRegression().fit(X[training], y[training]) for training, _ in folds]
        out_of_fold = np.empty(80)
        for model, (_, held_out) in zip(models, folds):
            out_of_fold[held_out] = model.predict(X[held_out])
        predictions = [model.predict(X[80:]) for model in models]
        lower, upper = fp.intervals.cv_plus(predictions, out_of_fold, y[:80], folds, coverage=coverage).T
        covered.append(((lower <= y[80:]) & (y[80:] <= upper)).mean())
    assert coverage - 0.02 < np.mean(covered) < coverage + 0.04


@pytest.mark.slow
def test_intervals_of_networks_cover_new_rows():
    covered = []
    for seed in range(6):
        random = np.random.default_rng(seed)
        X = random.uniform(-2, 2, (900, 2))
        y = 50 * np.sin(2 * X[:, 0]) + X[:, 1] + random.exponential(5, 900)
        folds = list(KFold(5, shuffle=True, random_state=0).split(X[:300]))
        network = fp.MLP((2, 32, 1), output="identity", seed=seed)
        options = {"epochs": 40, "optimizer": fp.Adam(), "refit": False, "standardize": True}
        result = fp.sweep(network, X[:300], y[:300], {"learning_rate": [0.02]}, cv=5, **options)
        predictions = [each.predict(X[300:]) for each in result.fold_networks[0]]
        lower, upper = fp.intervals.cv_plus(predictions, result.out_of_fold(0), y[:300], folds, coverage=0.9).T
        covered.append(((lower <= y[300:]) & (y[300:] <= upper)).mean())
    assert 0.88 < np.mean(covered) < 0.95
    assert min(covered) > 0.8
