"""Computes the outputs of trained networks, and their scores."""

import numpy as np

from fastprop import metrics, numpy_settings, reference, thread_pool
from fastprop.data import Origin
from fastprop.kernels import compiler, epochs, layout
from fastprop.notices import warn
from fastprop.runs import kernel_arguments

PREDICTED_ROWS = 4 * layout.BLOCK_ROWS
"""Rows of the workspace in which networks predict."""

JOINED_PARAMETERS = 1 << 13
"""Parameters, with padding, of the largest networks that share a kernel call, for which they are copied side by side.

To copy more takes as long as a call of their own.
"""

JOINED_OUTPUTS = 1 << 20
"""Outputs of all networks that share a kernel call, at most: 4 MB of float32."""


class Predictor:
    """Predicts up to `max_rows` rows at a time with networks similar to `network`, one or several together.

    Networks are similar if they have the same layer sizes, activations and dtype, and if all or none of them are
    standardized. Where Numba compiles nothing, the reference predicts.
    """

    def __init__(self, network, max_rows):
        batch_size = min(max_rows, PREDICTED_ROWS)
        no_derivatives = (False,) * (len(network.layer_sizes) - 1)
        (self._plan,), size = layout.plans(network.layer_sizes, batch_size, network.dtype, no_derivatives)
        self._memory = layout.new_workspace([self._plan], size, network.dtype)
        self._dropout = kernel_arguments.no_dropout(network.dtype)

    def __call__(self, networks, argument, inputs, rows):
        """Return the outputs (K, m, O) of K networks for some `rows` of `inputs`, which are readable for them.

        `argument` is what `kernel_arguments.networks_argument` makes of the networks and of such inputs.
        """
        first = networks[0]
        outputs = np.empty((len(networks), len(rows), first.layer_sizes[-1]), first.dtype)
        if compiler.DISABLED:
            for network, of_network in zip(networks, outputs):
                _predict_by_reference(network, inputs, rows, of_network)
        else:
            epochs.predict(*self.arguments(argument, inputs, rows, outputs))
        return outputs

    def arguments(self, argument, inputs, rows, outputs):
        """Return the arguments of the kernel that writes `outputs`, see `__call__`."""
        data = kernel_arguments.inputs_argument(inputs.values, rows, outputs.dtype)
        return argument, data, self._plan, self._memory, self._dropout, outputs


def _predict_by_reference(network, inputs, rows, outputs):
    network = reference.Network.of(network)
    for first in range(0, len(outputs), PREDICTED_ROWS):
        some = slice(first, first + PREDICTED_ROWS)
        _, outputs[some] = reference.forward(network, inputs.numbers(rows[some]))[-1]


def predict(network, inputs, rows=None):
    """Return the outputs (m, n_out) of `network` for some `rows` of `inputs`, by default for all."""
    (outputs,) = _outputs_of_similar([network], inputs, rows)
    return outputs[0]


def _outputs_of_similar(networks, inputs, rows=None):
    """Yield the outputs (K, m, O) of the next K of networks, which are similar, see `Predictor`."""
    first = networks[0]
    inputs = readable(inputs, first)
    rows = np.arange(len(inputs)) if rows is None else rows
    predictor = Predictor(first, len(rows))
    for some in joined(networks, first, len(rows)):
        yield predictor(some, kernel_arguments.networks_argument(some, inputs), inputs, rows)


def joined(items, network, rows):
    """Cut a list, whose items stand for a network each, into those that share a kernel call for as many rows.

    The networks are similar to `network`, see `Predictor`.
    """
    count = 1
    if len(network.parameters) <= JOINED_PARAMETERS:
        count = max(1, JOINED_OUTPUTS // max(1, rows * network.layer_sizes[-1]))
    return [items[first : first + count] for first in range(0, len(items), count)]


def readable(inputs, network):
    """Return `inputs` as the kernels can read them for a network, see `Inputs.readable`."""
    return inputs.readable(network.dtype, Origin.of_network(network))


@numpy_settings.own  # once for all scores of the package, each of which would set them anew
def scores(networks, split, score):
    """Return the `Measurement` of a `Score` for each network on the held-out rows of a split.

    The networks are similar, see `Predictor`. It is NaN if no rows are held out or the network is not finite.
    """
    measured = [metrics.UNKNOWN] * len(networks)
    finite = [index for index, network in enumerate(networks) if np.isfinite(network.parameters).all()]
    if len(split.held_out_rows) == 0 or not finite:
        return measured
    given = _given_to_scores(split.held_out, split.held_out_rows)
    of_finite = [networks[index] for index in finite]
    outputs = _outputs_of_similar(of_finite, split.held_out.inputs, split.held_out_rows)
    for index, of_network in zip(finite, (each for some in outputs for each in some)):
        measured[index] = measure(score, of_network, *given)
    return measured


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
