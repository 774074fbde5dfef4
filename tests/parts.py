"""What the tests of the kernels' parts share: a part runs only inside what is compiled, on numbers laid out for it."""

import functools

import numpy as np

from fastprop.kernels import compiler, layout, load_store

# As kernels are, with their routines to themselves: left open to each other, a test once ended in a segmentation fault.
# Without a cache: the one of fastprop.kernels knows of edits in its own folder only.
compiled = functools.partial(compiler.kernel, cached=False)

OFFSET = 5  # of what is read or written in its memory: no vector's length


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
