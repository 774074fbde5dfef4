"""One run of one network: epochs of minibatches, each forward, loss, backward, update, without a return to Python."""

from typing import NamedTuple

import numpy as np

from fastprop.kernels.activations import activate
from fastprop.kernels.codes import CROSS_ENTROPY, IDENTITY
from fastprop.kernels.dense import backward, forward, update
from fastprop.kernels.jit import kernel, part
from fastprop.kernels.losses import loss_and_deltas
from fastprop.kernels.shuffle import shuffle
from fastprop.kernels.simd import first_lanes, flush_denormals, lanes, load, load_first, restore, splat, store


class Network(NamedTuple):
    """What a network is to a kernel."""

    parameters: np.ndarray  # (P,), see layout.py
    hidden: int  # the activation's number, see codes.py
    output: int
    loss: int


class Optimizer(NamedTuple):
    """Stochastic gradient descent."""

    velocity: np.ndarray  # (P,)
    learning_rate: float
    momentum: float
    nesterov: bool


class Data(NamedTuple):
    """Rows of a data set, none copied. `targets` or `labels` is empty, and `weights` where all rows weigh 1."""

    inputs: np.ndarray  # (n · n_in,)
    targets: np.ndarray  # (n · n_out,)
    labels: np.ndarray  # (n,): the number of the output that should be 1
    weights: np.ndarray  # (n,)
    rows: np.ndarray  # (m,): which rows to use, in order


DONE, STATE = range(2)  # places in `progress`
RUNNING, STOP, DIVERGED = range(3)  # values of progress[STATE]


@kernel
def train(
    network, optimizer, data, validation, plan, memory, order, shuffled, seed, batch_size, until, history, progress
):
    """Train from epoch progress[DONE] to `until`, or until asked to stop, or until something is no longer finite."""
    # order (m,): scratch   history (2, epochs): training, validation loss   progress (2,): epochs done, state
    state = flush_denormals()
    while progress[DONE] < until and progress[STATE] == RUNNING:
        epoch = progress[DONE]
        for i in range(len(order)):
            order[i] = data.rows[i]
        if shuffled:
            shuffle(order, seed, epoch)
        total = 0.0
        for first in range(0, len(order), batch_size):
            rows = min(batch_size, len(order) - first)
            total += step(network, optimizer, data, order, first, rows, plan, memory)
            if progress[STATE] == STOP or not np.isfinite(total):
                break
        if progress[STATE] == RUNNING:
            history[0, epoch] = total / weight_of(data, data.rows, 0, len(order)) / terms(network, plan)
            if len(validation.rows) > 0:
                history[1, epoch] = evaluate(network, validation, plan, memory)
            progress[DONE] = epoch + 1
            if not (np.isfinite(total) and all_finite(network.parameters)):
                progress[STATE] = DIVERGED
    restore(state)


@kernel
def predict(network, data, plan, memory, outputs):
    """Write the last layer's activations of all rows."""
    # outputs (m, n_out)
    state = flush_denormals()
    y, stride, columns = plan.activations[-1], plan.line + plan.strides[-1], plan.sizes[-1]
    for first in range(0, len(data.rows), plan.rows):
        rows = min(plan.rows, len(data.rows) - first)
        forward_pass(network, data, data.rows, first, rows, plan, memory)
        activate(network.output, memory, y, stride, rows, columns)
        for row in range(rows):
            for j in range(columns):
                outputs[first + row, j] = memory[y + row * stride + j]
    restore(state)


@part
def step(network, optimizer, data, order, first, rows, plan, memory):
    """One minibatch: forward, loss, backward, update; return the weighted sum of its rows' losses before the update."""
    forward_pass(network, data, order, first, rows, plan, memory)
    total = loss(network, data, order, first, rows, plan, memory)
    for layer in range(len(plan.sizes) - 2, -1, -1):
        if layer > 0:
            backward(plan, memory, network.parameters, layer, network.hidden, rows)
        update(plan, memory, network.parameters, optimizer, layer, rows)
    return total


@part
def evaluate(network, data, plan, memory):
    """The mean loss of all rows."""
    total = 0.0
    for first in range(0, len(data.rows), plan.rows):
        rows = min(plan.rows, len(data.rows) - first)
        forward_pass(network, data, data.rows, first, rows, plan, memory)
        total += loss(network, data, data.rows, first, rows, plan, memory)
    return total / weight_of(data, data.rows, 0, len(data.rows)) / terms(network, plan)


@part
def forward_pass(network, data, order, first, rows, plan, memory):
    """Fetch `rows` rows and bring them to the last layer, whose activation waits for the loss."""
    x_stride = plan.line + plan.strides[0]
    gather(data.inputs, plan.sizes[0], order, first, rows, memory, plan.activations[0], x_stride)
    last = len(plan.sizes) - 2
    for layer in range(last + 1):
        forward(plan, memory, network.parameters, layer, network.hidden if layer < last else IDENTITY, rows)


@part
def loss(network, data, order, first, rows, plan, memory):
    """The weighted sum of a minibatch's losses, after `forward_pass`; leaves the last layer's deltas to `backward`."""
    columns, stride = plan.sizes[-1], plan.strides[-1]
    if len(data.labels) > 0:
        one_hot(data.labels, order, first, rows, columns, memory, plan.targets, stride)
    else:
        gather(data.targets, columns, order, first, rows, memory, plan.targets, stride)
    for row in range(rows):
        memory[plan.weights + row] = data.weights[order[first + row]] if len(data.weights) > 0 else 1
    scale = 1 / weight_of(data, order, first, rows) / terms(network, plan)
    outputs, deltas = plan.activations[-1], plan.deltas[len(plan.sizes) % 2]
    return loss_and_deltas(network, plan, memory, outputs, deltas, rows, scale)


@part
def weight_of(data, order, first, rows):
    """The sum of the weights of `rows` rows of `order` from `first` on."""
    if len(data.weights) == 0:
        return float(rows)
    total = 0.0
    for i in range(first, first + rows):
        total += data.weights[order[i]]
    return total


@part
def terms(network, plan):
    """How many terms a row's loss is the mean of."""
    return 1 if network.loss == CROSS_ENTROPY else plan.sizes[-1]


@part
def gather(source, width, order, first, rows, memory, start, stride):
    # memory (rows, width) ← source (n, width)[order[first : first + rows]]
    whole = width - width % lanes(memory)
    for row in range(rows):
        here, there = order[first + row] * width, start + row * stride
        for j in range(0, whole, lanes(memory)):
            store(memory, there + j, load(source, here + j))
        if whole < width:  # one masked load: number by number, an epoch of 2-2-1 took a fifth longer
            store(memory, there + whole, load_first(source, here + whole, width - whole))


@part
def one_hot(labels, order, first, rows, width, memory, start, stride):
    # memory (rows, width): 1 in the column of the row's label, else 0
    for row in range(rows):
        label, there = labels[order[first + row]], start + row * stride
        for j in range(0, width, lanes(memory)):
            ones_from_label_on = first_lanes(splat(memory, 0), label - j, 1)
            store(memory, there + j, first_lanes(ones_from_label_on, label - j + 1, 0))


@part
def all_finite(array):
    """Whether no element is infinite or NaN."""
    for number in array:  # noqa: SIM110 (Numba has no all)
        if not np.isfinite(number):
            return False
    return True
