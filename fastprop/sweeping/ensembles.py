"""`Ensemble`: several networks that predict as one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from fastprop import checks, numpy_settings, runs
from fastprop.annotations import ArrayLike, FloatArray
from fastprop.data import Inputs, places
from fastprop.network import MLP


class Ensemble:
    """Several networks that predict the mean of their outputs.

    Parameters
    ----------
    networks : iterable of MLP, or mapping
        At least one; all have the same number of inputs, number of outputs, output activation and dtype. Of a mapping,
        such as ``result.networks`` of a sweep, the values count.

    Raises
    ------
    ValueError
        If there are none, or they differ in one of these or in the names of their classes.
    TypeError
        If they are no networks.

    References
    ----------
    Hansen and Salamon, "Neural network ensembles", IEEE Transactions on Pattern Analysis and Machine Intelligence 12
    (1990).

    Examples
    --------
    >>> import fastprop as fp
    >>> ensemble = fp.Ensemble([fp.MLP((4, 3, 2), seed=seed) for seed in range(5)])
    >>> ensemble
    Ensemble of 5 networks, 4 inputs, 2 sigmoid outputs
    >>> ensemble.predict([[0.1, 0.2, 0.3, 0.4]]).shape
    (1, 2)
    """

    def __init__(self, networks: Iterable[MLP] | Mapping[Any, MLP]) -> None:
        networks = networks.values() if isinstance(networks, Mapping) else networks
        self.networks = checks.networks(networks, MLP)
        checks.ensemble(self.networks)

    @numpy_settings.own
    def predict(self, X: ArrayLike) -> FloatArray:
        """Return the mean of the networks' outputs, (n, n_out) of their dtype, for inputs (n, n_in).

        See `MLP.predict` for what `X` may be, and for errors.
        """
        unnamed = places(self.networks[0].layer_sizes[0])
        known = next(filter(None, (network.feature_names for network in self.networks)), unnamed)
        orders = [network.feature_names or known for network in self.networks]
        inputs = {names: Inputs.of(X, self.networks[0], feature_names=names) for names in dict.fromkeys(orders)}
        checks.ensemble_inputs(inputs[known].feature_names, list(inputs))
        total = np.array(runs.predict(self.networks[0], inputs[orders[0]]))
        for network, names in zip(self.networks[1:], orders[1:]):
            total += runs.predict(network, inputs[names])
        return total / np.asarray(len(self.networks), total.dtype)

    def __repr__(self) -> str:
        first = self.networks[0]
        return (
            f"Ensemble of {len(self.networks)} networks, {first.layer_sizes[0]} inputs, "
            f"{first.layer_sizes[-1]} {first.output} outputs"
        )
