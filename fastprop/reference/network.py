"""A network, its forward pass, its loss, and its gradients by backpropagation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .activations import ACTIVATIONS
from .bfloat16 import product, rounded_layers
from .losses import losses_and_delta, targets_of
from .numpy_errors import ERRORS


@dataclass
class Network:
    """Weights and biases in float64, and the names of the activations.

    `weights[l]` is (n_in, n_out), `biases[l]` is (n_out,). `hidden` is a name, or one name for each hidden layer.
    `input_mean` and `input_scale`, (n_in,) or None: the network is given (X - mean) / scale.
    """

    weights: list[NDArray[np.float64]]
    biases: list[NDArray[np.float64]]
    hidden: str | Sequence[str] = "sigmoid"
    output: str = "sigmoid"
    input_mean: NDArray[Any] | None = None
    input_scale: NDArray[Any] | None = None

    @classmethod
    def of(cls, network: Any) -> Network:
        """Return a copy in float64 of anything that has these six attributes."""
        weights, biases = ([np.array(a, np.float64) for a in arrays] for arrays in (network.weights, network.biases))
        return cls(weights, biases, network.hidden, network.output, network.input_mean, network.input_scale)

    @property
    def activations(self) -> list[str]:
        """The name of each layer's activation."""
        hidden = [self.hidden] * (len(self.weights) - 1) if isinstance(self.hidden, str) else self.hidden
        return [*hidden, self.output]

    @property
    def layer_sizes(self) -> tuple[int, ...]:
        """Inputs, outputs of each hidden layer, and outputs."""
        return len(self.weights[0]), *map(len, self.biases)

    @property
    def arrays(self) -> list[NDArray[np.float64]]:
        """All arrays: weights, then biases."""
        return self.weights + self.biases

    @property
    def is_finite(self) -> bool:
        """Whether no weight and no bias is infinite or NaN."""
        return all(np.isfinite(array).all() for array in self.arrays)


@np.errstate(**ERRORS)
def forward(
    network: Network, X: ArrayLike, masks: Sequence[NDArray[Any]] | None = None, precision: str | None = None
) -> list[tuple[NDArray[np.float64] | None, NDArray[np.float64]]]:
    """Return every layer's z and activations: ``[(None, X), (z, a), …]``, the last ``a`` being the prediction.

    `X` is (n, n_in); it is standardized first if the network has a mean and a scale. `masks` are those of dropout: for
    each hidden layer an array (n, n_out), by which the activations are multiplied. `precision` is that of the products,
    ``"bfloat16"`` or None; see `bfloat16.rounded_layers`.

    Examples
    --------
    >>> from fastprop import exercise, reference
    >>> _, (z_1, a_1), (z_2, a_2) = reference.forward(exercise.network(), exercise.X)
    >>> a_2.round(4)
    array([[0.6793]])
    """
    layers = [(None, _standardized(network, np.asarray(X, np.float64)))]
    rows = network.weights, network.biases, network.activations, _all_masks(network, masks)
    for W, b, activation, mask, is_rounded in zip(*rows, rounded_layers(network.layer_sizes, precision)):
        x = layers[-1][1]
        z = product(x, W, b) if is_rounded else x @ W + b
        layers.append((z, ACTIVATIONS[activation].f(z) * mask))
    return layers


@np.errstate(**ERRORS)
def loss(
    network: Network,
    X: ArrayLike,
    y: ArrayLike,
    loss: Any,
    sample_weight: ArrayLike | None = None,
    masks: Sequence[NDArray[Any]] | None = None,
    precision: str | None = None,
) -> float:
    """Return the mean of the rows' losses; with weights, Σ wᵢ lossᵢ / Σ wᵢ.

    `X` is (n, n_in), and `y` is (n, n_out) targets or (n,) labels. `loss` is a name in `LOSSES`, or an option such as
    `fastprop.options.Huber`. For `precision` see `forward`.

    Examples
    --------
    >>> from fastprop import exercise, reference
    >>> print(f"{reference.loss(exercise.network(), exercise.X, exercise.TARGET, 'mse'):.8f}")
    0.00042731
    """
    rows, _ = _losses_and_delta(network, forward(network, X, masks, precision), y, loss)
    return np.average(rows, weights=sample_weight)


@np.errstate(**ERRORS)
def gradients(
    network: Network,
    X: ArrayLike,
    y: ArrayLike,
    loss: Any,
    sample_weight: ArrayLike | None = None,
    masks: Sequence[NDArray[Any]] | None = None,
    precision: str | None = None,
) -> tuple[list[NDArray[np.float64]], list[NDArray[np.float64]]]:
    """Return dloss/dW and dloss/db of every layer, by backpropagation: a list of (n_in, n_out) and one of (n_out,).

    The parameters are those of `loss`.

    Examples
    --------
    >>> from fastprop import exercise, reference
    >>> dW, db = reference.gradients(exercise.network(), exercise.X, exercise.TARGET, "mse")
    >>> dW[1].ravel().round(8)
    array([-0.00501868, -0.0055848 ])
    """
    layers = forward(network, X, masks, precision)
    rounded = rounded_layers(network.layer_sizes, precision)
    masks = _all_masks(network, masks)
    _, delta = _losses_and_delta(network, layers, y, loss)
    weight = np.ones(len(delta)) if sample_weight is None else np.asarray(sample_weight, np.float64)
    delta = delta * (weight / weight.sum())[:, None]
    dW, db = [], []
    for layer in range(len(network.weights) - 1, -1, -1):
        z, x = layers[layer]
        multiply = product if rounded[layer] else np.matmul
        dW.insert(0, multiply(x.T, delta))
        db.insert(0, delta.sum(axis=0))
        if layer > 0:
            delta = multiply(delta, network.weights[layer].T) * masks[layer - 1]
            delta = ACTIVATIONS[network.activations[layer - 1]].gradient(z, delta)
    return dW, db


def _standardized(network, X):
    if network.input_mean is None:
        return X
    return (X - np.asarray(network.input_mean, np.float64)) / np.asarray(network.input_scale, np.float64)


def _all_masks(network, masks):
    # those of the hidden layers, and 1 for the last layer, which drops nothing
    return [1.0] * len(network.weights) if masks is None else [*masks, 1.0]


def _losses_and_delta(network, layers, y, loss):
    z, a = layers[-1]
    targets = targets_of(loss, y, a.shape[1])
    return losses_and_delta(loss, z, a, targets, lambda g: ACTIVATIONS[network.output].gradient(z, g))
