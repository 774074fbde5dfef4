"""Calibrated probabilities: a temperature that makes networks as sure as they are right."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fastprop import checks, numpy_settings
from fastprop.annotations import ArrayLike
from fastprop.metrics import arrays

__all__ = ["fit_temperature", "with_temperature"]
__docformat__ = "numpy"

MIN_TEMPERATURE, MAX_TEMPERATURE = 0.05, 20.0
"""The temperatures between which the best is searched."""

SPREAD = 0.3
"""The standard deviation of 1 / temperature around 1, as it is thought likely before any row is seen.

Few rows that are all right would else have a temperature near 0, with which a single error costs more than all else.
"""

BISECTIONS = 50
"""How often the range of the temperature's logarithm is halved: to about 1e-14."""


@numpy_settings.own
def fit_temperature(probabilities: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> float:
    """Return the temperature with which probabilities of rows that were not trained on have about the lowest log loss.

    Networks are often too sure: of what they give a probability of 0.99, less than 99 % is right. Divided by a
    temperature above 1, the logarithms of the probabilities lie closer together. Which class is the most probable, and
    so the accuracy, stays as it is.

    The sum of the rows' log losses and of ``(1 / temperature - 1)² / (2 · 0.3²)`` is the lowest. The latter is that of
    a normal distribution of 1 / temperature around 1 before any row is seen: it draws the temperature of few rows
    toward 1, and that of many hardly at all.

    Parameters
    ----------
    probabilities : array_like
        (n, classes) rows that sum to 1, or (n, 1) or (n,) of class 1 of two: predictions for rows that were held out,
        such as `SweepResult.out_of_fold`. Rows with NaN, which no fold held out, do not count.
    y : array_like
        (n,) classes from 0 on, or (n, classes) with their probabilities.
    sample_weight : array_like, optional
        (n,) weights of at least 0, of which only ratios count: rows count by these, in all as much as without them.

    Returns
    -------
    float
        From 0.05 to 20: above 1 if the probabilities are too sure, below 1 if they are not sure enough.

    Raises
    ------
    ValueError, TypeError
        If an argument is not as described.

    References
    ----------
    Guo, Pleiss, Sun and Weinberger, "On calibration of modern neural networks", ICML 2017.

    Examples
    --------
    >>> import fastprop as fp
    >>> probabilities = [[0.99, 0.01]] * 1000  # of which one in ten is wrong
    >>> temperature = fp.calibration.fit_temperature(probabilities, [0] * 900 + [1] * 100)
    >>> round(temperature, 2)
    2.08
    >>> fp.calibration.with_temperature(probabilities[:1], temperature).round(2)
    array([[0.9, 0.1]])
    """
    logits, targets, weights = _logits_targets_and_weights(probabilities, y, sample_weight)
    low, high = np.log(MIN_TEMPERATURE), np.log(MAX_TEMPERATURE)
    for _ in range(BISECTIONS):  # the sum is convex in 1 / temperature, so that its derivative changes its sign once
        middle = (low + high) / 2
        factor = np.exp(-middle)
        derivative = (weights * (_softmax(logits * factor) - targets) * logits).sum() + (factor - 1) / SPREAD**2
        if derivative > 0:  # a larger 1 / temperature makes the sum larger
            low = middle
        else:
            high = middle
    return float(np.exp((low + high) / 2))


@numpy_settings.own
def with_temperature(probabilities: ArrayLike, temperature: float) -> NDArray[np.float64]:
    """Return probabilities whose logarithms are divided by a temperature, and which sum to 1 again.

    Parameters
    ----------
    probabilities : array_like
        (n, classes) rows that sum to 1, or (n, 1) or (n,) of class 1 of two.
    temperature : float
        Above 0; 1 changes nothing.

    Returns
    -------
    ndarray
        float64, of the shape of `probabilities`.

    Raises
    ------
    ValueError, TypeError
        If an argument is not as described.

    Examples
    --------
    >>> import fastprop as fp
    >>> fp.calibration.with_temperature([[0.8, 0.2]], 0.5).round(3)
    array([[0.941, 0.059]])
    """
    given = checks.numeric(probabilities, "probabilities")
    if given.ndim not in (1, 2):
        raise ValueError(f"probabilities must have shape (n, classes) or (n,), not {given.shape}: give a row for each.")
    temperature = checks.positive(temperature, "temperature")
    with np.errstate(divide="ignore"):  # a probability of 0 stays 0
        scaled = _softmax(np.log(_of_classes(given)) / temperature)
    return scaled[:, 1].reshape(given.shape) if given.shape[1:] in ((), (1,)) else scaled


def _logits_targets_and_weights(probabilities, y, sample_weight):
    """Return logits and targets (n, classes) and weights (n, 1), whose mean is 1, of the rows that count; float64."""
    p = checks.numeric(probabilities, "probabilities")
    y = checks.numeric(y, "y")
    weights = arrays.row_weights(sample_weight, len(y))
    weights = np.ones(len(y)) if weights is None else weights
    if p.ndim in (1, 2) and len(p) == len(y):
        is_known = np.isfinite(p.reshape(len(p), -1)).all(axis=1) & (weights > 0)
        p, y, weights = p[is_known], y[is_known], weights[is_known]
    _, targets = arrays.probabilities(p, y)
    smallest = np.finfo(p.dtype).tiny if p.dtype.kind == "f" else np.finfo(np.float64).tiny
    return np.log(np.maximum(_of_classes(p), smallest)), targets, weights[:, None] / weights.mean()


def _of_classes(p):
    """Return the probability of each class (n, classes) float64; of class 1 alone, (n,) or (n, 1), makes two."""
    p = p.reshape(len(p), -1).astype(np.float64)
    p = np.hstack([1 - p, p]) if p.shape[1] == 1 else p
    if not (p >= 0).all() or not np.isfinite(p).all():
        raise ValueError(
            "probabilities must be numbers from 0 to 1, and some are not: give those of a softmax or sigmoid output."
        )
    return p


def _softmax(logits):
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)
