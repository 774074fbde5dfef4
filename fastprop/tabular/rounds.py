"""Rounds of a search: how many configurations it trains at a time, by their number or by the time that there is."""

import math
import time

from fastprop.sweeping.time_limit import FOLD_SECONDS, MIN_SECONDS

MIN_CONFIGURATIONS, MAX_CONFIGURATIONS = 9, 81
"""Configurations of a round: with fewer, a halving compares too few; with more, a search in time has too few rounds."""

EPOCH_SHARE = 0.4
"""About the share of all epochs for which a configuration of a round trains on average: most are stopped at rungs."""

ROUND_SHARE = 1 / 3
"""The share of the time that is left that a round may take: the next one knows better how long configurations take."""

LAST_ROUND_SHARE = 0.04
"""If less than this share of all time is left, there is no other round."""

RESERVED_SHARE = 0.05
"""The share of all time that is left, up to `FOLD_SECONDS`, for the last folds of a sweep, some one after another.

It is larger than `time_limit.FOLD_SHARE`, which is how long one of them may go on.
"""

PARTS = 3
"""Rounds of a search without time that has several encodings of numbers, after the first ones."""


class CountedRounds:
    """The sizes of the rounds of a search for a number of configurations, which takes as long as it takes.

    The first round of each encoding has one configuration alone, that of the recipe, which therefore is trained to the
    end. Then comes one round, or `PARTS` if there are several encodings.

    Parameters
    ----------
    configurations : int
        How many configurations there are.
    encodings : int
        In how many ways the numbers of the table are encoded.

    Examples
    --------
    >>> from fastprop.tabular.rounds import CountedRounds
    >>> rounds = CountedRounds(60, encodings=1)
    >>> sizes = []
    >>> while size := rounds.next_size():
    ...     sizes.append(size)
    ...     rounds.ended(size, 0.1)
    >>> sizes
    [1, 59]
    """

    def __init__(self, configurations, encodings):
        self._remaining = configurations
        self._first = encodings  # rounds left of one configuration alone
        self._parts = PARTS if encodings > 1 else 1  # rounds left after these

    def next_size(self):
        """Return how many configurations the next round has; 0 ends the search."""
        if self._remaining == 0:
            return 0
        return 1 if self._first > 0 else math.ceil(self._remaining / self._parts)

    def seconds_left(self):
        """Return None: the sweep of a round has no limit of time."""

    def ended(self, size, trained_seconds):
        """Take note that a round of `size` configurations has ended, whose sweep trained for `trained_seconds`."""
        if self._first > 0:
            self._first -= 1
        else:
            self._parts -= 1
        self._remaining -= size


class TimedRounds:
    """The sizes of the rounds of a search that ends when its time is over; its methods are those of `CountedRounds`.

    Parameters
    ----------
    begin : float
        When the time began, by ``time.perf_counter``.
    seconds : float
        How long the search may take.
    configurations : int or None
        How many configurations there are at most.
    encodings : int
        In how many ways the numbers of the table are encoded.
    """

    def __init__(self, begin, seconds, configurations, encodings):
        self._seconds = seconds
        self._end = begin + seconds
        self._remaining = configurations
        self._seconds_each = 0.0  # seconds that a configuration takes, as the last round has shown
        self._overhead = 0.0  # seconds of the last round in which nothing was trained
        self._round_begin = 0.0
        self._has_trained = False
        self._first = encodings  # rounds left of one configuration alone

    def next_size(self):
        """Return how many configurations the next round has; 0 ends the search."""
        self._round_begin = time.perf_counter()
        if not self._has_trained:
            return 1
        if self._remaining == 0:
            return 0
        left = self._end - self._round_begin - self._overhead
        if left < LAST_ROUND_SHARE * self._seconds:
            return 0
        if self._first > 0:
            return 1
        size = int(min(MAX_CONFIGURATIONS, max(MIN_CONFIGURATIONS, left * ROUND_SHARE / self._seconds_each)))
        if left < MIN_CONFIGURATIONS * self._seconds_each:
            size = max(1, int(left / self._seconds_each))
        return size if self._remaining is None else min(size, self._remaining)

    def seconds_left(self):
        """Return how long the sweep of a round may take."""
        last_folds = min(FOLD_SECONDS, RESERVED_SHARE * self._seconds)  # these end after the time of the sweep
        reserve = max(self._overhead, last_folds)
        return max(MIN_SECONDS, self._end - time.perf_counter() - reserve)

    def ended(self, size, trained_seconds):
        """Take note that a round of `size` configurations has ended, whose sweep trained for `trained_seconds`."""
        seconds = time.perf_counter() - self._round_begin
        if self._first > 0:
            self._seconds_each = max(self._seconds_each, EPOCH_SHARE * seconds)
            self._first -= 1
        else:
            self._seconds_each = seconds / size
        self._has_trained = True
        self._overhead = max(0.0, seconds - trained_seconds)
        if self._remaining is not None:
            self._remaining -= size
