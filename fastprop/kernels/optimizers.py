"""The update of a block of parameters, right after its gradient was made, while both are in the L1 cache.

PyTorch's formulas to the letter. A hyperparameter is a number of each network: a row of `Step.numbers`.
"""

from typing import NamedTuple

import numpy as np

from fastprop.kernels.codes import (
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
)
from fastprop.kernels.jit import part, routine
from fastprop.kernels.schedules import FACTOR, Schedule, scheduled
from fastprop.kernels.simd import fma, lanes, load, sqrt, store, where_less

HYPERPARAMETERS = "learning_rate", "momentum", "weight_decay", "l1", "beta1", "beta2", "epsilon", "smoothing"
LEARNING_RATE, MU, WEIGHT_DECAY, L1, BETA1, BETA2, EPSILON, SMOOTHING = range(8)  # rows of `given` and of `numbers`
REST1, REST2, REST_OF_SMOOTHING, STEP_SIZE, SCALE, SHRINKAGE, CLIP = range(8, 15)  # further rows of `numbers`

KEPT = {SGD: 0, MOMENTUM: 1, NESTEROV: 1, ADAM: 2, ADAMW: 2, RMSPROP: 1, RMSPROP_MOMENTUM: 2, ADAGRAD: 1, LION: 1}
"""How many numbers a rule keeps of each parameter."""


class Average(NamedTuple):
    """What a moving average of the parameters is to a kernel."""

    parameters: np.ndarray  # (P,); empty where there is no average
    rest: float  # 1 - decay: what it takes over of the parameters in a step
    start: int  # an epoch: until then it is the parameters


class Optimizer(NamedTuple):
    """What an optimizer, or one for each network of a pack, is to a kernel."""

    rule: int  # its number, see codes.py
    moving: bool  # whether its numbers change from step to step
    penalised: bool  # whether there is an l1
    clip: int  # whether gradients are limited, and how, see codes.py
    limit: float
    schedule: Schedule
    average: Average
    state: np.ndarray  # (KEPT · P,), such as velocities


class Step(NamedTuple):
    """What a member of a team knows of the step it is at."""

    numbers: np.ndarray  # (15, lanes)
    given: np.ndarray  # (8, lanes) float64: the hyperparameters
    rates: np.ndarray  # (lanes,) float64: the learning rate of the last step
    norms: np.ndarray  # (lanes,) float64: the sum over the epoch's steps of the gradient's norm, where it is measured
    powers: np.ndarray  # (2, lanes) float64: β₁ᵗ, β₂ᵗ
    plateau: np.ndarray  # (3, lanes) float64, see schedules.py
    done: np.ndarray  # (2,): epochs, steps


@part
def begin_step(optimizer, step):
    """Go on to the next step."""
    if not optimizer.moving:
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


@routine
def update(optimizer, step, weights, start, stride, memory, g, g_stride, rows, columns):
    # weights, gradient (rows, columns)
    if optimizer.rule in (SGD, MOMENTUM, NESTEROV):
        sgd(optimizer, step, weights, start, stride, memory, g, g_stride, rows, columns)
    elif optimizer.rule == ADAM or optimizer.rule == ADAMW:
        adam(optimizer, step, weights, start, stride, memory, g, g_stride, rows, columns)
    elif optimizer.rule == LION:
        lion(optimizer, step, weights, start, stride, memory, g, g_stride, rows, columns)
    else:
        by_size(optimizer, step, weights, start, stride, memory, g, g_stride, rows, columns)
    if len(optimizer.average.parameters) > 0:
        follow(optimizer.average, step.done[0], weights, start, stride, rows, columns)


@part
def follow(average, epoch, weights, start, stride, rows, columns):
    """A ← a + (1 - decay) (w - a), where the epoch has an average, else a ← w."""
    for row in range(rows):
        for i in range(start + row * stride, start + row * stride + columns, lanes(weights)):
            w, a = load(weights, i), load(average.parameters, i)
            store(average.parameters, i, w if epoch < average.start else fma(average.rest, w - a, a))


@part
def sgd(optimizer, step, weights, start, stride, memory, g, g_stride, rows, columns):
    """V ← μ v + g, then w ← w - η v, or with Nesterov w ← w - η (g + μ v); without momentum w ← w - η g."""
    decay, l1, factor = number(step, WEIGHT_DECAY), number(step, L1), number(step, CLIP)
    rate, mu = number(step, LEARNING_RATE), number(step, MU)
    for row in range(rows):
        for j in range(0, columns, lanes(weights)):
            i = start + row * stride + j
            w = load(weights, i)
            change = decayed(optimizer, decay, l1, factor, w, load(memory, g + row * g_stride + j))
            if optimizer.rule == MOMENTUM or optimizer.rule == NESTEROV:
                v = fma(mu, load(optimizer.state, i), change)
                store(optimizer.state, i, v)
                change = fma(mu, v, change) if optimizer.rule == NESTEROV else v
            store(weights, i, fma(-rate, change, w))


@part
def adam(optimizer, step, weights, start, stride, memory, g, g_stride, rows, columns):
    """M ← β₁ m + (1 - β₁) g, v ← β₂ v + (1 - β₂) g², then w ← w - η / (1 - β₁ᵗ) · m / (√v / √(1 - β₂ᵗ) + ε)."""
    decay, l1, factor = number(step, WEIGHT_DECAY), number(step, L1), number(step, CLIP)
    size, scale, epsilon = number(step, STEP_SIZE), number(step, SCALE), number(step, EPSILON)
    beta1, rest1, beta2, rest2 = number(step, BETA1), number(step, REST1), number(step, BETA2), number(step, REST2)
    for row in range(rows):
        for j in range(0, columns, lanes(weights)):
            i = start + row * stride + j
            k = i + len(weights)
            w = load(weights, i)
            if optimizer.rule == ADAMW:
                gradient = penalised(optimizer, l1, factor, w, load(memory, g + row * g_stride + j))
                w = w * number(step, SHRINKAGE)
            else:
                gradient = decayed(optimizer, decay, l1, factor, w, load(memory, g + row * g_stride + j))
            m = fma(beta1, load(optimizer.state, i), rest1 * gradient)
            v = fma(beta2, load(optimizer.state, k), rest2 * (gradient * gradient))
            store(optimizer.state, i, m)
            store(optimizer.state, k, v)
            store(weights, i, w - size * m / fma(sqrt(v), scale, epsilon))


@part
def by_size(optimizer, step, weights, start, stride, memory, g, g_stride, rows, columns):
    """S ← a s + (1 - a) g², or with Adagrad s + g²; v ← μ v + g / (√s + ε), where there is a momentum; w ← w - η v."""
    decay, l1, factor = number(step, WEIGHT_DECAY), number(step, L1), number(step, CLIP)
    rate, mu, epsilon = number(step, LEARNING_RATE), number(step, MU), number(step, EPSILON)
    smoothing, rest = number(step, SMOOTHING), number(step, REST_OF_SMOOTHING)
    for row in range(rows):
        for j in range(0, columns, lanes(weights)):
            i = start + row * stride + j
            k = i + len(weights)
            w, s = load(weights, i), load(optimizer.state, i)
            gradient = decayed(optimizer, decay, l1, factor, w, load(memory, g + row * g_stride + j))
            square = gradient * gradient
            s = s + square if optimizer.rule == ADAGRAD else fma(smoothing, s, rest * square)
            store(optimizer.state, i, s)
            change = gradient / (sqrt(s) + epsilon)
            if optimizer.rule == RMSPROP_MOMENTUM:
                change = fma(mu, load(optimizer.state, k), change)
                store(optimizer.state, k, change)
            store(weights, i, fma(-rate, change, w))


@part
def lion(optimizer, step, weights, start, stride, memory, g, g_stride, rows, columns):
    """W ← w (1 - η λ) - η sign(β₁ m + (1 - β₁) g), then m ← β₂ m + (1 - β₂) g."""
    l1, factor = number(step, L1), number(step, CLIP)
    rate, shrinkage = number(step, LEARNING_RATE), number(step, SHRINKAGE)
    beta1, rest1, beta2, rest2 = number(step, BETA1), number(step, REST1), number(step, BETA2), number(step, REST2)
    for row in range(rows):
        for j in range(0, columns, lanes(weights)):
            i = start + row * stride + j
            w, m = load(weights, i), load(optimizer.state, i)
            gradient = penalised(optimizer, l1, factor, w, load(memory, g + row * g_stride + j))
            store(optimizer.state, i, fma(beta2, m, rest2 * gradient))
            store(weights, i, fma(w, shrinkage, -signed(rate, fma(beta1, m, rest1 * gradient))))


@part
def decayed(optimizer, decay, l1, factor, w, gradient):
    """The gradient with that of weight decay, λ w, and of l1."""
    return fma(decay, w, penalised(optimizer, l1, factor, w, gradient))


@part
def penalised(optimizer, l1, factor, w, gradient):
    """The gradient within its limit, and with that of l1: its sign(w)."""
    if optimizer.clip == BY_VALUE:
        limit = optimizer.limit
        gradient = where_less(gradient, -limit, -limit, where_less(limit, gradient, limit, gradient))
    elif optimizer.clip == BY_NORM:
        gradient = gradient * factor
    return gradient + signed(l1, w) if optimizer.penalised else gradient


@part
def signed(size, x):
    """`size` with the sign of x; 0 where x is. A NaN stays one."""
    return where_less(0, x, size, where_less(x, 0, -size, x))


@part
def number(step, row):
    """A hyperparameter of each network."""
    return load(step.numbers[row], 0)
