"""The order of the rows in an epoch, which depends on the seed and the epoch alone."""

import numpy as np

from fastprop.kernels.compiler import inline

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
"""2⁶⁴ divided by the golden ratio: the step of SplitMix64's state."""

_MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2 = np.uint64(0x94D049BB133111EB)


@inline
def mix(x):
    """Return 64 scrambled bits (the finalizer of SplitMix64: Steele, Lea and Flood 2014)."""
    # a uint64
    x = (x ^ (x >> np.uint64(30))) * _MIX_1
    x = (x ^ (x >> np.uint64(27))) * _MIX_2
    return x ^ (x >> np.uint64(31))


@inline
def begin(seed, epoch):
    """Return the state that the random numbers of an epoch begin with; `seed` is a uint64."""
    # a uint64
    return mix(mix(seed + _GOLDEN) + np.uint64(epoch))


@inline
def shuffle(order, seed, epoch):
    """Shuffle in place as Fisher and Yates do, with the random numbers of SplitMix64 begun at (seed, epoch)."""
    # order (rows,)
    state = begin(np.uint64(seed), epoch)
    for i in range(len(order) - 1, 0, -1):
        state += _GOLDEN
        # The high 32 bits of a draw times i + 1: an integer below i + 1 without a division (Lemire 2019).
        j = np.int64(((mix(state) >> np.uint64(32)) * np.uint64(i + 1)) >> np.uint64(32))
        order[i], order[j] = order[j], order[i]
