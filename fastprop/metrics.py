"""Scores of predictions: higher is better."""

import numpy as np

from fastprop import checks


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
    return float(np.mean(_classes(outputs) == _classes(y)))


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
    y, outputs = y.astype(np.float64), outputs.astype(np.float64)
    spread = ((y - y.mean(axis=0)) ** 2).sum(axis=0)
    if not spread.any():
        return float("nan")
    return float(np.mean(1 - ((y - outputs) ** 2).sum(axis=0)[spread > 0] / spread[spread > 0]))


SCORES = {"accuracy": accuracy, "R²": r2}


def score_name(labelled, *losses):
    """Return what is measured where nobody says: accuracy for labels or a loss of classifiers, else R²."""
    classifies = any(checks.loss_name(loss) in ("binary_cross_entropy", "cross_entropy") for loss in losses)
    return "accuracy" if labelled or classifies else "R²"
