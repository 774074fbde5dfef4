"""How members leave a team between minibatches, and join it.

A member that leaves returns from the kernel. One that joins enters the kernel anew: it says so, and the first member
takes it in before the next minibatch. Until then nobody waits for it.
"""

from fastprop.kernels.compiler import inline
from fastprop.kernels.optimizers import copy_step
from fastprop.kernels.pacing import (
    END,
    MONOTONIC,
    STARTS,
    begin_pause,
    is_ready,
    measure_time_off,
    next_size,
    volunteer,
)
from fastprop.kernels.team import (
    ABANDONED,
    GOING,
    JOINED_AT,
    JOINING_ROUND,
    NEXT_SIZE,
    ROUND,
    SIZE,
    STATE,
    size_of,
    wait,
)
from fastprop.kernels.threads import atomic_load, clock_ns, cpu_pause, sched_yield

SPINS_BEFORE_YIELD = 300
"""How often a member looks at whether it may join before it lets other threads run: some 12 µs."""


@inline
def regroup(member, epoch, phase, first, rows):
    """Wait as `wait` does, where all stand between minibatches; return whether this member belongs to the team now.

    The next minibatch is the one of `epoch` and `phase` that begins with row `first`, and the last one has trained on
    `rows` rows.
    """
    if member.team_size == 1:
        return True
    if member.position == 0:
        if member.barrier[STATE] == GOING:
            choose_size(member, epoch, phase, first, rows)
    else:
        measure_time_off(member.pacing, member.position)
    following = atomic_load(member.barrier, ROUND) + 1
    wait(member)
    if member.position >= atomic_load(member.barrier, SIZE):
        return False
    if member.barrier[JOINING_ROUND] == following:
        wait(member)  # until those that have joined know what the others know
    return True


@inline
def choose_size(member, epoch, phase, first, rows):
    """Write how many members shall share the next minibatch, and if some join, which one it is."""
    if member.pacing.state[STARTS] != 0:
        member.pacing.state[STARTS] = 0
        await_members(member)
    size = size_of(member)
    following = next_size(member.pacing, size, member.team_size, rows)
    if following != size:
        member.barrier[NEXT_SIZE] = following
    if following > size:
        member.barrier[JOINED_AT], member.barrier[JOINED_AT + 1], member.barrier[JOINED_AT + 2] = epoch, phase, first
        member.barrier[JOINING_ROUND] = atomic_load(member.barrier, ROUND) + 1


@inline
def await_members(member):
    """Wait until all members want to join, but not for long: others then have their cores, and a pause begins."""
    pacing, begin = member.pacing, clock_ns(MONOTONIC)
    now = begin
    if now < pacing.pause[END]:
        return
    for position in range(1, member.team_size):
        while not is_ready(pacing, position) and atomic_load(member.barrier, STATE) == GOING:
            cpu_pause()
            now = clock_ns(MONOTONIC)
            if now - begin >= pacing.start_time:
                begin_pause(pacing, now)
                return
            if now - begin > pacing.start_time // 2:
                sched_yield()


@inline
def joins_team(member):
    """Wait to join the team, and return whether this member may; the others then wait until it has read `JOINED_AT`."""
    if member.position == 0:
        return True
    volunteer(member.pacing, member.position)
    spins = 0
    while atomic_load(member.barrier, SIZE) <= member.position:
        if atomic_load(member.barrier, STATE) != GOING or not is_ready(member.pacing, member.position):
            return False
        cpu_pause()
        spins += 1
        if spins > SPINS_BEFORE_YIELD:
            sched_yield()
    while atomic_load(member.barrier, ROUND) != member.barrier[JOINING_ROUND]:  # it is changed just after the size
        if atomic_load(member.barrier, ABANDONED) != 0:  # then the others do not wait for this one
            return False
        cpu_pause()
    copy_step(member.step, member.first_step)
    return True
