"""Where everything stands in memory: the one flat vector of a network's parameters, and the workspace of one run.

A row is padded to whole cache lines, whatever the vector width. The padding of parameters and deltas holds zeros, so
that it is never trained; the padding of activations may hold anything, as it meets those zeros alone.

Parameters stand layer after layer. The bias is the weight of a constant input 1, and so the first row of its layer::

    layer l    (1 + I, padded O)      row 0: biases      row 1 + i: the weights of input i

Activations stand behind that constant 1, so that a bias needs no code of its own in any of the passes::

    a row of the batch in layer l      0 … 0 1 | a₀ a₁ … aₙ₋₁ …      (one cache line, then n, padded)

In a pack, `width` networks lie side by side: each number above is `width` neighboring ones, a network each.

The workspace is one flat array. Of a minibatch of B rows, C = `chunk_rows` are worked on at once; `line` is the number
of elements in a cache line, and `padded` stands for each matrix's own width::

    ┌──────────────┬──────────────────────────────┬──────────────────────────────────────────────────────┐
    │ losses       │ (B, width)                   │ read when all members have met                       │
    │ gradients    │ (segments, P)                │ empty where the strategy is FUSED                    │
    ├──────────────┼──────────────────────────────┼──────────────────────────────────────────────────────┤
    │ activations  │ (C, line + padded) a layer   │ inputs of layers 0 … L - 1; C is padded              │
    │ derivatives  │ (C, padded) a layer          │ empty where derivatives follow from the output       │
    │ outputs      │ (C, padded), interleaved     │ of the last layer                                    │
    │ targets      │ (C, padded), interleaved     │ the losses turn them into deltas                     │
    │ deltas       │ (C, padded) a layer          │ of the outputs of layers 0 … L - 1; of a pack the    │
    │              │                              │ last layer's stand where its targets do              │
    │ weights      │ (C, width)                   │ of the rows                                          │
    │ scales       │ (C, width)                   │ of the rows' deltas                                  │
    ├──────────────┼──────────────────────────────┼──────────────────────────────────────────────────────┤
    │ panel        │ (depth, STRIP_LINES · line)  │ one strip of a matrix, its rows side by side; whole  │
    │              │                              │ squares are written where it is transposed           │
    │ block        │ (BLOCK_ROWS, STRIP_LINES     │ one block of a gradient, or of outputs before they   │
    │              │  · line)                     │ are interleaved                                      │
    │ transposed   │ (≤ TRANSPOSE_COLUMNS, C)     │ some of a large layer's inputs                       │
    ├──────────────┼──────────────────────────────┼──────────────────────────────────────────────────────┤
    │ pairs        │ see rounded_dense.py         │ of bfloat16, where some layers have such products    │
    └──────────────┴──────────────────────────────┴──────────────────────────────────────────────────────┘

The first part is shared by the members of a team. The third is each member's own. The second is shared where a
minibatch is one segment, whose rows the members share; where there are several segments it is each member's own. So are
the pairs of rows in the fourth part; those of columns are each member's own.

A tiny network that is unrolled alone uses some parts in its own way, see unrolled.py.
"""

import ctypes
import functools
from typing import NamedTuple

import numpy as np

LINE_BYTES = 64
"""Bytes of a cache line, and of the widest vector."""

MAX_LANES = LINE_BYTES // 4
"""Lanes of the widest vector, of float32: the most networks that a pack can have."""

BLOCK_ROWS = 48
"""Rows of a block: what follows the product finds the block in the L1 cache. A multiple of every full tile's rows."""

STRIP_LINES = 4
"""Cache lines in a row of the widest strip of tiles."""

MAX_SEGMENTS = 16
"""Segments that a minibatch is cut into, at most."""

SEGMENT_ROWS = 64
"""Rows of a segment, at least."""

SEGMENTED_PARAMETERS = 16_384
"""Parameters of the largest network whose minibatches are cut into segments."""

CHUNK_BYTES = 1 << 18
"""Bytes of activations and deltas that are worked on at once."""

CHUNK_ROWS = 1024
"""Rows of a chunk of a large network, at least: each chunk reads and writes the gradient of all parameters."""

PACK_CHUNK_ROWS = 32
"""Rows of a chunk of a pack or a segment, at least."""

TRANSPOSE_MIN = 256
"""A layer with at least this many inputs, in a chunk of at least this many rows, is transposed before its gradient."""

TRANSPOSE_COLUMNS = 528
"""Inputs transposed at a time, at most. All deltas are packed for each such group of inputs."""

CONFLICT_LINES = 16
"""A stride that is a multiple of this many cache lines maps to few sets of the L1 cache."""


# ---- matrices ----


class Matrix(NamedTuple):
    """Where a matrix stands in a flat array; inside compiled functions the two numbers travel as one argument."""

    offset: int  # of the first element
    stride: int  # elements from one row to the next


class Block(NamedTuple):
    """A part of a matrix that is worked on at once: some rows of a strip of columns."""

    group: int  # first row of the group of rows that is finished before the next
    row: int  # first row of the block
    rows: int
    column: int  # elements of a row in front of the block
    vectors: int  # in a row


def line(dtype):
    """Return how many elements of `dtype` make a cache line."""
    return LINE_BYTES // np.dtype(dtype).itemsize


def padded(size, dtype):
    """Return `size` elements of `dtype` rounded up to whole cache lines.

    A multiple of `CONFLICT_LINES` gets one line more: at such a stride a column's elements would evict each other from
    the cache.
    """
    lines = -(-size // line(dtype))
    return (lines + (lines % CONFLICT_LINES == 0)) * line(dtype)


def aligned_zeros(size, dtype):
    """Return `size` zeros that start at a cache line, so that no vector crosses one."""
    buffer = np.zeros(size + line(dtype), dtype)
    address = ctypes.addressof(ctypes.c_char.from_buffer(buffer))  # three times as fast as `buffer.ctypes.data`
    start = -address % LINE_BYTES // buffer.itemsize
    return buffer[start : start + size]


# ---- parameters ----


def parameter_count(layer_sizes):
    """Return how many parameters a network has, without padding."""
    return sum((1 + n_in) * n_out for n_in, n_out in zip(layer_sizes[:-1], layer_sizes[1:]))


@functools.lru_cache(maxsize=64)
def layer_offsets(layer_sizes, dtype, width=1):
    """Return the offset of each layer's parameters, (L + 1,) int64, and at last the length P of the whole vector."""
    lengths = [(1 + n_in) * padded(n_out * width, dtype) for n_in, n_out in zip(layer_sizes[:-1], layer_sizes[1:])]
    return np.cumsum([0, *lengths], dtype=np.int64)


def layers(parameters, layer_sizes, width=1):
    """Return a view of each layer's part of a parameter vector, (1 + I, O, width), without the padding."""
    starts = layer_offsets(layer_sizes, parameters.dtype, width)
    rows = [parameters[start:stop].reshape(1 + n_in, -1) for start, stop, n_in in zip(starts, starts[1:], layer_sizes)]
    return [row[:, : n_out * width].reshape(len(row), n_out, width) for row, n_out in zip(rows, layer_sizes[1:])]


@functools.lru_cache(maxsize=64)
def parameter_offsets(layer_sizes, dtype, width=1):
    """Return the offset of each parameter of each network in a parameter vector, (P without the padding, width)."""
    starts = layer_offsets(layer_sizes, dtype, width)
    rows = [np.arange(start, stop).reshape(1 + n_in, -1) for start, stop, n_in in zip(starts, starts[1:], layer_sizes)]
    return np.concatenate([row[:, : n_out * width].reshape(-1, width) for row, n_out in zip(rows, layer_sizes[1:])])


def clear_padding(parameters, layer_sizes):
    """Make the padding of one network's parameters zero again, which infinite numbers beside it have turned to NaN."""
    kept = [layer.copy() for layer in layers(parameters, layer_sizes)]
    parameters[...] = 0
    for layer, values in zip(layers(parameters, layer_sizes), kept):
        layer[...] = values


# ---- the plan of a run ----


class Sizes(NamedTuple):
    """The sizes of a network, or of a pack of networks of one shape."""

    width: int  # networks side by side: 1, or those of a pack
    line: int  # elements in a cache line
    layers: np.ndarray  # (L + 1,) neurons of a layer
    strides: np.ndarray  # (L + 1,) elements in a padded row of a layer; an activation row has one line more, in front
    parameters: np.ndarray  # (L + 1,) offset of a layer in the parameter vector, and at last its length P


class Workspace(NamedTuple):
    """Where everything stands in the workspace, as offsets in elements; see the map at the top of the file."""

    losses: int
    gradients: int
    activations: np.ndarray  # (L,) of each layer's inputs, behind the line with the constant 1
    derivatives: np.ndarray  # (L + 1,) of a layer's activation, where it stores them
    outputs: int
    targets: int
    deltas: np.ndarray  # (L + 1,) of a layer's neurons; the first, of the data, has none
    weights: int
    scales: int
    panel: int
    block: int
    transposed: int


FUSED, CHUNKED, SEGMENTED = range(3)  # values of Strategy.name


class Strategy(NamedTuple):
    """How a minibatch is worked on; see minibatch.py."""

    name: int  # FUSED, CHUNKED or SEGMENTED
    segments: int  # of a minibatch
    segment_rows: int
    chunk_rows: int  # rows worked on at once, at most; a segment is cut into chunks
    stores_derivatives: bool  # whether activations store derivatives, where they need them to go backward
    keeps_gradient: bool  # whether the update waits for the whole gradient, whose norm is measured
    shares_rows: bool  # whether a pack's networks have their rows in one order: layer 0 then holds each number once
    transposed_stride: int  # elements in a row of the transposed inputs; 0 where no layer is transposed


class Plan(NamedTuple):
    """What one member knows of a run's sizes, workspace and strategy. A lane is a neuron of the one network."""

    sizes: Sizes
    workspace: Workspace
    strategy: Strategy


class PackPlan(Plan):
    """The plan of a pack: a lane is one of its networks."""


class OffsetAllocator:
    """Lays parts of the workspace one after another.

    Attributes
    ----------
    size : int
        The elements of all parts so far.
    """

    def __init__(self, size=0):
        self.size = size

    def allocate(self, size):
        """Return the offset of the next `size` elements."""
        offset = self.size
        self.size += int(size)
        return offset

    def allocate_all(self, sizes):
        """Return by name the offset of each of the pairs (name, size); a list of sizes gets an array of offsets."""
        return {
            name: np.array([self.allocate(each) for each in size], np.int64)
            if isinstance(size, list)
            else self.allocate(size)
            for name, size in sizes
        }


def segments(layer_sizes, batch_size):
    """Return how many segments a minibatch is cut into.

    Its gradient is the sum, in order, of the segments' gradients, each of which is one chain of multiply-adds over its
    rows. The segments depend on these sizes alone, and so does the result, however many threads share them.
    """
    if parameter_count(layer_sizes) > SEGMENTED_PARAMETERS:
        return 1
    return min(MAX_SEGMENTS, max(1, batch_size // SEGMENT_ROWS))


@functools.lru_cache(maxsize=64)
def plans(
    layer_sizes, batch_size, dtype, stores_derivative, members=1, width=1, shares_rows=False, keeps_gradient=False
):
    """Return the `Plan` of each member for minibatches of up to `batch_size` rows, and the elements of the workspace.

    `stores_derivative` says for each layer whether its activation stores its derivative: none does where networks only
    predict.
    """
    sizes = _sizes(layer_sizes, dtype, width, shares_rows)
    strategy = _strategy(sizes, layer_sizes, batch_size, dtype, stores_derivative, shares_rows, keeps_gradient)
    allocator = OffsetAllocator()
    common = allocator.allocate_all(
        [
            ("losses", padded(batch_size * width, dtype)),
            ("gradients", 0 if strategy.name == FUSED else strategy.segments * sizes.parameters[-1]),
        ]
    )
    chunk = _chunk_sizes(sizes, strategy, dtype, stores_derivative)
    if strategy.name != SEGMENTED:
        common |= _chunk_offsets(allocator, chunk, sizes)
    transposed_columns = min(TRANSPOSE_COLUMNS, padded(1 + max(layer_sizes[:-1]), dtype))
    result = []
    for _ in range(members):
        own = allocator.allocate_all(
            [
                ("panel", (1 + max(strategy.chunk_rows, padded(max(layer_sizes), dtype))) * STRIP_LINES * sizes.line),
                ("block", BLOCK_ROWS * STRIP_LINES * sizes.line),
                ("transposed", transposed_columns * strategy.transposed_stride),
            ]
        )
        if strategy.name == SEGMENTED:
            own |= _chunk_offsets(allocator, chunk, sizes)
        plan = Plan if width == 1 else PackPlan
        result.append(plan(sizes, Workspace(**common, **own), strategy))
    return tuple(result), allocator.size


def _sizes(layer_sizes, dtype, width, shares_rows):
    """Return the `Sizes` of a network, or of a pack of `width` networks."""
    widths = [1 if shares_rows else width, *[width] * (len(layer_sizes) - 1)]
    return Sizes(
        width=width,
        line=line(dtype),
        layers=np.array(layer_sizes, np.int64),
        strides=np.array([padded(size * each, dtype) for size, each in zip(layer_sizes, widths)], np.int64),
        parameters=layer_offsets(layer_sizes, dtype, width),
    )


def _strategy(sizes, layer_sizes, batch_size, dtype, stores_derivative, shares_rows, keeps_gradient):
    """Return the `Strategy` for minibatches of up to `batch_size` rows."""
    count = segments(layer_sizes, batch_size)
    segment_rows = -(-batch_size // count)
    row = (sizes.line + sizes.strides).sum() + sizes.strides[1:].sum() + sizes.strides[-1]
    row_bytes = int(row) * np.dtype(dtype).itemsize
    min_rows = CHUNK_ROWS if count == 1 and sizes.width == 1 else PACK_CHUNK_ROWS
    chunk_rows = min(segment_rows, max(min_rows, CHUNK_BYTES // row_bytes))
    fused = chunk_rows >= batch_size and not keeps_gradient
    transposes = sizes.width == 1 and min(chunk_rows, max(layer_sizes[:-1])) >= TRANSPOSE_MIN
    return Strategy(
        name=SEGMENTED if count > 1 else FUSED if fused else CHUNKED,
        segments=count,
        segment_rows=segment_rows,
        chunk_rows=chunk_rows,
        stores_derivatives=any(stores_derivative),
        keeps_gradient=keeps_gradient,
        shares_rows=shares_rows,
        transposed_stride=padded(chunk_rows, dtype) if transposes else 0,
    )


def _chunk_sizes(sizes, strategy, dtype, stores_derivative):
    """Return the elements of what a chunk needs, as pairs (name, size), in the order of the workspace's map."""
    rows, strides = strategy.chunk_rows, sizes.strides
    interleaved_rows = rows if sizes.width > 1 else padded(rows, dtype)
    last = interleaved_rows * strides[-1]
    return [
        # Of one network, some layers are read by whole vectors of rows, see narrow_output.py and unrolled.py.
        ("activations", [interleaved_rows * (sizes.line + stride) for stride in strides[:-1]]),
        (
            "derivatives",
            [0, *(each * interleaved_rows * stride for each, stride in zip(stores_derivative, strides[1:]))],
        ),
        ("outputs", last),
        ("targets", last),
        ("deltas", [0, *(rows * stride for stride in strides[1:-1]), last if sizes.width == 1 else 0]),
        ("weights", padded(rows * sizes.width, dtype)),
        ("scales", padded(rows * sizes.width, dtype)),
    ]


def _chunk_offsets(allocator, chunk_sizes, sizes):
    """Return by name the offsets of what a chunk needs, see `Workspace`."""
    offsets = allocator.allocate_all(chunk_sizes)
    offsets["activations"] += sizes.line
    if sizes.width > 1:
        offsets["deltas"][-1] = offsets["targets"]
    return offsets


def new_workspace(plans, size, dtype):
    """Return the memory that the members of a team use: zeros, but the 1 in front of each row's activations."""
    memory = aligned_zeros(size, dtype)
    for plan in plans:
        sizes, strategy = plan.sizes, plan.strategy
        for layer, (start, stride) in enumerate(zip(plan.workspace.activations, sizes.strides)):
            width = 1 if layer == 0 and strategy.shares_rows else sizes.width
            row = stride + sizes.line
            ones = memory[start - sizes.line :][: strategy.chunk_rows * row].reshape(strategy.chunk_rows, row)
            ones[:, sizes.line - width : sizes.line] = 1
    return memory
