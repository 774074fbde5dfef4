"""Activations and their derivatives over a block of a layer's outputs, in place, right after the tiles wrote it.

The block is in the L1 cache then, so that this second look at it costs one load and one store in 33 or more fused
multiply-adds. A derivative takes the layer's *output*; ``deltas`` comes in as dloss/doutput and leaves as dloss/dz.
"""

from fastprop.kernels.codes import IDENTITY, SIGMOID, SOFTMAX, TANH
from fastprop.kernels.functions import exp, sigmoid, tanh
from fastprop.kernels.jit import part
from fastprop.kernels.lanes import collect, collected, row_max, width
from fastprop.kernels.simd import first_lanes, fma, lanes, load, splat, store


@part
def apply(activation, z):
    """The activation of each lane."""
    if activation == SIGMOID:
        return sigmoid(z)
    if activation == TANH:
        return tanh(z)
    return z


@part
def through(activation, a, delta):
    """`delta` times the derivative of the activation whose output is `a`."""
    if activation == SIGMOID:
        return delta * (a * (1 - a))
    if activation == TANH:
        return delta * fma(-a, a, 1)
    return delta


@part
def activate(plan, activation, z, start, stride, rows, columns):
    # z (rows, columns)
    if activation == IDENTITY:
        return
    for row in range(rows):
        first = start + row * stride
        if activation == SOFTMAX:
            softmax(plan, z, first, columns)
        else:
            for i in range(first, first + columns, lanes(z)):
                store(z, i, apply(activation, load(z, i)))


@part
def differentiate(plan, activation, memory, outputs, o_stride, deltas, d_stride, rows, columns):
    # outputs (rows, columns)   deltas (rows, columns); both are places in memory
    for row in range(rows):
        y, d = outputs + row * o_stride, deltas + row * d_stride
        if activation == SOFTMAX:
            through_softmax(plan, memory, y, d, columns)
        else:
            for j in range(0, columns, lanes(memory)):
                store(memory, d + j, through(activation, load(memory, y + j), load(memory, d + j)))


@part
def softmax(plan, z, start, columns):
    """Turn a row of z into its softmax; return the largest z and the sum of the exponentials of z less that."""
    top, total = row_max(plan, z, start, columns // width(plan, z)), splat(z, 0)
    for j in range(0, columns, lanes(z)):
        e = first_lanes(exp(load(z, start + j) - top), columns - j, 0)
        store(z, start + j, e)
        total = collect(plan, z, total, j, e)
    total = collected(plan, z, total, columns)
    for j in range(0, columns, lanes(z)):
        store(z, start + j, load(z, start + j) / total)
    return top, total


@part
def through_softmax(plan, memory, outputs, deltas, columns):
    """Turn a row of dloss/da into dloss/dz = a (dloss/da - Σ a dloss/da)."""
    mean = splat(memory, 0)
    for j in range(0, columns, lanes(memory)):
        mean = collect(plan, memory, mean, j, load(memory, outputs + j) * load(memory, deltas + j))
    mean = collected(plan, memory, mean, columns)
    for j in range(0, columns, lanes(memory)):
        store(memory, deltas + j, load(memory, outputs + j) * (load(memory, deltas + j) - mean))
