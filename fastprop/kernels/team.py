"""A team of threads in one run: how its members wait for each other, and how they share work."""

from typing import NamedTuple

import numpy as np

from fastprop.kernels.compiler import inline
from fastprop.kernels.threads import atomic_add, atomic_load, cpu_pause, sched_yield

SPINS_BEFORE_YIELD = 300
"""How often a member looks at the barrier before it lets other threads run: some 12 µs."""

ARRIVED, ROUND, STATE = 0, 8, 16
"""Indices in `Member.barrier`, each on a cache line of its own: members that wait, rounds done, state of the run."""

ABANDONED = 17
"""Index in `Member.barrier` of what is not 0 once a member will not come any more. It is on the line of STATE."""

BARRIER_SIZE = 24
"""Elements of `Member.barrier`: three cache lines of int64."""


class Member(NamedTuple):
    """What one member of a team knows."""

    position: int  # its index in the team; the first leads
    team_size: int  # the number of members of the team
    barrier: np.ndarray  # (BARRIER_SIZE,) int64, shared by all members
    step: NamedTuple  # see optimizers.py
    scales: np.ndarray  # (width,) float64: what each network's deltas are scaled by in this minibatch
    dropout: NamedTuple  # see dropout.py
    no_dropout: NamedTuple  # the same, dropping nothing: for validation


@inline
def wait(member):
    """Wait until all members have come here, or one has abandoned the team; each then sees what all wrote before."""
    if member.team_size == 1:
        return
    now = atomic_load(member.barrier, ROUND)
    if atomic_add(member.barrier, ARRIVED, 1) == member.team_size - 1:
        member.barrier[ARRIVED] = 0
        atomic_add(member.barrier, ROUND, 1)
        return
    spins = 0
    while atomic_load(member.barrier, ROUND) == now:
        if atomic_load(member.barrier, ABANDONED) != 0:
            return
        cpu_pause()
        spins += 1
        if spins > SPINS_BEFORE_YIELD:
            sched_yield()


@inline
def share(total, position, members, unit):
    """Return where a member's part of `total` elements begins and ends; parts are whole units, but for the last."""
    if members == 1:
        return 0, total
    units = (total + unit - 1) // unit
    return min(total, units * position // members * unit), min(total, units * (position + 1) // members * unit)
