"""Scores of predictions: higher is better."""

import numpy as np

from fastprop import checks
from fastprop.moments import Moments


def accuracy(outputs, y):
    """Return the share of rows whose largest output is that of the label.

    Parameters
    ----------
    outputs : ndarray
        (n, n_out), or (n, 1) of probabilities of the class 1.
    y : ndarray
        (n,) labels, or (n, n_out) targets.

    Returns
    -------
    float
        From 0 to 1.

    Examples
    --------
    >>> import numpy as np
    >>> from fastprop import metrics
    >>> metrics.accuracy(np.array([[0.9, 0.1], [0.2, 0.8]]), np.array([0, 0]))
    0.5
    """
    return _accuracy([(outputs, y)])


def _accuracy(blocks):
    right = rows = 0
    for outputs, y in blocks:
        right, rows = right + int((_classes(outputs) == _classes(y)).sum()), rows + len(y)
    return right / rows


def _classes(y):
    if y.ndim == 2 and y.shape[1] > 1:
        return y.argmax(axis=1)
    y = y.reshape(len(y))
    return y > 0.5 if y.dtype.kind == "f" else y


def r2(outputs, y):
    """Return the coefficient of determination, averaged over the outputs that are not constant in `y`.

    Parameters
    ----------
    outputs, y : ndarray
        (n, n_out).

    Returns
    -------
    float
        1 for a perfect prediction, 0 for that of the mean, NaN where `y` is constant.
    """
    return _r2([(outputs, y)])


def _r2(blocks):
    moments, error = Moments(), 0.0
    for outputs, y in blocks:
        moments.add(y)
        error = error + ((y.astype(np.float64) - outputs) ** 2).sum(axis=0)
    counts = moments.spread > 0
    return float(np.mean(1 - error[counts] / moments.spread[counts])) if counts.any() else float("nan")


SCORES = {"accuracy": _accuracy, "R²": _r2}
"""Each of blocks of outputs and of what they should be, ``(outputs, y)`` one after another."""


def score_name(labelled, *losses):
    """Return what is measured where nobody says: accuracy for labels or a loss of classifiers, else R²."""
    classifies = any(checks.loss_name(loss) in ("binary_cross_entropy", "cross_entropy") for loss in losses)
    return "accuracy" if labelled or classifies else "R²"
