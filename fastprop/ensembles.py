"""`Ensemble`: several networks that predict as one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from fastprop import checks, numpy_settings
from fastprop.annotations import ArrayLike, FloatArray, Path
from fastprop.data import Inputs, places
from fastprop.files import tensors
from fastprop.network import MLP


class Ensemble:
    """Several networks that predict the mean of their outputs, with weights or without.

    The networks predict one after the other.

    Parameters
    ----------
    networks : iterable of MLP, or mapping
        At least one; all have the same number of inputs, number of outputs, output activation and dtype. Of a mapping,
        such as ``result.networks`` of a sweep, the values count.
    weights : array_like, optional
        (networks,) above 0, by default all alike. What counts is each one's share of the sum.

    Attributes
    ----------
    networks : list of MLP
    weights : ndarray
        (networks,) float64, whose sum is 1.

    Raises
    ------
    ValueError
        If there are none, or they differ in one of these or in the names of their classes, or weights are not as
        described.
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

    def __init__(self, networks: Iterable[MLP] | Mapping[Any, MLP], weights: ArrayLike | None = None) -> None:
        networks = networks.values() if isinstance(networks, Mapping) else networks
        self.networks = checks.networks(networks, MLP)
        checks.ensemble(self.networks)
        self.weights = checks.ensemble_weights(weights, len(self.networks))

    @classmethod
    def of_folds(cls, folds: Iterable[Iterable[MLP]], weights: ArrayLike) -> Self:
        """Return the ensemble of the networks of folds of several configurations.

        Parameters
        ----------
        folds : iterable of iterable of MLP
            (configurations, folds) networks.
        weights : array_like
            (configurations,) at least 0: those of a configuration share its weight alike; those of weight 0 are left
            out.
        """
        pairs = [(list(networks), weight) for networks, weight in zip(folds, np.asarray(weights).tolist()) if weight]
        each = [(network, weight / len(networks)) for networks, weight in pairs for network in networks]
        return cls([network for network, _ in each], [weight for _, weight in each])

    @property
    def class_names(self) -> tuple[str, ...] | None:
        """The names of the classes that the networks know, or None."""
        return next((each.class_names for each in self.networks if each.class_names is not None), None)

    @property
    def feature_names(self) -> tuple[str, ...] | None:
        """The names of the inputs, (n_in,), in the order of the first network that knows them; None if none does."""
        return next((each.feature_names for each in self.networks if each.feature_names is not None), None)

    @numpy_settings.own
    def predict(self, X: ArrayLike) -> FloatArray:
        """Return the mean of the networks' outputs, (n, n_out) of their dtype, for inputs (n, n_in).

        See `MLP.predict` for what `X` may be, and for errors.
        """
        from fastprop import runs  # on use, because it imports Numba

        known = self.feature_names or places(self.networks[0].layer_sizes[0])
        orders = [network.feature_names or known for network in self.networks]
        inputs = {names: Inputs.of(X, self.networks[0], feature_names=names) for names in dict.fromkeys(orders)}
        checks.ensemble_inputs(inputs[known].feature_names, list(inputs))
        return self.mean(runs.predict(network, inputs[names]) for network, names in zip(self.networks, orders))

    def mean(self, outputs: Iterable[FloatArray]) -> FloatArray:
        """Return the mean (n, n_out) of the outputs (n, n_out) of all networks, by the weights and in their dtype."""
        total: NDArray[np.float64] | float = 0.0
        for weight, each in zip(self.weights, outputs, strict=True):
            total = total + weight * each.astype(np.float64)
        return np.asarray(total, self.networks[0].dtype)

    @numpy_settings.own
    def save(self, path: Path) -> None:
        """Write the networks and their weights to one file, which `fastprop.load` reads, as `MLP.save` does.

        Raises
        ------
        ValueError, OSError
            As `MLP.save`.

        Examples
        --------
        >>> import pathlib, tempfile
        >>> import fastprop as fp
        >>> path = pathlib.Path(tempfile.mkdtemp(), "ensemble.safetensors")
        >>> fp.Ensemble([fp.MLP((4, 3, 2), seed=seed) for seed in range(2)], weights=[3, 1]).save(path)
        >>> fp.load(path).weights
        array([0.75, 0.25])
        """
        tensors.write(path, self.description, self.state_dict(), "network file")

    @property
    def description(self) -> dict[str, Any]:
        """What a file says of the ensemble beside its arrays; what all networks share stands there once."""
        descriptions = [network.description for network in self.networks]
        common = {
            name: value
            for name, value in descriptions[0].items()
            if all(name in each and each[name] == value for each in descriptions)
        }
        own = [{name: value for name, value in each.items() if name not in common} for each in descriptions]
        return {"ensemble": {"weights": self.weights.tolist(), "common": common, "networks": own}}

    def state_dict(self) -> dict[str, FloatArray]:
        """Return copies of all arrays by name: those of `MLP.state_dict`, after the number of the network and a dot.

        Raises
        ------
        ValueError
            If a weight of a network is not finite.
        """
        for network in self.networks:
            checks.finite_weights(network.parameters)
        pairs = enumerate(network.state_dict() for network in self.networks)
        return {f"{index}.{name}": array for index, arrays in pairs for name, array in arrays.items()}

    @classmethod
    def restored(cls, about: Mapping[str, Any], state: Mapping[str, FloatArray]) -> Self:
        """Return the ensemble with the ``"ensemble"`` of a `description`, and a `state_dict`."""
        arrays: list[dict[str, FloatArray]] = [{} for _ in about["networks"]]
        for name, array in state.items():
            index, _, rest = name.partition(".")
            arrays[int(index)][rest] = array
        networks = [MLP.restored(about["common"] | own, each) for own, each in zip(about["networks"], arrays)]
        for network in networks:
            checks.finite_weights(network.parameters)
        return cls(networks, about["weights"])

    def __repr__(self) -> str:
        first = self.networks[0]
        return (
            f"Ensemble of {len(self.networks)} networks, {first.layer_sizes[0]} inputs, "
            f"{first.layer_sizes[-1]} {first.output} outputs"
        )
