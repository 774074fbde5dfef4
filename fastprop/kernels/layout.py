"""Where things lie: the one flat vector of a network's parameters, and the workspace of one run.

A row is padded to whole cache lines, whatever the vector width. The padding of parameters and deltas holds zeros, so
that none is ever trained; that of activations meets those zeros alone.

Parameters, layer after layer. The bias is the weight of a constant input 1, and so the first row of its layer::

    layer l    (1 + n_in, padded n_out)      row 0: biases      row 1 + i: the weights that leave input i

Activations stand behind that constant 1, so that a bias needs no code of its own in any of the passes::

    a row of the batch in layer l      0 … 0 1 | a₀ a₁ … aₙ₋₁ …      (one cache line, then n, padded)
"""

import functools
from typing import NamedTuple

import numpy as np

LINE_BYTES = 64
"""A cache line, and the widest vector."""

BLOCK_ROWS = 48
"""Rows worked on at once, a multiple of every full tile's rows: what follows finds them in the L1 cache."""

GRADIENT_LINES = 4
"""Cache lines in a row of a block of gradient, the widest strip. No more of a gradient is ever stored: 12 KB."""


def line(dtype):
    """Return how many elements of `dtype` make a cache line."""
    return LINE_BYTES // np.dtype(dtype).itemsize


def padded(size, dtype):
    """Return `size` elements of `dtype` rounded up to whole cache lines, and one more where that is a multiple of 1 KB.

    Rows so far apart meet in a few sets of the cache: 784-1024-1024-10 took 643 ms an epoch, with the line more 415.
    """
    lines = -(-size // line(dtype))
    return (lines + (lines % 16 == 0)) * line(dtype)


def aligned_zeros(size, dtype):
    """Return `size` zeros that start at a cache line: with NumPy's own places a tile fell from 80 % of peak to 66 %."""
    buffer = np.zeros(size + line(dtype), dtype)
    start = -buffer.ctypes.data % LINE_BYTES // buffer.itemsize
    return buffer[start : start + size]


def parameter_starts(layer_sizes, dtype):
    """Return where each layer's parameters start, (L + 1,); the last is the length of the whole vector."""
    lengths = [(1 + n_in) * padded(n_out, dtype) for n_in, n_out in zip(layer_sizes[:-1], layer_sizes[1:])]
    return np.cumsum([0, *lengths], dtype=np.int64)


class Plan(NamedTuple):
    """Sizes and places of one run, counted in elements; a place is that of a matrix's first row in the workspace."""

    rows: int  # of a minibatch, at most
    line: int  # elements in a cache line
    sizes: np.ndarray  # (L + 1,)
    strides: np.ndarray  # (L + 1,): sizes, padded; an activation row has one line more, in front
    parameters: np.ndarray  # (L + 1,): where the layers start in the parameter vector
    activations: np.ndarray  # (L + 1,): layer 0 holds the input
    deltas: np.ndarray  # (2,): layer l uses number l % 2
    targets: int
    weights: int  # one of each row, (rows,)
    terms: int  # one row: the terms of a row's loss
    transposed: int  # one layer's weights, transposed
    gradient: int  # one block
    size: int  # of the whole workspace


@functools.lru_cache(maxsize=64)
def plan(layer_sizes, rows, dtype):
    """Return the `Plan` of a network that works on up to `rows` rows at a time."""
    sizes = np.array(layer_sizes, np.int64)
    strides = np.array([padded(size, dtype) for size in layer_sizes], np.int64)
    end = 0

    def place(length):
        nonlocal end
        end += int(length)
        return end - int(length)

    return Plan(
        rows=rows,
        line=line(dtype),
        sizes=sizes,
        strides=strides,
        parameters=parameter_starts(layer_sizes, dtype),
        activations=np.array([place(rows * (line(dtype) + stride)) + line(dtype) for stride in strides]),
        deltas=np.array([place(rows * strides[1:].max()) for _ in range(2)]),
        targets=place(rows * strides[-1]),
        weights=place(padded(rows, dtype)),
        terms=place(strides[-1]),
        transposed=place(max([0, *(strides[1:-1] * strides[2:])])),
        gradient=place(BLOCK_ROWS * GRADIENT_LINES * line(dtype)),
        size=end,
    )


def workspace(plan, dtype):
    """Return the memory that a run of `plan` works in: zeros, but the 1 in front of each row's activations."""
    memory = aligned_zeros(plan.size, dtype)
    for start, stride in zip(plan.activations, plan.strides):
        row = stride + plan.line
        memory[start - 1 : start - 1 + plan.rows * row : row] = 1
    return memory
