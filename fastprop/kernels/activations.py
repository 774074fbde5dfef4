"""Activations and their derivatives over a block of a layer's outputs, in place, right after the tiles wrote it.

Those of the last layer wait for its loss, and then stand abreast (see lanes.py): a vector is one output of many rows.
The block is in the L1 cache then, so that this second look at it costs one load and one store in 33 or more fused
multiply-adds. A derivative takes the layer's *output*, but for silu and gelu, whose slope is stored besides; ``deltas``
comes in as dloss/doutput and leaves as dloss/dz.
"""

from fastprop.kernels.enums import (
    ELU,
    EXP,
    GELU,
    IDENTITY,
    LEAKY_RELU,
    RELU,
    SIGMOID,
    SILU,
    SOFTMAX,
    SOFTPLUS,
    TANH,
)
from fastprop.kernels.functions import exp, expm1, log1p, sigmoid, tanh
from fastprop.kernels.jit import inline, noinline
from fastprop.kernels.lanes import interleaved_rows
from fastprop.kernels.simd import fma, lanes, load, splat, store, where_less

SLOPE, CUBIC, ROOT = 0.01, 0.044715, 0.7978845608028654
"""Of leaky_relu below 0; of z³ in gelu; √(2/π)."""

FAR = 22.0
"""From there on gelu is 0 or z; the slope of what is further out, with z³ in it, would be wrong and then NaN."""


@inline
def apply(activation, z):
    """The activation of each lane. A NaN stays one.

    The largest error in ulp, as measured where `exp_parts` does not clamp, and what tests hold it to:

    =========================  ==========  ==========
    activation                 float32     float64
    =========================  ==========  ==========
    identity, relu             0           0
    leaky_relu                 0.84 (1)    0.50 (0.5)
    elu                        0.99 (1)    1.65 (2)
    exp                        1.06 (1.5)  1.45 (1.5)
    sigmoid                    2.46 (2.5)  2.30 (2.5)
    tanh                       2.50 (2.5)  3.17 (3.5)
    softplus                   2.66 (3)    2.67 (3)
    silu                       2.83 (3)    2.60 (3)
    gelu, in ulp of z          1.72 (2)    1.79 (2)
    gelu from -7 to 0          88 (110)    108 (110)
    =========================  ==========  ==========

    Below 0 gelu falls like e^2u, and so errs in ulp of its own by what u does, which is then large.
    softmax errs by what exp does, and by the rounding of its sum.
    """
    if activation == SIGMOID:
        return sigmoid(z)
    if activation == TANH:
        return tanh(z)
    if activation == RELU:
        return where_less(z, 0, 0, z)
    if activation == LEAKY_RELU:
        return where_less(z, 0, SLOPE * z, z)
    if activation == ELU:
        return where_less(z, 0, expm1(z), z)
    if activation == SOFTPLUS:
        return where_less(z, 0, 0, z) + log1p(exp(where_less(0, z, -z, z)))
    if activation == SILU:
        return z * sigmoid(z)
    if activation == GELU:
        z = where_less(z, -FAR, -FAR, z)
        return z / (1 + exp_in_gelu(z))
    if activation == EXP:
        return exp(z)
    return z


@inline
def through(activation, stored, delta):
    """`delta` times the derivative of the activation, from what is stored: its output, or its slope; see `slope`."""
    if activation == SIGMOID:
        return delta * (stored * (1 - stored))
    if activation == TANH:
        return delta * fma(-stored, stored, 1)
    if activation == RELU:
        return where_less(0, stored, delta, 0)
    if activation == LEAKY_RELU:
        return where_less(0, stored, delta, SLOPE * delta)
    if activation == ELU:
        return where_less(0, stored, delta, delta * (stored + 1))
    if activation == SOFTPLUS:
        return delta * -expm1(-stored)
    if activation in (SILU, GELU, EXP):
        return delta * stored
    return delta


@inline
def slope(activation, z):
    """The derivative of an activation that cannot be had from its output; gelu's errs by at most 2 ε."""
    if activation == SILU:
        s = sigmoid(z)
        return fma(s, z * (1 - s), s)
    z = where_less(z, -FAR, -FAR, where_less(FAR, z, FAR, z))
    e = exp_in_gelu(z)
    s = 1 / (1 + e)
    return fma(s, 2 * ROOT * z * fma(3 * CUBIC * z, z, 1) * (e * s), s)


@inline
def stores_slope(activation):
    """Whether `slope` is stored besides the output."""
    return activation in (SILU, GELU)


@inline
def exp_in_gelu(z):
    """e^-2u with u = √(2/π) (z + 0.044715 z³): (1 + tanh u) / 2 = 1 / (1 + e^-2u), which cancels nowhere."""
    return exp(-2 * ROOT * z * fma(CUBIC * z, z, 1))


@noinline
def activate(activation, z, start, stride, rows, columns, slopes, s_stride):
    # z (rows, columns)   slopes (rows, columns), a place in z, where they are stored
    if activation == IDENTITY:
        return
    for row in range(rows):
        first = start + row * stride
        if stores_slope(activation):
            for j in range(0, columns, lanes(z)):
                store(z, slopes + row * s_stride + j, slope(activation, load(z, first + j)))
        for i in range(first, first + columns, lanes(z)):
            store(z, i, apply(activation, load(z, i)))


@noinline
def differentiate(activation, memory, stored, s_stride, deltas, d_stride, rows, columns):
    # stored (rows, columns)   deltas (rows, columns); both are places in memory
    if activation == SIGMOID:  # as constants these leave no question to be asked for each vector: S1 -2 %
        differentiate_by(SIGMOID, memory, stored, s_stride, deltas, d_stride, rows, columns)
    elif activation == TANH:
        differentiate_by(TANH, memory, stored, s_stride, deltas, d_stride, rows, columns)
    elif activation == RELU:
        differentiate_by(RELU, memory, stored, s_stride, deltas, d_stride, rows, columns)
    else:
        differentiate_by(activation, memory, stored, s_stride, deltas, d_stride, rows, columns)


@inline
def differentiate_by(activation, memory, stored, s_stride, deltas, d_stride, rows, columns):
    for row in range(rows):
        s, d = stored + row * s_stride, deltas + row * d_stride
        for j in range(0, columns, lanes(memory)):
            store(memory, d + j, through(activation, load(memory, s + j), load(memory, d + j)))


@inline
def activate_outputs(plan, activation, memory, first, rows):
    """Turn the outputs of `rows` rows from `first` on, which come as z, into their activation."""
    z, slopes = plan.outputs + first * plan.strides[-1], plan.slopes[-1] + first * plan.strides[-1]
    columns, stride, groups = groups_of(plan, memory, rows)
    if activation == SOFTMAX:
        for group in range(groups):
            softmax(memory, z + group * stride, columns)
    else:
        columns, groups = joined(stride, columns * lanes(memory), groups)
        activate(activation, memory, z, stride, groups, columns, slopes, stride)


@inline
def through_outputs(plan, activation, memory, first, rows):
    """Turn the targets' places of `rows` rows from `first` on, which hold dloss/dy, into dloss/dz."""
    y, deltas = plan.outputs + first * plan.strides[-1], plan.targets + first * plan.strides[-1]
    columns, stride, groups = groups_of(plan, memory, rows)
    if activation == SOFTMAX:
        for group in range(groups):
            through_softmax(memory, y + group * stride, deltas + group * stride, columns)
    elif activation != IDENTITY:
        stored = plan.slopes[-1] + first * plan.strides[-1] if stores_slope(activation) else y
        columns, groups = joined(stride, columns * lanes(memory), groups)
        differentiate(activation, memory, stored, stride, deltas, stride, groups, columns)


@inline
def groups_of(plan, memory, rows):
    """How many outputs there are, how far one group of rows abreast is from the next, and how many groups there are."""
    side_by_side = interleaved_rows(plan, memory)
    return plan.sizes[-1], plan.strides[-1] * side_by_side, (rows + side_by_side - 1) // side_by_side


@inline
def joined(stride, columns, rows):
    """Columns and rows of the same numbers, in one row where nothing lies between them: S1 -3 %."""
    return (columns * rows, 1) if stride == columns else (columns, rows)


@inline
def largest(memory, z, outputs):
    """The largest of each row's z."""
    top = load(memory, z)
    for j in range(1, outputs):
        here = load(memory, z + j * lanes(memory))
        top = where_less(top, here, here, top)
    return top


@inline
def softmax(memory, z, outputs):
    """Turn each row's z into its softmax."""
    top, total = largest(memory, z, outputs), splat(memory, 0)
    for i in range(z, z + outputs * lanes(memory), lanes(memory)):
        e = exp(load(memory, i) - top)
        store(memory, i, e)
        total = total + e
    scale = 1 / total
    for i in range(z, z + outputs * lanes(memory), lanes(memory)):
        store(memory, i, load(memory, i) * scale)


@inline
def through_softmax(memory, y, deltas, outputs):
    """Turn each row's dloss/dy into dloss/dz = y (dloss/dy - Σ y dloss/dy)."""
    mean = splat(memory, 0)
    for j in range(0, outputs * lanes(memory), lanes(memory)):
        mean = fma(load(memory, y + j), load(memory, deltas + j), mean)
    for j in range(0, outputs * lanes(memory), lanes(memory)):
        store(memory, deltas + j, load(memory, y + j) * (load(memory, deltas + j) - mean))
