"""Schedules: the factor on the learning rate, from where a run is, as in ``torch.optim.lr_scheduler``."""

from typing import NamedTuple

import numpy as np

from fastprop.kernels.compiler import inline
from fastprop.kernels.tables import NO_BRANCH


class ScheduleRow(NamedTuple):
    """What there is to know of a schedule."""

    code: int  # by which `scheduled` and `watch` branch
    constants: tuple[str, ...]  # the attributes of its option that stand in `Schedule.constants`, in this order


CONSTANT, STEP_DECAY, EXPONENTIAL_DECAY, COSINE_DECAY, ONE_CYCLE, INVERSE_SCALING, PLATEAU = range(7)
FLAT_COSINE, COSINE_LOG = range(7, 9)

SCHEDULES = {
    "StepDecay": ScheduleRow(STEP_DECAY, ("every", "factor")),
    "ExponentialDecay": ScheduleRow(EXPONENTIAL_DECAY, ("factor",)),
    "CosineDecay": ScheduleRow(COSINE_DECAY, ("final",)),
    "OneCycle": ScheduleRow(ONE_CYCLE, ("start", "final", "rise")),
    "InverseScaling": ScheduleRow(INVERSE_SCALING, ("power",)),
    "FlatCosine": ScheduleRow(FLAT_COSINE, ("flat", "final")),
    "CosineLog": ScheduleRow(COSINE_LOG, ("cycles",)),
    "ReduceOnPlateau": ScheduleRow(PLATEAU, ("factor", "patience", "threshold", "minimum")),
}
"""One row for each schedule, by the name of its option. A warm-up is a part of `Schedule` and not one of them."""

MAX_CONSTANTS = 4


class Schedule(NamedTuple):
    """What a schedule is to a kernel."""

    code: int  # of the `ScheduleRow`; CONSTANT where there is none
    by_step: bool  # whether it counts steps, and not epochs
    total: int  # steps or epochs of the run
    warmup: int  # how many of them rise to the full learning rate
    constants: np.ndarray  # (MAX_CONSTANTS,) float64: those that the row names, then zeros


FACTOR, BEST, BAD = range(3)
"""Rows of `Step.plateau`: of each network the factor, the lowest loss, and the epochs since then."""


@inline
def scheduled(schedule, position):
    """Return the factor after `position` steps or epochs."""
    # a float
    if position < schedule.warmup:
        return (position + 1) / schedule.warmup
    position, total, constants = position - schedule.warmup, schedule.total - schedule.warmup, schedule.constants
    if schedule.code == STEP_DECAY:
        every, factor = int(constants[0]), constants[1]
        return factor ** (position // every)
    if schedule.code == EXPONENTIAL_DECAY:
        factor = constants[0]
        return factor ** float(position)
    if schedule.code == COSINE_DECAY:
        final = constants[0]
        return half_wave(1.0, final, position / total)
    if schedule.code == INVERSE_SCALING:
        power = constants[0]
        return (1.0 + position) ** -power
    if schedule.code == ONE_CYCLE:
        start, final, rise = constants[0], constants[1], constants[2]
        highest, last = rise * total - 1, total - 1
        if position < highest:
            return half_wave(start, 1.0, position / highest)
        return half_wave(1.0, final, (position - highest) / (last - highest))
    if schedule.code == FLAT_COSINE:
        begin, final = constants[0] * total, constants[1]
        return half_wave(1.0, final, max(0.0, position - begin) / (total - begin))
    if schedule.code == COSINE_LOG:
        cycles = constants[0]
        return half_wave(0.0, 1.0, 2 * np.log2(1 + (2**cycles - 1) * position / total))
    if schedule.code == CONSTANT or schedule.code == PLATEAU:
        return 1.0
    return NO_BRANCH


@inline
def half_wave(start, end, fraction):
    """Return the value at a fraction of the way from `start` to `end`, along half a wave of the cosine."""
    # a float
    return end + (start - end) / 2 * (np.cos(np.pi * fraction) + 1)


@inline
def watch(schedule, plateau, losses):
    """Count the epochs in which a network's loss has not fallen; after too many, lower the network's factor."""
    # plateau (3, elements of a cache line)   losses (width,), repeated
    if schedule.code == PLATEAU:
        factor, patience, threshold, minimum = schedule.constants
        for lane in range(plateau.shape[1]):
            loss = losses[lane % len(losses)]
            if loss < plateau[BEST, lane] * (1 - threshold):
                plateau[BEST, lane] = loss
                plateau[BAD, lane] = 0
            else:
                plateau[BAD, lane] += 1
            if plateau[BAD, lane] > patience:
                plateau[FACTOR, lane] = max(plateau[FACTOR, lane] * factor, minimum)
                plateau[BAD, lane] = 0
