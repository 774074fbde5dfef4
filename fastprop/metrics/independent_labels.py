"""Scores of several independent labels, of which a row may have any number."""

from __future__ import annotations

import numpy as np

from fastprop import numpy_settings
from fastprop.annotations import ArrayLike
from fastprop.metrics import arrays, ranks


@numpy_settings.own
def label_accuracy(outputs: ArrayLike, y: ArrayLike) -> float:
    """Return the share of labels that are right, over all rows and labels: those above 0.5 are predicted.

    Parameters
    ----------
    outputs : array_like
        (n, n_out) probabilities of independent labels.
    y : array_like
        (n, n_out): 1 where a row has a label, else 0.

    Returns
    -------
    float
        From 0 to 1.

    Raises
    ------
    ValueError, TypeError
        If the two have different shapes, or hold other values.

    Examples
    --------
    >>> import fastprop as fp
    >>> fp.metrics.label_accuracy([[0.9, 0.7], [0.2, 0.1]], [[1, 1], [1, 0]])
    0.75
    """
    outputs, truth = arrays.labels(outputs, y)
    return float(np.mean((outputs > 0.5) == truth))


@numpy_settings.own
def label_f1(outputs: ArrayLike, y: ArrayLike) -> float:
    """Return the mean over the labels of the F1 score of each.

    It is scikit-learn's ``f1_score`` with ``average="macro"``.

    Parameters
    ----------
    outputs, y : array_like
        See `label_accuracy`, as for errors.

    Returns
    -------
    float
        From 0 to 1; a label that no row has and none is predicted to have counts 0.

    Examples
    --------
    >>> import fastprop as fp
    >>> fp.metrics.label_f1([[0.9, 0.7], [0.2, 0.1]], [[1, 1], [0, 1]])
    0.8333333333333333
    """
    outputs, truth = arrays.labels(outputs, y)
    predicted = outputs > 0.5
    right = (predicted & truth).sum(axis=0)
    occurrences = predicted.sum(axis=0) + truth.sum(axis=0)
    return float(np.mean(2 * right / np.maximum(occurrences, 1)))


@numpy_settings.own
def label_roc_auc(outputs: ArrayLike, y: ArrayLike) -> float:
    """Return the mean over the labels of the area under the ROC curve of each: see `roc_auc`.

    Parameters
    ----------
    outputs, y : array_like
        See `label_accuracy`, as for errors.

    Returns
    -------
    float
        From 0 to 1; NaN if all or no rows have one of the labels.

    Examples
    --------
    >>> import fastprop as fp
    >>> fp.metrics.label_roc_auc([[0.9, 0.2], [0.2, 0.1]], [[1, 0], [0, 1]])
    0.5
    """
    outputs, truth = arrays.labels(outputs, y)
    return float(np.mean([ranks.area(*column) for column in zip(outputs.T, truth.T)]))
