"""Reproducible random numbers, from the seed, the epoch and a row: the order of rows, and dropout.

No number depends on those of another epoch, so that a run can go on from a checkpoint. The number of a neuron does not
depend on those of other neurons.

Sources: Steele, Lea and Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014 (SplitMix64); Wellons,
"Prospecting for hash functions", 2018 (lowbias32); Srivastava et al., "Dropout", JMLR 15 (2014).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

_GOLDEN = 0x9E3779B97F4A7C15
"""The increment of SplitMix64's state, 2⁶⁴ divided by the golden ratio."""

_GOLDEN_32 = 0x9E3779B9
"""The increment of a neuron's counter, 2³² divided by the golden ratio."""

_LOW_64_BITS = 2**64 - 1
_LOW_32_BITS = 2**32 - 1
"""Masks that keep the low bits of a product or sum, as unsigned arithmetic does."""

_DROPOUT = 2**63
"""Added to the seed for dropout: seeds are below, so that no seed's order of rows begins with the same number."""


def row_order(rows: int, seed: int, epoch: int) -> NDArray[Any]:
    """Return the order of the rows in an epoch, (rows,) int: Fisher and Yates's shuffle, driven by SplitMix64.

    Examples
    --------
    >>> from fastprop import reference
    >>> sorted(reference.row_order(5, seed=0, epoch=0).tolist())
    [0, 1, 2, 3, 4]
    """
    state = _mix(_state(seed, epoch))
    order = list(range(rows))
    for i in range(rows - 1, 0, -1):
        state = state + _GOLDEN & _LOW_64_BITS
        j = (_mix(state) >> 32) * (i + 1) >> 32  # the high 32 bits, scaled to 0 … i
        order[i], order[j] = order[j], order[i]
    return np.array(order)


def dropout_mask(
    dropout: float, seed: int, epoch: int, rows: ArrayLike, layer: int, neurons: int
) -> NDArray[np.float64]:
    """Return the factors of a layer's outputs, (rows, neurons): 0, or 1 / (1 - dropout).

    `rows` are the indices of the rows in the data, before the shuffle; `layer` is 1 for the first hidden
    layer. Neuron j is dropped with probability `dropout`, by a hash of the seed, the epoch, the row, the layer and j.

    Examples
    --------
    >>> from fastprop import reference
    >>> mask = reference.dropout_mask(0.5, seed=0, epoch=0, rows=[0, 1], layer=1, neurons=100)
    >>> mask.shape, set(mask.ravel().tolist()) == {0.0, 2.0}
    ((2, 100), True)
    """
    row = _mix(_mix(_state(seed + _DROPOUT, epoch)) + np.asarray(rows, np.uint64) & _LOW_64_BITS)
    key = _mix(row + layer & _LOW_64_BITS) >> 32
    counter = np.arange(1, neurons + 1, dtype=np.uint64) * _GOLDEN_32
    dropped = _lowbias32(key[:, None] + counter & _LOW_32_BITS) < int(dropout * 2**32)
    return np.where(dropped, 0, 1 / (1 - dropout))


def _state(seed, epoch):
    return _mix(seed + _GOLDEN & _LOW_64_BITS) + epoch & _LOW_64_BITS


def _mix(x):
    # the finalizer of SplitMix64
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9 & _LOW_64_BITS
    x = (x ^ (x >> 27)) * 0x94D049BB133111EB & _LOW_64_BITS
    return x ^ (x >> 31)


def _lowbias32(x):
    x = (x ^ (x >> 16)) * 0x7FEB352D & _LOW_32_BITS
    x = (x ^ (x >> 15)) * 0x846CA68B & _LOW_32_BITS
    return x ^ (x >> 16)
