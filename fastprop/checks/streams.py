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
    """Return whether a chunk has no rows, neither in X nor in y."""
    try:
        return len(value) in (2, 3) and len(value[0]) == len(value[1]) == 0
    except (TypeError, KeyError):  # `chunk` says what is wrong
        return False


def chunk(value):
    """Return a chunk of a stream, which must be (X, y) or (X, y, sample_weight)."""
    if not isinstance(value, (tuple, list)) or len(value) not in (2, 3):
        raise TypeError(f"there must be (X, y) or (X, y, sample_weight), not {shown(value)}: yield one of these.")
    return value
