"""Losses of a minibatch and what they send back: each row's loss, and dloss/dz of the output layer.

``outputs`` comes in as z, the last layer before its activation, and leaves as the activation: losses that go with one
activation (sigmoid with binary_cross_entropy, softmax with cross_entropy) are exact from z alone, and their delta
is the plain difference y - t. Padding columns of ``deltas`` become zero, so that no padding is ever trained.
"""

from fastprop.kernels.activations import apply, softmax, through, through_softmax
from fastprop.kernels.codes import BINARY_CROSS_ENTROPY, MSE, SOFTMAX
from fastprop.kernels.functions import exp, log, log1p, sigmoid
from fastprop.kernels.jit import part
from fastprop.kernels.lanes import collect, collected, put, take, width
from fastprop.kernels.simd import first_lanes, lanes, load, splat, store, where_less


@part
def losses_and_deltas(network, plan, memory, weighted, first, rows, losses):
    """Write each row's loss times its weight to `losses`, and its scale times dloss/dz to the last layer's deltas."""
    # outputs, targets, deltas (rows, columns)   weights, scales, losses (rows,), each a number of each network
    columns, t_stride = plan.sizes[-1] * width(plan, memory), plan.strides[-1]
    y_stride = plan.line + t_stride
    outputs, deltas, unit = plan.activations[-1], plan.deltas[-1], width(plan, memory)
    step = unit if weighted else 0  # without weights there is one of each for all rows
    for row in range(first, first + rows):
        y, t, d = outputs + row * y_stride, plan.targets + row * t_stride, deltas + row * t_stride
        weight, scale = take(plan, memory, plan.weights + row * step), take(plan, memory, plan.scales + row * step)
        if network.loss == MSE:
            total = mse(plan, network.output, memory, y, t, d, columns, scale)
        elif network.loss == BINARY_CROSS_ENTROPY:
            total = binary_cross_entropy(plan, memory, y, t, d, columns, scale)
        else:
            total = cross_entropy(plan, memory, y, t, d, columns, scale)
        put(plan, memory, losses + (row - first) * unit, weight * total)


@part
def mse(plan, activation, memory, outputs, targets, deltas, columns, scale):
    """(y - t)² of one row."""
    if activation == SOFTMAX:
        softmax(plan, memory, outputs, columns)
    total = splat(memory, 0)
    for j in range(0, columns, lanes(memory)):
        y = apply(activation, load(memory, outputs + j))
        difference = first_lanes(y - load(memory, targets + j), columns - j, 0)
        store(memory, outputs + j, y)
        total = collect(plan, memory, total, j, difference * difference)
        store(memory, deltas + j, through(activation, y, difference * (2 * scale)))
    total = collected(plan, memory, total, columns)
    if activation == SOFTMAX:
        through_softmax(plan, memory, outputs, deltas, columns)
    return total


@part
def binary_cross_entropy(plan, memory, outputs, targets, deltas, columns, scale):
    """max(z, 0) - z t + log(1 + e^-|z|) of one row, which is -t log y - (1 - t) log(1 - y) without cancellation."""
    total = splat(memory, 0)
    for j in range(0, columns, lanes(memory)):
        z, t = load(memory, outputs + j), load(memory, targets + j)
        positive = where_less(0, z, z, 0)
        term = positive - z * t + log1p(exp(where_less(0, z, -z, z)))
        y = sigmoid(z)
        store(memory, outputs + j, y)
        total = collect(plan, memory, total, j, first_lanes(term, columns - j, 0))
        store(memory, deltas + j, first_lanes((y - t) * scale, columns - j, 0))
    return collected(plan, memory, total, columns)


@part
def cross_entropy(plan, memory, outputs, targets, deltas, columns, scale):
    """T (log Σ eᶻ - z) of one row."""
    for j in range(0, columns, lanes(memory)):
        store(memory, deltas + j, load(memory, outputs + j))
    top, exponentials = softmax(plan, memory, outputs, columns)
    total = splat(memory, 0)
    for j in range(0, columns, lanes(memory)):
        y, z, t = load(memory, outputs + j), load(memory, deltas + j), load(memory, targets + j)
        term = t * (log(exponentials) + (top - z))
        total = collect(plan, memory, total, j, first_lanes(term, columns - j, 0))
        store(memory, deltas + j, first_lanes((y - t) * scale, columns - j, 0))
    return collected(plan, memory, total, columns)
