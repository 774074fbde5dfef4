"""`Rounds`: how many configurations a search trains at a time, so that it ends when its time is over."""

import time

from fastprop.sweeping.time_limit import FOLD_SECONDS

SMALLEST, LARGEST = 9, 81
"""Configurations of a round: with fewer, a halving compares too few; with more, a search in time has too few rounds."""

HALVED = 0.4
"""About the share of all epochs that a configuration of a round trains on average, as most are stopped at rungs."""

SHARE = 1 / 3
"""Of the time that is left, what a round may take: the next one knows better how long configurations take."""

LAST = 0.04
"""Of all time, what is too short for another round."""

RESERVED = 0.05
"""Of all time, what is left for the last folds, which may go on for up to `FOLD_SECONDS`."""

LEAST_SECONDS = 0.05
"""The shortest time that is given to a sweep."""


class Rounds:
    """The sizes of the rounds of a search, by its seconds or by its number of configurations.

    The first round has one configuration alone, that of the recipe, which therefore is trained to the end.

    Parameters
    ----------
    seconds : float or None
        How long the search may take; by default, until its configurations are trained, in one round.
    configurations : int or None
        How many configurations there are at most.

    Examples
    --------
    >>> from fastprop.tabular.rounds import Rounds
    >>> rounds = Rounds(None, 60)
    >>> sizes = []
    >>> while size := rounds.next_size():
    ...     sizes.append(size)
    ...     rounds.ended(size, 0.1)
    >>> sizes
    [1, 59]
    """

    def __init__(self, seconds, configurations):
        self._seconds = seconds
        self._end = None  # when the search is to end, by `time.perf_counter`; None if it has no time
        self._left = configurations
        self._each = 0.0  # seconds that a configuration takes, as the last round has shown
        self._overhead = 0.0  # seconds of the last round in which nothing was trained
        self._round_begin = 0.0
        self._has_trained = False

    def begin(self, begin):
        """Count the seconds from `begin` on, by ``time.perf_counter``."""
        self._end = begin + self._seconds

    def next_size(self):
        """Return how many configurations the next round has; 0 ends the search."""
        self._round_begin = time.perf_counter()
        if not self._has_trained:
            return 1
        if self._end is None or self._left == 0:
            return self._left
        left = self._end - self._round_begin - self._overhead
        if left < LAST * self._seconds:
            return 0
        size = int(min(LARGEST, max(SMALLEST, left * SHARE / self._each)))
        if left < SMALLEST * self._each:
            size = max(1, int(left / self._each))
        return size if self._left is None else min(size, self._left)

    def seconds_left(self):
        """Return how long the sweep of a round may take, or None."""
        if self._end is None:
            return None
        reserve = max(self._overhead, min(FOLD_SECONDS, RESERVED * self._seconds))  # folds in training end after that
        return max(LEAST_SECONDS, self._end - time.perf_counter() - reserve)

    def ended(self, size, trained_seconds):
        """Take note that a round of `size` configurations has ended, whose sweep trained for `trained_seconds`."""
        took = time.perf_counter() - self._round_begin
        self._each = took / size if self._has_trained else HALVED * took
        self._has_trained = True
        self._overhead = max(0.0, took - trained_seconds)
        if self._left is not None:
            self._left -= size
