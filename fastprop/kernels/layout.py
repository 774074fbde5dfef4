"""Where things lie: the one flat vector of a network's parameters, and the workspace of one run.

A row is padded to whole cache lines, whatever the vector width. The padding of parameters and deltas holds zeros, so
that none is ever trained; that of activations meets those zeros alone.

Parameters, layer after layer. The bias is the weight of a constant input 1, and so the first row of its layer::

    layer l    (1 + n_in, padded n_out)      row 0: biases      row 1 + i: the weights that leave input i

Activations stand behind that constant 1, so that a bias needs no code of its own in any of the passes::

    a row of the batch in layer l      0 … 0 1 | a₀ a₁ … aₙ₋₁ …      (one cache line, then n, padded)

In a pack, `width` networks lie side by side: each number above is `width` neighboring ones, a network each.
"""

import ctypes
import functools
from typing import NamedTuple

import numpy as np

LINE_BYTES = 64
"""A cache line, and the widest vector."""

BLOCK_ROWS = 48
"""Rows worked on at once, a multiple of every full tile's rows: what follows finds them in the L1 cache."""

STRIP_LINES = 4
"""Cache lines in a row of the widest strip of tiles."""

SEGMENTS, SEGMENT_ROWS, SEGMENTED_PARAMETERS = 16, 64, 16_384
"""A minibatch of a small network falls into up to so many segments, of at least so many rows; see `segments`."""

CHUNK_BYTES = 1 << 18
"""Activations and deltas that are in work at once."""

CHUNK_ROWS = 1024
"""Rows that a large network works on at once: each time, the gradient of all its parameters is read and written."""

TRANSPOSE_MIN, TRANSPOSE_COLUMNS = 256, 240
"""From so many rows and inputs on, a layer's inputs are transposed for its gradient, so many of them at a time."""


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
    address = ctypes.addressof(ctypes.c_char.from_buffer(buffer))  # 0.3 µs: `buffer.ctypes.data` took 0.9
    start = -address % LINE_BYTES // buffer.itemsize
    return buffer[start : start + size]


@functools.lru_cache(maxsize=64)
def parameter_starts(layer_sizes, dtype, width=1):
    """Return where each layer's parameters start, (L + 1,); the last is the length of the whole vector."""
    lengths = [(1 + n_in) * padded(n_out * width, dtype) for n_in, n_out in zip(layer_sizes[:-1], layer_sizes[1:])]
    return np.cumsum([0, *lengths], dtype=np.int64)


def layers(parameters, layer_sizes, width=1):
    """Return a view of each layer's part of a parameter vector, (1 + n_in, n_out, width), without the padding."""
    starts = parameter_starts(layer_sizes, parameters.dtype, width)
    rows = [parameters[start:end].reshape(1 + n_in, -1) for start, end, n_in in zip(starts, starts[1:], layer_sizes)]
    return [row[:, : n_out * width].reshape(len(row), n_out, width) for row, n_out in zip(rows, layer_sizes[1:])]


@functools.lru_cache(maxsize=64)
def places(layer_sizes, dtype, width=1):
    """Return where each number of each network stands in a parameter vector, (P without the padding, width)."""
    starts = parameter_starts(layer_sizes, dtype, width)
    rows = [np.arange(start, end).reshape(1 + n_in, -1) for start, end, n_in in zip(starts, starts[1:], layer_sizes)]
    return np.concatenate([row[:, : n_out * width].reshape(-1, width) for row, n_out in zip(rows, layer_sizes[1:])])


def clear_padding(parameters, layer_sizes):
    """Make the padding of one network's parameters zero again, which infinite numbers beside it have turned to NaN."""
    kept = [layer.copy() for layer in layers(parameters, layer_sizes)]
    parameters[...] = 0
    for layer, numbers in zip(layers(parameters, layer_sizes), kept):
        layer[...] = numbers


def segments(layer_sizes, batch_size):
    """Return into how many segments a minibatch falls.

    Its gradient is the sum, in order, of those of its segments, each one chain of multiply-adds over its rows. The
    segments depend on these sizes alone, and so the result depends on them and not on the threads that share them.
    """
    parameters = sum((1 + n_in) * n_out for n_in, n_out in zip(layer_sizes[:-1], layer_sizes[1:]))
    return min(SEGMENTS, max(1, batch_size // SEGMENT_ROWS)) if parameters <= SEGMENTED_PARAMETERS else 1


class Matrix(NamedTuple):
    """Where a matrix stands in a flat array; inside compiled functions the two numbers travel as one argument."""

    offset: int  # of the first element
    stride: int  # elements from one row to the next


class Plan(NamedTuple):
    """Sizes and places for one member of a run's team, counted in elements; a place is that of a matrix's first row."""

    width: int  # networks side by side: 1, or those of a pack
    shared: bool  # whether a pack's networks have their rows in one order: layer 0 then holds each number once
    segments: int  # of a minibatch
    segment_rows: int
    rows: int  # worked on at once, at most: a chunk of a segment
    line: int  # elements in a cache line
    sizes: np.ndarray  # (L + 1,)
    strides: np.ndarray  # (L + 1,): numbers in a row, padded; an activation row has one line more, in front
    parameters: np.ndarray  # (L + 1,): where the layers start in the parameter vector
    activations: np.ndarray  # (L,): of each layer's inputs, layer 0 holds the data
    deltas: np.ndarray  # (L + 1,): of a layer's outputs; layer 0 has none
    derivatives: np.ndarray  # (L + 1,): of a layer's activation, where it stores them; of the last layer rows abreast
    outputs: int  # of the last layer, rows abreast, see lanes.py
    targets: int  # rows abreast
    weights: int  # one of each row, (rows, width)
    scales: int  # of each row's delta, (rows, width)
    losses: int  # of each row of the minibatch, (batch_size, width)
    panel: int  # one strip of a matrix, its rows side by side
    block: int  # one block of a gradient
    transposed: int  # a part of a large layer's inputs, transposed, (TURNED_ROWS, rows)
    transposed_stride: int  # 0 where there are no such layers
    gradients: int  # whole ones, (segments, P), where a block does not do
    keeps_gradient: bool  # whether a step waits for the whole gradient, whose norm is measured
    straight: np.ndarray  # (2,): of a tiny pack, the addresses of its functions, see unrolled.py


class PackPlan(Plan):
    """The plan of a pack: a lane is one of its networks, where with a `Plan` it is one of a network's neurons."""


class _Places:
    """Hands out places one after another."""

    def __init__(self):
        self.end = 0

    def __call__(self, length):
        self.end += int(length)
        return self.end - int(length)


@functools.lru_cache(maxsize=64)
def plans(layer_sizes, batch_size, dtype, storing, members=1, width=1, shared=False, keeps_gradient=False):
    """Return the `Plan` of each member of a team for minibatches of up to `batch_size` rows, and the workspace's size.

    `storing` says for each layer whether its activation stores its derivative.

    Where a minibatch has several segments, each member works on its own, in places of its own. Where it has
    one, all share its rows and the blocks of its gradient.
    """
    kind = Plan if width == 1 else PackPlan
    sizes = np.array(layer_sizes, np.int64)
    widths = [1 if shared else width, *[width] * (len(layer_sizes) - 1)]
    strides = np.array([padded(size * each, dtype) for size, each in zip(layer_sizes, widths)], np.int64)
    starts, front = parameter_starts(layer_sizes, dtype, width), line(dtype)
    count = segments(layer_sizes, batch_size)
    segment_rows = -(-batch_size // count)
    row = int((front + strides).sum() + strides[1:].sum() + strides[-1])
    minimum = CHUNK_ROWS if count == 1 and width == 1 else 32
    rows = min(segment_rows, max(minimum, CHUNK_BYTES // (row * np.dtype(dtype).itemsize)))
    depth = max(rows, 1 + max(layer_sizes))
    transposed = padded(rows, dtype) if width == 1 and min(rows, max(layer_sizes[:-1])) >= TRANSPOSE_MIN else 0
    whole = count > 1 or rows < batch_size or keeps_gradient
    groups = rows if width > 1 else padded(rows, dtype)
    place = _Places()

    def last(targets):  # a pack's stand as its targets do, and take their place
        return targets if width > 1 else place(groups * strides[-1])

    stored = list(zip((False, *storing), strides))

    def chunk():
        return {
            "activations": np.array([place(rows * (front + stride)) + front for stride in strides[:-1]]),
            "derivatives": np.array([place(is_stored * groups * stride) for is_stored, stride in stored]),
            "outputs": place(groups * strides[-1]),
            "targets": (targets := place(groups * strides[-1])),
            "deltas": np.array([0, *(place(rows * stride) for stride in strides[1:-1]), last(targets)]),
            "weights": place(padded(rows * width, dtype)),
            "scales": place(padded(rows * width, dtype)),
        }

    common = {"losses": place(padded(batch_size * width, dtype)), "gradients": place(whole * count * starts[-1])}
    if count == 1:
        common |= chunk()
    team = []
    for _ in range(members):
        own = {
            "panel": place(depth * STRIP_LINES * front),
            "block": place(BLOCK_ROWS * STRIP_LINES * front),
            "transposed": place(TRANSPOSE_COLUMNS * transposed),
            "transposed_stride": transposed,
        }
        if count > 1:
            own |= chunk()
        team.append(
            kind(
                width=width,
                shared=shared,
                segments=count,
                segment_rows=segment_rows,
                rows=rows,
                line=front,
                sizes=sizes,
                strides=strides,
                parameters=starts,
                keeps_gradient=keeps_gradient,
                straight=np.zeros(2, np.int64),
                **common,
                **own,
            )
        )
    return tuple(team), place.end


def workspace(plans, size, dtype):
    """Return the memory that a team works in: zeros, but the 1 in front of each row's activations."""
    memory = aligned_zeros(size, dtype)
    for plan in plans:
        for layer, (start, stride) in enumerate(zip(plan.activations, plan.strides)):
            width = 1 if layer == 0 and plan.shared else plan.width
            row = stride + plan.line
            ones = memory[start - plan.line : start - plan.line + plan.rows * row].reshape(plan.rows, row)
            ones[:, plan.line - width : plan.line] = 1
    return memory
