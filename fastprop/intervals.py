"""Intervals around predicted numbers, by how far off networks of folds are for rows that they were not trained on."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from fastprop import checks, numpy_settings
from fastprop.annotations import ArrayLike

__all__ = ["FoldErrors", "cv_plus"]
__docformat__ = "numpy"

BLOCK_ELEMENTS = 1 << 20
"""Rows to predict times rows held out that are compared at a time: 8 MB of float64."""


@dataclass(frozen=True, eq=False)
class FoldErrors:
    """How far off the network of each fold is for the rows that the fold held out.

    Attributes
    ----------
    errors : ndarray
        (n, n_out) float64: the absolute error of each row, of the prediction of the network not trained on it.
    folds : ndarray
        (n,) int64: the fold that held the row out, counted from 0.

    Examples
    --------
    >>> from fastprop.intervals import FoldErrors
    >>> errors = FoldErrors.of([1.0, 2.0, 4.0], [1.5, 2.0, 3.0], [([1, 2], [0]), ([0, 2], [1]), ([0, 1], [2])])
    >>> errors.errors[:, 0].tolist(), errors.folds.tolist()
    ([0.5, 0.0, 1.0], [0, 1, 2])
    """

    errors: NDArray[np.float64]
    folds: NDArray[np.int64]

    @classmethod
    @numpy_settings.own
    def of(cls, out_of_fold: ArrayLike, y: ArrayLike, folds: Iterable[Sequence[ArrayLike]]) -> Self:
        """Return the errors of out-of-fold predictions, see `cv_plus` for the arguments and for what is refused."""
        out_of_fold, y = _of_one_shape(out_of_fold, y)
        counts = np.ones(len(y), bool)
        fold_of_row = np.full(len(y), -1, np.int64)
        for index, pair in enumerate(folds):
            held_out = checks.fold(pair, index, counts)[-1]
            if (fold_of_row[held_out] >= 0).any() or len(np.unique(held_out)) < len(held_out):
                raise ValueError(
                    f"fold {index} holds out rows that are held out before: give folds that hold each row out once."
                )
            fold_of_row[held_out] = index
        return cls.of_rows(out_of_fold, y, fold_of_row)

    @classmethod
    def of_rows(cls, out_of_fold: ArrayLike, y: ArrayLike, fold_of_row: NDArray[np.int64]) -> Self:
        """Return the errors of out-of-fold predictions by the fold (n,) that held each row out, -1 for none."""
        out_of_fold, y = _of_one_shape(out_of_fold, y)
        is_held_out = fold_of_row >= 0
        return cls(np.abs(y[is_held_out] - out_of_fold[is_held_out]), fold_of_row[is_held_out])

    @property
    def fold_count(self) -> int:
        """The number of folds."""
        return int(self.folds.max()) + 1

    @property
    def counts(self) -> list[int]:
        """How many rows each fold holds out, (folds,), as files have it; `sorted_errors` are in that order."""
        return np.bincount(self.folds).tolist()

    @property
    def sorted_errors(self) -> NDArray[np.float64]:
        """The errors (n, n_out) in the order of the folds."""
        return self.errors[np.argsort(self.folds, kind="stable")]

    @classmethod
    def restored(cls, counts: Sequence[int], sorted_errors: NDArray[np.float64]) -> Self:
        """Return the errors of `counts` and `sorted_errors`."""
        return cls(sorted_errors, np.repeat(np.arange(len(counts)), counts))

    def __post_init__(self) -> None:
        errors, folds = self.errors, self.folds
        if errors.ndim != 2 or folds.shape != errors.shape[:1] or len(folds) == 0:
            raise ValueError(
                f"errors of shape {errors.shape} and folds of shape {folds.shape} do not fit each other: give the "
                "errors (n, n_out) and the fold (n,) of each row that is held out."
            )
        if not (np.isfinite(errors) & (errors >= 0)).all():
            raise ValueError("an error of a row that is held out is negative or not finite: leave out such rows.")

    @numpy_settings.own
    def intervals(self, predictions: Sequence[ArrayLike], coverage: float = 0.9) -> NDArray[np.float64]:
        """Return the interval of each new row by the predictions of the network of each fold, see `cv_plus`."""
        predictions = np.stack([_columns(each, "predictions") for each in predictions])
        if len(predictions) < self.fold_count or predictions.shape[2] != self.errors.shape[1]:
            raise ValueError(
                f"predictions of {len(predictions)} networks with {predictions.shape[2]} outputs do not fit "
                f"{self.fold_count} folds with {self.errors.shape[1]}: give those of the network of each fold."
            )
        rank = rank_of(coverage, len(self.errors))
        bounds = np.empty((*predictions.shape[1:], 2))
        step = max(1, BLOCK_ELEMENTS // len(self.errors))
        for first in range(0, len(bounds), step):
            for output in range(bounds.shape[1]):
                block = predictions[self.folds, first : first + step, output].T  # (rows, held-out rows)
                errors = self.errors[:, output]
                bounds[first : first + step, output, 0] = -_smallest(errors - block, rank)
                bounds[first : first + step, output, 1] = _smallest(errors + block, rank)
        return bounds[:, 0] if bounds.shape[1] == 1 else bounds


@numpy_settings.own
def cv_plus(
    predictions: Sequence[ArrayLike],
    out_of_fold: ArrayLike,
    y: ArrayLike,
    folds: Iterable[Sequence[ArrayLike]],
    *,
    coverage: float = 0.9,
) -> NDArray[np.float64]:
    """Return an interval for each new row that holds its target with a probability of about `coverage`, by CV+.

    Around the prediction of the network of each fold lie the errors of the rows that the fold held out. The upper bound
    is a quantile of the sums of all predictions and errors, the lower one of the differences. Where networks of
    different folds disagree, the interval is wider. Nothing is assumed of the distribution of errors, but that rows of
    training and new rows come in random order from one source: then the probability is at least 2 · coverage - 1, less
    at most the root of 2 / n, and in practice near `coverage`, on average over all rows.

    Parameters
    ----------
    predictions : sequence of array_like
        (folds,) arrays (n_new,) or (n_new, n_out): for new rows the prediction of the network of each fold.
    out_of_fold : array_like
        (n,) or (n, n_out): for rows with known targets the prediction of the network whose fold held the row out.
    y : array_like
        (n,) or (n, n_out) targets.
    folds : iterable
        For each fold a pair of training rows and held-out rows, as `fastprop.sweep` takes them as `cv`. Rows that no
        fold holds out do not count.
    coverage : float
        Above 0 and below 1.

    Returns
    -------
    ndarray
        (n_new, 2) float64, the lower and the upper bound; or (n_new, n_out, 2), where each output has an interval of
        its own.

    Raises
    ------
    ValueError, TypeError
        If shapes do not fit each other, a row is held out twice, a prediction or target of a row that is held out is
        not finite, or there are fewer than coverage / (1 - coverage) rows.

    References
    ----------
    Barber, Candès, Ramdas and Tibshirani, "Predictive inference with the jackknife+", Annals of Statistics 49 (2021),
    section 3.

    Examples
    --------
    >>> import numpy as np
    >>> import fastprop as fp
    >>> X = np.random.default_rng(0).uniform(-1, 1, (600, 1))
    >>> y = X[:, 0] ** 2 + np.random.default_rng(1).normal(0, 0.1, 600)
    >>> folds = [(np.flatnonzero(np.arange(400) % 5 != k), np.arange(k, 400, 5)) for k in range(5)]
    >>> network = fp.MLP((1, 16, 1), hidden="tanh", output="identity")
    >>> grid = {"learning_rate": [0.01]}
    >>> result = fp.sweep(network, X[:400], y[:400], grid, epochs=50, optimizer=fp.Adam(), cv=folds, refit=False)
    >>> predictions = [network.predict(X[400:]) for network in result.fold_networks[0]]
    >>> bounds = fp.intervals.cv_plus(predictions, result.out_of_fold(0), y[:400], folds, coverage=0.9)
    >>> bounds.shape, bool(0.85 < ((bounds[:, 0] <= y[400:]) & (y[400:] <= bounds[:, 1])).mean() < 0.95)
    ((200, 2), True)
    """
    return FoldErrors.of(out_of_fold, y, folds).intervals(predictions, coverage)


def rank_of(coverage: float, rows: int) -> int:
    """Return which of the errors of `rows` rows bounds an interval of that coverage, counted from 1 at the smallest.

    Examples
    --------
    >>> from fastprop.intervals import rank_of
    >>> rank_of(0.9, 99)
    90
    """
    coverage = checks.number(coverage, "coverage", below=1.0)
    if coverage == 0:
        raise ValueError(f"{checks.argument('coverage')} must be above 0, not 0: give one such as 0.9.")
    rank = math.ceil(round(coverage * (rows + 1), 9))  # 0.7 · 10 may be a little more than 7
    if rank > rows:
        raise ValueError(
            f"{checks.argument('coverage', f'{coverage:g}')} needs {math.ceil(round(coverage / (1 - coverage), 9))} "
            f"rows that are held out, and there are {rows}: give more rows, or a lower coverage."
        )
    return rank


def _of_one_shape(out_of_fold, y):
    """Return predictions and targets, both (n, n_out) float64."""
    out_of_fold, y = _columns(out_of_fold, "out_of_fold"), _columns(y, "y")
    if out_of_fold.shape != y.shape:
        raise ValueError(
            f"out_of_fold of shape {out_of_fold.shape} cannot be compared with y of shape {y.shape}: give a "
            "prediction for each target."
        )
    return out_of_fold, y


def _columns(array, name):
    """Return (n, columns) float64 of numbers (n,) or (n, columns)."""
    array = checks.numeric(array, name)
    if array.ndim not in (1, 2):
        raise ValueError(
            f"{name} must have a row for each prediction, not shape {array.shape}: give (n,) or (n, n_out)."
        )
    return array.reshape(len(array), -1).astype(np.float64)


def _smallest(values, rank):
    """Return of each row (columns,) of `values` the value that is the smallest but rank - 1."""
    return np.partition(values, rank - 1, axis=1)[:, rank - 1]
