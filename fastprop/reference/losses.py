"""Losses of each row, from z and a = f(z), with their derivatives by z; and the targets that labels stand for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .activations import sigmoid, softplus
from .numpy_errors import ERRORS

QUANTILES = 0.1, 0.5, 0.9
"""Those of the pinball loss if none are given."""


def _mse(z, a, t, back):
    return ((a - t) ** 2).mean(axis=1), back(2 * (a - t) / t.shape[1])


def _mae(z, a, t, back):
    return np.abs(a - t).mean(axis=1), back(np.sign(a - t) / t.shape[1])


def _huber(z, a, t, back, delta=1.0):
    # (a - t)² / 2 up to a distance of delta, linear beyond it: Huber, Ann. Math. Stat. 35 (1964)
    distance = np.abs(a - t)
    rows = np.where(distance < delta, distance**2 / 2, delta * (distance - delta / 2)).mean(axis=1)
    return rows, back(np.clip(a - t, -delta, delta) / t.shape[1])


def _pinball(z, a, t, back, quantiles=QUANTILES):
    # q (t - a) below the target, (1 - q) (a - t) above it: Koenker and Bassett, Econometrica 46 (1978)
    q = np.asarray(quantiles)
    rows = np.where(a < t, q * (t - a), (1 - q) * (a - t)).mean(axis=1)
    return rows, back(np.where(a < t, -q, np.where(a > t, 1 - q, 0.0)) / t.shape[1])


def _poisson(z, a, t, back):
    # -log of the probability eᵗᶻ e^-eᶻ / t! of a count t whose rate is a = eᶻ, without log t!
    return (a - t * z).mean(axis=1), (a - t) / t.shape[1]


def _binary_cross_entropy(z, a, t, back, label_smoothing=0.0):
    # -t log a - (1 - t) log(1 - a), where -log a = softplus(-z) and -log(1 - a) = softplus(z)
    t = (1 - label_smoothing) * t + label_smoothing / 2
    rows = (t * softplus(-z) + (1 - t) * softplus(z)).mean(axis=1)
    return rows, ((1 - t) * sigmoid(z) - t * sigmoid(-z)) / t.shape[1]  # a - t, which cancels


def _cross_entropy(z, a, t, back, label_smoothing=0.0):
    # -Σ t log a, by log-sum-exp; smoothing: Szegedy et al., CVPR 2016
    t = (1 - label_smoothing) * t + label_smoothing / t.shape[1]
    maximum = z.max(axis=1, keepdims=True)
    others = np.exp(z - maximum)
    np.put_along_axis(others, z.argmax(axis=1)[:, None], 0, axis=1)
    log_sum = np.log1p(others.sum(axis=1, keepdims=True))  # log Σ eᶻ - maximum
    rest = a @ (1 - np.eye(a.shape[1]))  # 1 - a, which cancels
    return (t * (maximum - z + log_sum)).sum(axis=1), (1 - t) * a - t * rest  # a - t, which cancels


class Loss(NamedTuple):
    """A row of `LOSSES`."""

    rows_and_delta: Callable[..., Any]  # (z, a, targets t, back) → loss of each row, dloss/dz; see `losses_and_delta`
    output: str | None = None  # the output activation that it needs, if it is computed from the logits z
    of_classes: bool = False  # whether it is a loss of classifiers
    shares_target: bool = False  # whether all outputs have one target, of which there is one column


LOSSES = {
    "mse": Loss(_mse),
    "mae": Loss(_mae),
    "huber": Loss(_huber),
    "pinball": Loss(_pinball, shares_target=True),
    "poisson": Loss(_poisson, output="exp"),
    "binary_cross_entropy": Loss(_binary_cross_entropy, output="sigmoid", of_classes=True),
    "cross_entropy": Loss(_cross_entropy, output="softmax", of_classes=True),
}
"""One row for each loss."""


@np.errstate(**ERRORS)
def losses_and_delta(
    loss: Any, z: NDArray[Any], a: NDArray[Any], t: NDArray[Any], back: Callable[[NDArray[Any]], NDArray[Any]]
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return each row's loss (n,) and dloss/dz (n, columns).

    `loss` is a name in `LOSSES`, or an option with such a name, whose other attributes its function takes. `back` is
    the backward pass through the activation: it turns dloss/da into dloss/dz.
    """
    name, options = (loss, {}) if isinstance(loss, str) else (loss.name, vars(loss))
    return LOSSES[name].rows_and_delta(z, a, t, back, **options)


def targets_of(loss: Any, y: ArrayLike, columns: int) -> NDArray[Any]:
    """Return the targets (n, columns) of a loss for which `y` stands: one for all outputs, or see `one_hot`."""
    if LOSSES[getattr(loss, "name", loss)].shares_target:
        return np.broadcast_to(np.asarray(y, np.float64).reshape(len(y), -1), (len(y), columns))
    return one_hot(y, columns)


def one_hot(y: ArrayLike, columns: int) -> NDArray[Any]:
    """Return targets (n, columns): `y` itself, or, for integer labels (n,) or (n, 1), 1 in the column of the label.

    Examples
    --------
    >>> from fastprop import reference
    >>> reference.one_hot([2, 0], columns=3)
    array([[0., 0., 1.],
           [1., 0., 0.]])
    """
    y = np.asarray(y)
    if columns > 1 and y.size == len(y):
        return np.eye(columns)[y.reshape(len(y))]
    return y.reshape(len(y), columns).astype(np.float64)
