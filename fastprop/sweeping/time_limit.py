"""The time that a sweep may take: which packs begin in it, and when the training of each ends."""

from __future__ import annotations

import platform
import time
from collections import Counter
from typing import NamedTuple

from fastprop import thread_pool

FOLD_SECONDS = 0.5
"""How long a fold may train at the least, so that a configuration that was begun has a score soon after the time."""

FOLD_SHARE = 0.02
"""The share of the time of a sweep that takes the place of `FOLD_SECONDS` if it is less."""

MIN_SECONDS = 0.05
"""The shortest time that is given to a sweep, where several share some time."""


_clocks_ahead: dict[str, float] = {}
"""By name of another machine, how many seconds the clock here is ahead of its clock, or the most that it can be."""


class OutOfTime(thread_pool.Interrupted):
    """The time that was given to a sweep is over; what was trained until then is recorded."""


class Deadline(NamedTuple):
    """A moment at which training ends. A process that gets it pickled has it by the clock of its own machine."""

    time: float  # by `time.time`

    @classmethod
    def after(cls, seconds):
        """Return the deadline in so many seconds from now."""
        return cls(time.time() + seconds)

    def seconds_left(self):
        """Return how many seconds there are until the deadline; below 0 after it."""
        return self.time - time.time()

    def __reduce__(self):
        return _received, (self.time, time.time(), platform.node())


def _received(deadline, sent, sender):
    """Return the `Deadline` that another process has sent, by the clock of this machine.

    What was sent from another machine has been on its way, and has waited here for its turn, for an unknown time. So
    the clock here is ahead of the sender's by no more than the shortest time that anything sent has seemed to need.
    """
    if sender == platform.node():
        return Deadline(deadline)
    ahead = time.time() - sent
    _clocks_ahead[sender] = min(_clocks_ahead.get(sender, ahead), ahead)
    return Deadline(deadline + _clocks_ahead[sender])


class TimeLimit:
    """The time of a sweep, which begins when its first pack is about to train.

    Parameters
    ----------
    seconds : float or None
        How long the sweep may train; None for as long as it takes.
    workers : int
        How many packs train at a time.
    folds : int
        How many folds each configuration has.
    """

    def __init__(self, seconds, workers, folds):
        self._seconds = seconds
        self._workers = workers
        self._folds = folds
        self._deadline = None  # a `Deadline`; None before the time has begun

    @property
    def is_given(self):
        """Whether there is a limit."""
        return self._seconds is not None

    @property
    def is_to_begin(self):
        """Whether there is a limit whose time has not begun."""
        return self.is_given and self._deadline is None

    @property
    def is_over(self):
        """Whether the time has begun and is over."""
        return self._deadline is not None and self._deadline.seconds_left() <= 0

    def begin(self):
        """Have the time begin, unless it has begun before or there is no limit."""
        if self.is_to_begin:
            self._deadline = Deadline.after(self._seconds)

    def in_time(self, chosen, fits):
        """Yield each `Pack` of `fits` that may begin, and its `Deadline` or None.

        When the time is over, only packs of configurations of which another fold has begun are left. The folds of a
        configuration share the time that is left when its turn comes.

        Parameters
        ----------
        chosen : list of Pack
        fits : FitArrays
        """
        if not self.is_given:
            yield from ((pack, None) for pack in chosen)
            return
        begun = set()
        to_come = Counter(fits.indices[pack.positions].min() for pack in chosen)
        for pack in chosen:
            indices = set(fits.indices[pack.positions].tolist())
            if begun and self.is_over and not begun & indices:
                continue
            begun |= indices
            yield pack, self._pack_deadline(to_come, min(indices))

    def _pack_deadline(self, to_come, index):
        """Return when the next pack of a configuration must end, by how many of its packs are `to_come`."""
        turns = -(-to_come[index] // self._workers)
        to_come[index] -= 1
        if self._folds == 1:
            return self._deadline
        minimum = min(FOLD_SECONDS, FOLD_SHARE * self._seconds)
        return Deadline.after(max(minimum, self._deadline.seconds_left() / turns))
