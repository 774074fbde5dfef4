"""The update of a block of parameters, right after its gradient was made, while both are in the L1 cache.

The formulas are PyTorch's. A hyperparameter is a number of each network, so that the networks of a pack may differ in
it: a row of `Step.hyperparameters`. The driver `update_vectors` is the one loop over a block. What it does with a
vector of parameters is an update rule: ``w, s0, s1 ← rule(h, w, g, s0, s1)``, where g is the gradient, within its
limit and with that of l1, h are the hyperparameters, and s0 and s1 are the numbers that the rule keeps of each
parameter from step to step. Where parameters have rates or decays of their own, h has those of the vector.
"""

from typing import NamedTuple

import numpy as np

from fastprop.kernels.arithmetic import fma, sqrt, where_less
from fastprop.kernels.averages import EMA, update_average
from fastprop.kernels.compiler import inline, noinline
from fastprop.kernels.layout import Matrix
from fastprop.kernels.load_store import lanes, load, store
from fastprop.kernels.schedules import FACTOR, Schedule, scheduled
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

UNLIMITED, BY_VALUE, BY_NORM = range(3)

CLIPS = {"ClipValue": BY_VALUE, "ClipNorm": BY_NORM}
"""The code of each limit of the gradient, by the name of its option."""


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


class Rule(NamedTuple):
    """What becomes of a parameter in a step."""

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
    """What a member knows of the step that it is at. `width` networks fill the lanes of a row again and again."""

    hyperparameters: np.ndarray  # (len(ROWS), elements of a cache line), of the network's dtype
    given: np.ndarray  # (len(GIVEN), elements of a cache line) float64: those of the optimizers
    rates: np.ndarray  # (elements of a cache line,) float64: the learning rate of the last step
    norms: np.ndarray  # (elements of a cache line,) float64: the sum of the gradient's norms over the epoch's steps
    powers: np.ndarray  # (2, elements of a cache line) float64: beta1ᵗ, beta2ᵗ
    plateau: np.ndarray  # (3, elements of a cache line) float64, see schedules.py
    done: np.ndarray  # (2,) int64: epochs, steps


class Block(NamedTuple):
    """Parameters that are updated at once, and their gradient."""

    weights: Matrix  # in the parameters
    gradient: Matrix  # in the workspace
    rows: int
    columns: int  # a multiple of the lanes


@noinline
def copy_step(step, source):
    """Copy what another member knows, but for norms of gradients, which the first alone adds up."""
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
    block = Block(weights, gradient, rows, columns)
    update_block(optimizer.rule, step.hyperparameters, parameters, memory, block)
    if len(optimizer.average.parameters) > 0:
        update_average(optimizer.average, step.done[0], parameters, weights, rows, columns)


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
    of_step = vectors_of(hyperparameters, 1, 1)
    for row in range(block.rows):
        for j in range(0, block.columns, lanes(parameters)):
            i = block.weights.offset + row * block.weights.stride + j
            h = scaled_vectors(rule, hyperparameters, i, len(parameters)) if scaled else of_step
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
def scaled_vectors(rule, hyperparameters, i, count):
    """Return the `Hyperparameters` of the vector at offset `i` of `count` parameters."""
    # 15 vectors (V) ← (15, V), factors (2, P)
    return vectors_of(hyperparameters, load(rule.factors, i), load(rule.factors, count + i))


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


@inline
def with_sign(size, x):
    """Return `size` with the sign of x; 0 where x is 0, NaN where x is NaN."""
    # (V)
    return where_less(0, x, size, where_less(x, 0, -size, x))


# ---- update rules: w, s0, s1 ← rule(h, w, g, s0, s1) ----


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
