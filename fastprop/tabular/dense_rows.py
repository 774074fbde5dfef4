"""Rows of sparse matrices as dense arrays, block by block."""

import os
import tempfile

import numpy as np

from fastprop.row_blocks import row_blocks

IN_MEMORY = 1 << 28
"""The largest size in bytes of a sparse matrix that is made dense in memory; a larger one is in a temporary file."""


def dense(X, in_memory=IN_MEMORY):
    """Return the dense array (n, n_in) of a sparse matrix in rows.

    Up to `in_memory` bytes it is in memory, of the dtype of `X`. A larger one is float32, in a file without a name that
    is mapped into memory, which `fastprop.train` reads in place; the file is gone when the array is.

    Parameters
    ----------
    X : sparse matrix or array
        Of SciPy's CSR format.
    in_memory : int
        In bytes.
    """
    rows, columns = X.shape
    if rows * columns * X.dtype.itemsize <= in_memory:
        return X.toarray()
    with tempfile.TemporaryFile() as file:
        _allocate(file, 4 * rows * columns)
        array = np.memmap(file, np.float32, "r+", shape=X.shape)
    for block in row_blocks(rows, columns):
        array[block] = X[block].toarray()
    return array


def _allocate(file, size):
    """Give a file `size` bytes on its disk: without, the process would be killed where the disk is full."""
    try:
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(file.fileno(), 0, size)
        else:
            os.ftruncate(file.fileno(), size)
    except OSError as error:
        raise OSError(
            f"the {size / 1e9:.1f} GB of the dense rows of a sparse matrix cannot be written to "
            f"{tempfile.gettempdir()}, {error.strerror}: make room, or have TMPDIR name another folder."
        ) from error


def blocks(X):
    """Yield the rows of a sparse matrix of CSR format as dense arrays, some 8 MB at a time."""
    step = max(1, (1 << 20) // max(1, X.shape[1]))
    for first in range(0, X.shape[0], step):
        yield X[first : first + step].toarray()
