"""When a team gives cores back that other programs want, and when it takes them again. No result depends on this.

A member of a team never sleeps, so that the time in which it did not run is time that others had its core. Where that
is much, the first member halves the team for a test. If the rows then go faster, the dismissed members stay away for a
pause, which doubles from time to time; else they come back. A team that is slower than half of it where cores are far
from each other is tested on any machine, soon after it has begun, and from time to time.
"""

import functools
import time
from typing import NamedTuple

import numpy as np

from fastprop.kernels.compiler import inline
from fastprop.kernels.layout import aligned_zeros
from fastprop.kernels.threads import atomic_add, atomic_load, clock_ns

MONOTONIC = getattr(time, "CLOCK_MONOTONIC", 0)
THREAD = getattr(time, "CLOCK_THREAD_CPUTIME_ID", 0)
"""The system's numbers of its clocks: of all time, and of that in which the calling thread ran."""

# ---- elements of `Pacing.state` ----

STARTS = 0
"""Whether the members have just been started, so that the first waits for them."""

LAST, LOOKED, BEGIN = 1, 2, 3
"""When the first member came here last, when it looked at the times off last, and when the window began."""

DURATION, ROWS, TEAM_DURATION, TEAM_ROWS = 4, 5, 6, 7
"""The time of training minibatches in this window and their rows, and what these were before the test."""

ON_TRIAL, TRUSTED_UNTIL = 8, 9
"""Whether this is a test; until when time off is no reason for another test."""

STATE_SIZE = 16

# ---- elements of `Pacing.pause` ----

LENGTH, END, PROVEN_UNTIL = 0, 1, 2
"""How long the last pause was, and until when it lasts; until when a team that has to prove itself need not do so."""

_PAUSE = aligned_zeros(8, np.int64)
"""The pause of all teams of this process that need not prove themselves: all lack cores if one does."""

# ---- elements of a member's line in `Pacing.members` ----

READY, OFF, OFF_AT_BEGIN, LOOKED_OFF = range(4)
"""Whether it wants to join or has joined; how long it has not run; how long it had not when the window began; and when
it looked."""

LINE = 8
"""Elements of a cache line, of which each member has one."""


class Pacing(NamedTuple):
    """When a team is halved and joined again. Times are in nanoseconds."""

    state: np.ndarray  # (STATE_SIZE,) int64: of the first member
    members: np.ndarray  # (members · LINE,) int64
    pause: np.ndarray  # (8,) int64, shared by teams
    proving_time: int = 0  # how long a team trains until it is tested that has to prove itself; 0 for others
    start_time: int = 1_000_000  # how long the first member waits for others that have been started
    look_time: int = 500_000  # between two looks at the clock of a thread, which is a call of the system
    window_time: int = 50_000_000  # over which times are added up, at most
    off_share: float = 0.3  # of a window that members have not run, added up, from which on there is a test
    off_time: int = 3_000_000  # the least time that members have not run for a test; two that begin on one core: 1.4 ms
    trial_time: int = 10_000_000
    first_pause: int = 20_000_000
    longest_pause: int = 1_000_000_000


def new_pacing(members, kind=None):
    """Return the `Pacing` of a new team.

    A team that has to prove itself has a `kind`, which can be hashed: what came of a test holds for all of that kind.
    """
    state, lines = aligned_zeros(STATE_SIZE, np.int64), aligned_zeros(members * LINE, np.int64)
    if kind is None:
        return Pacing(state, lines, _PAUSE)
    own = {"proving_time": 2_000_000, "trial_time": 3_000_000, "first_pause": 100_000_000}
    return Pacing(state, lines, _pause_of(members, kind), **own)


@functools.lru_cache(maxsize=256)
def _pause_of(members, kind):
    return aligned_zeros(8, np.int64)


def now():
    """Return the time of the clock by which members are sent away, in nanoseconds; 0 where there is none."""
    return time.clock_gettime_ns(MONOTONIC) if hasattr(time, "clock_gettime_ns") else 0


@inline
def measure_time_off(pacing, position):
    """Write how long this member has not run, if it has not looked for a while; return the present time."""
    now, line = clock_ns(MONOTONIC), position * LINE
    if now - pacing.members[line + LOOKED_OFF] >= pacing.look_time:
        pacing.members[line + LOOKED_OFF] = now
        pacing.members[line + OFF] = now - clock_ns(THREAD)
    return now


@inline
def volunteer(pacing, position):
    """Say that a member wants to join."""
    line = position * LINE
    pacing.members[line + OFF] = clock_ns(MONOTONIC) - clock_ns(THREAD)
    atomic_add(pacing.members, line + READY, 1)


@inline
def is_ready(pacing, position):
    """Return whether a member wants to join and was not sent away since."""
    return atomic_load(pacing.members, position * LINE + READY) != 0


@inline
def next_size(pacing, size, team_size, rows):
    """Return how many of `team_size` members shall share the next minibatch.

    `size` is how many have shared the last, and `rows` how many rows it has trained on, or 0.
    """
    state, now = pacing.state, measure_time_off(pacing, 0)
    if rows > 0:
        state[DURATION] += now - state[LAST]
        state[ROWS] += rows
    state[LAST] = now
    if size > 1 and now - state[LOOKED] >= pacing.look_time:
        state[LOOKED] = now
        if lacks_cores(pacing, size, now) or is_to_prove_itself(pacing, now):
            return halve(pacing, size, now)
    return size if size == team_size else join(pacing, size, team_size, now)


@inline
def lacks_cores(pacing, size, now):
    """Return whether the team's members have not run for much of the window; begin another if this one is long."""
    state, off = pacing.state, 0
    for position in range(size):
        off += pacing.members[position * LINE + OFF] - pacing.members[position * LINE + OFF_AT_BEGIN]
    elapsed = now - state[BEGIN]
    lacks = off >= pacing.off_time and off > pacing.off_share * elapsed and state[ROWS] > 0
    if elapsed > pacing.window_time and not lacks:
        begin_window(pacing, size, now)
    return lacks and now >= state[TRUSTED_UNTIL]


@inline
def is_to_prove_itself(pacing, now):
    """Return whether the team has to be tested now, because it may be slower than half of it."""
    # a bool
    is_due = pacing.proving_time > 0 and now >= pacing.pause[PROVEN_UNTIL]
    return is_due and pacing.state[ROWS] > 0 and now - pacing.state[BEGIN] >= pacing.proving_time


@inline
def halve(pacing, size, now):
    """Return half of the size, and send the other members away for a test."""
    state = pacing.state
    state[TEAM_DURATION], state[TEAM_ROWS] = state[DURATION], state[ROWS]
    state[ON_TRIAL], pacing.pause[END] = 1, now + pacing.trial_time
    begin_window(pacing, size, now)
    send_away(pacing, size // 2, size)
    return size // 2


@inline
def join(pacing, size, team_size, now):
    """Return the size after those next in line have joined that want to, unless it is better without them."""
    state = pacing.state
    if now < pacing.pause[END]:
        send_away(pacing, size, team_size)
        return size
    if not is_ready(pacing, size) or (state[ON_TRIAL] != 0 and state[ROWS] == 0):
        return size
    if state[ON_TRIAL] != 0:
        state[ON_TRIAL] = 0
        if float(state[DURATION]) * state[TEAM_ROWS] <= float(state[TEAM_DURATION]) * state[ROWS]:
            begin_pause(pacing, now)
            send_away(pacing, size, team_size)
            return size
        state[TRUSTED_UNTIL] = now + 10 * pacing.first_pause
        pacing.pause[PROVEN_UNTIL] = now + pacing.longest_pause
    while size < team_size and is_ready(pacing, size):
        size += 1
    begin_window(pacing, size, now)
    return size


@inline
def begin_pause(pacing, now):
    """Begin a pause, twice as long as the last one, or a short one if the last is long ago."""
    pause, length = pacing.pause, pacing.first_pause
    if now - pause[END] <= 4 * pause[LENGTH]:
        length = min(2 * max(pause[LENGTH], pacing.first_pause), pacing.longest_pause)
    pause[LENGTH], pause[END] = length, now + length


@inline
def send_away(pacing, first, end):
    """Tell members that they do not belong to the team, or shall not wait to join it."""
    for position in range(first, end):
        if pacing.members[position * LINE + READY] != 0:
            pacing.members[position * LINE + READY] = 0


@inline
def begin_window(pacing, size, now):
    """Begin to add up times."""
    state = pacing.state
    state[BEGIN], state[DURATION], state[ROWS] = now, 0, 0
    for position in range(size):
        pacing.members[position * LINE + OFF_AT_BEGIN] = pacing.members[position * LINE + OFF]
