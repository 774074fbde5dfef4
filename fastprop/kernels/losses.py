"""Losses of a minibatch and what they send back: each row's loss, and dloss/dz of the output layer.

Rows stand abreast (see lanes.py). ``outputs`` come in as z, the last layer before its activation: losses that go with
one activation (sigmoid with binary_cross_entropy, softmax with cross_entropy) are exact from z alone, and their delta
is the plain difference y - t. ``targets`` leave as deltas.
"""

from fastprop.kernels.activations import apply, largest, softmax, through, through_softmax
from fastprop.kernels.codes import BINARY_CROSS_ENTROPY, MSE, SOFTMAX
from fastprop.kernels.functions import exp, log, log1p, sigmoid
from fastprop.kernels.jit import part
from fastprop.kernels.lanes import abreast, is_pack, set_in_rows, width
from fastprop.kernels.simd import fma, lanes, load, splat, store, store_first, where_less


@part
def losses_and_deltas(network, plan, memory, weighted, first, rows, losses):
    """Write each row's loss times its weight to `losses`, and its scale times dloss/dz to the last layer's deltas."""
    # outputs, targets, deltas (rows, columns)   weights, scales, losses (rows,), each a number of each network
    columns, stride, unit = plan.sizes[-1], plan.strides[-1], width(plan, memory)
    step = unit if weighted else 0  # without weights there is one of each for all rows
    for row in range(first, first + rows, abreast(plan, memory)):
        z, t = plan.outputs + row * stride, plan.targets + row * stride
        weight, scale = load(memory, plan.weights + row * step), load(memory, plan.scales + row * step)
        if network.loss == MSE:
            total = mse(network.output, memory, z, t, columns, scale)
        elif network.loss == BINARY_CROSS_ENTROPY:
            total = binary_cross_entropy(memory, z, t, columns, scale)
        else:
            total = cross_entropy(memory, z, t, columns, scale)
        store_first(memory, losses + (row - first) * unit, weight * total, (first + rows - row) * unit)
        if not is_pack(plan):
            set_in_rows(memory, t, plan.deltas[-1] + row * stride, stride, columns)


@part
def mse(activation, memory, outputs, targets, columns, scale):
    """(y - t)² of each row."""
    if activation == SOFTMAX:
        softmax(memory, outputs, columns)
    total = splat(memory, 0)
    for j in range(0, columns * lanes(memory), lanes(memory)):
        y = apply(activation, load(memory, outputs + j))
        difference = y - load(memory, targets + j)
        total = fma(difference, difference, total)
        store(memory, targets + j, through(activation, y, difference * (2 * scale)))
    if activation == SOFTMAX:
        through_softmax(memory, outputs, targets, columns)
    return total


@part
def binary_cross_entropy(memory, outputs, targets, columns, scale):
    """max(z, 0) - z t + log(1 + e^-|z|) of each row, which is -t log y - (1 - t) log(1 - y) without cancellation."""
    total = splat(memory, 0)
    for j in range(0, columns * lanes(memory), lanes(memory)):
        z, t = load(memory, outputs + j), load(memory, targets + j)
        positive = where_less(0, z, z, 0)
        total = total + (positive - z * t + log1p(exp(where_less(0, z, -z, z))))
        store(memory, targets + j, (sigmoid(z) - t) * scale)
    return total


@part
def cross_entropy(memory, outputs, targets, columns, scale):
    """T (log Σ eᶻ - z) of each row."""
    top = largest(memory, outputs, columns)
    total = exponentials = certainty = splat(memory, 0)
    for j in range(0, columns * lanes(memory), lanes(memory)):
        z, t = load(memory, outputs + j), load(memory, targets + j)
        e = exp(z - top)
        store(memory, outputs + j, e)
        exponentials, total, certainty = exponentials + e, fma(t, top - z, total), certainty + t
    for j in range(0, columns * lanes(memory), lanes(memory)):
        y = load(memory, outputs + j) / exponentials
        store(memory, targets + j, (y - load(memory, targets + j)) * scale)
    return fma(certainty, log(exponentials), total)
