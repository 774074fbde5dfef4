"""The update of a block of parameters, right after its gradient was made, while both are in the L1 cache.

PyTorch's formulas to the letter. A hyperparameter is a number of each network: a row of `Step.numbers`.
"""

from typing import NamedTuple

import numpy as np

from fastprop.kernels.codes import ADAM, MOMENTUM, NESTEROV, SGD
from fastprop.kernels.jit import part
from fastprop.kernels.simd import fma, lanes, load, sqrt, store

HYPERPARAMETERS = "learning_rate", "weight_decay", "momentum", "beta1", "beta2", "epsilon"
LEARNING_RATE, WEIGHT_DECAY, MU, BETA1, BETA2, EPSILON, REST1, REST2, STEP_SIZE, SCALE = range(10)  # rows of `numbers`


KEPT = {SGD: 0, MOMENTUM: 1, NESTEROV: 1, ADAM: 2}
"""How many numbers a rule keeps of each parameter."""


class Optimizer(NamedTuple):
    """What an optimizer, or one for each network of a pack, is to a kernel."""

    rule: int  # its number, see codes.py
    state: np.ndarray  # (P,) velocities, or (2 P,) means of gradients, then of their squares


class Step(NamedTuple):
    """What a member of a team knows of the step it is at."""

    numbers: np.ndarray  # (10, lanes): hyperparameters, 1 - β₁, 1 - β₂, η / (1 - β₁ᵗ), 1 / √(1 - β₂ᵗ)
    given: np.ndarray  # (6, lanes) float64: the hyperparameters
    powers: np.ndarray  # (2, lanes) float64: β₁ᵗ, β₂ᵗ


@part
def begin_step(optimizer, step):
    """Go on to the next step."""
    if optimizer.rule == ADAM:
        for lane in range(step.powers.shape[1]):
            step.powers[0, lane] *= step.given[BETA1, lane]
            step.powers[1, lane] *= step.given[BETA2, lane]
            step.numbers[STEP_SIZE, lane] = step.given[LEARNING_RATE, lane] / (1 - step.powers[0, lane])
            step.numbers[SCALE, lane] = 1 / np.sqrt(1 - step.powers[1, lane])


@part
def update(optimizer, step, weights, start, stride, memory, g, g_stride, rows, columns):
    # weights, gradient (rows, columns)
    if optimizer.rule == ADAM:
        adam(optimizer, step, weights, start, stride, memory, g, g_stride, rows, columns)
    else:
        sgd(optimizer, step, weights, start, stride, memory, g, g_stride, rows, columns)


@part
def sgd(optimizer, step, weights, start, stride, memory, g, g_stride, rows, columns):
    """V ← μ v + g, then w ← w - η v, or with Nesterov w ← w - η (g + μ v); without momentum w ← w - η g."""
    rate, decay, mu = number(step, LEARNING_RATE), number(step, WEIGHT_DECAY), number(step, MU)
    for row in range(rows):
        for j in range(0, columns, lanes(weights)):
            i = start + row * stride + j
            w = load(weights, i)
            change = fma(decay, w, load(memory, g + row * g_stride + j))
            if optimizer.rule == MOMENTUM or optimizer.rule == NESTEROV:
                v = fma(mu, load(optimizer.state, i), change)
                store(optimizer.state, i, v)
                change = fma(mu, v, change) if optimizer.rule == NESTEROV else v
            store(weights, i, fma(-rate, change, w))


@part
def adam(optimizer, step, weights, start, stride, memory, g, g_stride, rows, columns):
    """M ← β₁ m + (1 - β₁) g, v ← β₂ v + (1 - β₂) g², then w ← w - η / (1 - β₁ᵗ) · m / (√v / √(1 - β₂ᵗ) + ε)."""
    size, decay, scale = number(step, STEP_SIZE), number(step, WEIGHT_DECAY), number(step, SCALE)
    beta1, rest1, beta2, rest2 = number(step, BETA1), number(step, REST1), number(step, BETA2), number(step, REST2)
    epsilon = number(step, EPSILON)
    for row in range(rows):
        for j in range(0, columns, lanes(weights)):
            i = start + row * stride + j
            w, k = load(weights, i), i + len(weights)
            gradient = fma(decay, w, load(memory, g + row * g_stride + j))
            m = fma(beta1, load(optimizer.state, i), rest1 * gradient)
            v = fma(beta2, load(optimizer.state, k), rest2 * (gradient * gradient))
            store(optimizer.state, i, m)
            store(optimizer.state, k, v)
            store(weights, i, w - size * m / fma(sqrt(v), scale, epsilon))


@part
def number(step, row):
    """A hyperparameter of each network."""
    return load(step.numbers[row], 0)
