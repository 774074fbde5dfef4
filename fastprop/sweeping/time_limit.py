"""The time that a sweep may take: which packs begin in it, and when the training of each ends."""

import time
from collections import Counter

from fastprop import thread_pool

FOLD_SECONDS = 0.5
"""How long a fold may train at the least, so that a configuration that was begun has a score soon after the time."""

FOLD_SHARE = 0.02
"""The share of the time of a sweep that takes the place of `FOLD_SECONDS` if it is less."""

MIN_SECONDS = 0.05
"""The shortest time that is given to a sweep, where several share some time."""


class OutOfTime(thread_pool.Interrupted):
    """The time that was given to a sweep is over; what was trained until then is recorded."""


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
        self._deadline = None  # by `time.time`, which all processes share; None before the time has begun

    @property
    def is_given(self):
        """Whether there is a limit."""
        return self._seconds is not None

    @property
    def is_over(self):
        """Whether the time has begun and is over."""
        return self._deadline is not None and time.time() >= self._deadline

    def begin(self):
        """Have the time begin, unless it has begun before or there is no limit."""
        if self._deadline is None and self.is_given:
            self._deadline = time.time() + self._seconds

    def in_time(self, chosen, fits):
        """Yield each `Pack` of `fits` that may begin, and its deadline by `time.time` or None.

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
        return time.time() + max(minimum, (self._deadline - time.time()) / turns)
