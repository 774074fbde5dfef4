"""What a trained network says, and how well."""

import numpy as np

from fastprop import checks, metrics
from fastprop.kernels import fused, layout
from fastprop.runs import arguments

PREDICTED_ROWS = 4 * layout.BLOCK_ROWS
"""Rows that are predicted at a time."""


def predict(network, X, rows=None):
    """Return the outputs (n, n_out) of `network` for checked inputs `X`, or for some of their `rows`."""
    rows = np.arange(len(X)) if rows is None else rows
    plans, size = layout.plans(
        network.layer_sizes, min(len(rows), PREDICTED_ROWS), network.dtype, arguments.storing(network)
    )
    outputs = np.empty((len(rows), network.layer_sizes[-1]), network.dtype)
    nothing = np.zeros(0, network.dtype)
    data = checks.Dataset(X, nothing, np.zeros(0, np.int64), nothing)
    memory = layout.workspace(plans, size, network.dtype)
    kernel_network = arguments.of_network(network, network.parameters)
    (dropout,) = arguments.of_dropout([0.0], [0], plans, rows, network.dtype)
    fused.predict(kernel_network, arguments.of_data(data, rows), plans[0], memory, dropout, outputs)
    return outputs


def score(network, held_out, rows, name):
    """Return the score of the held-out rows, by its name in `metrics.SCORES` or as a function.

    NaN where there are no such rows, and of a network that is not finite.
    """
    if len(rows) == 0 or not np.isfinite(network.parameters).all():
        return float("nan")
    return metrics.measure(name, predict(network, held_out.inputs, rows), held_out.y[rows])


def measure(names, outputs, y):
    """Return the metrics `names` of a network's outputs (n, n_out), which should be `y`: labels or targets."""
    return [metrics.measure(name, outputs, y) for name in names]
