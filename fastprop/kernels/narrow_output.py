"""A network's last layer of few outputs, transposed: its lanes hold rows of the batch, or inputs, instead of outputs.

A layer of one output would fill one of 16 lanes, but it has many inputs and many rows. The chains of multiply-adds are
those of `dense.py`, and so are the results. A pack gains nothing, as its lanes are full.
"""

from fastprop.kernels.blocks import make_product
from fastprop.kernels.compiler import inline
from fastprop.kernels.lanes import is_pack, transpose
from fastprop.kernels.layout import Matrix
from fastprop.kernels.load_store import address, lanes, load, store
from fastprop.kernels.matrices import deltas_of, inputs_of, is_last, operand, part, weights_of
from fastprop.kernels.optimizers import update
from fastprop.kernels.tile import VectorOperand, multiply_transposed


@inline
def is_narrow(plan, memory, layer):
    """Return whether a layer is a network's last with so few outputs that transposed passes take fewer vectors."""
    # a bool
    inputs, outputs = 1 + plan.sizes.layers[layer], plan.sizes.layers[layer + 1]
    vectors = (inputs + 2 * (lanes(memory) - 1)) // lanes(memory) * outputs
    few = inputs > lanes(memory) > outputs and 2 * vectors < inputs
    return not is_pack(plan) and few and is_last(plan, layer)


# ---- forward ----


@inline
def narrow_forward(task, row_begin, row_end):
    """Compute the layer's outputs for some rows, interleaved."""
    # yᵀ (O, B) = wᵀ (O, 1 + I) · xᵀ (1 + I, B)
    outputs = task.plan.sizes.layers[task.layer + 1]
    narrow_forward_product(task, 0, outputs, row_begin, row_end, outputs)


@inline
def prepare_transposed_inputs(task, strip):
    # xᵀ (1 + I, V): a vector holds one input of several rows
    plan, memory, layer = task.plan, task.memory, task.layer
    x, span = part(inputs_of(plan, layer), strip.column, 0), strip.vectors * lanes(memory)
    for j in range(0, span, lanes(memory)):
        store(memory, plan.workspace.panel + j, 1)
    # Whole squares are transposed: rows past the last hold some numbers, which nobody reads.
    transpose(memory, x, memory, Matrix(plan.workspace.panel + span, span), span, plan.sizes.layers[layer])
    return VectorOperand(address(memory, plan.workspace.panel), span, lanes(memory))


@inline
def narrow_forward_block(task, xt, block):
    # y (V, O), interleaved ← yᵀ (O, V) = w (1 + I, O)ᵀ · xᵀ (1 + I, V)
    plan, memory, layer = task.plan, task.memory, task.layer
    w, depth = operand(task.network.parameters, weights_of(plan, layer)), 1 + plan.sizes.layers[layer]
    yt = Matrix(plan.workspace.block, block.vectors * lanes(memory))
    multiply_transposed(w, xt, operand(memory, yt), block.rows, block.vectors, depth, False)
    for j in range(0, yt.stride, lanes(memory)):
        for o in range(block.rows):
            y = plan.workspace.outputs + (block.column + j) * plan.sizes.strides[layer + 1] + o * lanes(memory)
            store(memory, y, load(memory, yt.offset + o * yt.stride + j))


narrow_forward_product = make_product(prepare_transposed_inputs, narrow_forward_block)


# ---- gradient ----


@inline
def narrow_gradient(task):
    """Compute the layer's gradient, or add to it, and apply the update if it is complete; see `dense.gradient`."""
    # gᵀ (O, front + 1 + I) = d (B, O)ᵀ · x (B, front + 1 + I), front being the zeros before each row's constant 1 that
    # make its vectors whole cache lines
    plan, memory, layer = task.plan, task.memory, task.layer
    columns, outputs = lanes(memory) + plan.sizes.layers[layer], plan.sizes.layers[layer + 1]
    narrow_gradient_product(task, 0, outputs, 0, columns, outputs)


@inline
def prepare_inputs(task, strip):
    # x (B, V), from a whole cache line on
    x = part(inputs_of(task.plan, task.layer), 0, strip.column - lanes(task.memory))
    return VectorOperand(address(task.memory, x.offset), x.stride, lanes(task.memory))


@inline
def narrow_gradient_block(task, x, block):
    # g (V, O) ← gᵀ (O, V) = d (B, O)ᵀ · x (B, V), + g if accumulate
    plan, memory, layer, target = task.plan, task.memory, task.layer, task.target
    front, outputs, span = lanes(memory) - 1, block.rows, block.vectors * lanes(memory)
    begin = max(0, block.column - front)
    inputs = min(1 + plan.sizes.layers[layer], block.column - front + span) - begin
    w, gt = part(weights_of(plan, layer), begin, 0), Matrix(plan.workspace.panel, span)
    first = gt.offset + front + begin - block.column  # of the strip's first input
    g = Matrix(plan.workspace.block if target.offset < 0 else target.offset + w.offset, w.stride)
    for i in range(inputs if target.accumulate else 0):
        for o in range(outputs):
            memory[first + o * span + i] = memory[g.offset + i * g.stride + o]
    d = operand(memory, deltas_of(plan, layer + 1))
    multiply_transposed(d, x, operand(memory, gt), outputs, block.vectors, task.rows, target.accumulate)
    for i in range(inputs):
        if target.offset < 0:
            store(memory, g.offset + i * g.stride, 0)
        for o in range(outputs):
            memory[g.offset + i * g.stride + o] = memory[first + o * span + i]
    if target.apply_update:
        parameters, columns = task.network.parameters, lanes(memory)
        update(task.optimizer, task.step, parameters, w, memory, g, inputs, columns)


narrow_gradient_product = make_product(prepare_inputs, narrow_gradient_block)
