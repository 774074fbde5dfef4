"""Activations and their derivatives over a block of a layer's outputs, in place, right after the tiles wrote it.

Those of the last layer wait for its loss, and then stand abreast (see lanes.py): a vector is one output of many rows.
The block is in the L1 cache then, so that this second look at it costs one load and one store in 33 or more fused
multiply-adds. A derivative takes the layer's *output*; ``deltas`` comes in as dloss/doutput and leaves as dloss/dz.
"""

from fastprop.kernels.codes import IDENTITY, SIGMOID, SOFTMAX, TANH
from fastprop.kernels.functions import exp, sigmoid, tanh
from fastprop.kernels.jit import part
from fastprop.kernels.simd import fma, lanes, load, splat, store, where_less


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
def activate(activation, z, start, stride, rows, columns):
    # z (rows, columns)
    if activation != IDENTITY:
        for row in range(rows):
            first = start + row * stride
            for i in range(first, first + columns, lanes(z)):
                store(z, i, apply(activation, load(z, i)))


@part
def differentiate(activation, memory, outputs, o_stride, deltas, d_stride, rows, columns):
    # outputs (rows, columns)   deltas (rows, columns); both are places in memory
    for row in range(rows):
        y, d = outputs + row * o_stride, deltas + row * d_stride
        for j in range(0, columns, lanes(memory)):
            store(memory, d + j, through(activation, load(memory, y + j), load(memory, d + j)))


@part
def activate_outputs(activation, memory, z, outputs):
    # z (outputs, lanes): rows abreast
    if activation == SOFTMAX:
        softmax(memory, z, outputs)
    else:
        activate(activation, memory, z, 0, 1, outputs * lanes(memory))


@part
def largest(memory, z, outputs):
    """The largest of each row's z."""
    top = load(memory, z)
    for j in range(1, outputs):
        here = load(memory, z + j * lanes(memory))
        top = where_less(top, here, here, top)
    return top


@part
def softmax(memory, z, outputs):
    """Turn each row's z into its softmax."""
    top, total = largest(memory, z, outputs), splat(memory, 0)
    for i in range(z, z + outputs * lanes(memory), lanes(memory)):
        e = exp(load(memory, i) - top)
        store(memory, i, e)
        total = total + e
    scale = 1 / total
    for i in range(z, z + outputs * lanes(memory), lanes(memory)):
        store(memory, i, load(memory, i) * scale)


@part
def through_softmax(memory, y, deltas, outputs):
    """Turn each row's dloss/dy into dloss/dz = y (dloss/dy - Σ y dloss/dy)."""
    mean = splat(memory, 0)
    for j in range(0, outputs * lanes(memory), lanes(memory)):
        mean = fma(load(memory, y + j), load(memory, deltas + j), mean)
    for j in range(0, outputs * lanes(memory), lanes(memory)):
        store(memory, deltas + j, load(memory, y + j) * (load(memory, deltas + j) - mean))
