"""Activations and their derivatives, over a block of a layer's outputs, in place, right after the tiles wrote it.

The block is in the L1 cache then, so that this second pass over it costs one load and one store in 33 or more fused
multiply-adds. The last layer's activation waits for the loss; its outputs are interleaved, see lanes.py.

On the way back, `deltas` come in as dloss/da and leave as dloss/dz. The derivative is computed from the activation's
output a, or, where it cannot be, it is stored besides a on the way forward.
"""

from typing import NamedTuple

from fastprop.kernels.arithmetic import fma, where_less
from fastprop.kernels.compiler import inline, noinline
from fastprop.kernels.functions import exp, exp_to_infinity, expm1, log1p, sigmoid, tanh
from fastprop.kernels.lanes import interleaved_rows
from fastprop.kernels.layout import Matrix
from fastprop.kernels.load_store import lanes, load, opaque, splat, store
from fastprop.kernels.tables import NO_BRANCH, bits


class Activation(NamedTuple):
    """What kernels and the layout of the workspace know of an activation."""

    code: int  # by which `activation`, `activation_backward` and `derivative` branch
    stores_derivative: bool  # whether the derivative cannot be computed from the output and is stored besides


IDENTITY, SIGMOID, SOFTMAX, TANH, RELU, LEAKY_RELU, ELU, SOFTPLUS, SILU, GELU, EXP, SELU, MISH = range(13)

ACTIVATIONS = {
    "identity": Activation(IDENTITY, stores_derivative=False),
    "sigmoid": Activation(SIGMOID, stores_derivative=False),
    "softmax": Activation(SOFTMAX, stores_derivative=False),
    "tanh": Activation(TANH, stores_derivative=False),
    "relu": Activation(RELU, stores_derivative=False),
    "leaky_relu": Activation(LEAKY_RELU, stores_derivative=False),
    "elu": Activation(ELU, stores_derivative=False),
    "softplus": Activation(SOFTPLUS, stores_derivative=False),
    "silu": Activation(SILU, stores_derivative=True),
    "gelu": Activation(GELU, stores_derivative=True),
    "exp": Activation(EXP, stores_derivative=False),
    "selu": Activation(SELU, stores_derivative=False),
    "mish": Activation(MISH, stores_derivative=True),
}
"""One row for each activation, the same names as in `fastprop.reference.ACTIVATIONS`."""

STORED_DERIVATIVES = bits(ACTIVATIONS, lambda row: row.stores_derivative)

NEGATIVE_SLOPE = 0.01
"""Of leaky_relu, where z < 0."""

CUBIC = 0.044715
"""The factor of z³ in gelu."""

SQRT_2_OVER_PI = 0.7978845608028654

GELU_LIMIT = 22.0
"""For |z| from here on, gelu is 0 or z to the last bit. z is clamped there, as its z³ would overflow."""

SELU_SCALE, SELU_LIMIT = 1.0507009873554805, 1.7580993408473766
"""The slope of selu where z > 0, and what -selu comes near for z → -∞."""

MISH_LIMIT = 20.0
"""From this z on, mish is z, and its derivative 1, to the last bit. z is clamped there, as its e²ᶻ would overflow."""


@inline
def stores_derivative(code):
    # bool
    return STORED_DERIVATIVES >> code & 1 == 1


@inline
def activation(code, z):
    """Return the activation of each lane of a vector; that of NaN is NaN. softmax is not among them, see `softmax`.

    The largest error in ulp, as measured where `exp_parts` does not clamp, and what tests hold it to. That of exp holds
    for every z whose exponential is a normal number; beyond, it is 0 or infinite.

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
    selu                       1.72 (2)    2.63 (3)
    mish                       4.56 (5)    4.06 (4.5)
    gelu, in ulp of z          1.72 (2)    1.79 (2)
    gelu from -7 to 0          88 (110)    108 (110)
    =========================  ==========  ==========

    For z < 0, gelu is z / (1 + e^-2u) and falls like e^2u: an error of u of some ulp becomes 2u times as many.
    softmax errs by what exp does, and by the rounding of its sum.
    """
    # a (V) = f(z (V))
    if code == SIGMOID:
        return sigmoid(z)
    if code == TANH:
        return tanh(z)
    if code == RELU:
        return where_less(z, 0, 0, z)
    if code == LEAKY_RELU:
        return where_less(z, 0, NEGATIVE_SLOPE * z, z)
    if code == ELU:
        return where_less(z, 0, expm1(z), z)
    if code == SOFTPLUS:
        return where_less(z, 0, 0, z) + log1p(exp(where_less(0, z, -z, z)))
    if code == SILU:
        return z * sigmoid(z)
    if code == GELU:
        z = where_less(z, -GELU_LIMIT, -GELU_LIMIT, z)
        return z / (1 + exp_in_gelu(z))
    if code == EXP:
        return exp_to_infinity(z)
    if code == SELU:
        return where_less(z, 0, SELU_LIMIT * expm1(z), SELU_SCALE * z)
    if code == MISH:
        e = exp(where_less(MISH_LIMIT, z, MISH_LIMIT, z))
        n = e * (e + 2)
        return z * (n / (n + 2))
    if code == IDENTITY:
        return z
    return z * NO_BRANCH


@inline
def activation_backward(code, stored, delta):
    """Return dloss/dz of each lane from dloss/da and what is stored: a, or f'(z) where the activation stores that."""
    # dloss/dz (V) = delta (V) · f'(z)
    if code == SIGMOID:
        return delta * (stored * (1 - stored))
    if code == TANH:
        return delta * fma(-stored, stored, 1)
    if code == RELU:
        return where_less(0, stored, delta, 0)
    if code == LEAKY_RELU:
        return where_less(0, stored, delta, NEGATIVE_SLOPE * delta)
    if code == ELU:
        return where_less(0, stored, delta, delta * (stored + 1))
    if code == SOFTPLUS:
        return delta * -expm1(-stored)
    if code == SELU:
        return delta * where_less(0, stored, SELU_SCALE, stored + SELU_LIMIT)
    if code == EXP or stores_derivative(code):
        return delta * stored
    if code == IDENTITY:
        return delta
    return delta * NO_BRANCH


@inline
def derivative(code, z):
    """Return f'(z) of each lane, for an activation that stores it; gelu's errs by at most 2 ε, mish's by 2.5."""
    # f'(z (V))
    if code == SILU:
        s = sigmoid(z)
        return fma(s, z * (1 - s), s)
    if code == GELU:
        z = where_less(z, -GELU_LIMIT, -GELU_LIMIT, where_less(GELU_LIMIT, z, GELU_LIMIT, z))
        e = exp_in_gelu(z)
        s = 1 / (1 + e)
        return fma(s, 2 * SQRT_2_OVER_PI * z * fma(3 * CUBIC * z, z, 1) * (e * s), s)
    if code == MISH:
        z = where_less(MISH_LIMIT, z, MISH_LIMIT, z)
        e = exp(z)
        n = e * (e + 2)
        s = 1 / (n + 2)
        return fma(n, s, 4 * z * (e * s) * ((e + 1) * s))
    return z * NO_BRANCH


@inline
def exp_in_gelu(z):
    """Return e^-2u with u = √(2/π) (z + 0.044715 z³), as (1 + tanh u) / 2 = 1 / (1 + e^-2u), which never cancels."""
    # (V)
    return exp(-2 * SQRT_2_OVER_PI * z * fma(CUBIC * z, z, 1))


@noinline
def activate(plan, code, memory, z, derivatives, rows, columns):
    # z (B, columns) ← f(z)   derivatives (B, columns) ← f'(z), if it stores them; both are matrices in memory
    if code == IDENTITY:
        return
    stores = plan.strategy.stores_derivatives and stores_derivative(code)
    for row in range(rows):
        first = z.offset + row * z.stride
        if stores:
            d = derivatives.offset + row * derivatives.stride
            for j in range(0, columns, lanes(memory)):
                store(memory, d + j, derivative(code, load(memory, first + j)))
        for i in range(first, first + columns, lanes(memory)):
            store(memory, i, activation(code, load(memory, i)))


@noinline
def differentiate(code, memory, stored, deltas, rows, columns):
    # deltas (B, columns) ← deltas · f'(z), from stored (B, columns); both are matrices in memory
    if code == SIGMOID:  # a constant code, so that `activation_backward` does not branch for each vector
        differentiate_by(SIGMOID, memory, stored, deltas, rows, columns)
    elif code == TANH:
        differentiate_by(TANH, memory, stored, deltas, rows, columns)
    elif code == RELU:
        differentiate_by(RELU, memory, stored, deltas, rows, columns)
    else:
        differentiate_by(code, memory, stored, deltas, rows, columns)


@inline
def differentiate_by(code, memory, stored, deltas, rows, columns):
    # as `differentiate`
    for row in range(rows):
        s, d = stored.offset + row * stored.stride, deltas.offset + row * deltas.stride
        same = opaque(d)  # or relu would store by a mask, which takes AMD's processors some 10 times as long
        for j in range(0, columns, lanes(memory)):
            store(memory, d + j, activation_backward(code, load(memory, s + j), load(memory, same + j)))


@inline
def activate_outputs(plan, code, memory, first, rows):
    """Turn the outputs of `rows` rows from row `first` on, which come as z, into their activation."""
    # outputs (B / lanes, O, lanes), interleaved
    outputs_stride = plan.sizes.strides[-1]
    z = plan.workspace.outputs + first * outputs_stride
    columns, stride, groups = groups_of(plan, memory, rows)
    if code == SOFTMAX:
        for group in range(groups):
            softmax(memory, z + group * stride, columns)
    else:
        derivatives = Matrix(plan.workspace.derivatives[-1] + first * outputs_stride, stride)
        columns, groups = joined(stride, columns * lanes(memory), groups)
        activate(plan, code, memory, Matrix(z, stride), derivatives, groups, columns)


@inline
def differentiate_outputs(plan, code, memory, first, rows):
    """Replace dloss/da, which stands where the targets were, by dloss/dz, for `rows` rows from row `first` on."""
    # targets (B / lanes, O, lanes), interleaved, as are the outputs
    outputs_stride = plan.sizes.strides[-1]
    a, deltas = plan.workspace.outputs + first * outputs_stride, plan.workspace.targets + first * outputs_stride
    columns, stride, groups = groups_of(plan, memory, rows)
    if code == SOFTMAX:
        for group in range(groups):
            softmax_backward(memory, a + group * stride, deltas + group * stride, columns)
    elif code != IDENTITY:
        stored = plan.workspace.derivatives[-1] + first * outputs_stride if stores_derivative(code) else a
        columns, groups = joined(stride, columns * lanes(memory), groups)
        differentiate(code, memory, Matrix(stored, stride), Matrix(deltas, stride), groups, columns)


@inline
def groups_of(plan, memory, rows):
    """Return the outputs of a row, the elements from one group of interleaved rows to the next, and how many groups."""
    # three ints
    side_by_side = interleaved_rows(plan, memory)
    return plan.sizes.layers[-1], plan.sizes.strides[-1] * side_by_side, (rows + side_by_side - 1) // side_by_side


@inline
def joined(stride, columns, rows):
    """Return columns and rows of the same elements: one row, where nothing lies between the rows."""
    # two ints
    return (columns * rows, 1) if stride == columns else (columns, rows)


@inline
def largest(memory, z, outputs):
    """Return the largest z of each row of a group."""
    # (lanes,) ← z (O, lanes)
    maximum = load(memory, z)
    for j in range(1, outputs):
        value = load(memory, z + j * lanes(memory))
        maximum = where_less(maximum, value, value, maximum)
    return maximum


@inline
def softmax(memory, z, outputs):
    """Turn the z of each row of a group into its softmax."""
    # z (O, lanes) ← eᶻ / Σ eᶻ
    maximum, total = largest(memory, z, outputs), splat(memory, 0)
    for i in range(z, z + outputs * lanes(memory), lanes(memory)):
        e = exp(load(memory, i) - maximum)
        store(memory, i, e)
        total = total + e
    scale = 1 / total
    for i in range(z, z + outputs * lanes(memory), lanes(memory)):
        store(memory, i, load(memory, i) * scale)


@inline
def softmax_backward(memory, a, deltas, outputs):
    """Turn the dloss/da of each row of a group into dloss/dz = a (dloss/da - Σ a dloss/da)."""
    # deltas (O, lanes)   a (O, lanes)
    mean = splat(memory, 0)
    for j in range(0, outputs * lanes(memory), lanes(memory)):
        mean = fma(load(memory, a + j), load(memory, deltas + j), mean)
    for j in range(0, outputs * lanes(memory), lanes(memory)):
        store(memory, deltas + j, load(memory, a + j) * (load(memory, deltas + j) - mean))
