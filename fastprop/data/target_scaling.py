"""`TargetScaling`: numbers that are centered and scaled for training, and answered in their own unit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from fastprop import checks
from fastprop.data.inputs import Inputs
from fastprop.data.standardization import UNCHANGED, standardization

POWERS = {"mse": 2, "mae": 1, "huber": 2, "pinball": 1, "poisson": 1}
"""By loss, the power of the targets' unit in which it is measured; that of huber holds near zero."""


LARGEST = 1e150
"""Of this size are targets at most, and the others' inverse, because errors are squared and summed in float64."""

FAR = 1000
"""How many times their deviation targets may be from zero for a float32 network to answer in their own unit."""


@dataclass(frozen=True, eq=False)
class ScaledTargets:
    """Targets that `fastprop.sweep` centers and scales by the training rows of each fold.

    Networks, losses and scores are in the unit of the targets nevertheless. The networks end in the identity.
    """

    values: NDArray[Any]  # (n,) or (n, n_out), in their own unit

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        return np.array(self.values, dtype) if copy else np.asarray(self.values, dtype)


class TargetScaling(NamedTuple):
    """How targets y (n, outputs) are made into y' = (y - center) / scale for training.

    Examples
    --------
    >>> import numpy as np
    >>> from fastprop.data import TargetScaling
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
        mean, scale = standardization(Inputs(y, UNCHANGED, "y"), weights=weights)
        for size in (*scale, *np.abs(mean[mean != 0])):
            if not 1 / LARGEST <= size <= LARGEST:
                raise ValueError(
                    f"y has numbers of the size of {size:.3g}, whose squares float64 does not hold: divide it by a "
                    "constant that brings them near 1."
                )
        if loss == "poisson":
            return cls(np.zeros(len(mean)), np.where(mean > 0, mean, 1.0))
        return cls(mean, scale)

    @property
    def dtype(self) -> str:
        """The dtype in which a network can give the targets in their own unit: their differences need digits."""
        return "float64" if (np.abs(self.center) > FAR * self.scale).any() else "float32"

    def refuse_precision(self, precision: str | None) -> None:
        """Refuse a precision of products, unless it is None, for targets whose networks are not of float32."""
        checks.fits_dtype(precision, self.dtype, "subtract a constant from y, which needs float64 this far from zero")

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

    def fold_into(self, network: Any) -> None:
        """Change the last layer of a network that was trained on scaled targets to give them in their own unit."""
        weights, biases = network.weights[-1], network.biases[-1]
        with np.errstate(over="ignore"):  # of a network that diverged
            weights[...], biases[...] = self.folded(weights, biases, network.output)

    def folded(self, weights: NDArray[Any], biases: NDArray[Any], output: str) -> tuple[NDArray[Any], NDArray[Any]]:
        """Return the weights and biases of a last layer that gives targets in their own unit.

        Parameters
        ----------
        weights, biases : ndarray
            (n_in, outputs) and (outputs,), of the layer that was trained on scaled targets.
        output : str
            Its activation, ``"identity"``, or ``"exp"`` for targets that are only divided by their scale.
        """
        if output == "exp":
            return weights, biases + np.log(self.scale)
        return weights * self.scale, biases * self.scale + self.center
