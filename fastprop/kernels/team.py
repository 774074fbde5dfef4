"""A team of threads in one run: how its members wait for each other, and how they share work."""

from typing import NamedTuple

import numpy as np

from fastprop.kernels.compiler import inline
from fastprop.kernels.layout import aligned_zeros
from fastprop.kernels.threads import atomic_add, atomic_load, cpu_pause, sched_yield

SPINS_BEFORE_YIELD = 300
"""How often a member looks at the barrier before it lets other threads run: some 12 µs."""

ARRIVED, ROUND, STATE = 0, 8, 16
"""Indices in `Member.barrier`, each on a cache line of its own: members that wait, rounds done, state of the run."""

GOING, STOPPED, ENDED, OVER = range(4)
"""Values of `Member.barrier[STATE]`: it goes on; it was asked to stop; no network is left; all epochs are done."""

ABANDONED, SIZE, NEXT_SIZE, JOINING_ROUND = 17, 18, 19, 20
"""Indices in `Member.barrier`, on the line of STATE, which is rarely written: whether a member will not come any more;
how many members share a minibatch; how many from the next round on; and the last round with which some have joined."""

JOINED_AT = 24
"""Index in `Member.barrier` of epoch, phase and first row of the minibatch with which members have joined."""

BARRIER_SIZE = 32
"""Elements of `Member.barrier`: four cache lines of int64."""


def new_barrier(size):
    """Return a barrier at which the first `size` members wait for each other."""
    barrier = aligned_zeros(BARRIER_SIZE, np.int64)
    barrier[SIZE] = barrier[NEXT_SIZE] = size
    return barrier


class Member(NamedTuple):
    """What one member of a team knows."""

    position: int  # its index in the team; the first leads
    team_size: int  # the largest number of members of the team
    barrier: np.ndarray  # (BARRIER_SIZE,) int64, shared by all members
    pacing: NamedTuple  # see pacing.py
    step: NamedTuple  # see optimizers.py
    first_step: NamedTuple  # that of the first member
    scales: np.ndarray  # (width,) float64: what each network's deltas are scaled by in this minibatch
    dropout: NamedTuple  # see dropout.py
    no_dropout: NamedTuple  # the same, dropping nothing: for validation


@inline
def wait(member):
    """Wait until all members have come here, or one has abandoned the team; each then sees what all wrote before."""
    # barrier (BARRIER_SIZE,)
    if member.team_size == 1:
        return
    now, size = atomic_load(member.barrier, ROUND), member.barrier[SIZE]
    if atomic_add(member.barrier, ARRIVED, 1) == size - 1:
        member.barrier[ARRIVED] = 0
        if member.barrier[NEXT_SIZE] != size:
            atomic_add(member.barrier, SIZE, member.barrier[NEXT_SIZE] - size)
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
def size_of(member):
    """Return how many members share this minibatch."""
    # an int
    return 1 if member.team_size == 1 else member.barrier[SIZE]


@inline
def share(total, position, members, unit):
    """Return where a member's part of `total` elements begins and ends; parts are whole units, but for the last."""
    # two ints
    if members == 1:
        return 0, total
    units = (total + unit - 1) // unit
    return min(total, units * position // members * unit), min(total, units * (position + 1) // members * unit)
