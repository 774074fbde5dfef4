"""A team of threads in one run: how they wait for each other, and who does what."""

from typing import NamedTuple

import numpy as np

from fastprop.kernels.compiler import inline
from fastprop.kernels.threads import atomic_add, atomic_load, cpu_pause, sched_yield

SPINS_BEFORE_YIELD = 300
"""How often a member looks before it lets others run: some 12 µs."""

ARRIVED, ROUND, STATE = 0, 8, 16  # offsets in `barrier`, each on a cache line of its own
ABANDONED = 17  # not 0 once a member will not come any more; on the line of STATE, which is written as seldom


class Worker(NamedTuple):
    """What a member of a team knows."""

    member: int
    members: int
    barrier: np.ndarray  # (24,) int64: seen by all
    step: NamedTuple  # see optimizers.py
    scales: np.ndarray  # (width,): by what each network's deltas are scaled in this minibatch
    dropout: NamedTuple  # see dropout.py
    no_dropout: NamedTuple  # the same, dropping nothing: as in validation


@inline
def wait(team):
    """Wait until all members have come here, or one has abandoned the team; each then sees what all wrote before."""
    if team.members == 1:
        return
    now = atomic_load(team.barrier, ROUND)
    if atomic_add(team.barrier, ARRIVED, 1) == team.members - 1:
        team.barrier[ARRIVED] = 0
        atomic_add(team.barrier, ROUND, 1)
        return
    looks = 0
    while atomic_load(team.barrier, ROUND) == now:
        if atomic_load(team.barrier, ABANDONED) != 0:
            return
        cpu_pause()
        looks += 1
        if looks > SPINS_BEFORE_YIELD:
            sched_yield()


@inline
def share(total, member, members, unit):
    """The first and the last of a member's part of `total` things, in whole units."""
    if members == 1:
        return 0, total
    units = (total + unit - 1) // unit
    return min(total, units * member // members * unit), min(total, units * (member + 1) // members * unit)
