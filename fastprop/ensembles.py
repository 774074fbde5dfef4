"""`Ensemble`: several networks that predict as one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from fastprop import checks, numpy_settings
from fastprop.annotations import ArrayLike, Dtype, FloatArray, Path
from fastprop.calibration import with_temperature
from fastprop.data import Inputs, position_names
from fastprop.files import tensors
from fastprop.integrations import onnx_ensembles, onnx_models
from fastprop.intervals import FoldErrors
from fastprop.network import MLP

FOLD_ERRORS = "fold_errors"
"""The name of the array of the `FoldErrors` in a file, and of their counts in its description."""


class Ensemble:
    """Several networks that predict the mean of their outputs, with weights or without.

    Networks of one shape predict together, block by block of the rows, so that the memory stays small however many rows
    there are. Many rows are shared by as many threads as `fastprop.train` uses by default.

    Parameters
    ----------
    networks : iterable of MLP, or mapping
        At least one; all have the same number of outputs, output activation and dtype. Of a mapping, such as
        ``result.networks`` of a sweep, the values count. To predict from arrays, all need the same number of inputs;
        networks of a table's columns in different encodings predict by `fastprop.TableEnsemble`.
    weights : array_like, optional
        (networks,) above 0, by default all alike. What counts is each one's share of the sum.
    fold_errors : fastprop.intervals.FoldErrors, optional
        How far off the networks are for rows that they were not trained on, which makes intervals. The networks are
        then those of all folds of one configuration, in the order of folds, and so on for other configurations.
    temperature : float
        Above 0. By what the logarithms of mean probabilities are divided, see `fastprop.calibration.fit_temperature`;
        1 changes nothing. Others need a softmax output, or a single sigmoid output.

    Attributes
    ----------
    networks : list of MLP
    weights : ndarray
        (networks,) float64, whose sum is 1.
    fold_errors : FoldErrors or None
    temperature : float

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

    def __init__(
        self,
        networks: Iterable[MLP] | Mapping[Any, MLP],
        weights: ArrayLike | None = None,
        *,
        fold_errors: FoldErrors | None = None,
        temperature: float = 1.0,
    ) -> None:
        networks = networks.values() if isinstance(networks, Mapping) else networks
        self.networks = checks.networks(networks, MLP)
        checks.ensemble(self.networks)
        self.weights = checks.ensemble_weights(weights, len(self.networks))
        self.fold_errors = fold_errors
        self.temperature = checks.positive(temperature, "temperature")
        if temperature != 1:
            checks.output_of_classes(self.networks[0])
        if fold_errors is not None:
            checks.instance(fold_errors, FOLD_ERRORS, FoldErrors, "FoldErrors.of(out_of_fold, y, folds)")
            outputs, of_errors = self.networks[0].layer_sizes[-1], fold_errors.errors.shape[1]
            if len(self.networks) % fold_errors.fold_count or outputs != of_errors:
                raise ValueError(
                    f"fold_errors of {fold_errors.fold_count} folds and {of_errors} outputs do not fit "
                    f"{len(self.networks)} networks with {outputs}: give those of these networks."
                )

    @classmethod
    def of_folds(
        cls,
        folds: Iterable[Iterable[MLP]],
        weights: ArrayLike,
        *,
        fold_errors: FoldErrors | None = None,
        temperature: float = 1.0,
    ) -> Self:
        """Return the ensemble of the networks of folds of several configurations.

        Parameters
        ----------
        folds : iterable of iterable of MLP
            (configurations, folds) networks.
        weights : array_like
            (configurations,) at least 0: those of a configuration share its weight alike; those of weight 0 are left
            out.
        fold_errors : FoldErrors, optional
            Of the weighted mean of the configurations.
        temperature : float
            See `Ensemble`.
        """
        pairs = [(list(networks), weight) for networks, weight in zip(folds, np.asarray(weights).tolist()) if weight]
        each = [(network, weight / len(networks)) for networks, weight in pairs for network in networks]
        networks = [network for network, _ in each]
        return cls(networks, [weight for _, weight in each], fold_errors=fold_errors, temperature=temperature)

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

        If the ensemble has a temperature, these are the probabilities with it.
        See `MLP.predict` for what `X` may be, and for errors.
        """
        return self._over_blocks(X, self.mean)

    @numpy_settings.own
    def predict_std(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return the standard deviation of the networks' outputs by their weights, (n, n_out), for inputs (n, n_in).

        It says where the networks disagree, as on inputs unlike those of the training, in the unit of the outputs. It
        is no interval: see `predict_interval`.

        References
        ----------
        Lakshminarayanan, Pritzel and Blundell, "Simple and scalable predictive uncertainty estimation using deep
        ensembles", NeurIPS 2017.

        Examples
        --------
        >>> import fastprop as fp
        >>> network = fp.MLP((4, 3, 2), seed=0)
        >>> fp.Ensemble([network, network]).predict_std([[0.1, 0.2, 0.3, 0.4]])
        array([[0., 0.]])
        """
        return self._over_blocks(X, self.std)

    @numpy_settings.own
    def predict_interval(self, X: ArrayLike, coverage: float = 0.9) -> NDArray[np.float64]:
        """Return an interval for each row that holds its target with a probability of about `coverage`, by CV+.

        Parameters
        ----------
        X : array_like
            (n, n_in), see `MLP.predict`.
        coverage : float
            Above 0 and below 1.

        Returns
        -------
        ndarray
            (n, 2) float64, the lower and the upper bound; or (n, n_out, 2) for several outputs. See
            `fastprop.intervals.cv_plus`.

        Raises
        ------
        ValueError, TypeError
            If the ensemble has no `fold_errors`, or an argument is not as described.
        """
        self._check_intervals()
        return self._over_blocks(X, lambda outputs: self.intervals(outputs, coverage))

    def _check_intervals(self):
        if self.fold_errors is None:
            raise ValueError(
                "intervals lie around predicted numbers, by errors for rows that networks were not trained on, and the "
                "ensemble knows none: take one of numbers that fastprop fit or TabularRegressor made."
            )

    def _over_blocks(self, X, combine):
        """Return what `combine` makes of the outputs of all networks for inputs as given, see `predict_together`."""
        from fastprop import runs  # on use, because it imports Numba

        checks.equal_inputs(self.networks)
        known = self.feature_names or position_names(self.networks[0].layer_sizes[0])
        orders = [network.feature_names or known for network in self.networks]
        inputs = {names: Inputs.of(X, self.networks[0], feature_names=names) for names in dict.fromkeys(orders)}
        checks.ensemble_inputs(inputs[known].feature_names, list(inputs))
        return runs.predict_together(self.networks, [inputs[names] for names in orders], combine)

    def mean(self, outputs: FloatArray) -> FloatArray:
        """Return the mean (n, n_out) of the outputs (networks, n, n_out), by the weights and in their dtype.

        It is summed in float64, network by network. If the ensemble has a temperature, it is applied to the mean.
        """
        total: NDArray[np.float64] | float = 0.0
        for weighted in self.weights[:, None, None] * outputs:
            total = total + weighted
        if self.temperature != 1:
            total = with_temperature(total, self.temperature)
        return np.asarray(total, self.networks[0].dtype)

    def std(self, outputs: FloatArray) -> NDArray[np.float64]:
        """Return the standard deviation (n, n_out) of the outputs (networks, n, n_out), by the weights.

        It is updated network by network (West, "Updating mean and variance estimates: an improved method",
        Communications of the ACM 22, 1979).
        """
        weight_so_far = 0.0
        mean: NDArray[np.float64] | float = 0.0
        squares: NDArray[np.float64] | float = 0.0
        for weight, each in zip(self.weights, outputs.astype(np.float64)):
            weight_so_far += weight
            difference = each - mean
            mean = mean + difference * (weight / weight_so_far)
            squares = squares + weight * difference * (each - mean)
        return np.sqrt(squares / weight_so_far)

    def intervals(self, outputs: FloatArray, coverage: float) -> NDArray[np.float64]:
        """Return intervals by the outputs (networks, n, n_out), as `predict_interval` does."""
        self._check_intervals()
        errors = self.fold_errors
        totals: list[Any] = [0.0] * errors.fold_count
        for index, weighted in enumerate(self.weights[:, None, None] * outputs):
            totals[index % len(totals)] = totals[index % len(totals)] + weighted
        shares = [self.weights[fold :: len(totals)].sum() for fold in range(len(totals))]
        return errors.intervals([total / share for total, share in zip(totals, shares)], coverage)

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

    @numpy_settings.own
    def to_onnx(self, path: Path, *, input_dtype: Dtype | None = None) -> None:
        """Write the ensemble to an ONNX file (extra ``onnx``), as `MLP.to_onnx` writes a network.

        The graph takes ``X`` (rows, n_in) and returns ``outputs`` (rows, n_out) as `predict` does, with weights and
        temperature.

        Parameters
        ----------
        path : str or Path
            The file to write; one that exists is replaced as a whole.
        input_dtype : str, optional
            See `MLP.to_onnx`.

        Raises
        ------
        ImportError, OSError
            As `MLP.to_onnx`.
        ValueError
            As `MLP.to_onnx`, and if the networks have different inputs.

        Examples
        --------
        >>> import pathlib, tempfile
        >>> import fastprop as fp
        >>> path = pathlib.Path(tempfile.mkdtemp(), "ensemble.onnx")
        >>> fp.Ensemble([fp.MLP((2, 8, 3), output="softmax", seed=seed) for seed in range(2)]).to_onnx(path)
        >>> path.exists()
        True
        """
        checks.equal_inputs(self.networks)
        orders = dict.fromkeys(each.feature_names for each in self.networks if each.feature_names is not None)
        if len(orders) > 1:
            raise ValueError("the networks take inputs in different orders: leave out those of one order.")
        dtype = checks.dtype(input_dtype or self.networks[0].dtype, "input_dtype")
        onnx_ensembles.write(path, self.about, self.onnx_networks, dtype)

    @property
    def onnx_networks(self) -> onnx_ensembles.Networks:
        """The networks as `fastprop.integrations.onnx_ensembles` takes them."""
        parts = [onnx_models.network_parts(network) for network in self.networks]
        return onnx_ensembles.Networks(parts, self.weights, self.temperature)

    @property
    def about(self) -> dict[str, Any]:
        """What the metadata of an ONNX file say of the ensemble, with values that JSON can hold."""
        return {
            "networks": [network.about for network in self.networks],
            "weights": self.weights.tolist(),
            "temperature": self.temperature,
            "dtype": self.networks[0].dtype,
            "feature_names": self.feature_names,
            "class_names": self.class_names,
        }

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
        about = {"weights": self.weights.tolist(), "common": common, "networks": own}
        if self.fold_errors is not None:
            about[FOLD_ERRORS] = self.fold_errors.counts
        if self.temperature != 1:
            about["temperature"] = self.temperature
        return {"ensemble": about}

    def state_dict(self) -> dict[str, FloatArray]:
        """Return copies of all arrays by name: those of `MLP.state_dict`, after the number of the network and a dot.

        The errors of `fold_errors` are among them, in the order of folds, if the ensemble has these.

        Raises
        ------
        ValueError
            If a weight of a network is not finite.
        """
        for network in self.networks:
            checks.finite_weights(network.parameters)
        pairs = enumerate(network.state_dict() for network in self.networks)
        state = {f"{index}.{name}": array for index, arrays in pairs for name, array in arrays.items()}
        return state if self.fold_errors is None else state | {FOLD_ERRORS: self.fold_errors.sorted_errors}

    @classmethod
    def restored(cls, about: Mapping[str, Any], state: Mapping[str, FloatArray]) -> Self:
        """Return the ensemble with the ``"ensemble"`` of a `description`, and a `state_dict`."""
        arrays: list[dict[str, FloatArray]] = [{} for _ in about["networks"]]
        counts = about.get(FOLD_ERRORS)
        state = dict(state)
        errors = None if counts is None else FoldErrors.restored(counts, state.pop(FOLD_ERRORS))
        for name, array in state.items():
            index, _, rest = name.partition(".")
            arrays[int(index)][rest] = array
        networks = [MLP.restored(about["common"] | own, each) for own, each in zip(about["networks"], arrays)]
        for network in networks:
            checks.finite_weights(network.parameters)
        return cls(networks, about["weights"], fold_errors=errors, temperature=about.get("temperature", 1.0))

    def __repr__(self) -> str:
        first = self.networks[0]
        inputs = " or ".join(dict.fromkeys(str(network.layer_sizes[0]) for network in self.networks))
        return (
            f"Ensemble of {len(self.networks)} networks, {inputs} inputs, "
            f"{first.layer_sizes[-1]} {first.output} outputs"
        )
