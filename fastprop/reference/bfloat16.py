"""Products of bfloat16: the operands are rounded, and the sums are of float32, pair by pair.

References
----------
Intel, "BFLOAT16 – Hardware Numerics Definition", white paper 338302-001US, 2018.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

PRECISIONS = "float32", "bfloat16"
"""What the products of a network of float32 can be computed in."""

WIDE = 64
"""Inputs, and outputs, from which on a layer has products of bfloat16."""


def rounded_layers(layer_sizes: Sequence[int], precision: str | None) -> tuple[bool, ...]:
    """Return for each layer of a network whether `precision` has it train by products of bfloat16.

    Examples
    --------
    >>> from fastprop.reference.bfloat16 import rounded_layers
    >>> rounded_layers((784, 128, 10), "bfloat16")
    (True, False)
    """
    return tuple(precision == "bfloat16" and min(pair) >= WIDE for pair in zip(layer_sizes, layer_sizes[1:]))


def round_to_bfloat16(x: ArrayLike) -> NDArray[np.float32]:
    """Return numbers rounded to float32 and then to the nearest bfloat16, halves to the even one.

    A number below the smallest normal one becomes 0.

    Examples
    --------
    >>> from fastprop.reference.bfloat16 import round_to_bfloat16
    >>> round_to_bfloat16([1.001, 1.00390625, 1.01171875])
    array([1.      , 1.      , 1.015625], dtype=float32)
    """
    x = np.array(x, np.float32)
    x[np.abs(x) < np.finfo(np.float32).tiny] *= 0
    bits = x.view(np.uint32)
    bits = np.where(np.isnan(x), bits | 0x400000, bits + 0x7FFF + (bits >> 16 & 1)) & 0xFFFF0000
    return bits.astype(np.uint32).view(np.float32)


def product(a: ArrayLike, b: ArrayLike, begin: ArrayLike = 0.0) -> NDArray[np.float64]:
    """Return begin + a (B, K) · b (K, O) of rounded operands.

    Sums are of float32. They begin with `begin`, and go pair by pair: of k = 0 and 1, 2 and 3, …, the odd one's product
    is added first. A product of two bfloat16 is exact in float32.

    Examples
    --------
    >>> from fastprop.reference.bfloat16 import product
    >>> product([[1.0, 2.0]], [[3.0], [4.0]], 0.5)
    array([[11.5]])
    """
    a = round_to_bfloat16(a)
    b = round_to_bfloat16(b)
    total = np.zeros((len(a), b.shape[1]), np.float32)
    total += np.asarray(begin, np.float32)
    for k in range(0, len(b), 2):
        for each in (k + 1, k):
            if each < len(b):
                total += a[:, each, None] * b[each]
    return total.astype(np.float64)
