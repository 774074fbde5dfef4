"""One minibatch, shared by a team: its rows forward, their losses, backward, and a step of gradient descent.

Where a minibatch has several segments, each member takes whole ones, from the first row to a gradient of their own, and
then a part of the parameters. Where it has one, the members share the rows of each chunk, and then the blocks of its
gradient. Either way they wait for each other twice, and once more for the norm of a whole gradient where it is wanted;
who did what cannot be told from the result.
"""

from typing import NamedTuple

import numpy as np

from fastprop.kernels.compiler import call, inline
from fastprop.kernels.dense import backward, forward, gradient
from fastprop.kernels.dropout import draw_keys, drops
from fastprop.kernels.inputs import fetch
from fastprop.kernels.lanes import gather_interleaved, one_hot, width
from fastprop.kernels.layout import BLOCK_ROWS, STRIP_LINES, Matrix
from fastprop.kernels.load_store import address, lanes, load, prefetch_to_write, store
from fastprop.kernels.losses import SUMS_OUTPUTS, losses_and_deltas
from fastprop.kernels.optimizers import BY_NORM, CLIP_FACTOR, begin_step, update
from fastprop.kernels.team import share, wait
from fastprop.kernels.unrolled import is_straight


class Network(NamedTuple):
    """What a network, or a pack of them, is to a kernel."""

    parameters: np.ndarray  # (P,), see layout.py
    activations: np.ndarray  # (L,): the number of each layer's, see activations.py
    loss: int
    huber_delta: float  # of huber: from where on it is a line
    label_smoothing: float  # of cross entropy's targets
    mean: np.ndarray  # (I, padded): what is subtracted from the inputs, or empty
    input_inverse_std: np.ndarray  # (I, padded): by what they are multiplied then, likewise


class Data(NamedTuple):
    """Rows of a data set, none copied.

    Of `inputs` and `bytes` one is empty, and of `targets` and `labels`; and `weights` where all rows weigh 1.
    """

    inputs: np.ndarray  # of the network's dtype, all rows; each begins `apart` elements after the one before
    bytes: np.ndarray  # likewise
    targets: np.ndarray  # (n · n_out,)
    labels: np.ndarray  # (n,): the number of the output that should be 1
    weights: np.ndarray  # (n,)
    apart: int
    rows: np.ndarray  # (1, m): which rows to use, in order


@inline
def minibatch(network, optimizer, data, plan, memory, team, order, first, rows, learn):
    """Write the losses of `rows` rows of `order` from `first` on; if it is to `learn`, do a step of descent."""
    for lane in range(len(order)):
        team.scales[lane] = 1 / weight_of(data, order[lane], first, rows) / terms(network, plan)
    if learn:
        begin_step(optimizer, team.step)
    sharing = plan.segments == 1
    member, members = (team.member, team.members) if sharing else (0, 1)  # of a chunk
    segment = 0 if sharing else team.member
    while segment * plan.segment_rows < rows:
        begin, end = segment * plan.segment_rows, min(rows, (segment + 1) * plan.segment_rows)
        whole = sharing and end - begin <= plan.rows and not plan.keeps_gradient
        place = -1 if whole else plan.gradients + segment * plan.parameters[-1]
        chunk = begin
        while chunk < end:
            height = min(plan.rows, end - chunk)
            here, stop = share(height, member, members, plan.line)
            propagate(network, data, plan, memory, team, order, first, chunk, here, stop - here, learn)
            if sharing:
                wait(team)
            more, last = chunk > begin, sharing and chunk + height == end and not plan.keeps_gradient
            if learn:
                accumulate_gradient(network, optimizer, plan, memory, team, height, place, more, last, member, members)
            if sharing and not last:
                wait(team)
            chunk += height
        segment += 1 if sharing else team.members
    if not sharing or plan.keeps_gradient:
        wait(team)
        if learn:
            descend(network, optimizer, plan, memory, team, rows)


@inline
def accumulate_gradient(network, optimizer, plan, memory, team, rows, place, more, last, member, members):
    """The gradient of a chunk, from the last layer to the first; with its last chunk, a block's step may be done."""
    if is_straight(plan):
        straight_gradient(network, optimizer, plan, memory, team, rows, place, more, last)
        return
    weights, step = network.parameters, team.step
    for layer in range(len(plan.sizes) - 2, -1, -1):
        gradient(plan, memory, weights, optimizer, step, layer, rows, place, more, last, member, members)


@inline
def straight_gradient(network, optimizer, plan, memory, team, rows, place, more, last):
    g, parameters = plan.block if place < 0 else place, network.parameters
    common = address(memory, 0), address(parameters, 0), address(plan.activations, 0)
    call(plan.straight[1], (*common, plan.deltas[-1], address(memory, g), rows, more))
    if last:
        update(optimizer, team.step, parameters, Matrix(0, 0), memory, Matrix(g, 0), 1, plan.parameters[-1])


@inline
def descend(network, optimizer, plan, memory, team, rows):
    """Do the step of descent of a member's part of the parameters, with the sum of the segments' gradients."""
    segments = (rows + plan.segment_rows - 1) // plan.segment_rows
    here, end = share(plan.parameters[-1], team.member, team.members, plan.line)
    if team.members > 1:  # the others have read them, and each line takes some 10 ns to get: 8-64-64-1 -7 %
        for i in range(here, end, plan.line):
            prefetch_to_write(network.parameters, i)
    if plan.keeps_gradient:
        for i in range(plan.gradients + here, plan.gradients + end, lanes(memory)):
            store(memory, i, total_of(plan, memory, i, segments))
        wait(team)
        for lane in range(width(plan, memory)):
            norm = gradient_norm(plan, memory, lane)
            team.step.norms[lane] += norm
            if optimizer.rule.clip == BY_NORM:
                limit_norm(optimizer, team.step, norm, lane, width(plan, memory))
        g = Matrix(plan.gradients + here, 0)
        update(optimizer, team.step, network.parameters, Matrix(here, 0), memory, g, 1, end - here)
        return
    block = BLOCK_ROWS * STRIP_LINES * plan.line
    for first in range(here, end, block):
        count = min(block, end - first)
        for i in range(0, count, lanes(memory)):
            store(memory, plan.block + i, total_of(plan, memory, plan.gradients + first + i, segments))
        update(optimizer, team.step, network.parameters, Matrix(first, 0), memory, Matrix(plan.block, 0), 1, count)


@inline
def total_of(plan, memory, i, segments):
    """The sum of the segments' gradients at one place."""
    total = load(memory, i)
    for segment in range(1, segments):
        total = total + load(memory, i + segment * plan.parameters[-1])
    return total


@inline
def gradient_norm(plan, memory, lane):
    """The norm of a network's whole gradient: in float64, in one order."""
    unit, total = width(plan, memory), 0.0
    for layer in range(len(plan.sizes) - 1):
        stride = plan.strides[layer + 1]
        first = plan.gradients + plan.parameters[layer] + lane
        for row in range(1 + plan.sizes[layer]):
            for j in range(plan.sizes[layer + 1]):
                g = float(memory[first + row * stride + j * unit])
                total += g * g
    return np.sqrt(total)


@inline
def limit_norm(optimizer, step, norm, lane, unit):
    """By what a network's gradient is multiplied so that its norm is within the limit."""
    factor = optimizer.rule.limit / (norm + 1e-6)
    factor = 1.0 if factor > 1 else factor  # a NaN stays one
    for other in range(lane, step.hyperparameters.shape[1], unit):
        step.hyperparameters[CLIP_FACTOR, other] = factor


@inline
def propagate(network, data, plan, memory, team, order, first, chunk, here, rows, learn):
    """Fetch rows `chunk` + `here` … of the minibatch to row `here` …; forward, losses, and if it is to `learn` back."""
    if rows == 0:
        return
    source = first + chunk + here
    fetch(network, data, plan, memory, order, source, rows, here)
    t_stride = plan.strides[-1]
    t = plan.targets + here * t_stride
    if len(data.labels) > 0:
        one_hot(plan, data.labels, plan.sizes[-1], order, source, rows, memory, t, t_stride)
    else:
        d = plan.deltas[-1] + here * t_stride
        gather_interleaved(plan, data.targets, plan.sizes[-1], order, source, rows, memory, t, t_stride, d)
    weighted = len(data.weights) > 0
    if weighted:
        weigh(data, plan, memory, team, order, source, here, rows)
    else:
        store(memory, plan.weights, 1)
        store(memory, plan.scales, team.scales[0])
    dropout = team.dropout if learn else team.no_dropout
    if drops(dropout):
        draw_keys(plan, memory, dropout, team.step.done[0], order, source, here, rows)
    forward_pass(network, plan, memory, dropout, here, rows)
    losses = plan.losses + (chunk + here) * width(plan, memory)
    losses_and_deltas(network, plan, memory, weighted, here, rows, losses)
    if learn and not is_straight(plan):  # a tiny network's deltas come with its gradient
        for layer in range(len(plan.sizes) - 2, 0, -1):
            below = network.activations[layer - 1]
            backward(plan, memory, network.parameters, layer, below, dropout, here, rows)


@inline
def forward_pass(network, plan, memory, dropout, here, rows):
    """Bring `rows` rows to the last layer, whose activation waits for the loss."""
    if is_straight(plan):
        common = address(memory, 0), address(network.parameters, 0), address(plan.activations, 0)
        call(plan.straight[0], (*common, plan.outputs, here, rows))
        return
    for layer in range(len(plan.sizes) - 1):
        forward(plan, memory, network.parameters, layer, network.activations[layer], dropout, here, rows)


@inline
def weigh(data, plan, memory, team, order, source, here, rows):
    """The weight of each row, and by what its deltas are to be scaled."""
    for row in range(rows):
        for lane in range(width(plan, memory)):
            i, own = (here + row) * width(plan, memory) + lane, lane if len(order) > 1 else 0
            weight = data.weights[order[own, source + row]]
            memory[plan.weights + i] = weight
            memory[plan.scales + i] = team.scales[own] * weight


@inline
def weight_of(data, order, first, rows):
    """The sum of the weights of `rows` rows of `order` from `first` on."""
    # order (m,)
    if len(data.weights) == 0:
        return float(rows)
    total = 0.0
    for i in range(first, first + rows):
        total += data.weights[order[i]]
    return total


@inline
def terms(network, plan):
    """How many terms a row's loss is the mean of."""
    return 1 if SUMS_OUTPUTS >> network.loss & 1 == 1 else plan.sizes[-1]
