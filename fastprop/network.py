"""`MLP`: a network's layer sizes, its activations, and one vector of parameters with views for each layer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from fastprop import checks, numpy_settings
from fastprop.annotations import ArrayLike, Dtype, FloatArray, HiddenActivation, Initialization, OutputActivation
from fastprop.data import Inputs, position_names
from fastprop.exchange import Exchange
from fastprop.initialization import initial_weights
from fastprop.kernels.layout import aligned_zeros, layer_offsets, layers, parameter_count, parameter_offsets
from fastprop.reporting import html


class MLP(Exchange):
    """A multilayer perceptron: layers ``a = f(x @ W + b)``.

    The defaults are plain: sigmoid layers, and inputs as they are. `fastprop.MLPClassifier` and
    `fastprop.MLPRegressor` begin with a recipe that suits most tables.

    Parameters
    ----------
    layer_sizes : sequence of int
        Inputs, hidden layers, outputs: ``(64, 32, 10)``.
    hidden : str or sequence of str
        Activation of the hidden layers, or of each: ``"sigmoid"``, ``"tanh"``, ``"relu"``, ``"leaky_relu"``, ``"elu"``,
        ``"softplus"``, ``"silu"``, ``"gelu"`` (its tanh form), ``"selu"``, ``"mish"`` or ``"identity"``.
    output : str
        Activation of the last layer: one of these, ``"softmax"``, or ``"exp"`` for rates and counts.
    initialization : str or sequence, optional
        Where the weights start: ``"glorot_uniform"``, ``"glorot_normal"``, ``"he_uniform"``, ``"he_normal"``,
        ``"lecun_uniform"``, ``"lecun_normal"`` or ``"orthogonal"``, with biases at zero; or arrays, for each layer its
        weights (n_in, n_out) or a pair of weights and biases (n_out,). By default ``"he_uniform"`` for the layers whose
        activation is relu, leaky_relu, elu, silu, gelu or mish, ``"lecun_normal"`` for selu, and ``"glorot_uniform"``
        for the others.
    seed : int
        The seed of the initial weights.
    dtype : str
        ``"float32"`` or ``"float64"``, of the parameters and of all computation.
    feature_names : sequence of str, optional
        The names of the inputs, (n_in,), all different.
    class_names : sequence of str, optional
        The names of the classes, (n_out,), all different; for one output the names of the two classes 0 and 1.

    Attributes
    ----------
    weights, biases : list of ndarray
        Writable views, ``weights[l]`` (n_in, n_out) and ``biases[l]`` (n_out,).
    initialization : str or None
        The name of the initialization that was given; None for the default, and for arrays.
    parameters : ndarray
        The one vector that weights and biases are views of, padding included; ``fastprop/kernels/layout.py`` describes
        its order.
    input_mean, input_scale : ndarray or None
        (n_in,) float64, read-only: mean and standard deviation of each input, which `train` fitted in float64 with
        ``standardize=True``. The first layer then takes (X - input_mean) / input_scale in place of X. The mean is
        subtracted in float64 from all that is not of the network's dtype or bytes.
    feature_names, class_names : tuple of str or None
        As given; both may be set later. Training on a data frame sets `feature_names`, unless there are any. They are
        kept by copies, pickles and files.
    training : dict or None
        How the network was trained last: options and numbers of rows by name, in values that JSON can hold.

    Raises
    ------
    ValueError, TypeError
        If an argument is out of its range; the message names the known values.

    Examples
    --------
    >>> import fastprop as fp
    >>> network = fp.MLP((2, 2, 1), seed=0)
    >>> network.weights[0].shape, network.biases[0].shape
    ((2, 2), (2,))
    >>> network = fp.MLP((2, 8, 3), output="softmax", feature_names=["width", "length"])
    >>> network.class_names = ["setosa", "versicolor", "virginica"]
    >>> network.feature_names, network.class_names
    (('width', 'length'), ('setosa', 'versicolor', 'virginica'))
    """

    layer_sizes: tuple[int, ...]
    hidden: HiddenActivation | tuple[HiddenActivation, ...]
    output: OutputActivation
    dtype: Dtype
    parameters: FloatArray
    initialization: Initialization | None
    input_mean: FloatArray | None
    input_scale: FloatArray | None
    training: dict[str, Any] | None = None

    def __init__(
        self,
        layer_sizes: Sequence[int],
        *,
        hidden: HiddenActivation | Sequence[HiddenActivation] = "sigmoid",
        output: OutputActivation = "sigmoid",
        initialization: Initialization | Sequence[ArrayLike | tuple[ArrayLike, ArrayLike]] | None = None,
        seed: int = 0,
        dtype: Dtype = "float32",
        feature_names: Sequence[str] | None = None,
        class_names: Sequence[str] | None = None,
    ) -> None:
        self.layer_sizes = checks.layer_sizes(layer_sizes)
        self.hidden = checks.hidden(hidden, len(self.layer_sizes) - 2)
        self.output = checks.output(output)
        self.dtype = checks.dtype(dtype)
        self.parameters = _new_parameters(self.layer_sizes, self.dtype)
        self.initialization, given = checks.initialization(initialization, self.layer_sizes, self.dtype)
        self.input_mean = None
        self.input_scale = None
        self.feature_names = feature_names
        self.class_names = class_names
        seed = checks.seed(seed)
        if given:
            self._set(given)
        else:
            _draw(self, seed)

    def _set(self, arrays: Sequence[ArrayLike]) -> None:
        """Copy arrays into the parameters: the weights of all layers, then their biases."""
        for parameters, array in zip(self.weights + self.biases, arrays):
            parameters[...] = array

    @property
    def weights(self) -> list[FloatArray]:
        """A list of writable views, each (n_in, n_out)."""
        return [layer[1:, :, 0] for layer in layers(self.parameters, self.layer_sizes)]

    @property
    def biases(self) -> list[FloatArray]:
        """A list of writable views, each (n_out,)."""
        return [layer[0, :, 0] for layer in layers(self.parameters, self.layer_sizes)]

    @property
    def activations(self) -> list[OutputActivation]:
        """A list with the name of each layer's activation."""
        hidden = [self.hidden] * (len(self.layer_sizes) - 2) if isinstance(self.hidden, str) else self.hidden
        return [*hidden, self.output]

    @property
    def feature_names(self) -> tuple[str, ...] | None:
        """The names of the inputs, (n_in,), or None; `predict` finds the columns of a data frame by them."""
        return self._feature_names

    @feature_names.setter
    def feature_names(self, names: Sequence[str] | None) -> None:
        self._feature_names = checks.names(names, "feature_names", self.layer_sizes[0])

    @property
    def class_names(self) -> tuple[str, ...] | None:
        """The names of the classes, (n_out,) or, for one output, two; or None."""
        return self._class_names

    @class_names.setter
    def class_names(self, names: Sequence[str] | None) -> None:
        self._class_names = checks.names(names, "class_names", max(2, self.layer_sizes[-1]))

    @property
    def about(self) -> dict[str, Any]:
        """The arguments of a network of the same shape, by name, with values that JSON can hold."""
        names = "layer_sizes", "hidden", "output", "initialization", "dtype", "feature_names", "class_names"
        return {name: getattr(self, name) for name in names}

    def copy(self) -> MLP:
        """Return a network with the same attributes and a copy of the parameters.

        Examples
        --------
        >>> import fastprop as fp
        >>> network = fp.MLP((2, 2, 1), seed=0)
        >>> other = network.copy()
        >>> other.weights[0][...] = 0
        >>> bool(network.weights[0].any())
        True
        """
        other = MLP.__new__(MLP)
        other.__dict__.update(self.__dict__)
        other.parameters = aligned_zeros(len(self.parameters), self.dtype)
        other.parameters[...] = self.parameters
        return other

    def in_float64(self) -> MLP:
        """Return a copy whose parameters and computation are float64.

        Examples
        --------
        >>> import fastprop as fp
        >>> fp.MLP((2, 2, 1), seed=0).in_float64().dtype
        'float64'
        """
        other = MLP.__new__(MLP)
        other.__setstate__(self.__getstate__() | {"dtype": "float64"})
        return other

    @property
    def flat_parameters(self) -> FloatArray:
        """A copy (P,) of `parameters` without padding: for each layer the biases, then the weights row by row."""
        return self.parameters[parameter_offsets(self.layer_sizes, self.dtype)[:, 0]]

    @flat_parameters.setter
    @numpy_settings.own
    def flat_parameters(self, values: ArrayLike) -> None:
        self.parameters[parameter_offsets(self.layer_sizes, self.dtype)[:, 0]] = values

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"parameters": self.flat_parameters}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self.parameters = aligned_zeros(int(layer_offsets(self.layer_sizes, self.dtype)[-1]), self.dtype)
        self.flat_parameters = state["parameters"]

    @numpy_settings.own
    def predict(self, X: ArrayLike) -> FloatArray:
        """Return the outputs of the last layer.

        Parameters
        ----------
        X : array_like
            (n, n_in), finite; see `train` for what it may be and what is copied of it. If the network has
            `feature_names`, the columns of a data frame are found by their names, in any order; if it has none, labels
            that count the columns from 0 are their positions, in any order.

        Returns
        -------
        ndarray
            (n, n_out) of the network's dtype: probabilities for a softmax output.

        Raises
        ------
        ValueError, TypeError
            If `X` has another number of features, lacks a column or has another one, or holds NaN, infinity or anything
            that is no number.

        Examples
        --------
        >>> import fastprop as fp
        >>> fp.MLP((2, 8, 3), output="softmax", seed=0).predict([[0.5, 0.3]]).shape
        (1, 3)
        """
        from fastprop import runs  # on use, because it imports Numba

        names = self.feature_names or position_names(self.layer_sizes[0])
        return runs.predict(self, Inputs.of(X, self, feature_names=names))

    def __repr__(self) -> str:
        return f"MLP({self.layer_sizes}, hidden={self.hidden!r}, output={self.output!r}, dtype={self.dtype!r})"

    def _repr_html_(self) -> str:
        rows = [
            (index + 1, weights.shape[0], weights.shape[1], activation, weights.size + weights.shape[1])
            for index, (weights, activation) in enumerate(zip(self.weights, self.activations))
        ]
        return html.table(repr(self), ["layer", "inputs", "outputs", "activation", "parameters"], rows)


from_torch = MLP.from_torch


def drawn_anew(network: MLP, seed: int) -> MLP:
    """Return an untrained network that is like another one, but whose weights are drawn by a seed.

    The seed must be a valid one. This takes about a third of the time of a new `MLP`, and a sweep makes many.
    """
    other = network.copy()
    other.parameters[...] = 0
    other.training = None
    _draw(other, seed)
    return other


def _draw(network, seed):
    """Draw the weights of a network whose parameters are 0."""
    random = np.random.default_rng(seed)
    for weights, activation in zip(network.weights, network.activations):
        weights[...] = initial_weights(random, *weights.shape, activation, network.initialization)


def _new_parameters(layer_sizes, dtype):
    """Return the parameters of a network, which are 0; a MemoryError says which layers are too large."""
    try:
        return aligned_zeros(int(layer_offsets(layer_sizes, dtype)[-1]), dtype)
    except (MemoryError, ValueError, OverflowError):
        size = parameter_count(layer_sizes) * np.dtype(dtype).itemsize / 1e9
        shown = f"{size:,.0f}" if size > 9 else f"{size:.2g}"
        raise MemoryError(
            f"{checks.argument('layer_sizes')} {checks.argument_value('layer_sizes', str(layer_sizes))} need "
            f"{shown} GB for the parameters, which do not fit into memory: make the layers smaller."
        ) from None
