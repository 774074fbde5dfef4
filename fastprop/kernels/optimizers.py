"""The weight update of a block of a layer, right after its gradient was made, while both are in the L1 cache."""

from fastprop.kernels.jit import part
from fastprop.kernels.simd import fma, lanes, load, store


@part
def sgd(optimizer, weights, start, stride, gradient, g_start, g_stride, rows, columns):
    """Gradient descent as in PyTorch: v ← μ v + g, then w ← w - η v, or with Nesterov w ← w - η (g + μ v)."""
    # weights, gradient (rows, columns)
    velocity, momentum = optimizer.velocity, optimizer.momentum
    for row in range(rows):
        for j in range(0, columns, lanes(weights)):
            i = start + row * stride + j
            step = load(gradient, g_start + row * g_stride + j)
            if momentum != 0:
                v = fma(momentum, load(velocity, i), step)
                store(velocity, i, v)
                step = fma(momentum, v, step) if optimizer.nesterov else v
            store(weights, i, fma(-optimizer.learning_rate, step, load(weights, i)))
