"""Rows of the data on their way into the first layer: fetched in order, bytes made numbers, standardized.

The data is never copied as a whole: each step is done to the few rows that are needed next.
"""

from typing import NamedTuple

import numpy as np

from fastprop.kernels.compiler import inline, noinline
from fastprop.kernels.lanes import Chunk, Table, copy_rows, gather, is_pack, width
from fastprop.kernels.load_store import lanes, load, splat, store
from fastprop.kernels.matrices import has_shared_rows, inputs_of, part

FETCHED_ROWS = 8
"""Rows that are fetched at a time to be changed: those of 784 inputs take 25 KB, and are then in the L1 cache."""


class Sparse(NamedTuple):
    """Where the elements of sparse rows stand; all arrays are empty for rows that are dense.

    Of rows that are encoded, the columns stand in groups: all before an element in its group are what `below` has.
    """

    begins: np.ndarray  # (n + 1,) int64: the index in `Data.inputs` of each row's first element, and their number
    columns: np.ndarray  # int32: the column of each element
    background: np.ndarray  # (I, padded): what the other elements of each column are
    below: np.ndarray  # (I, padded): what elements before the one of their group are; empty where there are no groups
    group_begins: np.ndarray  # (I,) int32: the first column of the group of each column; empty likewise


@inline
def fetch(network, data, plan, memory, chunk):
    """Bring the rows of a chunk into the first layer's inputs."""
    # x (B, I) ← inputs or bytes (n, I)
    if len(data.bytes) == 0 and len(data.sparse.begins) == 0 and len(network.mean) == 0:
        table = Table(data.inputs, data.row_stride, plan.sizes.layers[0])
        copy_inputs(table, plan, memory, chunk)
    else:
        fetch_and_change(network, data, plan, memory, chunk)


@noinline
def fetch_and_change(network, data, plan, memory, chunk):
    """Bring the rows into the first layer's inputs, a few at a time, and make them dense, numbers and standardized."""
    # x (B, I) ← (inputs or bytes (n, I) - mean (I,)) · input_inverse_std (I,)
    for row in range(0, chunk.rows, FETCHED_ROWS):
        few = Chunk(chunk.order, chunk.first + row, min(FETCHED_ROWS, chunk.rows - row), chunk.row_begin + row)
        if len(data.sparse.begins) > 0:
            scatter(data, plan, memory, few)
        elif len(data.bytes) > 0:
            copy_inputs(Table(data.bytes, data.row_stride, plan.sizes.layers[0]), plan, memory, few)
        else:
            copy_inputs(Table(data.inputs, data.row_stride, plan.sizes.layers[0]), plan, memory, few)
        if len(network.mean) > 0:
            standardize(network, plan, memory, few)


@inline
def copy_inputs(source, plan, memory, chunk):
    """Copy the rows of a chunk from a table: once, or for each network of a pack."""
    # x (B, I) ← source (n, I)
    x = part(inputs_of(plan, 0), chunk.row_begin, 0)
    if has_shared_rows(plan, 0):
        copy_rows(source, chunk, memory, x)
    else:
        gather(plan, source, chunk, memory, x)


@inline
def scatter(data, plan, memory, chunk):
    """Write sparse rows as dense ones."""
    # x (B, I) ← background (I,), and then the elements of each row at their columns, and below (I,) before them
    sparse, order, x = data.sparse, chunk.order, part(inputs_of(plan, 0), chunk.row_begin, 0)
    inputs = plan.sizes.layers[0]
    for row in range(chunk.rows):
        start = x.offset + row * x.stride
        if is_pack(plan) and not has_shared_rows(plan, 0):
            for j in range(inputs):
                store(memory, start + j * width(plan, memory), splat(memory, sparse.background[j]))
            for lane in range(width(plan, memory)):
                source = order[lane % len(order), chunk.first + row]
                for k in range(sparse.begins[source], sparse.begins[source + 1]):
                    column = sparse.columns[k]
                    if len(sparse.below) > 0:
                        for j in range(sparse.group_begins[column], column):
                            memory[start + j * width(plan, memory) + lane] = sparse.below[j]
                    memory[start + column * width(plan, memory) + lane] = data.inputs[k]
        else:
            for j in range(0, inputs, lanes(memory)):
                store(memory, start + j, load(sparse.background, j))
            source = order[0, chunk.first + row]
            for k in range(sparse.begins[source], sparse.begins[source + 1]):
                column = sparse.columns[k]
                if len(sparse.below) > 0:
                    fill_below(sparse, memory, start, sparse.group_begins[column], column)
                memory[start + column] = data.inputs[k]


@inline
def fill_below(sparse, memory, start, begin, end):
    """Write what the columns before an element of a group are into the row that starts at an offset."""
    # x (I,)[begin:end] ← below (I,)[begin:end]
    if end - begin < lanes(memory):
        for j in range(begin, end):
            memory[start + j] = sparse.below[j]
    else:
        for j in range(begin, end - lanes(memory), lanes(memory)):
            store(memory, start + j, load(sparse.below, j))
        last = end - lanes(memory)  # the last vector may overlap the one before it
        store(memory, start + last, load(sparse.below, last))


@inline
def standardize(network, plan, memory, chunk):
    """Subtract the mean from the inputs of a chunk's rows, and divide them by the standard deviation."""
    # x (B, I) ← (x - mean (I,)) · input_inverse_std (I,)
    inputs, x = plan.sizes.layers[0], part(inputs_of(plan, 0), chunk.row_begin, 0)
    for row in range(x.offset, x.offset + chunk.rows * x.stride, x.stride):
        if is_pack(plan) and not has_shared_rows(plan, 0):
            for j in range(inputs):
                i = row + j * width(plan, memory)
                mean, inverse_std = splat(memory, network.mean[j]), splat(memory, network.input_inverse_std[j])
                store(memory, i, (load(memory, i) - mean) * inverse_std)
        else:
            for j in range(0, inputs, lanes(memory)):
                mean, inverse_std = load(network.mean, j), load(network.input_inverse_std, j)
                store(memory, row + j, (load(memory, row + j) - mean) * inverse_std)
