"""One dense layer, forward, backward and its gradient, strip by strip and block by block.

All three passes are the tile's one loop over a strip of up to 4 vectors of columns. What follows it (activation,
derivative, update) is done while a block is in the L1 cache: that costs one load and one store in dozens of
multiply-adds, and each can be read by itself. How the work is cut never changes a result: every output is one chain.
"""

from fastprop.kernels.activations import activate, differentiate, stores_derivative
from fastprop.kernels.compiler import inline
from fastprop.kernels.dropout import drop, drops, undrop
from fastprop.kernels.lanes import broadcast, interleave_rows, is_pack, transpose, width
from fastprop.kernels.layout import BLOCK_ROWS, STRIP_LINES, TRANSPOSE_COLUMNS, TRANSPOSE_MIN, Matrix
from fastprop.kernels.load_store import address, lanes, load, store
from fastprop.kernels.narrow_output import is_last, is_narrow, narrow_forward, narrow_gradient
from fastprop.kernels.optimizers import update
from fastprop.kernels.team import share
from fastprop.kernels.tile import multiply, multiply_transposed

PACK_ROWS = 6
"""Rows of vectors that the inner loops go over: 65 activations of 6 rows are 25 KB."""


@inline
def forward(plan, memory, parameters, layer, activation, dropout, first, rows):
    """Activations of `layer` into those of `layer` + 1, `activation` and dropout applied, or into the outputs, as z."""
    # y (B, O) = f(x (B, 1 + I) · w (1 + I, O)): in front of each row of x stands a 1, w's first row is the biases
    if is_narrow(plan, memory, layer):
        narrow_forward(plan, memory, parameters, layer, first, rows)
        return
    columns, depth = plan.sizes[layer + 1] * width(plan, memory), 1 + plan.sizes[layer]
    x_stride = plan.line + plan.strides[layer]
    outputs, y_stride = outputs_of(plan, layer)
    transposed = is_last(plan, layer) and not is_pack(plan)  # from a block of z to rows abreast
    at_once = group(plan, layer, rows, depth)
    top = first
    while top < first + rows:
        end = min(first + rows, top + at_once)
        column = 0
        while column < columns:
            vectors = strip(memory, columns - column)
            start = plan.parameters[layer] + column
            w, w_stride = panel(plan, memory, parameters, start, plan.strides[layer + 1], vectors, depth, end - top)
            for row in range(top, end, BLOCK_ROWS):
                height = min(BLOCK_ROWS, end - row)
                x, y = plan.activations[layer] + row * x_stride, outputs + row * y_stride + column
                z, z_stride = (plan.block, vectors * lanes(memory)) if transposed else (y, y_stride)
                z_first = address(memory, z)
                if has_shared_rows(plan, layer):
                    x_first = address(memory, x - 1)
                    multiply(x_first, x_stride, w, w_stride, 0, z_first, z_stride, height, vectors, depth, False)
                else:
                    unit = width(plan, memory)
                    x_first = broadcast(plan, memory, x - unit)
                    multiply(
                        x_first, x_stride // unit, w, w_stride, unit, z_first, z_stride, height, vectors, depth, False
                    )
                if transposed:
                    y = outputs + row * y_stride + column * lanes(memory)
                    interleave_rows(memory, z, z_stride, memory, y, y_stride, height, vectors * lanes(memory))
                elif not is_last(plan, layer):
                    s_stride = plan.strides[layer + 1]
                    derivatives = Matrix(plan.derivatives[layer + 1] + row * s_stride + column, s_stride)
                    activate(activation, memory, Matrix(y, y_stride), derivatives, height, vectors * lanes(memory))
                    if drops(dropout):
                        span = vectors * lanes(memory)
                        drop(plan, memory, dropout, layer + 1, row, column, y, y_stride, height, span)
            column += vectors * lanes(memory)
        top = end


@inline
def backward(plan, memory, parameters, layer, activation, dropout, first, rows):
    """Deltas of `layer`'s outputs into those of its inputs, whose `activation` and dropout are the layer's below."""
    # dx (B, I) = d (B, O) · wᵀ (O, I) * f'(x (B, I))
    unit, outputs = width(plan, memory), plan.sizes[layer + 1]
    w, w_stride = plan.parameters[layer] + plan.strides[layer + 1], plan.strides[layer + 1]
    d_stride, dx_stride = w_stride, plan.strides[layer]
    stored, s_stride = plan.activations[layer], plan.line + plan.strides[layer]
    if stores_derivative(activation):
        stored, s_stride = plan.derivatives[layer], dx_stride
    at_once = group(plan, layer, rows, outputs)
    top = first
    while top < first + rows:
        end = min(first + rows, top + at_once)
        column = 0
        while column < plan.sizes[layer] * unit:
            vectors = strip(memory, plan.sizes[layer] * unit - column)
            span, start = vectors * lanes(memory), w + column // unit * w_stride
            if is_pack(plan):
                wt, wt_stride, wt_step = address(parameters, start), unit, w_stride
            else:
                inputs = min(span, plan.sizes[layer] - column)
                transpose(parameters, start, w_stride, memory, plan.panel, span, inputs, outputs)
                wt, wt_stride, wt_step = address(memory, plan.panel), span, 0
            for row in range(top, end, BLOCK_ROWS):
                height = min(BLOCK_ROWS, end - row)
                d = broadcast(plan, memory, plan.deltas[layer + 1] + row * d_stride)
                dx, x = plan.deltas[layer] + row * dx_stride + column, stored + row * s_stride + column
                dx_first = address(memory, dx)
                multiply(
                    d, d_stride // unit, wt, wt_stride, wt_step, dx_first, dx_stride, height, vectors, outputs, False
                )
                x_stride = s_stride
                if drops(dropout):
                    drop(plan, memory, dropout, layer, row, column, dx, dx_stride, height, span)
                    if not stores_derivative(activation):
                        undrop(memory, dropout, x, s_stride, plan.block, height, span)
                        x, x_stride = plan.block, span
                differentiate(activation, memory, Matrix(x, x_stride), Matrix(dx, dx_stride), height, span)
            column += span
        top = end


@inline
def gradient(plan, memory, parameters, optimizer, step, layer, rows, place, more, last, member, members):
    """Add to `layer`'s gradient what `rows` rows give, or begin it if not `more`; if `last`, do the step of descent.

    The gradient stands at `place`, laid out as the parameters; a negative place says that no more than a block of it
    is ever kept. Of the layer's inputs this is the share of `member`.
    """
    # g (1 + I, O) = x (B, 1 + I)ᵀ · d (B, O)
    if is_narrow(plan, memory, layer):
        if member == 0:
            narrow_gradient(plan, memory, parameters, optimizer, step, layer, rows, place, more, last)
        return
    columns, inputs, unit = plan.sizes[layer + 1] * width(plan, memory), 1 + plan.sizes[layer], width(plan, memory)
    x_stride, d_stride = plan.line + plan.strides[layer], plan.strides[layer + 1]
    here, stop = share(inputs, member, members, PACK_ROWS)
    transposed = transposes_inputs(plan, layer, rows)
    at_once = TRANSPOSE_COLUMNS if transposed else group(plan, layer, inputs, rows)
    top = here
    while top < stop:
        end = min(stop, top + at_once)
        if transposed:
            x = plan.activations[layer] + top - 1
            transpose(memory, x, x_stride, memory, plan.transposed, plan.transposed_stride, rows, end - top)
        column = 0
        while column < columns:
            vectors = strip(memory, columns - column)
            start = plan.deltas[layer + 1] + column
            d, b_stride = panel(plan, memory, memory, start, d_stride, vectors, rows, end - top)
            for row in range(top, end, BLOCK_ROWS):
                height = min(BLOCK_ROWS, end - row)
                w = plan.parameters[layer] + row * d_stride + column
                g, g_stride = (plan.block, STRIP_LINES * plan.line) if place < 0 else (place + w, d_stride)
                c = address(memory, g)
                if transposed:
                    xt = address(memory, plan.transposed + (row - top) * plan.transposed_stride)
                    multiply(xt, plan.transposed_stride, d, b_stride, unit, c, g_stride, height, vectors, rows, more)
                elif has_shared_rows(plan, layer):
                    x = address(memory, plan.activations[layer] + row - 1)
                    multiply_transposed(x, x_stride, d, b_stride, unit, c, g_stride, height, vectors, rows, more)
                else:
                    x = broadcast(plan, memory, plan.activations[layer] + (row - 1) * unit)
                    multiply_transposed(
                        x, x_stride // unit, d, b_stride, unit, c, g_stride, height, vectors, rows, more
                    )
                if last:
                    span = vectors * lanes(memory)
                    update(optimizer, step, parameters, Matrix(w, d_stride), memory, Matrix(g, g_stride), height, span)
            column += vectors * lanes(memory)
        top = end


@inline
def outputs_of(plan, layer):
    """Where the layer's outputs are, and their stride."""
    if is_last(plan, layer):
        return plan.outputs, plan.strides[-1]
    return plan.activations[layer + 1], plan.line + plan.strides[layer + 1]


@inline
def transposes_inputs(plan, layer, rows):
    """Whether a chunk and a layer are so large that inputs are first transposed: the gradient of 784-1024 -18 %."""
    return (
        not is_pack(plan)
        and plan.transposed_stride > 0
        and rows >= TRANSPOSE_MIN
        and plan.sizes[layer] >= TRANSPOSE_MIN
    )


@inline
def has_shared_rows(plan, layer):
    """Whether the layer's inputs are the same for all networks of a pack, and stand there once."""
    return is_pack(plan) and plan.shared and layer == 0


@inline
def group(plan, layer, rows, depth):
    """How many rows of a product to finish before the next: all, but of vectors no more than the L1 cache holds."""
    return PACK_ROWS if is_pack(plan) and depth > 16 and not has_shared_rows(plan, layer) else max(1, rows)


@inline
def strip(memory, left):
    """How many vectors wide the next strip is: all of nearly one width, for 5 vectors 3 + 2 and not 4 + 1."""
    vectors = (left + lanes(memory) - 1) // lanes(memory)
    if vectors <= 4:
        return vectors
    strips = (vectors + 3) // 4
    return (vectors + strips - 1) // strips


@inline
def panel(plan, memory, b, start, stride, vectors, depth, uses):
    """A pointer to a strip of `b` and its stride: where it is, or side by side in the panel if it is often used."""
    if uses < 128 or stride < 16 * plan.line:
        return address(b, start), stride
    span = vectors * lanes(b)
    for k in range(depth):
        for j in range(0, span, lanes(b)):
            store(memory, plan.panel + k * span + j, load(b, start + k * stride + j))
    return address(memory, plan.panel), span
