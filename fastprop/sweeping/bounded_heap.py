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
