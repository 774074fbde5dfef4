"""One dense layer, forward, backward and update, cut into blocks that fit the L1 cache.

All three passes are the tile's one loop. What follows it (activation, derivative, update) is done block by block while
the block is in the cache: that costs one load and one store in dozens of multiply-adds, and each can be read by itself.
How the work is cut never changes a result: every output is one chain of multiply-adds.
"""

from fastprop.kernels.activations import activate, differentiate
from fastprop.kernels.jit import part
from fastprop.kernels.layout import BLOCK_ROWS, GRADIENT_LINES
from fastprop.kernels.optimizers import sgd
from fastprop.kernels.simd import lanes, transpose_square
from fastprop.kernels.tile import multiply, multiply_transposed


@part
def forward(plan, memory, parameters, layer, activation, rows):
    """Activations of `layer` into those of `layer` + 1, `activation` applied."""
    # y (B, O) = f(x (B, 1 + I) · w (1 + I, O)): in front of each row of x stands a 1, w's first row is the biases
    inputs, outputs = plan.sizes[layer], plan.sizes[layer + 1]
    w, w_stride = plan.parameters[layer], plan.strides[layer + 1]
    x_stride, y_stride = plan.line + plan.strides[layer], plan.line + w_stride
    for row in range(0, rows, BLOCK_ROWS):
        height = min(BLOCK_ROWS, rows - row)
        x, y = plan.activations[layer] - 1 + row * x_stride, plan.activations[layer + 1] + row * y_stride
        multiply(memory, x, x_stride, parameters, w, w_stride, memory, y, y_stride, height, outputs, 1 + inputs)
        activate(activation, memory, y, y_stride, height, outputs)


@part
def backward(plan, memory, parameters, layer, activation, rows):
    """Deltas of `layer`'s outputs into those of its inputs, whose `activation` is that of the layer below."""
    # dx (B, I) = d (B, O) · wᵀ (O, I) * f'(x (B, I))
    inputs, outputs = plan.sizes[layer], plan.sizes[layer + 1]
    d_stride, dx_stride = plan.strides[layer + 1], plan.strides[layer]
    x_stride = plan.line + plan.strides[layer]
    transpose(
        parameters, plan.parameters[layer] + d_stride, d_stride, memory, plan.transposed, dx_stride, inputs, outputs
    )
    for row in range(0, rows, BLOCK_ROWS):
        height = min(BLOCK_ROWS, rows - row)
        d = plan.deltas[layer % 2] + row * d_stride
        dx = plan.deltas[(layer + 1) % 2] + row * dx_stride
        multiply(
            memory, d, d_stride, memory, plan.transposed, dx_stride, memory, dx, dx_stride, height, inputs, outputs
        )
        x = plan.activations[layer] + row * x_stride
        differentiate(activation, memory, x, x_stride, dx, dx_stride, plan.terms, height, inputs)


@part
def update(plan, memory, parameters, optimizer, layer, rows):
    """Add the step of gradient descent to `layer`'s weights, block by block of their gradient."""
    # g (1 + I, O) = x (B, 1 + I)ᵀ · d (B, O)
    inputs, outputs = plan.sizes[layer], plan.sizes[layer + 1]
    x_stride, d_stride = plan.line + plan.strides[layer], plan.strides[layer + 1]
    x, d, g = plan.activations[layer] - 1, plan.deltas[layer % 2], plan.gradient
    g_stride = GRADIENT_LINES * plan.line
    for column in range(0, outputs, g_stride):
        width = min(g_stride, outputs - column)
        for row in range(0, 1 + inputs, BLOCK_ROWS):
            height = min(BLOCK_ROWS, 1 + inputs - row)
            multiply_transposed(
                memory, x + row, x_stride, memory, d + column, d_stride, memory, g, g_stride, height, width, rows
            )
            w = plan.parameters[layer] + row * d_stride + column
            sgd(optimizer, parameters, w, d_stride, memory, g, g_stride, height, width)


@part
def transpose(w, start, stride, memory, place, place_stride, inputs, outputs):
    # w (I, O) in rows of `stride`   memory (O, I) in rows of `place_stride`, the padding after I zero
    for i in range(0, inputs, lanes(w)):
        if i + lanes(w) <= inputs:
            for j in range(0, outputs, lanes(w)):
                transpose_square(w, start + i * stride + j, stride, memory, place + j * place_stride + i, place_stride)
        else:
            for j in range(outputs):
                for k in range(i, i + lanes(w)):
                    memory[place + j * place_stride + k] = w[start + k * stride + j] if k < inputs else 0
