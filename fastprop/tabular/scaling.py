"""`TargetScaling`: numbers that are centered and scaled for training, and answered in their own unit."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from fastprop.metrics import SCORES, Score
from fastprop.network import MLP
from fastprop.row_blocks import row_blocks

POWERS = {"mse": 2, "mae": 1, "huber": 2, "poisson": 1}
"""By loss, the power of the targets' unit in which it is measured; that of huber holds near zero."""


def moments(values: NDArray[Any], weights: NDArray[Any] | None = None) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return mean and standard deviation of each column, (columns,) float64; that of a constant column is given as 1.

    Parameters
    ----------
    values : ndarray
        (n, columns).
    weights : ndarray, optional
        (n,), at least 0. A row of weight 2 counts as two rows.

    Examples
    --------
    >>> import numpy as np
    >>> from fastprop.tabular.scaling import moments
    >>> mean, scale = moments(np.array([[0.0, 5], [4, 5]]), np.array([3, 1]))
    >>> mean.tolist(), scale.round(3).tolist()
    ([1.0, 5.0], [1.732, 1.0])
    """
    weights = np.ones(len(values)) if weights is None else np.asarray(weights, np.float64)
    first = values[np.flatnonzero(weights)[0]].astype(np.float64)
    sums, squares = np.zeros((2, values.shape[1]))  # of deviations from the first row, which keeps digits
    for rows in row_blocks(*values.shape):
        sums += weights[rows] @ (values[rows] - first)
    mean = sums / weights.sum()
    for rows in row_blocks(*values.shape):
        squares += weights[rows] @ (values[rows] - first - mean) ** 2
    scale = np.sqrt(squares / weights.sum())
    return first + mean, np.where(scale > 0, scale, 1.0)


class TargetScaling(NamedTuple):
    """How targets y (n, outputs) are made into y' = (y - center) / scale for training.

    Examples
    --------
    >>> import numpy as np
    >>> from fastprop.tabular.scaling import TargetScaling
    >>> scaling = TargetScaling.fit(np.array([[100.0], [300.0]]), "mse")
    >>> scaling.scaled(np.array([[200.0], [300.0]])).tolist()
    [[0.0], [1.0]]
    >>> scaling.restored(np.array([[0.5]])).tolist(), scaling.loss_factor("mse")
    ([[250.0]], 10000.0)
    """

    center: NDArray[np.float64]  # (outputs,)
    scale: NDArray[np.float64]  # (outputs,)

    @classmethod
    def fit(cls, y: NDArray[Any], loss: str, weights: NDArray[Any] | None = None) -> Self:
        """Return the scaling of targets (n, outputs) for a loss; rates of ``"poisson"`` are divided by their mean."""
        mean, scale = moments(y, weights)
        if loss == "poisson":
            return cls(np.zeros(len(mean)), np.where(mean > 0, mean, 1.0))
        return cls(mean, scale)

    def scaled(self, y: NDArray[Any]) -> NDArray[np.float64]:
        """Return targets for training."""
        return (y - self.center) / self.scale

    def restored(self, outputs: NDArray[Any]) -> NDArray[np.float64]:
        """Return outputs of a network in the unit of the targets."""
        return outputs * self.scale + self.center

    def loss_factor(self, loss: str) -> float:
        """Return what a loss of scaled targets is multiplied by to be in the unit of the targets.

        Losses of several targets of different scales are left as they are: 1.
        """
        return float(self.scale[0]) ** POWERS[loss] if len(self.scale) == 1 else 1.0

    def fold_into(self, network: MLP) -> None:
        """Change the last layer of a network that was trained on scaled targets to give them in their own unit.

        Its output is the identity.
        """
        weights, biases = network.weights[-1], network.biases[-1]
        weights[...] = weights * self.scale
        biases[...] = biases * self.scale + self.center

    def score(self, name: str | None) -> Score | str | None:
        """Return the score of this name, measured in the unit of the targets."""
        known = SCORES.get(name) if name else None
        if known is None or known.needs != "numbers":
            return name
        return replace(known, function=_InOwnUnit(known.function, self))


@dataclass(frozen=True, eq=False)
class _InOwnUnit:
    """A score function that is called with outputs and targets in their own unit."""

    function: Any
    scaling: TargetScaling

    def __call__(self, outputs, y):
        both = (self.scaling.restored(np.asarray(each, np.float64).reshape(len(each), -1)) for each in (outputs, y))
        return self.function(*both)
