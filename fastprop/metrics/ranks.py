"""Scores of the order into which outputs bring the rows, whatever the threshold between two classes."""

from __future__ import annotations

import numpy as np

from fastprop import numpy_settings
from fastprop.annotations import ArrayLike
from fastprop.metrics import arrays


@numpy_settings.own
def roc_auc(outputs: ArrayLike, y: ArrayLike) -> float:
    """Return the area under the ROC curve: how often a row of a class has a larger output than one of another class.

    For two classes it is that of class 1. For more it is the mean over the classes, each against all others, as in
    scikit-learn's ``roc_auc_ovr``.

    Parameters
    ----------
    outputs : array_like
        (n,) or (n, 1) values that are larger for class 1, or (n, n_out), whose column k is larger for class k.
    y : array_like
        (n,) or (n, 1) classes, or (n, n_out) rows of probabilities, of which the largest counts.

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
    return _mean_over_classes(area, outputs, y)


@numpy_settings.own
def average_precision(outputs: ArrayLike, y: ArrayLike) -> float:
    """Return the average precision: Σ (Rₖ - Rₖ₋₁) Pₖ over all thresholds, with precision P and recall R at each.

    For two classes it is that of class 1. For more it is the mean over the classes, each against all others.

    Parameters
    ----------
    outputs, y : array_like
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
    return _mean_over_classes(precision, outputs, y)


def area(values, positive):
    """Return the area under the ROC curve of values (n,), of which those of rows that are `positive` should be larger.

    It is NaN if all or no rows are positive.
    """
    _, value_index, counts = np.unique(values, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[value_index]  # equal values share the mean of their ranks
    ones = positive.sum()
    zeros = len(positive) - ones
    if ones == 0 or zeros == 0:
        return float("nan")
    return float((ranks[positive].sum() - ones * (ones + 1) / 2) / (ones * zeros))


def precision(values, positive):
    """Return the average precision of values (n,), of which those of rows that are `positive` should be larger.

    It is NaN if all or no rows are positive.
    """
    if positive.all() or not positive.any():
        return float("nan")
    order = np.argsort(-values, kind="stable")
    values = values[order]
    thresholds = np.append(np.flatnonzero(values[1:] != values[:-1]), len(values) - 1)  # the last row of equal values
    found = np.cumsum(positive[order])[thresholds]
    return float(np.sum(np.diff(found, prepend=0) * (found / (thresholds + 1))) / found[-1])


def _mean_over_classes(measure, outputs, y):
    values, truth = arrays.margins(outputs, y)
    if values.shape[1] == 1:
        return measure(values[:, 0], truth == 1)
    return float(np.mean([measure(column, truth == index) for index, column in enumerate(values.T)]))
