"""Activations and their derivatives over a block of a layer's outputs, in place, right after the tiles wrote it.

The block is in the L1 cache then, so that this second look at it costs one load and one store in 33 or more fused
multiply-adds. A derivative takes the layer's *output*; ``deltas`` comes in as dloss/doutput and leaves as dloss/dz.
"""

from fastprop.kernels.codes import SIGMOID, SOFTMAX
from fastprop.kernels.functions import exp, sigmoid
from fastprop.kernels.jit import part
from fastprop.kernels.layout import LINE_BYTES
from fastprop.kernels.simd import first_lanes, group_sum, lanes, largest_lane, load, splat, store, where_less


@part
def row_sum(array, start, columns):
    """The sum of a row whose padding is zero: cache line by cache line, each as a tree."""
    total = group_sum(array, start)
    line = LINE_BYTES // array.itemsize
    for j in range(line, columns, line):
        total += group_sum(array, start + j)
    return total


@part
def activate(activation, z, start, stride, rows, columns):
    # z (rows, columns)
    for row in range(start, start + rows * stride, stride):
        if activation == SIGMOID:
            for i in range(row, row + columns, lanes(z)):
                store(z, i, sigmoid(load(z, i)))
        elif activation == SOFTMAX:
            softmax(z, row, columns)


@part
def softmax(z, start, columns):
    """Turn a row of z into its softmax; return the largest z and the sum of the exponentials of z less that."""
    highest = splat(z, z[start])
    for j in range(0, columns, lanes(z)):
        highest_here = first_lanes(load(z, start + j), columns - j, highest)
        highest = where_less(highest, highest_here, highest_here, highest)
    top = largest_lane(highest)
    for j in range(0, columns, lanes(z)):
        store(z, start + j, first_lanes(exp(load(z, start + j) - top), columns - j, 0))
    total = row_sum(z, start, columns)
    for j in range(0, columns, lanes(z)):
        store(z, start + j, load(z, start + j) / total)
    return top, total


@part
def differentiate(activation, memory, outputs, o_stride, deltas, d_stride, terms, rows, columns):
    # outputs (rows, columns)   deltas (rows, columns)   terms (columns,): scratch; all three are places in memory
    for row in range(rows):
        y, d = outputs + row * o_stride, deltas + row * d_stride
        if activation == SIGMOID:
            for j in range(0, columns, lanes(memory)):
                a = load(memory, y + j)
                store(memory, d + j, load(memory, d + j) * (a * (1 - a)))
        elif activation == SOFTMAX:
            for j in range(0, columns, lanes(memory)):
                store(memory, terms + j, load(memory, y + j) * load(memory, d + j))
            mean = row_sum(memory, terms, columns)
            for j in range(0, columns, lanes(memory)):
                store(memory, d + j, load(memory, y + j) * (load(memory, d + j) - mean))
