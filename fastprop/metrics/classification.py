"""Scores of classes: how many rows get the right class, and how probable the right class is said to be."""

from __future__ import annotations

import numpy as np

from fastprop import numpy_settings
from fastprop.annotations import ArrayLike
from fastprop.metrics import arrays


@numpy_settings.own
def accuracy(outputs: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> float:
    """Return the share of rows whose largest output is that of the right class.

    Parameters
    ----------
    outputs : array_like
        (n, n_out), or (n,) or (n, 1) probabilities of class 1, which are compared with 0.5.
    y : array_like
        (n,) or (n, 1) classes, or (n, n_out) rows of probabilities, of which the largest counts.
    sample_weight : array_like, optional
        (n,) weights of at least 0, of which only ratios count; by default all rows weigh the same.

    Returns
    -------
    float
        From 0 to 1.

    Raises
    ------
    ValueError, TypeError
        If the two do not have such shapes, or hold other values.

    Examples
    --------
    >>> import fastprop as fp
    >>> fp.metrics.accuracy([[0.9, 0.1], [0.2, 0.8]], [0, 0])
    0.5
    """
    predicted, truth, _ = arrays.classes(outputs, y)
    are_right = predicted == truth
    weights = arrays.row_weights(sample_weight, len(truth))
    if weights is None:  # without numpy.average, whose call takes longer than all comparisons of a small fold
        return float(np.count_nonzero(are_right) / len(truth))
    return float(np.average(are_right, weights=weights))


@numpy_settings.own
def balanced_accuracy(outputs: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> float:
    """Return the mean over the classes in `y` of the share of a class's rows that get the right class.

    Parameters
    ----------
    outputs, y, sample_weight : array_like
        See `accuracy`, as for errors.

    Returns
    -------
    float
        From 0 to 1.

    Examples
    --------
    >>> import fastprop as fp
    >>> fp.metrics.balanced_accuracy([0.9, 0.8, 0.7, 0.6], [1, 1, 1, 0])
    0.5
    """
    counts = _confusion(outputs, y, sample_weight)
    rows = counts.sum(axis=1)
    return float(np.mean(counts.diagonal()[rows > 0] / rows[rows > 0]))


@numpy_settings.own
def f1(outputs: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> float:
    """Return the F1 score, the harmonic mean of precision and recall: of class 1, or the mean over several classes.

    For two classes it is that of class 1, as in scikit-learn's ``f1_score``. For more it is the mean over the classes
    that occur in `y` or among the predictions, as with ``average="macro"``.

    Parameters
    ----------
    outputs, y, sample_weight : array_like
        See `accuracy`, as for errors.

    Returns
    -------
    float
        From 0 to 1; NaN if class 1 of two occurs neither in `y` nor among the predictions.

    Examples
    --------
    >>> import fastprop as fp
    >>> fp.metrics.f1([0.9, 0.8, 0.7, 0.1], [1, 0, 0, 0])
    0.5
    """
    counts = _confusion(outputs, y, sample_weight)
    occurrences = counts.sum(axis=0) + counts.sum(axis=1)  # in y and among the predictions
    right = counts.diagonal()
    if len(counts) == 2:
        occurrences, right = occurrences[1:], right[1:]
    occurs = occurrences > 0
    return float(np.mean(2 * right[occurs] / occurrences[occurs])) if occurs.any() else float("nan")


@numpy_settings.own
def matthews(outputs: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> float:
    """Return Matthews' correlation coefficient between the predicted and the true classes, of two or more.

    Parameters
    ----------
    outputs, y, sample_weight : array_like
        See `accuracy`, as for errors.

    Returns
    -------
    float
        From -1 to 1; 0 if one class alone is predicted, NaN if `y` holds one class alone.

    References
    ----------
    Gorodkin, "Comparing two K-category assignments by a K-category correlation coefficient", Computational Biology and
    Chemistry 28 (2004).

    Examples
    --------
    >>> import fastprop as fp
    >>> fp.metrics.matthews([0.9, 0.8, 0.2, 0.1], [1, 1, 0, 0])
    1.0
    """
    counts = _confusion(outputs, y, sample_weight).astype(np.float64)
    true, predicted = counts.sum(axis=1), counts.sum(axis=0)
    rows = counts.sum()
    spread_of_truth = rows * rows - true @ true
    spread_of_predictions = rows * rows - predicted @ predicted
    if spread_of_truth == 0:
        return float("nan")
    if spread_of_predictions == 0:
        return 0.0
    return float((counts.trace() * rows - true @ predicted) / np.sqrt(spread_of_truth * spread_of_predictions))


@numpy_settings.own
def log_loss(outputs: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> float:
    """Return the mean over the rows of -Σ t log p.

    Parameters
    ----------
    outputs : array_like
        (n, n_out) probabilities p, or (n,) or (n, 1) of class 1. They are clipped to [ε, 1 - ε], ε being the rounding
        error of their dtype.
    y : array_like
        (n,) or (n, 1) classes, or (n, n_out) targets t.
    sample_weight : array_like, optional
        See `accuracy`.

    Returns
    -------
    float
        At least 0.

    Raises
    ------
    ValueError, TypeError
        If the two do not have such shapes, or hold other values.

    Examples
    --------
    >>> import fastprop as fp
    >>> fp.metrics.log_loss([[0.5], [0.5]], [0, 1])
    0.6931471805599453
    """
    p, t = arrays.probabilities(outputs, y)
    return float(np.average(-(t * np.log(p)).sum(axis=1), weights=arrays.row_weights(sample_weight, len(p))))


def _confusion(outputs, y, sample_weight):
    """Return how many rows of each true class (row) get each class (column), or their weight, (classes, classes)."""
    predicted, truth, count = arrays.classes(outputs, y)
    weights = arrays.row_weights(sample_weight, len(truth))
    return np.bincount(truth * count + predicted, weights, minlength=count * count).reshape(count, count)
