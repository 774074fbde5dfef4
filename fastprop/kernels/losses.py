"""Losses of a minibatch and their derivatives: each row's loss, and dloss/dz of the output layer.

Rows are interleaved (see lanes.py). The outputs come in as z, the last layer before its activation. Losses that go with
one activation (sigmoid with binary_cross_entropy, softmax with cross_entropy, exp with poisson) are computed from z,
and their delta is the difference y - t. The other losses compare y with t; their deltas, which are with respect to y,
then pass through the activation.
"""

from typing import NamedTuple

from fastprop.kernels.activations import activate_outputs, differentiate_outputs, largest
from fastprop.kernels.arithmetic import fma, where_less
from fastprop.kernels.compiler import inline
from fastprop.kernels.functions import exp, exp_to_infinity, log, log1p, sigmoid
from fastprop.kernels.lanes import interleaved_rows, is_pack, separate_rows, width
from fastprop.kernels.layout import Matrix
from fastprop.kernels.load_store import lanes, load, splat, store, store_first
from fastprop.kernels.tables import NO_BRANCH, bits
from fastprop.kernels.unrolled import is_unrolled


class Loss(NamedTuple):
    """What kernels know of a loss."""

    code: int  # by which `compare` and `distance` branch
    from_logits: bool  # whether it is computed from z, and its delta is dloss/dz; else from a, and dloss/da
    sums_outputs: bool  # whether a row's loss is the sum over the outputs, and not the mean


MSE, BINARY_CROSS_ENTROPY, CROSS_ENTROPY, MAE, HUBER, POISSON, PINBALL = range(7)

LOSSES = {
    "mse": Loss(MSE, from_logits=False, sums_outputs=False),
    "binary_cross_entropy": Loss(BINARY_CROSS_ENTROPY, from_logits=True, sums_outputs=False),
    "cross_entropy": Loss(CROSS_ENTROPY, from_logits=True, sums_outputs=True),
    "mae": Loss(MAE, from_logits=False, sums_outputs=False),
    "huber": Loss(HUBER, from_logits=False, sums_outputs=False),
    "pinball": Loss(PINBALL, from_logits=False, sums_outputs=False),
    "poisson": Loss(POISSON, from_logits=True, sums_outputs=False),
}
"""One row for each loss, the same names as in `fastprop.reference.LOSSES`."""

FROM_LOGITS = bits(LOSSES, lambda row: row.from_logits)
SUMS_OUTPUTS = bits(LOSSES, lambda row: row.sums_outputs)


@inline
def losses_and_deltas(network, plan, memory, weighted, row_begin, rows, losses):
    """Write each row's loss times its weight to offset `losses`, and its scale times dloss/dz to the deltas."""
    # outputs, targets, deltas (B, O)   weights, scales, losses (B, width)
    of_logits = FROM_LOGITS >> network.loss & 1 == 1
    if not of_logits:  # all rows at once, as each call costs more than a row
        activate_outputs(plan, network.activations[-1], memory, row_begin, rows)
    if network.loss == MSE:  # a constant, so that no row asks which loss it is
        compare(MSE, network, plan, memory, weighted, row_begin, rows, losses)
    else:
        compare(network.loss, network, plan, memory, weighted, row_begin, rows, losses)
    if not of_logits:
        differentiate_outputs(plan, network.activations[-1], memory, row_begin, rows)
    if not is_pack(plan) and not is_unrolled(network):  # their deltas stand where the targets do
        outputs, stride = plan.sizes.layers[-1], plan.sizes.strides[-1]
        for row in range(row_begin, row_begin + rows, interleaved_rows(plan, memory)):
            deltas = Matrix(plan.workspace.deltas[-1] + row * stride, stride)
            separate_rows(memory, plan.workspace.targets + row * stride, deltas, outputs)


@inline
def compare(loss, network, plan, memory, weighted, row_begin, rows, losses):
    """Write each row's loss, and turn its targets into deltas with respect to what the loss compares, y or z."""
    # outputs, targets (B, O)   weights, scales, losses (B, width)
    outputs, stride, unit = plan.sizes.layers[-1], plan.sizes.strides[-1], width(plan, memory)
    weights, scales = plan.workspace.weights, plan.workspace.scales
    weight, scale = load(memory, weights), load(memory, scales)  # without weights, those of all rows
    for row in range(row_begin, row_begin + rows, interleaved_rows(plan, memory)):
        z, t = plan.workspace.outputs + row * stride, plan.workspace.targets + row * stride
        if weighted:
            weight, scale = load(memory, weights + row * unit), load(memory, scales + row * unit)
        if loss == BINARY_CROSS_ENTROPY:
            total = binary_cross_entropy(memory, z, t, outputs, scale, network.loss_parameters[0])
        elif loss == CROSS_ENTROPY:
            total = cross_entropy(memory, z, t, outputs, scale, network.loss_parameters[0])
        elif loss == POISSON:
            total = poisson(memory, z, t, outputs, scale)
        else:
            total = distance(loss, memory, z, t, outputs, scale, network.loss_parameters)
        if is_pack(plan):
            store(memory, losses + (row - row_begin) * unit, weight * total)
        else:
            store_first(memory, losses + row - row_begin, weight * total, row_begin + rows - row)


@inline
def distance(loss, memory, outputs, targets, columns, scale, parameters):
    """Return the sum over each row of how far its outputs are from its targets, and write the deltas to the targets."""
    # outputs, targets (columns, lanes): interleaved rows   parameters (1,) of Huber's loss, (columns,) of the pinball
    total = splat(memory, 0)
    for j in range(0, columns * lanes(memory), lanes(memory)):
        d = load(memory, outputs + j) - load(memory, targets + j)
        if loss == MAE:
            total = total + where_less(d, 0, -d, d)
            delta = where_less(d, 0, -scale, where_less(0, d, scale, 0))
        elif loss == HUBER:  # d² / 2, and a line from `limit` on
            limit = parameters[0]
            near = where_less(d, -limit, -limit, where_less(limit, d, limit, d))
            total = fma(near, d - 0.5 * near, total)
            delta = near * scale
        elif loss == PINBALL:
            quantile = parameters[j // lanes(memory)]
            below, above = -quantile * scale, (1 - quantile) * scale
            total = fma(where_less(d, 0, -quantile, 1 - quantile), d, total)
            delta = where_less(d, 0, below, where_less(0, d, above, 0))
        elif loss == MSE:
            total = fma(d, d, total)
            delta = d * (2 * scale)
        else:
            total = delta = d * NO_BRANCH
        store(memory, targets + j, delta)
    return total


@inline
def poisson(memory, outputs, targets, columns, scale):
    """Return eᶻ - t z of each row: -log of the probability of t counts where eᶻ are expected, without log t!."""
    # outputs, targets (columns, lanes): interleaved rows
    total = splat(memory, 0)
    for j in range(0, columns * lanes(memory), lanes(memory)):
        z, t = load(memory, outputs + j), load(memory, targets + j)
        y = exp_to_infinity(z)
        total = total + fma(-t, z, y)
        store(memory, targets + j, (y - t) * scale)
    return total


@inline
def binary_cross_entropy(memory, outputs, targets, columns, scale, label_smoothing):
    """Return max(z, 0) - z t + log(1 + e^-|z|) of each row: -t log y - (1 - t) log(1 - y) without cancellation.

    The fraction `label_smoothing` of each target is spread over both classes.
    """
    # outputs, targets (columns, lanes): interleaved rows
    total = splat(memory, 0)
    for j in range(0, columns * lanes(memory), lanes(memory)):
        z, t = load(memory, outputs + j), fma(load(memory, targets + j), 1 - label_smoothing, label_smoothing / 2)
        positive = where_less(0, z, z, 0)
        total = total + (positive - z * t + log1p(exp(where_less(0, z, -z, z))))
        store(memory, targets + j, (sigmoid(z) - t) * scale)
    return total


@inline
def cross_entropy(memory, outputs, targets, columns, scale, label_smoothing):
    """Return Σ t (log Σ eᶻ - z) of each row; the fraction `label_smoothing` of each target is spread over all."""
    # outputs, targets (columns, lanes): interleaved rows
    maximum = largest(memory, outputs, columns)
    total = exponentials = target_sum = splat(memory, 0)
    for j in range(0, columns * lanes(memory), lanes(memory)):
        z, t = load(memory, outputs + j), fma(load(memory, targets + j), 1 - label_smoothing, label_smoothing / columns)
        e = exp(z - maximum)
        store(memory, outputs + j, e)
        store(memory, targets + j, t)
        exponentials, total, target_sum = exponentials + e, fma(t, maximum - z, total), target_sum + t
    share = 1 / exponentials
    for j in range(0, columns * lanes(memory), lanes(memory)):
        y = load(memory, outputs + j) * share
        store(memory, targets + j, (y - load(memory, targets + j)) * scale)
    return fma(target_sum, log(exponentials), total)
