"""The update rules: what becomes of a vector of parameters in a step, and of what is kept for them between steps.

The formulas are PyTorch's. A rule is ``w, s0, s1 ← rule(h, w, g, s0, s1)``, where g is the gradient, within its limit
and with that of l1, h are the hyperparameters, and s0 and s1 are the numbers that the rule keeps of each parameter from
step to step. Where parameters have rates or decays of their own, h has those of the vector.
"""

from typing import NamedTuple

from fastprop.kernels.arithmetic import fma, sqrt, where_less
from fastprop.kernels.compiler import inline
from fastprop.kernels.load_store import load
from fastprop.kernels.tables import NO_BRANCH, bits
from fastprop.kernels.vectors import Vector


class UpdateRule(NamedTuple):
    """What there is to know of an update rule."""

    code: int  # by which `updated` branches
    states: int  # how many numbers it keeps of each parameter: 0, 1 or 2
    per_step: bool  # whether its hyperparameters change from step to step, as those of a bias correction do


SGD, MOMENTUM, NESTEROV, ADAM, ADAMW, RMSPROP, RMSPROP_MOMENTUM, ADAGRAD, LION = range(9)

RULES = {
    "sgd": UpdateRule(SGD, states=0, per_step=False),
    "momentum": UpdateRule(MOMENTUM, states=1, per_step=False),
    "nesterov": UpdateRule(NESTEROV, states=1, per_step=False),
    "adam": UpdateRule(ADAM, states=2, per_step=True),
    "adamw": UpdateRule(ADAMW, states=2, per_step=True),
    "rmsprop": UpdateRule(RMSPROP, states=1, per_step=False),
    "rmsprop_momentum": UpdateRule(RMSPROP_MOMENTUM, states=2, per_step=False),
    "adagrad": UpdateRule(ADAGRAD, states=1, per_step=False),
    "lion": UpdateRule(LION, states=1, per_step=False),
}
"""One row for each update rule, the same names as in the `rules` of `fastprop.options.optimizers`."""

KEEPS_S0 = bits(RULES, lambda row: row.states > 0)
KEEPS_S1 = bits(RULES, lambda row: row.states > 1)


class Hyperparameters(NamedTuple):
    """A vector of each hyperparameter of an update; or, as `Step.hyperparameters`, the names of its rows in order."""

    # those of optimizers
    learning_rate: Vector
    momentum: Vector
    weight_decay: Vector
    l1: Vector
    beta1: Vector
    beta2: Vector
    epsilon: Vector
    smoothing: Vector
    # those that follow from them, or from the step
    one_minus_beta1: Vector
    one_minus_beta2: Vector
    one_minus_smoothing: Vector
    step_size: Vector  # learning_rate / (1 - beta1ᵗ)
    scale: Vector  # 1 / √(1 - beta2ᵗ)
    shrinkage: Vector  # 1 - learning_rate · weight_decay
    clip_factor: Vector  # by what the gradient is multiplied so that its norm is within the limit


ROWS = Hyperparameters._fields
"""The rows of `Step.hyperparameters`."""

GIVEN = ROWS[: ROWS.index("one_minus_beta1")]
"""The first of them, those of optimizers: the rows of `Step.given`."""

LEARNING_RATE, WEIGHT_DECAY, BETA1, BETA2, STEP_SIZE, SCALE, SHRINKAGE, CLIP_FACTOR = map(
    ROWS.index,
    ("learning_rate", "weight_decay", "beta1", "beta2", "step_size", "scale", "shrinkage", "clip_factor"),
)

RATES = 1 << LEARNING_RATE | 1 << STEP_SIZE
"""A bit for each row that is proportional to the learning rate."""


@inline
def vectors_of(hyperparameters, rate, decay):
    """Return the `Hyperparameters` of a step, loaded. Those that a rule does not use, LLVM does not load."""
    # 15 vectors (V) ← (15, V)
    return Hyperparameters(
        loaded(hyperparameters, 0, rate, decay),
        loaded(hyperparameters, 1, rate, decay),
        loaded(hyperparameters, 2, rate, decay),
        loaded(hyperparameters, 3, rate, decay),
        loaded(hyperparameters, 4, rate, decay),
        loaded(hyperparameters, 5, rate, decay),
        loaded(hyperparameters, 6, rate, decay),
        loaded(hyperparameters, 7, rate, decay),
        loaded(hyperparameters, 8, rate, decay),
        loaded(hyperparameters, 9, rate, decay),
        loaded(hyperparameters, 10, rate, decay),
        loaded(hyperparameters, 11, rate, decay),
        loaded(hyperparameters, 12, rate, decay),
        loaded(hyperparameters, 13, rate, decay),
        loaded(hyperparameters, 14, rate, decay),
    )


@inline
def loaded(hyperparameters, row, rate, decay):
    """Return a row of the hyperparameters, times factors of learning rate and weight decay; 1 changes no bit."""
    # (V) ← (15, V)
    h = load(hyperparameters[row], 0)
    if RATES >> row & 1:
        return h * rate
    if row == WEIGHT_DECAY:
        return h * decay
    if row == SHRINKAGE:  # 1 - f η λ from 1 - η λ
        factor = rate * decay
        scaled = fma(factor, h - 1, 1)
        return where_less(factor, 1, scaled, where_less(1, factor, scaled, h))
    return h


@inline
def with_sign(size, x):
    """Return `size` with the sign of x; 0 where x is 0, NaN where x is NaN."""
    # (V)
    return where_less(0, x, size, where_less(x, 0, -size, x))


@inline
def updated(code, h, w, g, s0, s1):
    # three vectors (V)
    if code == SGD:
        return sgd(h, w, g, s0, s1)
    if code == MOMENTUM:
        return momentum(h, w, g, s0, s1)
    if code == NESTEROV:
        return nesterov(h, w, g, s0, s1)
    if code == ADAM:
        return adam(h, w, g, s0, s1)
    if code == ADAMW:
        return adamw(h, w, g, s0, s1)
    if code == RMSPROP:
        return rmsprop(h, w, g, s0, s1)
    if code == RMSPROP_MOMENTUM:
        return rmsprop_momentum(h, w, g, s0, s1)
    if code == ADAGRAD:
        return adagrad(h, w, g, s0, s1)
    if code == LION:
        return lion(h, w, g, s0, s1)
    return w * NO_BRANCH, s0, s1


@inline
def with_decay(h, w, g):
    """Return the gradient with that of weight decay, λ w."""
    # (V)
    return fma(h.weight_decay, w, g)


@inline
def sgd(h, w, g, s0, s1):
    """W ← w - η g."""
    # three vectors (V)
    return fma(-h.learning_rate, with_decay(h, w, g), w), s0, s1


@inline
def momentum(h, w, g, v, s1):
    """V ← μ v + g, then w ← w - η v."""
    # three vectors (V)
    v = fma(h.momentum, v, with_decay(h, w, g))
    return fma(-h.learning_rate, v, w), v, s1


@inline
def nesterov(h, w, g, v, s1):
    """V ← μ v + g, then w ← w - η (g + μ v)."""
    # three vectors (V)
    g = with_decay(h, w, g)
    v = fma(h.momentum, v, g)
    return fma(-h.learning_rate, fma(h.momentum, v, g), w), v, s1


@inline
def adam(h, w, g, m, v):
    """M ← β₁ m + (1 - β₁) g, v ← β₂ v + (1 - β₂) g², then w ← w - η / (1 - β₁ᵗ) · m / (√v / √(1 - β₂ᵗ) + ε)."""
    # three vectors (V)
    return adam_step(h, w, with_decay(h, w, g), m, v)


@inline
def adamw(h, w, g, m, v):
    """W ← w (1 - η λ), then as `adam`, but without λ in the gradient."""
    # three vectors (V)
    return adam_step(h, w * h.shrinkage, g, m, v)


@inline
def adam_step(h, w, g, m, v):
    # three vectors (V)
    m = fma(h.beta1, m, h.one_minus_beta1 * g)
    v = fma(h.beta2, v, h.one_minus_beta2 * (g * g))
    return w - h.step_size * m / fma(sqrt(v), h.scale, h.epsilon), m, v


@inline
def rmsprop(h, w, g, s, s1):
    """S ← α s + (1 - α) g², then w ← w - η g / (√s + ε)."""
    # three vectors (V)
    g = with_decay(h, w, g)
    s = fma(h.smoothing, s, h.one_minus_smoothing * (g * g))
    return fma(-h.learning_rate, g / (sqrt(s) + h.epsilon), w), s, s1


@inline
def rmsprop_momentum(h, w, g, s, v):
    """S ← α s + (1 - α) g², v ← μ v + g / (√s + ε), then w ← w - η v."""
    # three vectors (V)
    g = with_decay(h, w, g)
    s = fma(h.smoothing, s, h.one_minus_smoothing * (g * g))
    v = fma(h.momentum, v, g / (sqrt(s) + h.epsilon))
    return fma(-h.learning_rate, v, w), s, v


@inline
def adagrad(h, w, g, s, s1):
    """S ← s + g², then w ← w - η g / (√s + ε)."""
    # three vectors (V)
    g = with_decay(h, w, g)
    s = s + g * g
    return fma(-h.learning_rate, g / (sqrt(s) + h.epsilon), w), s, s1


@inline
def lion(h, w, g, m, s1):
    """W ← w (1 - η λ) - η sign(β₁ m + (1 - β₁) g), then m ← β₂ m + (1 - β₂) g."""
    # three vectors (V)
    direction = with_sign(h.learning_rate, fma(h.beta1, m, h.one_minus_beta1 * g))
    return fma(w, h.shrinkage, -direction), fma(h.beta2, m, h.one_minus_beta2 * g), s1
