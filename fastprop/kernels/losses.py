"""Losses of a minibatch and what they send back: each row's loss, and dloss/dz of the output layer.

``outputs`` comes in as z, the last layer before its activation, and leaves as the activation: losses that go with one
activation (sigmoid with binary_cross_entropy, softmax with cross_entropy) are exact from z alone, and their delta
is the plain difference y - t. Padding columns of ``deltas`` become zero, so that no padding is ever trained.
"""

from fastprop.kernels.activations import activate, differentiate, row_sum, softmax
from fastprop.kernels.codes import BINARY_CROSS_ENTROPY, MSE
from fastprop.kernels.functions import exp, log, log1p, sigmoid
from fastprop.kernels.jit import part
from fastprop.kernels.simd import first_lanes, lanes, load, splat, store, where_less


@part
def loss_and_deltas(network, plan, memory, outputs, deltas, rows, scale):
    """Return the weighted sum of the rows' losses; leave `scale` · weight · dloss/dz in `deltas`."""
    # outputs, targets, deltas (rows, columns)   weights (rows,)   terms (columns,): scratch
    columns, stride = plan.sizes[-1], plan.strides[-1]
    total = 0.0
    if network.loss == MSE:
        activate(network.output, memory, outputs, plan.line + stride, rows, columns)
    for row in range(rows):
        y, t, d = outputs + row * (plan.line + stride), plan.targets + row * stride, deltas + row * stride
        weight = memory[plan.weights + row]
        if network.loss == MSE:
            total += weight * mse(memory, y, t, d, plan.terms, columns, scale * weight)
        elif network.loss == BINARY_CROSS_ENTROPY:
            total += weight * binary_cross_entropy(memory, y, t, d, plan.terms, columns, scale * weight)
        else:
            total += weight * cross_entropy(memory, y, t, d, plan.terms, columns, scale * weight)
    if network.loss == MSE:
        differentiate(network.output, memory, outputs, plan.line + stride, deltas, stride, plan.terms, rows, columns)
    return total


@part
def mse(memory, outputs, targets, deltas, terms, columns, scale):
    """Σ (y - t)² of one row; 2 (y - t) in deltas."""
    for j in range(0, columns, lanes(memory)):
        difference = first_lanes(load(memory, outputs + j) - load(memory, targets + j), columns - j, 0)
        store(memory, terms + j, difference * difference)
        store(memory, deltas + j, difference * (2 * scale))
    return row_sum(memory, terms, columns)


@part
def binary_cross_entropy(memory, outputs, targets, deltas, terms, columns, scale):
    """Σ max(z, 0) - z t + log(1 + e^-|z|) of one row, which is -t log y - (1 - t) log(1 - y) without cancellation."""
    for j in range(0, columns, lanes(memory)):
        z, t = load(memory, outputs + j), load(memory, targets + j)
        positive = where_less(0, z, z, 0)
        term = positive - z * t + log1p(exp(where_less(0, z, -z, z)))
        y = sigmoid(z)
        store(memory, outputs + j, y)
        store(memory, terms + j, first_lanes(term, columns - j, 0))
        store(memory, deltas + j, first_lanes((y - t) * scale, columns - j, 0))
    return row_sum(memory, terms, columns)


@part
def cross_entropy(memory, outputs, targets, deltas, terms, columns, scale):
    """Σ t (log Σ eᶻ - z) of one row."""
    for j in range(0, columns, lanes(memory)):
        store(memory, terms + j, load(memory, outputs + j))
    top, total = softmax(memory, outputs, columns)
    for j in range(0, columns, lanes(memory)):
        y, z, t = load(memory, outputs + j), load(memory, terms + j), load(memory, targets + j)
        term = t * (log(splat(memory, total)) + (top - z))
        store(memory, terms + j, first_lanes(term, columns - j, 0))
        store(memory, deltas + j, first_lanes((y - t) * scale, columns - j, 0))
    return row_sum(memory, terms, columns)
