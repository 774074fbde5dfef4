"""Schedules: the factor on the learning rate, from where a run is, as in ``torch.optim.lr_scheduler``."""

from typing import NamedTuple

import numpy as np

from fastprop.kernels.enums import COSINE, EXPONENTIAL, INVERSE_SCALING, ONE_CYCLE, PLATEAU, STEPS
from fastprop.kernels.jit import inline


class Schedule(NamedTuple):
    """What a schedule is to a kernel."""

    kind: int  # its number, see enums.py
    by_step: bool  # or by epoch
    total: int  # steps or epochs of the run
    warmup: int  # how many of them rise to the full rate
    numbers: np.ndarray  # (4,): of StepDecay every, factor; of ReduceOnPlateau factor, patience, threshold, minimum; …


FACTOR, BEST, BAD = range(3)  # rows of what a plateau keeps of each network


@inline
def scheduled(schedule, position):
    """The factor after `position` steps or epochs."""
    if position < schedule.warmup:
        return (position + 1) / schedule.warmup
    position, total, numbers = position - schedule.warmup, schedule.total - schedule.warmup, schedule.numbers
    if schedule.kind == STEPS:
        return numbers[1] ** (position // int(numbers[0]))
    if schedule.kind == EXPONENTIAL:
        return numbers[0] ** float(position)
    if schedule.kind == COSINE:
        return half_wave(1.0, numbers[0], position / total)
    if schedule.kind == INVERSE_SCALING:
        return (1.0 + position) ** -numbers[0]
    if schedule.kind == ONE_CYCLE:
        top, last = numbers[2] * total - 1, total - 1
        if position < top:
            return half_wave(numbers[0], 1.0, position / top)
        return half_wave(1.0, numbers[1], (position - top) / (last - top))
    return 1.0


@inline
def half_wave(start, end, share):
    """From `start` to `end` along half a wave of the cosine."""
    return end + (start - end) / 2 * (np.cos(np.pi * share) + 1)


@inline
def watch(schedule, kept, losses):
    """See whether each network's loss still falls; if not for long, lower its factor."""
    # kept (3, lanes)   losses (width,)
    if schedule.kind == PLATEAU:
        factor, patience, threshold, minimum = schedule.numbers
        for lane in range(kept.shape[1]):
            loss = losses[lane % len(losses)]
            if loss < kept[BEST, lane] * (1 - threshold):
                kept[BEST, lane], kept[BAD, lane] = loss, 0
            else:
                kept[BAD, lane] += 1
            if kept[BAD, lane] > patience:
                kept[FACTOR, lane], kept[BAD, lane] = max(kept[FACTOR, lane] * factor, minimum), 0
