"""The order of the rows in an epoch, which depends on the seed and the epoch alone."""

import numpy as np

from fastprop.kernels.arithmetic import arithmetic_sequence
from fastprop.kernels.compiler import MULTIPLIES_WORDS, inline, lanes
from fastprop.kernels.load_store import swap_downward

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
"""2⁶⁴ divided by the golden ratio: the step of SplitMix64's state."""

_MINUS_ONE = np.uint64(2**64 - 1)

DRAWN_AT_ONCE = lanes("uint64") if MULTIPLIES_WORDS else 1
"""Random numbers that are drawn at once."""

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
def draw_below(bound, state):
    """Return a random integer below `bound`, which a state stands for. Both may be vectors."""
    # a uint64, or a vector of them: the high 32 bits of the draw, as a fraction of 2³², times the bound (Lemire 2019)
    return ((mix(state) >> np.uint64(32)) * bound) >> np.uint64(32)


@inline
def shuffle(order, seed, epoch):
    """Shuffle in place as Fisher and Yates do, with the random numbers of SplitMix64 begun at (seed, epoch)."""
    # order (rows,)
    state, i = begin(np.uint64(seed), epoch), len(order) - 1
    while DRAWN_AT_ONCE > 1 and i >= DRAWN_AT_ONCE:
        states = arithmetic_sequence(state + _GOLDEN, _GOLDEN)
        bounds = arithmetic_sequence(np.uint64(i + 1), _MINUS_ONE)
        swap_downward(order, i, draw_below(bounds, states))
        state, i = state + _GOLDEN * np.uint64(DRAWN_AT_ONCE), i - DRAWN_AT_ONCE
    while i > 0:
        state += _GOLDEN
        j = np.int64(draw_below(np.uint64(i + 1), state))
        order[i], order[j] = order[j], order[i]
        i -= 1
