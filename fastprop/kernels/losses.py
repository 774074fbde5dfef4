"""Losses of a minibatch and what they send back: each row's loss, and dloss/dz of the output layer.

Rows stand abreast (see lanes.py). ``outputs`` come in as z, the last layer before its activation: losses that go with
one activation (sigmoid with binary_cross_entropy, softmax with cross_entropy) are exact from z alone, and their delta
is the plain difference y - t. ``targets`` leave as deltas. The other losses are distances between y and t.
"""

from typing import NamedTuple

from fastprop.kernels.activations import activate_outputs, differentiate_outputs, largest
from fastprop.kernels.arithmetic import fma, where_less
from fastprop.kernels.compiler import inline
from fastprop.kernels.functions import exp, log, log1p, sigmoid
from fastprop.kernels.lanes import interleaved_rows, is_pack, set_in_rows, width
from fastprop.kernels.load_store import lanes, load, splat, store, store_first
from fastprop.kernels.tables import NO_BRANCH, bits


class Loss(NamedTuple):
    """What kernels know of a loss."""

    code: int  # by which `compare` and `distance` branch
    from_logits: bool = False  # whether it is computed from z, and its delta is dloss/dz; else from a, and dloss/da
    sums_outputs: bool = False  # whether a row's loss is the sum over the outputs, and not the mean


MSE, BINARY_CROSS_ENTROPY, CROSS_ENTROPY, MAE, HUBER, POISSON = range(6)

LOSSES = {
    "mse": Loss(MSE),
    "binary_cross_entropy": Loss(BINARY_CROSS_ENTROPY, from_logits=True),
    "cross_entropy": Loss(CROSS_ENTROPY, from_logits=True, sums_outputs=True),
    "mae": Loss(MAE),
    "huber": Loss(HUBER),
    "poisson": Loss(POISSON, from_logits=True),
}
"""One row for each loss, the same names as in `fastprop.reference.LOSSES`."""

FROM_LOGITS = bits(LOSSES, lambda row: row.from_logits)
SUMS_OUTPUTS = bits(LOSSES, lambda row: row.sums_outputs)


@inline
def losses_and_deltas(network, plan, memory, weighted, first, rows, losses):
    """Write each row's loss times its weight to `losses`, and its scale times dloss/dz to the last layer's deltas."""
    # outputs, targets, deltas (rows, columns)   weights, scales, losses (rows,), each a number of each network
    of_logits = FROM_LOGITS >> network.loss & 1 == 1
    if not of_logits:  # all rows at once: row by row, S1 took a third longer
        activate_outputs(plan, network.activations[-1], memory, first, rows)
    if network.loss == MSE:  # as a constant it leaves no question to be asked for each row: S1 -5 %
        compare(MSE, network, plan, memory, weighted, first, rows, losses)
    else:
        compare(network.loss, network, plan, memory, weighted, first, rows, losses)
    if not of_logits:
        differentiate_outputs(plan, network.activations[-1], memory, first, rows)
    columns, stride = plan.sizes[-1], plan.strides[-1]
    for row in range(first, first if is_pack(plan) else first + rows, interleaved_rows(plan, memory)):
        set_in_rows(memory, plan.targets + row * stride, plan.deltas[-1] + row * stride, stride, columns)


@inline
def compare(loss, network, plan, memory, weighted, first, rows, losses):
    """Write each row's loss, and turn its targets into deltas, both before what the activation has to do with them."""
    columns, stride, unit = plan.sizes[-1], plan.strides[-1], width(plan, memory)
    weight, scale = load(memory, plan.weights), load(memory, plan.scales)  # without weights, those of all rows
    for row in range(first, first + rows, interleaved_rows(plan, memory)):
        z, t = plan.outputs + row * stride, plan.targets + row * stride
        if weighted:
            weight, scale = load(memory, plan.weights + row * unit), load(memory, plan.scales + row * unit)
        if loss == BINARY_CROSS_ENTROPY:
            total = binary_cross_entropy(memory, z, t, columns, scale)
        elif loss == CROSS_ENTROPY:
            total = cross_entropy(memory, z, t, columns, scale, network.label_smoothing)
        elif loss == POISSON:
            total = poisson(memory, z, t, columns, scale)
        else:
            total = distance(loss, memory, z, t, columns, scale, network.huber_delta)
        if is_pack(plan):
            store(memory, losses + (row - first) * unit, weight * total)
        else:
            store_first(memory, losses + row - first, weight * total, first + rows - row)


@inline
def distance(loss, memory, outputs, targets, columns, scale, huber_delta):
    """What lies between outputs and targets: the sum over each row."""
    total = splat(memory, 0)
    for j in range(0, columns * lanes(memory), lanes(memory)):
        d = load(memory, outputs + j) - load(memory, targets + j)
        if loss == MAE:
            total = total + where_less(d, 0, -d, d)
            slope = where_less(d, 0, -scale, where_less(0, d, scale, 0))
        elif loss == HUBER:  # d² / 2, and from bend on a line
            near = where_less(d, -huber_delta, -huber_delta, where_less(huber_delta, d, huber_delta, d))
            total = fma(near, d - 0.5 * near, total)
            slope = near * scale
        elif loss == MSE:
            total = fma(d, d, total)
            slope = d * (2 * scale)
        else:
            total = slope = d * NO_BRANCH
        store(memory, targets + j, slope)
    return total


@inline
def poisson(memory, outputs, targets, columns, scale):
    """eᶻ - t z of each row: -log of the probability of t counts where eᶻ are expected, without log t!."""
    total = splat(memory, 0)
    for j in range(0, columns * lanes(memory), lanes(memory)):
        z, t = load(memory, outputs + j), load(memory, targets + j)
        y = exp(z)
        total = total + fma(-t, z, y)
        store(memory, targets + j, (y - t) * scale)
    return total


@inline
def binary_cross_entropy(memory, outputs, targets, columns, scale):
    """max(z, 0) - z t + log(1 + e^-|z|) of each row, which is -t log y - (1 - t) log(1 - y) without cancellation."""
    total = splat(memory, 0)
    for j in range(0, columns * lanes(memory), lanes(memory)):
        z, t = load(memory, outputs + j), load(memory, targets + j)
        positive = where_less(0, z, z, 0)
        total = total + (positive - z * t + log1p(exp(where_less(0, z, -z, z))))
        store(memory, targets + j, (sigmoid(z) - t) * scale)
    return total


@inline
def cross_entropy(memory, outputs, targets, columns, scale, label_smoothing):
    """T (log Σ eᶻ - z) of each row; `label_smoothing` of each target is spread over all."""
    top = largest(memory, outputs, columns)
    total = exponentials = certainty = splat(memory, 0)
    for j in range(0, columns * lanes(memory), lanes(memory)):
        z, t = load(memory, outputs + j), fma(load(memory, targets + j), 1 - label_smoothing, label_smoothing / columns)
        e = exp(z - top)
        store(memory, outputs + j, e)
        store(memory, targets + j, t)
        exponentials, total, certainty = exponentials + e, fma(t, top - z, total), certainty + t
    share = 1 / exponentials
    for j in range(0, columns * lanes(memory), lanes(memory)):
        y = load(memory, outputs + j) * share
        store(memory, targets + j, (y - load(memory, targets + j)) * scale)
    return fma(certainty, log(exponentials), total)
