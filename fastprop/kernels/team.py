"""A team of threads in one run: how its workers wait for each other, and how they share work."""

from typing import NamedTuple

import numpy as np

from fastprop.kernels.compiler import inline
from fastprop.kernels.threads import atomic_add, atomic_load, cpu_pause, sched_yield

SPINS_BEFORE_YIELD = 300
"""How often a worker looks at the barrier before it lets other threads run: some 12 µs."""

ARRIVED, ROUND, STATE = 0, 8, 16
"""Indices in `Worker.barrier`, each on a cache line of its own: workers that wait, rounds done, state of the run."""

ABANDONED = 17
"""Index in `Worker.barrier` of what is not 0 once a worker will not come any more. It is on the line of STATE."""

BARRIER_SIZE = 24
"""Elements of `Worker.barrier`: three cache lines of int64."""


class Worker(NamedTuple):
    """What one worker of a team knows."""

    member: int  # its index in the team
    members: int  # workers in the team
    barrier: np.ndarray  # (BARRIER_SIZE,) int64, shared by all workers
    step: NamedTuple  # see optimizers.py
    scales: np.ndarray  # (width,) float64: what each network's deltas are scaled by in this minibatch
    dropout: NamedTuple  # see dropout.py
    no_dropout: NamedTuple  # the same, dropping nothing: for validation


@inline
def wait(worker):
    """Wait until all workers have come here, or one has abandoned the team; each then sees what all wrote before."""
    if worker.members == 1:
        return
    now = atomic_load(worker.barrier, ROUND)
    if atomic_add(worker.barrier, ARRIVED, 1) == worker.members - 1:
        worker.barrier[ARRIVED] = 0
        atomic_add(worker.barrier, ROUND, 1)
        return
    spins = 0
    while atomic_load(worker.barrier, ROUND) == now:
        if atomic_load(worker.barrier, ABANDONED) != 0:
            return
        cpu_pause()
        spins += 1
        if spins > SPINS_BEFORE_YIELD:
            sched_yield()


@inline
def share(total, member, members, unit):
    """Return where a worker's part of `total` elements begins and ends; parts are whole units, but for the last."""
    if members == 1:
        return 0, total
    units = (total + unit - 1) // unit
    return min(total, units * member // members * unit), min(total, units * (member + 1) // members * unit)
