"""Scores of numbers: how near the outputs are to the targets. Each is computed in float64."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from fastprop import checks, numpy_settings
from fastprop.annotations import ArrayLike
from fastprop.metrics import arrays


@numpy_settings.own
def mse(outputs: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> float:
    """Return the mean squared error over rows and outputs.

    Parameters
    ----------
    outputs, y : array_like
        Both (n, n_out), or both (n,), or (n, 1) and (n,).
    sample_weight : array_like, optional
        (n,) weights of at least 0, of which only ratios count; by default all rows weigh the same.

    Returns
    -------
    float
        At least 0.

    Raises
    ------
    ValueError, TypeError
        If the two do not have such shapes, or hold what is no finite number.

    Examples
    --------
    >>> import fastprop as fp
    >>> fp.metrics.mse([[1.0], [5.0]], [1.0, 2.0])
    4.5
    """
    outputs, y = arrays.numbers(outputs, y)
    return _mean((outputs - y) ** 2, sample_weight)


@numpy_settings.own
def rmse(outputs: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> float:
    """Return the root of the mean squared error over the rows, averaged over the outputs.

    Parameters
    ----------
    outputs, y, sample_weight : array_like
        See `mse`, as for errors.

    Returns
    -------
    float
        At least 0, in the unit of `y`.

    Examples
    --------
    >>> import fastprop as fp
    >>> fp.metrics.rmse([[1.0], [5.0]], [1.0, 2.0])
    2.1213203435596424
    """
    outputs, y = arrays.numbers(outputs, y)
    return float(np.mean(np.sqrt(np.average((outputs - y) ** 2, 0, arrays.row_weights(sample_weight, len(y))))))


@numpy_settings.own
def mae(outputs: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> float:
    """Return the mean absolute error over rows and outputs.

    Parameters
    ----------
    outputs, y, sample_weight : array_like
        See `mse`, as for errors.

    Returns
    -------
    float
        At least 0, in the unit of `y`.

    Examples
    --------
    >>> import fastprop as fp
    >>> fp.metrics.mae([[1.0], [5.0]], [1.0, 2.0])
    1.5
    """
    outputs, y = arrays.numbers(outputs, y)
    return _mean(np.abs(outputs - y), sample_weight)


@numpy_settings.own
def median_absolute_error(outputs: ArrayLike, y: ArrayLike) -> float:
    """Return the median of the absolute errors over the rows, averaged over the outputs.

    Parameters
    ----------
    outputs, y : array_like
        See `mse`, as for errors.

    Returns
    -------
    float
        At least 0, in the unit of `y`.

    Examples
    --------
    >>> import fastprop as fp
    >>> fp.metrics.median_absolute_error([1.0, 5.0, 100.0], [1.0, 2.0, 3.0])
    3.0
    """
    outputs, y = arrays.numbers(outputs, y)
    return float(np.mean(np.median(np.abs(outputs - y), axis=0)))


@numpy_settings.own
def r2(outputs: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> float:
    """Return the coefficient of determination R², averaged over the outputs that are not constant in `y`.

    Parameters
    ----------
    outputs, y, sample_weight : array_like
        See `mse`, as for errors.

    Returns
    -------
    float
        1 for a perfect prediction, 0 for that of the mean, NaN where `y` is constant.

    Examples
    --------
    >>> import fastprop as fp
    >>> fp.metrics.r2([1.0, 2.0, 2.0], [1.0, 2.0, 3.0])
    0.5
    """
    outputs, y = arrays.numbers(outputs, y)
    weights = arrays.row_weights(sample_weight, len(y))
    return _explained(_total((outputs - y) ** 2, weights), y, weights)


@numpy_settings.own
def explained_variance(outputs: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> float:
    """Return the share of the variance of `y` that the outputs explain, averaged as by `r2`.

    It differs from `r2` in that a constant error of an output does not count.

    Parameters
    ----------
    outputs, y, sample_weight : array_like
        See `mse`, as for errors.

    Returns
    -------
    float
        At most 1; NaN where `y` is constant.

    Examples
    --------
    >>> import fastprop as fp
    >>> fp.metrics.explained_variance([2.0, 3.0, 4.0], [1.0, 2.0, 3.0])
    1.0
    """
    outputs, y = arrays.numbers(outputs, y)
    weights = arrays.row_weights(sample_weight, len(y))
    return _explained(_squared_deviations(outputs - y, weights), y, weights)


def _mean(values, sample_weight):
    """Return the mean of values (n, n_out), of which a row counts by its weight."""
    weights = arrays.row_weights(sample_weight, len(values))
    return float(np.mean(values) if weights is None else np.average(values, 0, weights).mean())


def _explained(unexplained, y, weights):
    """Return 1 - `unexplained` (n_out,) / Σ (y - mean of y)², averaged over the outputs that vary in `y` (n, n_out)."""
    squared_deviations = _squared_deviations(y, weights)
    varies = squared_deviations > 0
    return float(np.mean(1 - unexplained[varies] / squared_deviations[varies])) if varies.any() else float("nan")


def _squared_deviations(values, weights):
    """Return Σ (value - mean)² of each column of values (n, n_out), (n_out,)."""
    return _total((values - np.average(values, 0, weights)) ** 2, weights)


def _total(values, weights):
    """Return the sum of each column of values (n, n_out), of which a row counts by its weight, if there are weights."""
    return values.sum(axis=0) if weights is None else weights @ values


@numpy_settings.own
def pinball(outputs: ArrayLike, y: ArrayLike, quantiles: Sequence[float]) -> float:
    """Return the mean pinball loss over rows and outputs, which are quantiles of `y`; see `fastprop.Pinball`.

    Parameters
    ----------
    outputs : array_like
        (n, quantiles), or (n,) for one.
    y : array_like
        (n,) or (n, 1).
    quantiles : sequence of float
        Each above 0 and below 1, ascending.

    Returns
    -------
    float
        At least 0, in the unit of `y`.

    Raises
    ------
    ValueError, TypeError
        See `mse`; or if quantiles are not as described.

    Examples
    --------
    >>> import fastprop as fp
    >>> fp.metrics.pinball([[1.0, 4.0]], [2.0], quantiles=(0.5, 0.75))
    0.5
    """
    q = np.array(checks.quantiles(quantiles))
    outputs, y = arrays.several_for_one(outputs, y, len(q))
    return float(np.mean(np.where(outputs < y, q * (y - outputs), (1 - q) * (outputs - y))))
