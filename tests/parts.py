"""What tests of the functions that kernels call share: such a function runs only inside a kernel."""

import functools

import numpy as np
from numba.core import types
from numba.extending import intrinsic

from fastprop.kernels import compiler, layout, llvm, load_store

# Not kept on disk: the kernels' cache sees edits of fastprop.kernels alone.
compiled = functools.partial(compiler.kernel, cached=False)

OFFSET = 5
"""Elements in front of what a test reads or writes in memory: the length of no vector."""


@compiled
def lane_count(array):
    return load_store.lanes(array)


def whole(count, unit):
    """So many, rounded up to whole units."""
    return -(-count // unit) * unit


def rows_in_memory(numbers, stride, padding):
    """Rows of numbers (rows, neurons, width) in memory, `stride` apart, `padding` in front and after each."""
    rows = np.full((len(numbers), stride), padding, numbers.dtype)
    rows[:, : numbers[0].size] = numbers.reshape(len(numbers), -1)
    return np.append(np.full(OFFSET, padding, numbers.dtype), rows)


def interleaved_in_memory(plan, numbers, stride, padding):
    """The same rows interleaved: of one network (rows / lanes, neurons, lanes), and of a pack as they are."""
    if isinstance(plan, layout.PackPlan):
        return rows_in_memory(numbers, stride, padding)
    rows, neurons, _ = numbers.shape
    lanes = compiler.lanes(numbers.dtype)
    groups = np.full((-(-rows // lanes), stride, lanes), padding, numbers.dtype)
    for row in range(rows):
        groups[row // lanes, :neurons, row % lanes] = numbers[row, :, 0]
    return np.append(np.full(OFFSET, padding, numbers.dtype), groups)


def by_lanes(function, *arrays):
    """What a function of four vectors makes of up to four arrays, vector by vector."""
    function = compiler.inline(function)

    @compiled
    def run(a, b, c, d, out):
        for i in range(0, len(out), load_store.lanes(out)):
            load_store.store(
                out,
                i,
                function(load_store.load(a, i), load_store.load(b, i), load_store.load(c, i), load_store.load(d, i)),
            )

    out = np.empty_like(arrays[0])
    run(*arrays, *arrays[:1] * (4 - len(arrays)), out)
    return out


def limit(dtype):
    """Return the largest magnitude that `exp_parts` does not clamp."""
    return {"float32": 87, "float64": 708}[dtype]


@intrinsic
def store_words(typing_context, array, index, vector):
    def emit(context, builder, sig, args):
        llvm.emit_store(builder, args[2], llvm.emit_pointer(context, builder, array, *args[:2]))
        return context.get_dummy_value()

    return types.void(array, types.intp, vector), emit
