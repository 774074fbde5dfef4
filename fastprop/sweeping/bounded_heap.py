"""A heap of the best configurations, which never holds more than a given number."""

import heapq
import math


def push_bounded(best, capacity, cost, index):
    """Add a configuration to the heap `best`; if it then has more than `capacity`, remove the worst.

    Returns the index of the removed configuration, or None. A cost of NaN is worse than any other, and of equal costs
    the one with the largest index is the worst.
    """
    is_known = not math.isnan(cost)
    heapq.heappush(best, (is_known, -cost if is_known else 0.0, -index))
    return -heapq.heappop(best)[-1] if len(best) > capacity else None


def worst_cost(best):
    """Return the highest cost in a heap of `push_bounded`, or infinity if one of them is NaN."""
    is_known, negative_cost, _ = best[0]
    return -negative_cost if is_known else math.inf


class RungRanking:
    """The configurations that have reached a rung so far, and which of them can no longer go on from it.

    Parameters
    ----------
    survivors : int or None
        The largest number of configurations that may go on; None if that is not known before all are there.

    Attributes
    ----------
    beaten : list of int
        The indices of configurations than which so many others are better.
    """

    def __init__(self, survivors):
        self._survivors = survivors
        self._best = []  # a heap, see `push_bounded`
        self.beaten = []

    def add(self, indices, costs):
        """Add configurations and their costs."""
        if self._survivors is not None:
            pushed_out = [push_bounded(self._best, self._survivors, *each) for each in zip(costs, indices)]
            self.beaten += [index for index in pushed_out if index is not None]

    def take_beaten(self):
        """Return those that are beaten, and forget them."""
        beaten, self.beaten = self.beaten, []
        return beaten
