"""The update of a block of parameters, right after its gradient was made, while both are in the L1 cache.

A hyperparameter is a number of each network, so that the networks of a pack may differ in it: a row of
`Step.hyperparameters`. The driver `update_vectors` is the one loop over a block; `update_rules.py` says what becomes of
each vector of parameters.
"""

from typing import NamedTuple

import numpy as np

from fastprop.kernels.arithmetic import where_less
from fastprop.kernels.averages import EMA, update_average
from fastprop.kernels.compiler import inline, noinline
from fastprop.kernels.layout import Matrix
from fastprop.kernels.load_store import lanes, load, prefetch_to_write, store
from fastprop.kernels.schedules import FACTOR, Schedule, scheduled
from fastprop.kernels.update_rules import (
    ADAM,
    ADAMW,
    BETA1,
    BETA2,
    KEEPS_S0,
    KEEPS_S1,
    LEARNING_RATE,
    LION,
    MOMENTUM,
    NESTEROV,
    SCALE,
    SGD,
    SHRINKAGE,
    STEP_SIZE,
    WEIGHT_DECAY,
    updated,
    vectors_of,
    with_sign,
)

UNLIMITED, BY_VALUE, BY_NORM = range(3)

CLIPS = {"ClipValue": BY_VALUE, "ClipNorm": BY_NORM}
"""The code of each limit of the gradient, by the name of its option."""


class Rule(NamedTuple):
    """The update rule of a run, with what it keeps of the parameters, and what the gradient is limited to."""

    code: int  # of the `UpdateRule`
    with_l1: bool  # whether a network has an l1 above 0
    clip: int  # UNLIMITED, BY_VALUE or BY_NORM
    limit: float  # of the gradient's elements or of its norm; 0 where it is unlimited
    state: np.ndarray  # (states · P,): all s0, then all s1
    factors: np.ndarray  # (2 · P,): of the learning rate, then of the weight decay; empty where all are 1


class Optimizer(NamedTuple):
    """What a run's optimizer, or one for each network of a pack, is to a kernel."""

    rule: Rule
    average: EMA
    changes_every_step: bool  # whether hyperparameters change from step to step
    schedule: Schedule  # of the learning rate
    weight_decay_schedule: Schedule
    dropout_schedule: Schedule
    schedules_dropout: bool  # whether there is a `dropout_schedule`


class Step(NamedTuple):
    """What a member knows of the step that it is at. In each row the values of `width` networks are repeated."""

    hyperparameters: np.ndarray  # (len(ROWS), elements of a cache line), of the network's dtype
    given: np.ndarray  # (len(GIVEN), elements of a cache line) float64: those of the optimizers
    rates: np.ndarray  # (elements of a cache line,) float64: the learning rate of the last step
    norms: np.ndarray  # (elements of a cache line,) float64: the sum of the gradient's norms over the epoch's steps
    powers: np.ndarray  # (2, elements of a cache line) float64: beta1ᵗ, beta2ᵗ
    plateau: np.ndarray  # (3, elements of a cache line) float64, see schedules.py
    done: np.ndarray  # (2,) int64: epochs, steps


class UpdatedBlock(NamedTuple):
    """Parameters that are updated at once, and their gradient."""

    weights: Matrix  # in the parameters
    gradient: Matrix  # in the workspace
    rows: int
    columns: int  # elements of a row; a multiple of the lanes


@noinline
def copy_step(step, source):
    """Copy what another member knows, but for norms of gradients, which the first alone adds up."""
    # hyperparameters (15, a cache line)   rates (a cache line,)   powers, plateau (rows, a cache line)
    for row in range(step.hyperparameters.shape[0]):
        for i in range(step.hyperparameters.shape[1]):
            step.hyperparameters[row, i] = source.hyperparameters[row, i]
    for i in range(len(step.rates)):
        step.rates[i] = source.rates[i]
        for row in range(len(step.powers)):
            step.powers[row, i] = source.powers[row, i]
        for row in range(len(step.plateau)):
            step.plateau[row, i] = source.plateau[row, i]
    for i in range(len(step.done)):
        step.done[i] = source.done[i]


@inline
def begin_step(optimizer, step):
    """Set the hyperparameters of the next step."""
    # step.hyperparameters (15, K) from step.given (8, K)
    if not optimizer.changes_every_step:
        return
    schedule = optimizer.schedule
    position = position_in(schedule, step)
    factor = scheduled(schedule, position)
    decay_factor = scheduled_in(optimizer.weight_decay_schedule, step)
    step.done[1] += 1
    for lane in range(step.powers.shape[1]):
        plateau = 1.0 if position < schedule.warmup else step.plateau[FACTOR, lane]  # it counts epochs of a warm-up too
        rate = step.given[LEARNING_RATE, lane] * (factor * plateau)
        weight_decay = step.given[WEIGHT_DECAY, lane] * decay_factor
        step.powers[0, lane] *= step.given[BETA1, lane]
        step.powers[1, lane] *= step.given[BETA2, lane]
        step.rates[lane] = step.hyperparameters[LEARNING_RATE, lane] = rate
        step.hyperparameters[STEP_SIZE, lane] = rate / (1 - step.powers[0, lane])
        step.hyperparameters[SCALE, lane] = 1 / np.sqrt(1 - step.powers[1, lane])
        step.hyperparameters[WEIGHT_DECAY, lane] = weight_decay
        step.hyperparameters[SHRINKAGE, lane] = 1 - rate * weight_decay


@inline
def scheduled_in(schedule, step):
    """Return the factor of a schedule in the step that comes."""
    # a float
    return scheduled(schedule, position_in(schedule, step))


@inline
def position_in(schedule, step):
    """Return how many steps or epochs are done, as the schedule counts."""
    # an int
    return step.done[1] if schedule.by_step else step.done[0]


@inline
def update(optimizer, step, parameters, weights, memory, gradient, rows, columns):
    """Do the step of a block of the parameters, and that of their average."""
    # weights (R, C) in parameters   gradient (R, C) in memory
    block = UpdatedBlock(weights, gradient, rows, columns)
    update_block(optimizer.rule, step.hyperparameters, parameters, memory, block)
    if len(optimizer.average.parameters) > 0:
        update_average(optimizer.average, step.done[0], parameters, weights, rows, columns)


@noinline
def prefetch(optimizer, parameters, weights, rows, columns):
    """Ask for a block of the parameters, and for what the rule keeps of them, before they are updated."""
    # weights (R, C) in parameters   state (states, P)
    rule, count = optimizer.rule, len(parameters)
    for row in range(rows):
        first = weights.offset + row * weights.stride
        for i in range(first, first + columns, lanes(parameters)):
            prefetch_to_write(parameters, i)
            if KEEPS_S0 >> rule.code & 1:
                prefetch_to_write(rule.state, i)
            if KEEPS_S1 >> rule.code & 1:
                prefetch_to_write(rule.state, count + i)


@noinline
def update_block(rule, hyperparameters, parameters, memory, block):
    """Do the step of a block. The code is passed as a constant, so that the loop has no branches."""
    # weights (R, C) in parameters   gradient (R, C) in memory   state (states, P)
    code = rule.code
    if len(rule.factors) > 0:
        update_scaled_block(rule, hyperparameters, parameters, memory, block)
    elif code == SGD and not rule.with_l1 and rule.clip == UNLIMITED:
        update_vectors(SGD, True, False, rule, hyperparameters, parameters, memory, block)
    elif code == SGD:
        update_vectors(SGD, False, False, rule, hyperparameters, parameters, memory, block)
    elif code == MOMENTUM:
        update_vectors(MOMENTUM, False, False, rule, hyperparameters, parameters, memory, block)
    elif code == NESTEROV:
        update_vectors(NESTEROV, False, False, rule, hyperparameters, parameters, memory, block)
    elif code == ADAM:
        update_vectors(ADAM, False, False, rule, hyperparameters, parameters, memory, block)
    elif code == ADAMW:
        update_vectors(ADAMW, False, False, rule, hyperparameters, parameters, memory, block)
    elif code == LION:
        update_vectors(LION, False, False, rule, hyperparameters, parameters, memory, block)
    else:
        update_vectors(code, False, False, rule, hyperparameters, parameters, memory, block)


@noinline
def update_scaled_block(rule, hyperparameters, parameters, memory, block):
    """Do the step of a block whose parameters have learning rates and weight decays of their own."""
    # weights (R, C) in parameters   gradient (R, C) in memory   state (states, P)   factors (2, P)
    update_vectors(rule.code, False, True, rule, hyperparameters, parameters, memory, block)


@inline
def update_vectors(code, plain, scaled, rule, hyperparameters, parameters, memory, block):
    """Do the step of a block. If it is `plain`, the gradient has no limit and no l1; if `scaled`, there are factors."""
    # weights (R, C) in parameters   gradient (R, C) in memory   state (states, P)
    h_of_step = vectors_of(hyperparameters, 1, 1)
    for row in range(block.rows):
        for j in range(0, block.columns, lanes(parameters)):
            i = block.weights.offset + row * block.weights.stride + j
            h = scaled_vectors(rule, hyperparameters, i, len(parameters)) if scaled else h_of_step
            w = load(parameters, i)
            g = load(memory, block.gradient.offset + row * block.gradient.stride + j)
            if not plain:
                g = with_l1(rule, h, w, limited(rule, h, g))
            s0 = load(rule.state, i) if KEEPS_S0 >> code & 1 else w
            s1 = load(rule.state, len(parameters) + i) if KEEPS_S1 >> code & 1 else w
            w, s0, s1 = updated(code, h, w, g, s0, s1)
            if KEEPS_S0 >> code & 1:
                store(rule.state, i, s0)
            if KEEPS_S1 >> code & 1:
                store(rule.state, len(parameters) + i, s1)
            store(parameters, i, w)


@inline
def scaled_vectors(rule, hyperparameters, i, count):
    """Return the `Hyperparameters` of the vector at offset `i` of `count` parameters."""
    # 15 vectors (V) ← (15, V), factors (2, P)
    return vectors_of(hyperparameters, load(rule.factors, i), load(rule.factors, count + i))


@inline
def limited(rule, h, g):
    """Return the gradient within its limit."""
    # (V)
    if rule.clip == BY_VALUE:
        limit = rule.limit
        return where_less(g, -limit, -limit, where_less(limit, g, limit, g))
    if rule.clip == BY_NORM:
        return g * h.clip_factor
    return g


@inline
def with_l1(rule, h, w, g):
    """Return the gradient with that of l1, which is l1 · sign(w)."""
    # (V)
    return g + with_sign(h.l1, w) if rule.with_l1 else g
