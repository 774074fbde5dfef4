"""What a trained network says, and how well."""

import numpy as np

from fastprop import metrics
from fastprop.data import Dataset
from fastprop.kernels import epochs, layout
from fastprop.runs import kernel_arguments

PREDICTED_ROWS = 4 * layout.BLOCK_ROWS
"""Rows that are predicted at a time."""


class Predictor:
    """Predicts checked inputs `X`, or some of their `rows`, with a network, and with others of its shape."""

    def __init__(self, network, X, rows=None):
        self._rows = np.arange(len(X)) if rows is None else rows
        (self._plan,), size = layout.plans(
            network.layer_sizes, min(len(self._rows), PREDICTED_ROWS), network.dtype, kernel_arguments.storing(network)
        )
        nothing = np.zeros(0, network.dtype)
        data = Dataset(X, nothing, np.zeros(0, np.int64), nothing)
        self._data = kernel_arguments.of_data(data, self._rows)
        self._memory = layout.workspace([self._plan], size, network.dtype)
        (self._dropout,) = kernel_arguments.of_dropout([0.0], [0], [self._plan], self._rows, network.dtype)
        self._like = kernel_arguments.of_network(network, network.parameters)

    def __call__(self, network):
        """Return the outputs (n, n_out) of a network like the first, of the same standardization."""
        outputs = np.empty((len(self._rows), network.layer_sizes[-1]), network.dtype)
        prototype = self._like._replace(parameters=network.parameters)
        epochs.predict(prototype, self._data, self._plan, self._memory, self._dropout, outputs)
        return outputs


def predict(network, X, rows=None):
    """Return the outputs (n, n_out) of `network` for checked inputs `X`, or for some of their `rows`."""
    return Predictor(network, X, rows)(network)


def scores(networks, held_out, rows, name):
    """Return the score of each of networks of one shape on the held-out rows, by its name or as a function.

    NaN where there are no such rows, and of a network that is not finite.
    """
    if len(rows) == 0:
        return [float("nan")] * len(networks)
    predicted, y = Predictor(networks[0], held_out.inputs, rows), held_out.y[rows]
    return [
        metrics.measure(name, predicted(network), y) if np.isfinite(network.parameters).all() else float("nan")
        for network in networks
    ]


def measure(names, outputs, y):
    """Return the metrics `names` of a network's outputs (n, n_out), which should be `y`: labels or targets."""
    return [metrics.measure(name, outputs, y) for name in names]
