"""The two meanings of a lane: a neuron of one network, or one network of a pack.

The code that trains is written once for both meanings; what differs between them is in this file. The plan's type
decides during compilation. In a row of memory, neuron j stands in element j; in a pack it stands in elements
j · width to (j + 1) · width, one for each network. "A number of each network" is a vector of `width` numbers in a
pack, and of one network a vector full of its number.

The outputs of the last layer, its targets and its deltas are *interleaved*: a vector holds one output of several rows,
so that what a loss adds up over the outputs of a row never crosses lanes. Of one network, as many rows are interleaved
as a vector has lanes: (B / lanes, O, lanes). Of a pack, a vector holds the same row of each network: (B, O, width).

A tiny network that is alone has the outputs of all layers interleaved, see unrolled.py.
"""

from typing import NamedTuple

import numpy as np
from numba import types
from numba.extending import intrinsic

from fastprop.kernels.compiler import inline
from fastprop.kernels.layout import Matrix, PackPlan
from fastprop.kernels.llvm import emit_splat, numbered
from fastprop.kernels.load_store import (
    add_to,
    address,
    advance,
    lanes,
    load_as,
    load_first_as,
    splat,
    store,
    store_element,
    transpose_square,
)
from fastprop.kernels.pointers import emit_cast, emit_load, emit_load_element, emit_pointer, pointer_type
from fastprop.kernels.vectors import Vector, words_of


@intrinsic
def is_pack(typing_context, plan):
    """Return whether a lane is a network. It is a constant, so that only one branch is compiled."""

    def emit(context, builder, sig, args):
        return context.get_constant(types.boolean, plan.instance_class is PackPlan)

    return types.boolean(plan), emit


@intrinsic
def width(typing_context, plan, array):
    """Return how many networks lie side by side, as a constant."""

    def emit(context, builder, sig, args):
        return context.get_constant(types.intp, Vector(array.dtype).lanes if plan.instance_class is PackPlan else 1)

    return types.intp(plan, array), emit


@intrinsic
def broadcast(typing_context, plan, array, index):
    """Return a pointer to element `index` for the tile's operand A: to numbers, or in a pack to vectors."""
    element = Vector(array.dtype) if plan.instance_class is PackPlan else array.dtype
    kind = pointer_type(element)

    def emit(context, builder, sig, args):
        pointer = emit_pointer(context, builder, array, *args[1:])
        return emit_cast(builder, pointer, context.get_value_type(element))

    return kind(plan, array, types.intp), emit


# ---- interleaved rows ----


@inline
def interleaved_rows(plan, memory):
    """Return how many rows one vector of the last layer's outputs holds an output of."""
    # an int
    return 1 if is_pack(plan) else lanes(memory)


@inline
def interleaved_offset(plan, memory, matrix, row):
    """Return the offset of the first output of a row; in a pack that of the first network."""
    # an int
    lane = row & (interleaved_rows(plan, memory) - 1)
    return matrix.offset + (row - lane) * matrix.stride + lane


@inline
def interleave_rows(values, source, memory, target, rows, columns):
    # target (rows / lanes, columns, lanes) ← source (rows, columns) of values; of one network
    for row in range(0, rows, lanes(memory)):
        for j in range(0, columns, lanes(memory)):
            x, y = source.offset + row * source.stride + j, target.offset + row * target.stride + j * lanes(memory)
            transpose_square(values, x, source.stride, memory, y, lanes(memory))


@inline
def separate_rows(memory, source, target, columns):
    # target (lanes, columns) ← source (columns, lanes): one group of interleaved rows, of one network
    for j in range(0, columns, lanes(memory)):
        transpose_square(memory, source + j * lanes(memory), lanes(memory), memory, target.offset + j, target.stride)


# ---- a number of each network ----


@inline
def add_rows(plan, totals, memory, start, rows):
    """Add the `rows` numbers of each network that begin at `start` to the network's total, in float64."""
    # totals (width,)   memory[start:] (rows, width)
    if is_pack(plan):
        add_to(totals, memory, start, rows)
    else:
        total = totals[0]
        for row in range(rows):
            total += memory[start + row]
        totals[0] = total


@intrinsic
def word_of_each(typing_context, plan, memory, values, index):
    """Return a vector with a uint32 of each network, from element `index` of `values` on."""
    vector = words_of(memory.dtype)

    def emit(context, builder, sig, args):
        kind, first = context.get_value_type(vector), emit_pointer(context, builder, values, *args[2:])
        if plan.instance_class is PackPlan:
            return emit_load(context, builder, first, kind)
        return emit_splat(builder, emit_load_element(context, builder, first), kind)

    return vector(plan, memory, values, types.intp), emit


@intrinsic
def neurons(typing_context, plan, memory):
    """Return, as words, by how much the index of each lane's neuron exceeds that of the first lane's."""
    vector = words_of(memory.dtype)

    def emit(context, builder, sig, args):
        return numbered(context.get_value_type(vector), 0 if plan.instance_class is PackPlan else 1)

    return vector(plan, memory), emit


# ---- rows of the data ----


class Table(NamedTuple):
    """A table of the data, one row for each row of the data set, in a flat array."""

    values: np.ndarray  # flat; numbers of the network's dtype, or bytes
    stride: int  # elements from one row to the next
    columns: int  # neurons of the layer that the rows are for


class Chunk(NamedTuple):
    """Rows of a minibatch that are worked on at once, or the part of them that one member takes."""

    order: (
        np.ndarray
    )  # (1 or width, m) int64: indices of the data's rows, in one order for all networks or one for each
    first: int  # index in `order` of the chunk's first row
    rows: int
    row_begin: int  # row of the workspace's matrices where the chunk's first row stands


@inline
def gather(plan, source, chunk, memory, target):
    # target (B, columns) ← source (n, columns)[order[:, first : first + B]]
    if not is_pack(plan):
        copy_rows(source, chunk, memory, target)
        return
    # By pointers, as an array's index may be negative, which is asked for each element.
    values, shared = address(source.values, 0), address(chunk.order[0], chunk.first)
    for row in range(chunk.rows):
        y = target.offset + row * target.stride
        if len(chunk.order) == 1:
            x = advance(values, shared[row] * source.stride)
            for j in range(source.columns):
                store(memory, y + j * width(plan, memory), splat(memory, x[j]))
        else:
            for lane in range(width(plan, memory)):
                x = advance(values, chunk.order[lane, chunk.first + row] * source.stride)
                for j in range(source.columns):
                    memory[y + j * width(plan, memory) + lane] = x[j]


@inline
def copy_rows(source, chunk, memory, target):
    # target (B, columns) ← source (n, columns)[order[0, first : first + B]], with zeros up to a whole vector
    values, columns, order = source.values, source.columns, address(chunk.order[0], chunk.first)
    whole = columns - columns % lanes(memory)
    for row in range(chunk.rows):
        x, y = order[row] * source.stride, target.offset + row * target.stride
        for j in range(0, whole, lanes(memory)):
            store(memory, y + j, load_as(memory, values, x + j))
        if whole < columns:
            store(memory, y + whole, load_first_as(memory, values, x + whole, columns - whole))


@inline
def gather_interleaved(plan, source, chunk, memory, target, scratch):
    # target (B / lanes, columns, lanes), interleaved ← source (n, columns)[order[:, first : first + B]]
    if is_pack(plan):
        gather(plan, source, chunk, memory, target)
    elif 4 * source.columns <= lanes(memory):  # element by element; the workspace's zeros that follow stay as they are
        values, order = address(source.values, 0), address(chunk.order[0], chunk.first)
        for first in range(0, chunk.rows, lanes(memory)):
            y = target.offset + first * target.stride
            for row in range(first, min(first + lanes(memory), chunk.rows)):
                x = advance(values, order[row] * source.stride)
                for j in range(source.columns):
                    store_element(memory, y + j * lanes(memory), x[j])
                y += 1
    else:
        copy_rows(source, chunk, memory, Matrix(scratch, target.stride))
        interleave_rows(memory, Matrix(scratch, target.stride), memory, target, chunk.rows, source.columns)


@inline
def one_hot(plan, labels, columns, chunk, memory, target):
    # target (B / lanes, columns, lanes), interleaved: 1 at the row's label, else 0   labels (n,)
    for row in range(0, chunk.rows, interleaved_rows(plan, memory)):
        for j in range(columns):
            store(memory, target.offset + row * target.stride + j * lanes(memory), 0)
    for row in range(chunk.rows):
        y = interleaved_offset(plan, memory, target, row)
        for lane in range(width(plan, memory)):
            label = labels[chunk.order[lane % len(chunk.order), chunk.first + row]]
            memory[y + label * lanes(memory) + lane] = 1


# ---- matrices ----


@inline
def transpose(values, source, memory, target, rows, columns):
    # target (columns, rows), with zeros up to a whole vector ← source (rows, columns) of values
    for i in range(0, rows, lanes(values)):
        if i + lanes(values) <= rows:
            for j in range(0, columns, lanes(values)):
                x, y = source.offset + i * source.stride + j, target.offset + j * target.stride + i
                transpose_square(values, x, source.stride, memory, y, target.stride)
        else:
            for j in range(columns):
                for k in range(i, i + lanes(values)):
                    value = values[source.offset + k * source.stride + j] if k < rows else 0
                    memory[target.offset + j * target.stride + k] = value
