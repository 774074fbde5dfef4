"""Schedules: the factor on the optimizer's learning rate, from where a run is, as in ``torch.optim.lr_scheduler``.

`position` is how many steps, or epochs, are done, and `total` how many the run has; `losses` are those that were
measured after each epoch so far.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray


def _step_decay(schedule, position, total, losses):
    return np.float64(schedule.factor) ** (position // schedule.every)


def _exponential_decay(schedule, position, total, losses):
    return np.float64(schedule.factor) ** position


def _cosine_decay(schedule, position, total, losses):
    return _half_wave(1.0, schedule.final, position / total)


def _flat_cosine(schedule, position, total, losses):
    begin = schedule.flat * total
    return _half_wave(1.0, schedule.final, max(0.0, position - begin) / (total - begin))


def _cosine_log(schedule, position, total, losses):
    return _half_wave(0.0, 1.0, 2 * np.log2(1 + (2.0**schedule.cycles - 1) * position / total))


def _one_cycle(schedule, position, total, losses):
    highest, last = schedule.rise * total - 1, total - 1
    if position < highest:
        return _half_wave(schedule.start, 1.0, position / highest)
    return _half_wave(1.0, schedule.final, (position - highest) / (last - highest))


def _inverse_scaling(schedule, position, total, losses):
    return (1 + position) ** -schedule.power


def _plateau(schedule, position, total, losses):
    factor = 1.0
    best = np.inf
    bad = 0
    for loss in losses:
        if loss < best * (1 - schedule.threshold):
            best, bad = loss, 0
        else:
            bad += 1
        if bad > schedule.patience:
            factor, bad = max(factor * schedule.factor, schedule.minimum), 0
    return factor


def _warmup(schedule, position, total, losses):
    if position < schedule.length:
        return (position + 1) / schedule.length
    return factor(schedule.then, position - schedule.length, total - schedule.length, losses)


SCHEDULES = {
    "StepDecay": _step_decay,
    "ExponentialDecay": _exponential_decay,
    "CosineDecay": _cosine_decay,
    "FlatCosine": _flat_cosine,
    "CosineLog": _cosine_log,
    "OneCycle": _one_cycle,
    "InverseScaling": _inverse_scaling,
    "ReduceOnPlateau": _plateau,
    "Warmup": _warmup,
}
"""By the name of a schedule, a function of the option, the position, the total and the losses."""


def factor(schedule: Any, position: float, total: float, losses: Sequence[float] | NDArray[Any] = ()) -> float:
    """Return the factor on the optimizer's learning rate; `schedule` is an option, or None for 1.

    `position` and `total` count what `schedule.by` names.

    Examples
    --------
    >>> import fastprop as fp
    >>> float(fp.reference.factor(fp.StepDecay(10, factor=0.5), position=25, total=30))
    0.25
    """
    return 1.0 if schedule is None else SCHEDULES[type(schedule).__name__](schedule, position, total, losses)


def step_factors(
    schedule: Any, epoch: int, first_step: int, steps: int, epochs: float, losses: Sequence[float] | NDArray[Any]
) -> list[float]:
    """Return the factor of each of the `steps` of an epoch; `first_step` is the index of the first one in the run."""
    if schedule is not None and schedule.by == "step":
        return [factor(schedule, first_step + k, epochs * steps, losses) for k in range(steps)]
    return [factor(schedule, epoch, epochs, losses)] * steps


def _half_wave(start, end, fraction):
    # from start to end along half a cosine wave: Loshchilov and Hutter, "SGDR", ICLR 2017
    return end + (start - end) / 2 * (np.cos(np.pi * fraction) + 1)
