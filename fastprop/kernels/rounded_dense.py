"""A dense layer whose products are of bfloat16: its three passes while a network learns, see `bfloat16.py`.

Parameters, sums, outputs, deltas and gradients are float32. What a product multiplies is rounded to pairs first: its
operand A once for all strips, and of its operand B each strip as it is prepared. A pair is two neighbors along the sum:

=================  =================================  =================================
pass               A                                  B
=================  =================================  =================================
forward            inputs, neighbors in a row         weights, neighbors in a column
backward           deltas, neighbors in a row         weights, neighbors in a row
weight gradient    inputs, neighbors in a column      deltas, neighbors in a column
=================  =================================  =================================

The biases begin the sums of the forward pass, and their gradient is a sum of float32. In validation and prediction,
which do not learn, all products are of float32. What follows a product is as in `dense.py`.

The plan's type decides during compilation whether a network can have such layers, so that others do not compile them.
"""

from typing import NamedTuple

import numpy as np
from numba.extending import overload

from fastprop.kernels import dense
from fastprop.kernels.bfloat16 import PAIR, pairs_address, store_pairs, store_rounded
from fastprop.kernels.blocks import make_product
from fastprop.kernels.compiler import inline, inline_options
from fastprop.kernels.dense import PACK_GROUP_ROWS, Gradient, Propagation, gradient_product
from fastprop.kernels.lanes import transpose
from fastprop.kernels.layout import BLOCK_ROWS, SEGMENTED, Matrix, OffsetAllocator, padded
from fastprop.kernels.load_store import lanes, load, load_first_as, splat, store
from fastprop.kernels.matrices import deltas_of, inputs_of, operand, part, weights_of
from fastprop.kernels.team import share, size_of
from fastprop.kernels.tile import Operand, VectorOperand, multiply, multiply_transposed


class Pairs(NamedTuple):
    """Which layers have products of bfloat16, and where their pairs stand in the workspace, as offsets in elements."""

    is_rounded: np.ndarray  # (L,) bool: whether a layer has them
    rows: int  # (chunk_rows, row_stride): of a layer's inputs or deltas, pairs of neighbors in a row
    row_stride: int  # elements
    columns: int  # (blocks of inputs, pairs, BLOCK_ROWS): of a layer's inputs, pairs of neighbors in a column


class RoundingPlan(NamedTuple):
    """The `Plan` of one network some of whose layers have products of bfloat16."""

    sizes: NamedTuple  # see layout.py, as the next two
    workspace: NamedTuple
    strategy: NamedTuple
    pairs: Pairs


def rounding_plans(plans, size, is_rounded):
    """Return the `RoundingPlan` of each member's `Plan`, and the elements of the workspace, which had `size` so far.

    `is_rounded` says for each layer whether its products are of bfloat16.
    """
    layers, strategy = plans[0].sizes.layers, plans[0].strategy
    of_rounded = [(n_in, n_out) for n_in, n_out, each in zip(layers, layers[1:], is_rounded) if each]
    row_stride = padded(pair_elements(max(map(max, of_rounded))), np.float32)
    blocks = max(-(-n_in // BLOCK_ROWS) for n_in, _ in of_rounded)
    of_rows = strategy.chunk_rows * row_stride
    of_columns = blocks * BLOCK_ROWS * pair_elements(strategy.chunk_rows)
    allocator = OffsetAllocator(size)
    rows, result = 0, []
    for position, plan in enumerate(plans):
        if position == 0 or strategy.name == SEGMENTED:
            rows = allocator.allocate(of_rows)
        pairs = Pairs(np.array(is_rounded), rows, row_stride, allocator.allocate(of_columns))
        result.append(RoundingPlan(*plan, pairs))
    return result, allocator.size


def pair_elements(count):
    """Return how many elements the pairs of `count` float32 take, which are as many k of a tile."""
    # an int
    return PAIR * ((count + 1) // 2)


depth_of = inline(pair_elements)
"""The same in kernels: the depth of a product."""


# ---- which products a pass has ----


def forward(network, plan, memory, dropout, layer, row_begin, row_end, learn):
    """Apply a layer to some rows, as `dense.forward` does; if it is to `learn`, perhaps by products of bfloat16."""


@overload(forward, jit_options=inline_options())
def _forward(network, plan, memory, dropout, layer, row_begin, row_end, learn):
    def by_floats(network, plan, memory, dropout, layer, row_begin, row_end, learn):
        dense.forward(network, plan, memory, dropout, layer, row_begin, row_end)

    def by_pairs(network, plan, memory, dropout, layer, row_begin, row_end, learn):
        if learn and plan.pairs.is_rounded[layer]:
            rounded_forward(Propagation(network, plan, memory, dropout, layer), row_begin, row_end)
        else:
            dense.forward(network, plan, memory, dropout, layer, row_begin, row_end)

    return by_pairs if plan.instance_class is RoundingPlan else by_floats


def backward(network, plan, memory, dropout, layer, row_begin, row_end):
    """Turn the deltas of a layer's outputs into those of its inputs, see `dense.backward`."""


@overload(backward, jit_options=inline_options())
def _backward(network, plan, memory, dropout, layer, row_begin, row_end):
    def by_floats(network, plan, memory, dropout, layer, row_begin, row_end):
        dense.backward(network, plan, memory, dropout, layer, row_begin, row_end)

    def by_pairs(network, plan, memory, dropout, layer, row_begin, row_end):
        if plan.pairs.is_rounded[layer]:
            rounded_backward(Propagation(network, plan, memory, dropout, layer), row_begin, row_end)
        else:
            dense.backward(network, plan, memory, dropout, layer, row_begin, row_end)

    return by_pairs if plan.instance_class is RoundingPlan else by_floats


def gradient(network, optimizer, plan, memory, member, layer, rows, target):
    """Compute a layer's gradient over a chunk, or a member's part of it, see `dense.gradient`."""


@overload(gradient, jit_options=inline_options())
def _gradient(network, optimizer, plan, memory, member, layer, rows, target):
    def by_floats(network, optimizer, plan, memory, member, layer, rows, target):
        dense.gradient(network, optimizer, plan, memory, member, layer, rows, target)

    def by_pairs(network, optimizer, plan, memory, member, layer, rows, target):
        if plan.pairs.is_rounded[layer]:
            rounded_gradient(Gradient(network, optimizer, plan, memory, member.step, layer, rows, target), member)
        else:
            dense.gradient(network, optimizer, plan, memory, member, layer, rows, target)

    return by_pairs if plan.instance_class is RoundingPlan else by_floats


# ---- forward ----


@inline
def rounded_forward(task, row_begin, row_end):
    # y (B, O) = f(b (O) + x (B, I) · w (I, O))
    plan, layer = task.plan, task.layer
    round_rows(plan, task.memory, inputs_of(plan, layer), row_begin, row_end, plan.sizes.layers[layer])
    rounded_forward_product(task, row_begin, row_end, 0, plan.sizes.layers[layer + 1], max(1, row_end - row_begin))


@inline
def prepare_rounded_weights(task, strip):
    # w (I, V) in pairs
    w, inputs = part(weights_of(task.plan, task.layer), 1, strip.column), task.plan.sizes.layers[task.layer]
    return paired_strip(task.plan, task.memory, task.network.parameters, w, strip.vectors, inputs)


@inline
def rounded_forward_block(task, w, block):
    # y (M, V) = f(b (V) + x (M, I) · w (I, V))
    plan, memory, parameters, layer = task.plan, task.memory, task.network.parameters, task.layer
    b, z = part(weights_of(plan, layer), 0, block.column), dense.sums_of(task, block)
    for j in range(0, block.vectors * lanes(memory), lanes(memory)):
        bias = load(parameters, b.offset + j)
        for row in range(block.rows):
            store(memory, z.offset + row * z.stride + j, bias)
    depth = depth_of(plan.sizes.layers[layer])
    multiply(paired_rows(plan, memory, block.row), w, operand(memory, z), block.rows, block.vectors, depth, True)
    dense.finish_outputs(task, z, block)


rounded_forward_product = make_product(prepare_rounded_weights, rounded_forward_block)


# ---- backward ----


@inline
def rounded_backward(task, row_begin, row_end):
    # dx (B, I) = d (B, O) · wᵀ (O, I) * f'(x (B, I))
    plan, layer = task.plan, task.layer
    round_rows(plan, task.memory, deltas_of(plan, layer + 1), row_begin, row_end, plan.sizes.layers[layer + 1])
    rounded_backward_product(task, row_begin, row_end, 0, plan.sizes.layers[layer], max(1, row_end - row_begin))


@inline
def prepare_rounded_transposed_weights(task, strip):
    # wᵀ (O, V) in pairs
    plan, memory, parameters, layer = task.plan, task.memory, task.network.parameters, task.layer
    w, outputs = part(weights_of(plan, layer), 1 + strip.column, 0), plan.sizes.layers[layer + 1]
    panel = Matrix(plan.workspace.panel, strip.vectors * lanes(memory))
    transpose(parameters, w, memory, panel, min(panel.stride, plan.sizes.layers[layer] - strip.column), outputs)
    return paired_strip(plan, memory, memory, panel, strip.vectors, outputs)


@inline
def rounded_backward_block(task, wt, block):
    # dx (M, V) = d (M, O) · wᵀ (O, V) * f'(x (M, V))
    plan, memory, layer = task.plan, task.memory, task.layer
    dx, depth = part(deltas_of(plan, layer), block.row, block.column), depth_of(plan.sizes.layers[layer + 1])
    multiply(paired_rows(plan, memory, block.row), wt, operand(memory, dx), block.rows, block.vectors, depth, False)
    dense.finish_deltas(task, dx, block)


rounded_backward_product = make_product(prepare_rounded_transposed_weights, rounded_backward_block)


# ---- gradient ----


@inline
def rounded_gradient(task, member):
    # g (I, O) = x (B, I)ᵀ · d (B, O)   g (1, O) = 1 (B, 1)ᵀ · d (B, O), of the biases
    plan, inputs, columns = task.plan, task.plan.sizes.layers[task.layer], task.plan.sizes.layers[task.layer + 1]
    begin, end = 0, inputs
    if plan.strategy.name != SEGMENTED:
        begin, end = share(inputs, member.position, size_of(member), PACK_GROUP_ROWS)
    if member.position == 0 or plan.strategy.name == SEGMENTED:
        gradient_product(task, 0, 1, 0, columns, 1)
    rounded_gradient_product(task, 1 + begin, 1 + end, 0, columns, max(1, end - begin))


@inline
def prepare_rounded_deltas(task, strip):
    # d (B, V) in pairs, and before the first strip x (B, M) of the group, block by block
    plan, memory, layer = task.plan, task.memory, task.layer
    if strip.column == 0:
        x = part(inputs_of(plan, layer), 0, strip.row - 1)
        for row in range(0, task.rows, 2):
            for first in range(0, strip.rows, BLOCK_ROWS):
                target = part(paired_columns(plan, first, task.rows), depth_of(row), 0)
                columns = min(BLOCK_ROWS, strip.rows - first)
                pair_rows(memory, part(x, row, first), memory, target, min(2, task.rows - row), columns)
    d = part(deltas_of(plan, layer + 1), 0, strip.column)
    return paired_strip(plan, memory, memory, d, strip.vectors, task.rows)


@inline
def rounded_gradient_block(task, d, block):
    # g (M, V) = x (B, M)ᵀ · d (B, V), + g if accumulate
    plan, memory = task.plan, task.memory
    g, of_block = dense.begin_gradient(task, block), paired_columns(plan, block.row - block.group, task.rows)
    x, depth = Operand(pairs_address(memory, of_block.offset), of_block.stride), depth_of(task.rows)
    multiply_transposed(x, d, operand(memory, g), block.rows, block.vectors, depth, task.target.accumulate)
    dense.finish_gradient(task, g, block)


rounded_gradient_product = make_product(prepare_rounded_deltas, rounded_gradient_block)


# ---- pairs ----


@inline
def paired_rows(plan, memory, row):
    # x or d (B, …) in pairs, from a row on
    return Operand(pairs_address(memory, plan.pairs.rows + row * plan.pairs.row_stride), plan.pairs.row_stride)


@inline
def paired_columns(plan, column, rows):
    # x (B, BLOCK_ROWS) in pairs: the block of the group that begins with a column
    return Matrix(plan.pairs.columns + column * depth_of(rows), BLOCK_ROWS)


@inline
def round_rows(plan, memory, source, row_begin, row_end, columns):
    # pairs.rows (B, columns) ← source (B, columns); a zero makes them even, as the padding of activations may be NaN
    whole = columns - columns % lanes(memory)
    for row in range(row_begin, row_end):
        x, y = source.offset + row * source.stride, plan.pairs.rows + row * plan.pairs.row_stride
        for j in range(0, whole, lanes(memory)):
            store_rounded(memory, y, j, load(memory, x + j))
        if columns % max(2, lanes(memory)) > 0:
            store_rounded(memory, y, whole, load_first_as(memory, memory, x + whole, columns - whole))


@inline
def paired_strip(plan, memory, values, source, vectors, rows):
    """Return a strip of a matrix as an operand, its rows in pairs; it may stand in the panel already."""
    # panel (rows, V) in pairs ← source (rows, …) of values
    panel = Matrix(plan.workspace.panel, vectors * lanes(memory))
    pair_rows(values, source, memory, panel, rows, panel.stride)
    return VectorOperand(pairs_address(memory, panel.offset), panel.stride, lanes(memory))


@inline
def pair_rows(values, source, memory, target, rows, columns):
    # target (rows, columns) in pairs ← source (rows, columns) of values; a row of zeros makes them even
    for row in range(0, rows, 2):
        x, y = source.offset + row * source.stride, target.offset + depth_of(row) * target.stride
        for j in range(0, columns, lanes(memory)):
            even, odd = load(values, x + j), splat(memory, 0)
            if row + 1 < rows:
                odd = load(values, x + source.stride + j)
            store_pairs(memory, y + j, target.stride, even, odd)
