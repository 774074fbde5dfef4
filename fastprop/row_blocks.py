"""Blocks of rows, small enough that what is computed from one stays in the cache."""

BLOCK_ELEMENTS = 1 << 14
"""The largest number of elements of a block: 128 KB of float64."""


def row_blocks(rows, columns):
    """Return slices that cut a matrix of `rows` × `columns` elements into blocks of `BLOCK_ELEMENTS` or fewer.

    A row with more elements than that is a block by itself.

    Examples
    --------
    >>> from fastprop.row_blocks import row_blocks
    >>> row_blocks(5, 8192)
    [slice(0, 2, None), slice(2, 4, None), slice(4, 5, None)]
    """
    step = max(1, BLOCK_ELEMENTS // max(1, columns))
    return [slice(first, min(first + step, rows)) for first in range(0, rows, step)]
