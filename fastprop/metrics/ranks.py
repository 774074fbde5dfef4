"""Scores of the order into which outputs bring the rows, whatever the threshold between two classes."""

from __future__ import annotations

import numpy as np

from fastprop import numpy_settings
from fastprop.annotations import ArrayLike
from fastprop.metrics import arrays


@numpy_settings.own
def roc_auc(outputs: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> float:
    """Return the area under the ROC curve: how often a row of a class has a larger output than one of another class.

    For two classes it is that of class 1. For more it is the mean over the classes, each against all others, as in
    scikit-learn's ``roc_auc_ovr``.

    Parameters
    ----------
    outputs : array_like
        (n,) or (n, 1) values that are larger for class 1, or (n, n_out), whose column k is larger for class k.
    y : array_like
        (n,) or (n, 1) classes, or (n, n_out) rows of probabilities, of which the largest counts.
    sample_weight : array_like, optional
        (n,) weights of at least 0, of which only ratios count; by default all rows weigh the same.

    Returns
    -------
    float
        From 0 to 1, where ties count half; NaN where `y` lacks a class.

    Raises
    ------
    ValueError, TypeError
        If the two do not have such shapes, or hold other values.

    References
    ----------
    Hanley and McNeil, "The meaning and use of the area under a receiver operating characteristic (ROC) curve",
    Radiology 143 (1982).

    Examples
    --------
    >>> import fastprop as fp
    >>> fp.metrics.roc_auc([0.1, 0.4, 0.3, 0.8], [0, 0, 1, 1])
    0.75
    """
    return _mean_over_classes(area, outputs, y, sample_weight)


@numpy_settings.own
def average_precision(outputs: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> float:
    """Return the average precision: Σ (Rₖ - Rₖ₋₁) Pₖ over all thresholds, with precision P and recall R at each.

    For two classes it is that of class 1. For more it is the mean over the classes, each against all others.

    Parameters
    ----------
    outputs, y, sample_weight : array_like
        See `roc_auc`, as for errors.

    Returns
    -------
    float
        From 0 to 1; NaN where `y` lacks a class.

    Examples
    --------
    >>> import fastprop as fp
    >>> fp.metrics.average_precision([0.1, 0.4, 0.3, 0.8], [0, 0, 1, 1])
    0.8333333333333333
    """
    return _mean_over_classes(precision, outputs, y, sample_weight)


def area(values, positive, weights=None):
    """Return the area under the ROC curve of values (n,), of which those of rows that are `positive` should be larger.

    It is NaN if all or no rows are positive. With `weights` (n,), pairs of rows count by the product of their weights.
    """
    if positive.all() or not positive.any():
        return float("nan")
    distinct, value_index = np.unique(values, return_inverse=True)
    weights = np.ones(len(values)) if weights is None else weights
    ones, zeros = (
        np.bincount(value_index, np.where(rows, weights, 0), len(distinct)) for rows in (positive, ~positive)
    )
    zeros_below = np.cumsum(zeros) - zeros / 2  # of which those with an equal value count half
    total = ones.sum() * zeros.sum()
    return float(ones @ zeros_below / total) if total > 0 else float("nan")


def precision(values, positive, weights=None):
    """Return the average precision of values (n,), of which those of rows that are `positive` should be larger.

    It is NaN if all or no rows are positive. With `weights` (n,), rows count by these.
    """
    weights = np.ones(len(values)) if weights is None else weights
    if positive.all() or not (weights * positive).any():
        return float("nan")
    order = np.argsort(-values, kind="stable")
    values, weights = values[order], weights[order]
    thresholds = np.append(np.flatnonzero(values[1:] != values[:-1]), len(values) - 1)  # the last row of equal values
    found = np.cumsum(weights * positive[order])[thresholds]
    rows = np.cumsum(weights)[thresholds]
    shares = np.divide(found, rows, out=np.zeros(len(rows)), where=rows > 0)
    return float(np.sum(np.diff(found, prepend=0) * shares) / found[-1])


def _mean_over_classes(measure, outputs, y, sample_weight):
    values, truth = arrays.margins(outputs, y)
    weights = arrays.row_weights(sample_weight, len(truth))
    if values.shape[1] == 1:
        return measure(values[:, 0], truth == 1, weights)
    return float(np.mean([measure(column, truth == index, weights) for index, column in enumerate(values.T)]))
