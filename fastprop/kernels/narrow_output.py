"""A network's layer of few outputs, transposed: 64-1 has one neuron for 16 lanes, but 64 inputs and many rows.

The chains of multiply-adds are those of `dense.py`, and so are the results: 8-64-64-1 came down from 4.65 to 4.4 ms an
epoch. In a pack nothing is to be won: its lanes are full.
"""

from fastprop.kernels.compiler import inline
from fastprop.kernels.lanes import is_pack, transpose
from fastprop.kernels.layout import Matrix
from fastprop.kernels.load_store import address, lanes, load, store
from fastprop.kernels.optimizers import update
from fastprop.kernels.tile import multiply_transposed


@inline
def is_last(plan, layer):
    """Whether the layer's outputs are the network's, whose activation waits for the loss."""
    return layer == len(plan.sizes) - 2


@inline
def is_narrow(plan, memory, layer):
    """Whether a network's last layer has so few outputs that its gradient is better made with inputs in the lanes."""
    inputs, outputs = 1 + plan.sizes[layer], plan.sizes[layer + 1]
    across = (inputs + 2 * (lanes(memory) - 1)) // lanes(memory) * outputs
    few = inputs > lanes(memory) > outputs and 2 * across < inputs
    return not is_pack(plan) and few and is_last(plan, layer)


@inline
def narrow_forward(plan, memory, parameters, layer, first, rows):
    """The outputs of a layer of few, with the rows of the batch in the lanes, where its loss wants them."""
    # yᵀ (O, B) = wᵀ (O, 1 + I) · xᵀ (1 + I, B)
    depth, outputs, w_stride = 1 + plan.sizes[layer], plan.sizes[layer + 1], plan.strides[layer + 1]
    x_stride = plan.line + plan.strides[layer]
    w, xt, yt = address(parameters, plan.parameters[layer]), address(memory, plan.panel), address(memory, plan.block)
    for row in range(first, first + rows, 4 * lanes(memory)):
        count = min(4 * lanes(memory), first + rows - row)
        vectors = (count + lanes(memory) - 1) // lanes(memory)
        span = vectors * lanes(memory)
        x = plan.activations[layer] + row * x_stride
        for i in range(0, span, lanes(memory)):
            store(memory, plan.panel + i, 1)
        # Whole squares: rows past the last hold some numbers, which nobody reads. With an odd end number by number,
        # 89 rows of 64 took 1.36 µs, and so 0.6.
        transpose(memory, x, x_stride, memory, plan.panel + span, span, span, depth - 1)
        multiply_transposed(w, w_stride, xt, span, 0, yt, span, outputs, vectors, depth, False)
        for i in range(0, span, lanes(memory)):
            for o in range(outputs):
                y = plan.outputs + (row + i) * w_stride + o * lanes(memory)
                store(memory, y, load(memory, plan.block + o * span + i))


@inline
def narrow_gradient(plan, memory, parameters, optimizer, step, layer, rows, place, more, last):
    """The gradient of a layer of few outputs, transposed: of 64-1, 5 vectors for each row of the batch and not 65."""
    # gᵀ (O, 1 + I) = d (B, O)ᵀ · x (B, 1 + I): with the zeros in front of the 1, vectors are whole cache lines
    inputs, outputs, front = 1 + plan.sizes[layer], plan.sizes[layer + 1], lanes(memory) - 1
    x_stride, d_stride = plan.line + plan.strides[layer], plan.strides[layer + 1]
    d, w = address(memory, plan.deltas[layer + 1]), plan.parameters[layer]
    for column in range(0, front + inputs, 4 * lanes(memory)):
        first, end = max(0, column - front), min(inputs, column - front + 4 * lanes(memory))
        vectors = (front + end - column + lanes(memory) - 1) // lanes(memory)
        span, transposed = vectors * lanes(memory), plan.panel + front + first - column
        g, g_stride = (plan.block, d_stride) if place < 0 else (place + w + first * d_stride, d_stride)
        for i in range(end - first if more else 0):
            for o in range(outputs):
                memory[transposed + o * span + i] = memory[g + i * g_stride + o]
        x = address(memory, plan.activations[layer] - lanes(memory) + column)
        multiply_transposed(
            d, d_stride, x, x_stride, 0, address(memory, plan.panel), span, outputs, vectors, rows, more
        )
        for i in range(end - first):
            if place < 0:
                store(memory, g + i * g_stride, 0)
            for o in range(outputs):
                memory[g + i * g_stride + o] = memory[transposed + o * span + i]
        if last:
            at = Matrix(w + first * d_stride, d_stride)
            update(optimizer, step, parameters, at, memory, Matrix(g, g_stride), end - first, lanes(memory))
