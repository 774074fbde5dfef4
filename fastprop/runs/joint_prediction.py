"""Networks that predict together: block by block of rows, and in each block those of one shape in one kernel call."""

import contextvars
import itertools
from typing import NamedTuple

import numpy as np

from fastprop import checks, thread_pool
from fastprop.data import UNCHANGED, Inputs, Origin
from fastprop.kernels.minibatch import Network
from fastprop.runs import kernel_arguments
from fastprop.runs.prediction import PREDICTED_ROWS, Predictor, joined, predict

BLOCK_OUTPUTS = 1 << 17
"""Outputs of all networks in a block of rows, about: 512 KB of float32, which stay in the L2 cache."""

MIN_BLOCK_ROWS = 4 * PREDICTED_ROWS
"""Rows of a block, at least: for each block, the parameters of all networks are read."""

THREADED_PARAMETERS = 1 << 25
"""Parameters times rows from which on threads share the blocks: about 3 ms on one core, ten times a thread's start."""


def predict_together(networks, inputs, combine):
    """Return what `combine` makes of the outputs of all networks, for all rows.

    Threads share the rows where there are many: as many threads as `checks.threads` says.

    Parameters
    ----------
    networks : list of MLP
        All have the same number of outputs and the same dtype.
    inputs : list of Inputs
        Those of each network, all with as many rows.
    combine : callable
        It gets the outputs of all networks for some of the rows, (networks, m, n_out) of their dtype, and returns an
        array (m, ...). Several threads may call it at once.
    """
    together = _Together(networks, inputs)
    blocks = together.blocks
    worker = _Worker(together, combine)
    first = worker.predict(blocks[0])
    result = np.empty((together.rows, *first.shape[1:]), first.dtype)
    result[blocks[0]] = first
    rest = iter(blocks[1:])
    threads = 1
    if together.rows * sum(len(network.parameters) for network in networks) >= THREADED_PARAMETERS:
        threads = min(checks.threads(None), len(blocks) - 1)
    if threads <= 1:
        worker.fill(result, rest)
        return result
    workers = [worker, *(_Worker(together, combine) for _ in range(threads - 1))]
    jobs = [_Job(each, result, rest, index) for index, each in enumerate(workers)]
    if not thread_pool.run(jobs, threads, lambda: None):
        raise KeyboardInterrupt
    return result


class _Call(NamedTuple):
    """What one kernel call predicts: networks of one shape on the same inputs."""

    positions: list  # of the networks among all
    networks: list
    argument: Network  # see `kernel_arguments.networks_argument`
    inputs: Inputs  # readable for the networks


class _Together:
    """What all threads know of networks that predict together.

    Attributes
    ----------
    networks, inputs : list
        See `predict_together`.
    rows : int
    blocks : list of slice
        The blocks of the rows.
    calls : list of _Call
    alone : list of int
        Positions of networks for which inputs are converted alone, block by block, because of their standardization.
    """

    def __init__(self, networks, inputs):
        self.networks = networks
        self.inputs = inputs
        self.rows = len(inputs[0])
        fitting = BLOCK_OUTPUTS // (len(networks) * networks[0].layer_sizes[-1]) // PREDICTED_ROWS * PREDICTED_ROWS
        step = max(MIN_BLOCK_ROWS, fitting)
        self.blocks = [slice(first, min(first + step, self.rows)) for first in range(0, self.rows, step)]
        self.calls = []
        self.alone = []
        readable = {}
        moving = _counts_of_moved_inputs(networks)
        for source, positions in self._similar():
            of_shape = [networks[position] for position in positions]
            first, given = of_shape[0], inputs[positions[0]]
            if first.input_mean is not None and first.layer_sizes[0] in moving:
                self.alone += positions
                continue
            if source not in readable:
                readable[source] = given.readable(first.dtype, UNCHANGED)
            for some in joined(list(zip(positions, of_shape)), first, self.blocks[0].stop):
                of_call = [network for _, network in some]
                argument = kernel_arguments.networks_argument(of_call, readable[source])
                self.calls.append(_Call([position for position, _ in some], of_call, argument, readable[source]))

    def _similar(self):
        """Return pairs: what identifies inputs, and the positions of similar networks that take them."""
        positions = {}
        for position, (network, given) in enumerate(zip(self.networks, self.inputs, strict=True)):
            shape = network.layer_sizes, network.hidden, network.output, network.input_mean is None
            positions.setdefault((id(given), shape), []).append(position)
        return [(source, each) for (source, _), each in positions.items()]


def _counts_of_moved_inputs(networks):
    """Return of how many inputs those standardized networks are of which one has inputs moved before conversion."""
    by_count = {}
    for network in networks:
        if network.input_mean is not None:
            by_count.setdefault(network.layer_sizes[0], []).append((network.input_mean, network.input_scale))
    dtype = networks[0].dtype
    return {count for count, pairs in by_count.items() if Origin.of(*np.array(pairs).swapaxes(0, 1), dtype).changes}


class _Worker:
    """What one thread needs to predict blocks of rows."""

    def __init__(self, together, combine):
        self._together = together
        self._combine = combine
        rows = together.blocks[0].stop
        self._predictors = [Predictor(call.networks[0], rows) for call in together.calls]
        first = together.networks[0]
        self._outputs = np.empty((len(together.networks), rows, first.layer_sizes[-1]), first.dtype)

    def predict(self, block):
        """Return what is made of the outputs of all networks for a block of rows."""
        together = self._together
        rows = np.arange(block.start, block.stop)
        outputs = self._outputs[:, : len(rows)]
        for call, predictor in zip(together.calls, self._predictors):
            outputs[call.positions] = predictor(call.networks, call.argument, call.inputs, rows)
        for position in together.alone:
            outputs[position] = predict(together.networks[position], together.inputs[position].block(block))
        return self._combine(outputs)

    def fill(self, result, blocks):
        """Write what is made of the outputs for `blocks` of rows, an iterator that workers may share, to `result`."""
        for block in blocks:
            result[block] = self.predict(block)


class _Job:
    """The blocks that one thread predicts, with NumPy's settings of the thread that began it."""

    def __init__(self, worker, result, blocks, index):
        self._worker = worker
        self._result = result
        self._index = index  # of the thread
        self._stops = False
        self._blocks = itertools.takewhile(lambda _: not self._stops, blocks)
        self._context = contextvars.copy_context()

    def stop(self):
        """Have the call return after its current block."""
        self._stops = True

    def __call__(self):
        thread_pool.spread_over_cores(self._index)
        self._context.run(self._worker.fill, self._result, self._blocks)
