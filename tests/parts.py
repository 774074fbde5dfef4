"""Helpers of tests of functions that kernels call; such a function runs only inside a kernel."""

import functools

import numpy as np
from numba import types
from numba.extending import intrinsic

from fastprop.kernels import compiler, layout, load_store, pointers

# Not kept on disk: the kernels' cache sees edits of fastprop.kernels alone.
compiled = functools.partial(compiler.kernel, cached=False)

OFFSET = 5
"""Elements in memory before those that a test reads or writes; no vector has as many, so that these are not aligned."""


@compiled
def lane_count(array):
    return load_store.lanes(array)


def whole(count, unit):
    """Return `count`, rounded up to a multiple of `unit`."""
    return -(-count // unit) * unit


def rows_in_memory(numbers, stride, padding):
    """Return rows of numbers (rows, neurons, width) as they stand in memory.

    `stride` is the distance of two rows in elements. The value `padding` fills the space before the first row and after
    each.
    """
    rows = np.full((len(numbers), stride), padding, numbers.dtype)
    rows[:, : numbers[0].size] = numbers.reshape(len(numbers), -1)
    return np.append(np.full(OFFSET, padding, numbers.dtype), rows)


def interleaved_in_memory(plan, numbers, stride, padding):
    """Return the same rows interleaved: of one network (rows / lanes, neurons, lanes), of a pack unchanged."""
    if isinstance(plan, layout.PackPlan):
        return rows_in_memory(numbers, stride, padding)
    rows, neurons, _ = numbers.shape
    lanes = compiler.lanes(numbers.dtype)
    groups = np.full((-(-rows // lanes), stride, lanes), padding, numbers.dtype)
    for row in range(rows):
        groups[row // lanes, :neurons, row % lanes] = numbers[row, :, 0]
    return np.append(np.full(OFFSET, padding, numbers.dtype), groups)


def by_lanes(function, *arrays):
    """Return the results of a function of four vectors for up to four arrays of whole vectors, vector by vector."""
    out = np.empty_like(arrays[0])
    _run_of(function)(*arrays, *arrays[:1] * (4 - len(arrays)), out)
    return out


def of_one(function, array):
    """Return the results of a function of one vector, which kernels call, for an array of whole vectors."""
    return by_lanes(_of_four(function), array)


@functools.cache
def _of_four(function):
    return lambda a, b, c, d: function(a)


@functools.cache  # because compiling takes longer than any test with what was compiled
def _run_of(function):
    function = compiler.inline(function)

    @compiled
    def run(a, b, c, d, out):
        for i in range(0, len(out), load_store.lanes(out)):
            load_store.store(
                out,
                i,
                function(load_store.load(a, i), load_store.load(b, i), load_store.load(c, i), load_store.load(d, i)),
            )

    return run


def limit(dtype):
    """Return the largest magnitude that `exp_parts` does not clamp."""
    return {"float32": 87, "float64": 708}[dtype]


@intrinsic
def store_words(typing_context, array, index, vector):
    def emit(context, builder, sig, args):
        pointers.emit_store(context, builder, args[2], pointers.emit_pointer(context, builder, array, *args[:2]))
        return context.get_dummy_value()

    return types.void(array, types.intp, vector), emit
