"""The update of a block of parameters, right after its gradient was made, while both are in the L1 cache.

PyTorch's formulas to the letter. A hyperparameter is a number of each network: a row of `Step.numbers`.
"""

from typing import NamedTuple

import numpy as np

from fastprop.kernels.enums import (
    ADAGRAD,
    ADAM,
    ADAMW,
    BY_NORM,
    BY_VALUE,
    LION,
    MOMENTUM,
    NESTEROV,
    RMSPROP,
    RMSPROP_MOMENTUM,
    SGD,
    UNLIMITED,
)
from fastprop.kernels.jit import inline, noinline
from fastprop.kernels.schedules import FACTOR, Schedule, scheduled
from fastprop.kernels.simd import fma, lanes, load, sqrt, store, where_less

HYPERPARAMETERS = "learning_rate", "momentum", "weight_decay", "l1", "beta1", "beta2", "epsilon", "smoothing"
LEARNING_RATE, MU, WEIGHT_DECAY, L1, BETA1, BETA2, EPSILON, SMOOTHING = range(8)  # rows of `given` and of `numbers`
ONE_MINUS_BETA1, ONE_MINUS_BETA2, ONE_MINUS_SMOOTHING, STEP_SIZE, SCALE, SHRINKAGE, CLIP = range(
    8, 15
)  # further rows of `numbers`

KEPT = {SGD: 0, MOMENTUM: 1, NESTEROV: 1, ADAM: 2, ADAMW: 2, RMSPROP: 1, RMSPROP_MOMENTUM: 2, ADAGRAD: 1, LION: 1}
"""How many numbers a rule keeps of each parameter."""


class Rule(NamedTuple):
    """What becomes of a parameter in a step."""

    number: int  # see enums.py
    with_l1: bool  # whether there is an l1
    clip: int  # whether gradients are limited, and how, see enums.py
    limit: float
    state: np.ndarray  # (KEPT · P,), such as velocities


class EMA(NamedTuple):
    """What a moving average of the parameters is to a kernel."""

    parameters: np.ndarray  # (P,); empty where there is no average
    rest: float  # 1 - decay: what it takes over of the parameters in a step
    start: int  # an epoch: until then it is the parameters


class Optimizer(NamedTuple):
    """What an optimizer, or one for each network of a pack, is to a kernel."""

    rule: Rule
    average: EMA
    changes_every_step: bool  # whether its numbers change from step to step
    schedule: Schedule


class Step(NamedTuple):
    """What a member of a team knows of the step it is at."""

    numbers: np.ndarray  # (15, lanes)
    given: np.ndarray  # (8, lanes) float64: the hyperparameters
    rates: np.ndarray  # (lanes,) float64: the learning rate of the last step
    norms: np.ndarray  # (lanes,) float64: the sum over the epoch's steps of the gradient's norm, where it is measured
    powers: np.ndarray  # (2, lanes) float64: β₁ᵗ, β₂ᵗ
    plateau: np.ndarray  # (3, lanes) float64, see schedules.py
    done: np.ndarray  # (2,): epochs, steps


@inline
def begin_step(optimizer, step):
    """Go on to the next step."""
    if not optimizer.changes_every_step:
        return
    schedule = optimizer.schedule
    factor = scheduled(schedule, step.done[1] if schedule.by_step else step.done[0])
    step.done[1] += 1
    for lane in range(step.powers.shape[1]):
        rate = step.given[LEARNING_RATE, lane] * (factor * step.plateau[FACTOR, lane])
        step.powers[0, lane] *= step.given[BETA1, lane]
        step.powers[1, lane] *= step.given[BETA2, lane]
        step.rates[lane] = step.numbers[LEARNING_RATE, lane] = rate
        step.numbers[STEP_SIZE, lane] = rate / (1 - step.powers[0, lane])
        step.numbers[SCALE, lane] = 1 / np.sqrt(1 - step.powers[1, lane])
        step.numbers[SHRINKAGE, lane] = 1 - rate * step.given[WEIGHT_DECAY, lane]


@inline
def update(optimizer, step, weights, start, stride, memory, g, g_stride, rows, columns):
    # weights, gradient (rows, columns)
    apply(optimizer.rule, step.numbers, weights, start, stride, memory, g, g_stride, rows, columns)
    if len(optimizer.average.parameters) > 0:
        update_average(optimizer.average, step.done[0], weights, start, stride, rows, columns)


@noinline
def apply(rule, numbers, weights, start, stride, memory, g, g_stride, rows, columns):
    # weights, gradient (rows, columns)
    plain = not rule.with_l1 and rule.clip == UNLIMITED
    if rule.number == SGD and plain:
        plain_sgd(numbers, weights, start, stride, memory, g, g_stride, rows, columns)
    elif rule.number in (SGD, MOMENTUM, NESTEROV):
        sgd(rule, numbers, weights, start, stride, memory, g, g_stride, rows, columns)
    elif rule.number == ADAM or rule.number == ADAMW:
        adam(rule, numbers, weights, start, stride, memory, g, g_stride, rows, columns)
    elif rule.number == LION:
        lion(rule, numbers, weights, start, stride, memory, g, g_stride, rows, columns)
    else:
        rmsprop_adagrad(rule, numbers, weights, start, stride, memory, g, g_stride, rows, columns)


@noinline
def update_average(average, epoch, weights, start, stride, rows, columns):
    """A ← a + (1 - decay) (w - a), where the epoch has an average, else a ← w."""
    for row in range(rows):
        for i in range(start + row * stride, start + row * stride + columns, lanes(weights)):
            w, a = load(weights, i), load(average.parameters, i)
            store(average.parameters, i, w if epoch < average.start else fma(average.rest, w - a, a))


@inline
def plain_sgd(numbers, weights, start, stride, memory, g, g_stride, rows, columns):
    """The same as `sgd` for what most use, without asking for each vector what it is to do."""
    decay, rate = number(numbers, WEIGHT_DECAY), number(numbers, LEARNING_RATE)
    for row in range(rows):
        for j in range(0, columns, lanes(weights)):
            i = start + row * stride + j
            w = load(weights, i)
            store(weights, i, fma(-rate, fma(decay, w, load(memory, g + row * g_stride + j)), w))


@inline
def sgd(rule, numbers, weights, start, stride, memory, g, g_stride, rows, columns):
    """V ← μ v + g, then w ← w - η v, or with Nesterov w ← w - η (g + μ v); without momentum w ← w - η g."""
    decay, l1, factor = number(numbers, WEIGHT_DECAY), number(numbers, L1), number(numbers, CLIP)
    rate, mu = number(numbers, LEARNING_RATE), number(numbers, MU)
    for row in range(rows):
        for j in range(0, columns, lanes(weights)):
            i = start + row * stride + j
            w = load(weights, i)
            change = decayed(rule, decay, l1, factor, w, load(memory, g + row * g_stride + j))
            if rule.number == MOMENTUM or rule.number == NESTEROV:
                v = fma(mu, load(rule.state, i), change)
                store(rule.state, i, v)
                change = fma(mu, v, change) if rule.number == NESTEROV else v
            store(weights, i, fma(-rate, change, w))


@inline
def adam(rule, numbers, weights, start, stride, memory, g, g_stride, rows, columns):
    """M ← β₁ m + (1 - β₁) g, v ← β₂ v + (1 - β₂) g², then w ← w - η / (1 - β₁ᵗ) · m / (√v / √(1 - β₂ᵗ) + ε)."""
    decay, l1, factor = number(numbers, WEIGHT_DECAY), number(numbers, L1), number(numbers, CLIP)
    size, scale, epsilon = number(numbers, STEP_SIZE), number(numbers, SCALE), number(numbers, EPSILON)
    beta1, one_minus_beta1, beta2, one_minus_beta2 = (
        number(numbers, BETA1),
        number(numbers, ONE_MINUS_BETA1),
        number(numbers, BETA2),
        number(numbers, ONE_MINUS_BETA2),
    )
    for row in range(rows):
        for j in range(0, columns, lanes(weights)):
            i = start + row * stride + j
            k = i + len(weights)
            w = load(weights, i)
            if rule.number == ADAMW:
                gradient = with_l1(rule, l1, factor, w, load(memory, g + row * g_stride + j))
                w = w * number(numbers, SHRINKAGE)
            else:
                gradient = decayed(rule, decay, l1, factor, w, load(memory, g + row * g_stride + j))
            m = fma(beta1, load(rule.state, i), one_minus_beta1 * gradient)
            v = fma(beta2, load(rule.state, k), one_minus_beta2 * (gradient * gradient))
            store(rule.state, i, m)
            store(rule.state, k, v)
            store(weights, i, w - size * m / fma(sqrt(v), scale, epsilon))


@inline
def rmsprop_adagrad(rule, numbers, weights, start, stride, memory, g, g_stride, rows, columns):
    """S ← a s + (1 - a) g², or with Adagrad s + g²; v ← μ v + g / (√s + ε), where there is a momentum; w ← w - η v."""
    decay, l1, factor = number(numbers, WEIGHT_DECAY), number(numbers, L1), number(numbers, CLIP)
    rate, mu, epsilon = number(numbers, LEARNING_RATE), number(numbers, MU), number(numbers, EPSILON)
    smoothing, rest = number(numbers, SMOOTHING), number(numbers, ONE_MINUS_SMOOTHING)
    for row in range(rows):
        for j in range(0, columns, lanes(weights)):
            i = start + row * stride + j
            k = i + len(weights)
            w, s = load(weights, i), load(rule.state, i)
            gradient = decayed(rule, decay, l1, factor, w, load(memory, g + row * g_stride + j))
            square = gradient * gradient
            s = s + square if rule.number == ADAGRAD else fma(smoothing, s, rest * square)
            store(rule.state, i, s)
            change = gradient / (sqrt(s) + epsilon)
            if rule.number == RMSPROP_MOMENTUM:
                change = fma(mu, load(rule.state, k), change)
                store(rule.state, k, change)
            store(weights, i, fma(-rate, change, w))


@inline
def lion(rule, numbers, weights, start, stride, memory, g, g_stride, rows, columns):
    """W ← w (1 - η λ) - η sign(β₁ m + (1 - β₁) g), then m ← β₂ m + (1 - β₂) g."""
    l1, factor = number(numbers, L1), number(numbers, CLIP)
    rate, shrinkage = number(numbers, LEARNING_RATE), number(numbers, SHRINKAGE)
    beta1, one_minus_beta1, beta2, one_minus_beta2 = (
        number(numbers, BETA1),
        number(numbers, ONE_MINUS_BETA1),
        number(numbers, BETA2),
        number(numbers, ONE_MINUS_BETA2),
    )
    for row in range(rows):
        for j in range(0, columns, lanes(weights)):
            i = start + row * stride + j
            w, m = load(weights, i), load(rule.state, i)
            gradient = with_l1(rule, l1, factor, w, load(memory, g + row * g_stride + j))
            store(rule.state, i, fma(beta2, m, one_minus_beta2 * gradient))
            store(weights, i, fma(w, shrinkage, -signed(rate, fma(beta1, m, one_minus_beta1 * gradient))))


@inline
def decayed(rule, decay, l1, factor, w, gradient):
    """The gradient with that of weight decay, λ w, and of l1."""
    return fma(decay, w, with_l1(rule, l1, factor, w, gradient))


@inline
def with_l1(rule, l1, factor, w, gradient):
    """The gradient within its limit, and with that of l1: its sign(w)."""
    if rule.clip == BY_VALUE:
        limit = rule.limit
        gradient = where_less(gradient, -limit, -limit, where_less(limit, gradient, limit, gradient))
    elif rule.clip == BY_NORM:
        gradient = gradient * factor
    return gradient + signed(l1, w) if rule.with_l1 else gradient


@inline
def signed(size, x):
    """`size` with the sign of x; 0 where x is. A NaN stays one."""
    return where_less(0, x, size, where_less(x, 0, -size, x))


@inline
def number(numbers, row):
    """A hyperparameter of each network."""
    return load(numbers[row], 0)
