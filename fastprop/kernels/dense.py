"""A dense layer: forward, backward, and its gradient.

The three passes are the one blocked loop of `blocks.py` over the tile. They differ in their operands and in what
follows a block: the activation and dropout, the derivative, or the optimizer's update. A network's last layer of few
outputs has passes of its own, see `narrow_output.py`.

`minibatch.py` calls `forward`, `backward` and `gradient`, through `rounded_dense.py`, which has products of bfloat16
where the plan has them, and knows no more of a layer; `matrices.py` says where its matrices stand, and `layout.py` how
large they are. A layer of another kind would have the same three functions.
"""

from typing import NamedTuple

import numpy as np

from fastprop.kernels.activations import activate, differentiate, stores_derivative
from fastprop.kernels.blocks import make_product, packed_strip
from fastprop.kernels.compiler import REGISTERS, inline
from fastprop.kernels.dropout import drop, drops, undrop
from fastprop.kernels.lanes import interleave_rows, is_pack, transpose, width
from fastprop.kernels.layout import SEGMENTED, STRIP_LINES, TRANSPOSE_COLUMNS, TRANSPOSE_MIN, Matrix
from fastprop.kernels.load_store import address, lanes
from fastprop.kernels.matrices import (
    broadcast_operand,
    deltas_of,
    derivatives_of,
    has_shared_rows,
    input_width,
    inputs_of,
    is_last,
    operand,
    outputs_of,
    part,
    weights_of,
)
from fastprop.kernels.narrow_output import is_narrow, narrow_forward, narrow_gradient
from fastprop.kernels.optimizers import prefetch, update
from fastprop.kernels.team import share, size_of
from fastprop.kernels.tile import VectorOperand, multiply, multiply_transposed

PACK_GROUP_ROWS = 6 if REGISTERS == 32 else 12
"""Rows of vectors that are finished before the next, whole tiles of the widest kind.

6 rows of 65 activations of 16 lanes take 25 KB of the L1 cache, as 12 rows of 8 lanes do.
"""

PACK_GROUP_DEPTH = 16
"""The longest sum over which all rows of a pack are one group, as they then stay in the cache anyway."""


PREFETCH_ROWS = 64
"""A gradient over at least this many rows takes so long that what its update needs is fetched from afar meanwhile."""


class Propagation(NamedTuple):
    """What the passes of a layer forward and backward read."""

    network: NamedTuple  # see minibatch.py
    plan: NamedTuple  # see layout.py
    memory: np.ndarray  # the workspace
    dropout: NamedTuple  # see dropout.py
    layer: int


class Target(NamedTuple):
    """Where a gradient goes, and what is done with it."""

    offset: int  # of the whole gradient in the workspace, laid out as the parameters; or BLOCK_ONLY
    accumulate: bool  # whether to add to the gradient that stands there
    apply_update: bool  # whether the gradient is complete, so that each block of parameters is updated


BLOCK_ONLY = -1
"""The offset of a gradient that is never kept whole: each block of it is used up in the workspace's block."""


class Gradient(NamedTuple):
    """What the gradient of a layer reads."""

    network: NamedTuple  # see minibatch.py
    optimizer: NamedTuple  # see optimizers.py
    plan: NamedTuple  # see layout.py
    memory: np.ndarray  # the workspace
    step: NamedTuple  # see optimizers.py
    layer: int
    rows: int  # of the chunk
    target: Target


# ---- forward ----


@inline
def forward(network, plan, memory, dropout, layer, row_begin, row_end):
    """Apply a layer, its activation and dropout, to some rows; the last layer's activation waits for the loss."""
    # y (B, O) = f(x (B, 1 + I) · w (1 + I, O)): in front of each row of x stands a 1, w's first row is the biases
    task = Propagation(network, plan, memory, dropout, layer)
    if is_narrow(plan, memory, layer):
        narrow_forward(task, row_begin, row_end)
        return
    columns = plan.sizes.layers[layer + 1] * width(plan, memory)
    rows = group_rows(plan, layer, row_end - row_begin, 1 + plan.sizes.layers[layer])
    forward_product(task, row_begin, row_end, 0, columns, rows)


@inline
def prepare_weights(task, strip):
    # w (1 + I, V)
    w, depth = part(weights_of(task.plan, task.layer), 0, strip.column), 1 + task.plan.sizes.layers[task.layer]
    return packed_strip(task.plan, task.memory, task.network.parameters, w, strip.vectors, depth, strip.rows)


@inline
def forward_block(task, w, block):
    # y (M, V) = f(x (M, 1 + I) · w (1 + I, V))
    plan, memory, layer, depth = task.plan, task.memory, task.layer, 1 + task.plan.sizes.layers[task.layer]
    x = part(inputs_of(plan, layer), block.row, -input_width(plan, memory, layer))
    z = sums_of(task, block)
    if has_shared_rows(plan, layer):
        multiply(operand(memory, x), w, operand(memory, z), block.rows, block.vectors, depth, False)
    else:
        x_operand = broadcast_operand(plan, memory, x)
        multiply(x_operand, w, operand(memory, z), block.rows, block.vectors, depth, False)
    finish_outputs(task, z, block)


@inline
def sums_of(task, block):
    """Return where a block's sums stand: where its outputs do, unless these are to be interleaved."""
    # z (M, V)
    if interleaves_outputs(task.plan, task.layer):
        return Matrix(task.plan.workspace.block, block.vectors * lanes(task.memory))
    return part(outputs_of(task.plan, task.layer), block.row, block.column)


@inline
def interleaves_outputs(plan, layer):
    """Return whether the layer's outputs are interleaved: those of one network's last layer."""
    # a bool
    return is_last(plan, layer) and not is_pack(plan)


@inline
def finish_outputs(task, z, block):
    """Do what follows the product of a block forward: activation and dropout, or interleaving."""
    # y (M, V) = f(z (M, V))
    plan, memory, layer, columns = task.plan, task.memory, task.layer, block.vectors * lanes(task.memory)
    if interleaves_outputs(plan, layer):
        y = part(outputs_of(plan, layer), block.row, block.column * lanes(memory))
        interleave_rows(memory, z, memory, y, block.rows, columns)
    elif not is_last(plan, layer):
        s = part(derivatives_of(plan, layer + 1), block.row, block.column)
        activation = task.network.activations[layer]
        activate(plan, activation, memory, z, s, block.rows, columns)
        if drops(task.dropout):
            drop(plan, memory, task.dropout, layer + 1, block, z)


forward_product = make_product(prepare_weights, forward_block)


# ---- backward ----


@inline
def backward(network, plan, memory, dropout, layer, row_begin, row_end):
    """Turn the deltas of a layer's outputs into those of its inputs: through the activation of the layer below."""
    # dx (B, I) = d (B, O) · wᵀ (O, I) * f'(x (B, I))
    task = Propagation(network, plan, memory, dropout, layer)
    columns = plan.sizes.layers[layer] * width(plan, memory)
    rows = group_rows(plan, layer, row_end - row_begin, plan.sizes.layers[layer + 1])
    backward_product(task, row_begin, row_end, 0, columns, rows)


@inline
def prepare_transposed_weights(task, strip):
    # wᵀ (O, V); the vectors of a pack stand among its parameters as they are needed
    plan, memory, parameters, layer = task.plan, task.memory, task.network.parameters, task.layer
    w = part(weights_of(plan, layer), 1 + strip.column // width(plan, memory), 0)
    start, stride, vector_stride = address(parameters, w.offset), width(plan, memory), w.stride
    if not is_pack(plan):
        panel = Matrix(plan.workspace.panel, strip.vectors * lanes(memory))
        inputs = min(panel.stride, plan.sizes.layers[layer] - strip.column)
        transpose(parameters, w, memory, panel, inputs, plan.sizes.layers[layer + 1])
        start, stride = address(memory, panel.offset), panel.stride
    return VectorOperand(start, stride, vector_stride)


@inline
def backward_block(task, wt, block):
    # dx (M, V) = d (M, O) · wᵀ (O, V) * f'(x (M, V))
    plan, memory, layer = task.plan, task.memory, task.layer
    d, dx = part(deltas_of(plan, layer + 1), block.row, 0), part(deltas_of(plan, layer), block.row, block.column)
    d_operand, depth = broadcast_operand(plan, memory, d), plan.sizes.layers[layer + 1]
    multiply(d_operand, wt, operand(memory, dx), block.rows, block.vectors, depth, False)
    finish_deltas(task, dx, block)


@inline
def finish_deltas(task, dx, block):
    """Do what follows the product of a block backward: dropout, and the derivative of the activation below."""
    # dx (M, V) *= f'(x (M, V))
    plan, memory, layer, columns = task.plan, task.memory, task.layer, block.vectors * lanes(task.memory)
    activation = task.network.activations[layer - 1]
    x = derivatives_of(plan, layer) if stores_derivative(activation) else inputs_of(plan, layer)
    x = part(x, block.row, block.column)
    if drops(task.dropout):
        drop(plan, memory, task.dropout, layer, block, dx)
        if not stores_derivative(activation):
            undropped = Matrix(plan.workspace.block, columns)
            undrop(memory, task.dropout, x, undropped, block.rows, columns)
            x = undropped
    differentiate(activation, memory, x, dx, block.rows, columns)


backward_product = make_product(prepare_transposed_weights, backward_block)


# ---- gradient ----


@inline
def gradient(network, optimizer, plan, memory, member, layer, rows, target):
    """Compute a layer's gradient over a chunk, or a member's part of it, and do with it as `target` says."""
    # g (1 + I, O) = x (B, 1 + I)ᵀ · d (B, O)
    task = Gradient(network, optimizer, plan, memory, member.step, layer, rows, target)
    shares = plan.strategy.name != SEGMENTED
    if is_narrow(plan, memory, layer):
        if member.position == 0 or not shares:
            narrow_gradient(task)
        return
    inputs, columns = 1 + plan.sizes.layers[layer], plan.sizes.layers[layer + 1] * width(plan, memory)
    begin, end = 0, inputs
    if shares:
        begin, end = share(inputs, member.position, size_of(member), PACK_GROUP_ROWS)
    at_once = TRANSPOSE_COLUMNS if transposes_inputs(plan, layer, rows) else group_rows(plan, layer, inputs, rows)
    gradient_product(task, begin, end, 0, columns, at_once)


@inline
def prepare_deltas(task, strip):
    # d (B, V), and of a large layer xᵀ (M, B) of the group
    plan, memory, layer = task.plan, task.memory, task.layer
    if strip.column == 0 and transposes_inputs(plan, layer, task.rows):
        x = part(inputs_of(plan, layer), 0, strip.row - 1)
        transpose(memory, x, memory, transposed_inputs(plan), task.rows, strip.rows)
    d = part(deltas_of(plan, layer + 1), 0, strip.column)
    return packed_strip(plan, memory, memory, d, strip.vectors, task.rows, strip.rows)


@inline
def gradient_block(task, d, block):
    # g (M, V) = x (B, M)ᵀ · d (B, V), + g if accumulate
    plan, memory, layer, target = task.plan, task.memory, task.layer, task.target
    g = begin_gradient(task, block)
    c = operand(memory, g)
    x = part(inputs_of(plan, layer), 0, (block.row - 1) * input_width(plan, memory, layer))
    if transposes_inputs(plan, layer, task.rows):
        xt = part(transposed_inputs(plan), block.row - block.group, 0)
        multiply(operand(memory, xt), d, c, block.rows, block.vectors, task.rows, target.accumulate)
    elif has_shared_rows(plan, layer):
        multiply_transposed(operand(memory, x), d, c, block.rows, block.vectors, task.rows, target.accumulate)
    else:
        x_operand = broadcast_operand(plan, memory, x)
        multiply_transposed(x_operand, d, c, block.rows, block.vectors, task.rows, target.accumulate)
    finish_gradient(task, g, block)


@inline
def begin_gradient(task, block):
    """Return where a block of the gradient goes, and fetch from afar what its update needs."""
    # g (M, V)
    plan, target, w = task.plan, task.target, part(weights_of(task.plan, task.layer), block.row, block.column)
    if target.apply_update and task.rows >= PREFETCH_ROWS:
        prefetch(task.optimizer, task.network.parameters, w, block.rows, block.vectors * lanes(task.memory))
    if target.offset != BLOCK_ONLY:
        return Matrix(target.offset + w.offset, w.stride)
    return Matrix(plan.workspace.block, STRIP_LINES * plan.sizes.line)


@inline
def finish_gradient(task, g, block):
    """Update a block of the parameters, if its gradient is complete."""
    # w (M, V) ← g (M, V)
    if task.target.apply_update:
        w = part(weights_of(task.plan, task.layer), block.row, block.column)
        columns = block.vectors * lanes(task.memory)
        update(task.optimizer, task.step, task.network.parameters, w, task.memory, g, block.rows, columns)


gradient_product = make_product(prepare_deltas, gradient_block)


@inline
def transposed_inputs(plan):
    # xᵀ (TRANSPOSE_COLUMNS or fewer, B) in the workspace
    return Matrix(plan.workspace.transposed, plan.strategy.transposed_stride)


@inline
def transposes_inputs(plan, layer, rows):
    """Return whether a chunk and a layer are so large that inputs are transposed before the gradient."""
    # a bool
    large = rows >= TRANSPOSE_MIN and plan.sizes.layers[layer] >= TRANSPOSE_MIN
    return not is_pack(plan) and plan.strategy.transposed_stride > 0 and large


@inline
def group_rows(plan, layer, rows, depth):
    """Return how many rows of a product to finish before the next: all, but of vectors what the L1 cache holds."""
    # an int
    few = is_pack(plan) and depth > PACK_GROUP_DEPTH and not has_shared_rows(plan, layer)
    return PACK_GROUP_ROWS if few else max(1, rows)
