"""Computes the outputs of trained networks, and their scores."""

import numpy as np

from fastprop import metrics, reference, thread_pool
from fastprop.data import Origin
from fastprop.kernels import compiler, epochs, layout
from fastprop.notices import warn
from fastprop.runs import kernel_arguments

PREDICTED_ROWS = 4 * layout.BLOCK_ROWS
"""Rows that are predicted at a time."""


class Predictor:
    """Predicts some `rows` of `inputs`, all by default, with `network` and with similar networks.

    Networks are similar if they have the same layer sizes, activations, dtype and standardization. Where Numba compiles
    nothing, the reference predicts.
    """

    def __init__(self, network, inputs, rows=None):
        self._inputs = inputs = readable(inputs, network)
        self._rows = np.arange(len(inputs)) if rows is None else rows
        batch_size = min(len(self._rows), PREDICTED_ROWS)
        storing = kernel_arguments.storing(network)
        (self._plan,), size = layout.plans(network.layer_sizes, batch_size, network.dtype, storing)
        self._data = kernel_arguments.inputs_argument(inputs.values, self._rows, network.dtype)
        self._memory = layout.new_workspace([self._plan], size, network.dtype)
        (self._dropout,) = kernel_arguments.dropout_arguments([0.0], [0], [self._plan], self._rows, network.dtype)
        self._prototype = kernel_arguments.network_argument(network, network.parameters, inputs)

    def __call__(self, network):
        """Return the outputs (m, n_out) of a network for the rows."""
        outputs = np.empty((len(self._rows), network.layer_sizes[-1]), network.dtype)
        if compiler.DISABLED:
            self._predict_by_reference(network, outputs)
            return outputs
        argument = self._prototype._replace(parameters=network.parameters)
        epochs.predict(argument, self._data, self._plan, self._memory, self._dropout, outputs)
        return outputs

    def of_standardized(self, network):
        """Return the outputs (m, n_out) of a network whose standardization may be another, for the rows."""
        mean, inverse_std = kernel_arguments.standardization_arguments(network, self._inputs)
        self._prototype = self._prototype._replace(mean=mean, input_inverse_std=inverse_std)
        return self(network)

    def _predict_by_reference(self, network, outputs):
        network = reference.Network.of(network)
        for first in range(0, len(outputs), PREDICTED_ROWS):
            rows = slice(first, first + PREDICTED_ROWS)
            _, outputs[rows] = reference.forward(network, self._inputs.numbers(self._rows[rows]))[-1]


def predict(network, inputs, rows=None):
    """Return the outputs (m, n_out) of `network` for some `rows` of `inputs`, by default for all."""
    return Predictor(network, inputs, rows)(network)


def predict_each(networks, inputs):
    """Yield the outputs (m, n_out) of each network for all rows of its `inputs`, an `Inputs` each.

    Of networks with the same layers, activations and dtype on the same inputs, one `Predictor` serves all.
    """
    converted, predictors = {}, {}
    for network, given in zip(networks, inputs, strict=True):
        if Origin.of_network(network).changes:  # the inputs are converted for this network alone
            yield predict(network, given)
            continue
        of_dtype = id(given), network.dtype
        if of_dtype not in converted:
            converted[of_dtype] = given, readable(given, network)  # both, so that the identity stays that of `given`
        _, values = converted[of_dtype]
        similar = *of_dtype, network.layer_sizes, tuple(network.activations)
        if similar not in predictors:
            predictors[similar] = Predictor(network, values)
        yield predictors[similar].of_standardized(network)


def readable(inputs, network):
    """Return `inputs` as the kernels can read them for a network, see `Inputs.readable`."""
    return inputs.readable(network.dtype, Origin.of_network(network))


def scores(networks, split, score):
    """Return the `Measurement` of a `Score` for each network on the held-out rows of a split.

    The networks are similar, see `Predictor`. It is NaN if no rows are held out or the network is not finite.
    """
    if len(split.held_out_rows) == 0:
        return [metrics.UNKNOWN] * len(networks)
    predictor = Predictor(networks[0], split.held_out.inputs, split.held_out_rows)
    given = _given_to_scores(split.held_out, split.held_out_rows)
    return [
        measure(score, predictor(network), *given) if np.isfinite(network.parameters).all() else metrics.UNKNOWN
        for network in networks
    ]


def measure(score, outputs, y, rows, weights=None):
    """Return the `Measurement` of a score; one that is a function of the user is called in the calling thread."""
    if score.is_own:
        return metrics.measure(score, outputs, y, rows, weights)
    return thread_pool.in_calling_thread(metrics.measure, score, outputs, y, rows, weights) or metrics.INTERRUPTED


def _given_to_scores(data, rows):
    """Return what scores are given of some rows of a data set: y, the numbers of the rows, and weights or None."""
    return data.as_given(rows), data.as_numbered(rows), data.weights_in_scores(rows)


class EpochMetrics:
    """Measures some scores after each epoch, and says once of each that fails what went wrong."""

    def __init__(self, scores):
        self._scores = scores
        self._failed = set()  # names of scores that have failed

    def __call__(self, outputs, data, rows, epoch):
        """Return each score of outputs (m, n_out) for `rows` of a data set after an epoch; NaN for one that fails.

        Raises
        ------
        ValueError
            If a function returns what is no number, so that it is no score.
        """
        given = _given_to_scores(data, rows)
        measured = [measure(score, outputs, *given) for score in self._scores]
        for score, each in zip(self._scores, measured):
            if each.remedy:
                raise ValueError(f"metric {score.name!r} {each.problem}, after epoch {epoch}: {each.remedy}.")
            if each.problem and score.name not in self._failed:
                self._failed.add(score.name)
                message = f"metric {score.name!r} {each.problem}, after epoch {epoch}: it is NaN where it fails."
                thread_pool.in_calling_thread(warn, message, RuntimeWarning)
        return [each.value for each in measured]
