"""Checks of the chunks of a stream."""

from collections.abc import Mapping

import numpy as np

from fastprop.checks.values import shown


def chunks(value):
    """Return an iterator over the chunks of a stream."""
    if isinstance(value, (str, bytes, Mapping)) or not np.iterable(value):
        raise TypeError(f"chunks must yield (X, y) or (X, y, sample_weight), not be {shown(value)}: give an iterable.")
    return iter(value)


def is_empty_chunk(value):
    """Return whether a chunk has no rows that count: neither in X nor in y, or only rows of weight 0."""
    try:
        if len(value) not in (2, 3) or len(value[0]) != len(value[1]):
            return False
        return len(value[0]) == 0 or (len(value) == 3 and _all_zero(value[2], len(value[0])))
    except (TypeError, KeyError):  # `chunk` says what is wrong
        return False


def _all_zero(weights, rows):
    weights = np.asarray(weights)
    return weights.dtype.kind in "biuf" and weights.shape == (rows,) and not weights.any()


def chunk(value):
    """Return a chunk of a stream, which must be (X, y) or (X, y, sample_weight)."""
    if not isinstance(value, (tuple, list)) or len(value) not in (2, 3):
        raise TypeError(f"there must be (X, y) or (X, y, sample_weight), not {shown(value)}: yield one of these.")
    return value
