"""Random numbers that anyone can compute again: the order of rows.

Source: Steele, Lea and Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014 (SplitMix64).
"""

import numpy as np

_GOLDEN, _LOW_64_BITS = 0x9E3779B97F4A7C15, 2**64 - 1


def _mix(x):
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9 & _LOW_64_BITS
    x = (x ^ (x >> 27)) * 0x94D049BB133111EB & _LOW_64_BITS
    return x ^ (x >> 31)


def row_order(rows, seed, epoch):
    """Return the order of the rows in an epoch: Fisher and Yates's shuffle, driven by SplitMix64."""
    state = _mix(_mix(seed + _GOLDEN & _LOW_64_BITS) + epoch & _LOW_64_BITS)
    order = list(range(rows))
    for i in range(rows - 1, 0, -1):
        state = state + _GOLDEN & _LOW_64_BITS
        j = (_mix(state) >> 32) * (i + 1) >> 32  # the high 32 bits, scaled to 0 … i
        order[i], order[j] = order[j], order[i]
    return np.array(order)
