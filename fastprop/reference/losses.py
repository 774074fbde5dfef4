"""Losses of each row, from z and a = f(z), with their derivative by z; and the targets that labels stand for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray


def _mse(z, a, t, back):
    return ((a - t) ** 2).mean(axis=1), back(2 * (a - t) / t.shape[1])


def _mae(z, a, t, back):
    return np.abs(a - t).mean(axis=1), back(np.sign(a - t) / t.shape[1])


def _huber(z, a, t, back, delta=1.0):
    # (a - t)² / 2 up to a distance of delta, and a straight line beyond: Huber, Ann. Math. Stat. 35 (1964)
    distance = np.abs(a - t)
    rows = np.where(distance < delta, distance**2 / 2, delta * (distance - delta / 2)).mean(axis=1)
    return rows, back(np.clip(a - t, -delta, delta) / t.shape[1])


def _poisson(z, a, t, back):
    # -log of the probability eᵗᶻ e^-eᶻ / t! of a count t whose rate is a = eᶻ, without log t!
    return (a - t * z).mean(axis=1), (a - t) / t.shape[1]


def _binary_cross_entropy(z, a, t, back):
    # -t log a - (1 - t) log(1 - a), from z so that it does not cancel
    return (np.maximum(z, 0) - z * t + np.log1p(np.exp(-np.abs(z)))).mean(axis=1), (a - t) / t.shape[1]


def _cross_entropy(z, a, t, back, label_smoothing=0.0):
    # -Σ t log a, by log-sum-exp; smoothing: Szegedy et al., CVPR 2016
    t = (1 - label_smoothing) * t + label_smoothing / t.shape[1]
    top = z.max(axis=1, keepdims=True)
    log_sum = top + np.log(np.exp(z - top).sum(axis=1, keepdims=True))
    return (t * (log_sum - z)).sum(axis=1), a - t


LOSSES = {
    "mse": _mse,
    "mae": _mae,
    "huber": _huber,
    "poisson": _poisson,
    "binary_cross_entropy": _binary_cross_entropy,
    "cross_entropy": _cross_entropy,
}
"""Functions of z, a = f(z), the targets, and the way back through f."""


def losses_and_delta(
    kind: Any, z: NDArray[Any], a: NDArray[Any], t: NDArray[Any], back: Callable[[NDArray[Any]], NDArray[Any]]
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return each row's loss (n,) and dloss/dz (n, columns).

    `kind` is a name in `LOSSES`, or an object with that name and with the numbers that its function takes.
    """
    name, options = (kind, {}) if isinstance(kind, str) else (kind.name, vars(kind))
    return LOSSES[name](z, a, t, back, **options)


def one_hot(y: ArrayLike, columns: int) -> NDArray[Any]:
    """Return targets (n, columns): `y` itself, or, for integer labels (n,), 1 in the column of the label."""
    y = np.asarray(y)
    if y.ndim == 1 and columns > 1:
        return np.eye(columns)[y]
    return y.reshape(len(y), columns).astype(np.float64)
