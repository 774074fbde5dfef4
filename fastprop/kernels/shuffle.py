"""The order of the rows in an epoch, which depends on the seed and the epoch alone."""

import numpy as np

from fastprop.kernels.arithmetic import counted
from fastprop.kernels.compiler import LANES, inline, lanes
from fastprop.kernels.load_store import swap_downward

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
"""2⁶⁴ divided by the golden ratio: the step of SplitMix64's state."""

_MINUS_ONE = np.uint64(2**64 - 1)
"""What -1 is in 64 bits."""

DRAWN_AT_ONCE = lanes("uint64") if LANES == 16 else 1
"""Random numbers that are drawn at once: vectors of 512 bits multiply 64 bits, which others do in many instructions."""

_MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2 = np.uint64(0x94D049BB133111EB)


@inline
def mix(x):
    """Return 64 scrambled bits (the finalizer of SplitMix64: Steele, Lea and Flood 2014)."""
    # a uint64, or a vector of them
    x = (x ^ (x >> np.uint64(30))) * _MIX_1
    x = (x ^ (x >> np.uint64(27))) * _MIX_2
    return x ^ (x >> np.uint64(31))


@inline
def begin(seed, epoch):
    """Return the state that the random numbers of an epoch begin with; `seed` is a uint64."""
    # a uint64
    return mix(mix(seed + _GOLDEN) + np.uint64(epoch))


@inline
def place(state, count):
    """Return an integer below `count`: the high bits of the draw at `state`, times it. Each may be a vector."""
    # a uint64, or a vector of them; without a division (Lemire 2019)
    return ((mix(state) >> np.uint64(32)) * count) >> np.uint64(32)


@inline
def shuffle(order, seed, epoch):
    """Shuffle in place as Fisher and Yates do, with the random numbers of SplitMix64 begun at (seed, epoch)."""
    # order (rows,)
    state, i = begin(np.uint64(seed), epoch), len(order) - 1
    while DRAWN_AT_ONCE > 1 and i >= DRAWN_AT_ONCE:
        counts = counted(np.uint64(i + 1), _MINUS_ONE)
        swap_downward(order, i, place(counted(state + _GOLDEN, _GOLDEN), counts))
        state, i = state + _GOLDEN * np.uint64(DRAWN_AT_ONCE), i - DRAWN_AT_ONCE
    while i > 0:
        state += _GOLDEN
        j = np.int64(place(state, np.uint64(i + 1)))
        order[i], order[j] = order[j], order[i]
        i -= 1
