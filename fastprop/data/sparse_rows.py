"""`SparseRows`: a matrix most of whose elements are equal within their column, of which kernels read the others."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from fastprop import checks


@dataclass(frozen=True, eq=False)
class SparseRows:
    """A matrix (n, n_in) of which only the elements are kept that differ from the `background` of their column.

    Rows are made dense where they are needed: the kernels do it for the rows of a minibatch, and indexing by rows gives
    a dense array.

    Examples
    --------
    >>> import numpy as np
    >>> from fastprop.data import SparseRows
    >>> rows = SparseRows(np.array([5.0, 7.0]), np.array([2, 0]), np.array([0, 1, 2]), np.zeros(3))
    >>> rows.shape, rows[np.array([1, 0])].tolist()
    ((2, 3), [[7.0, 0.0, 0.0], [0.0, 0.0, 5.0]])
    """

    values: np.ndarray  # (k,) floats: the elements that are kept, row after row
    columns: np.ndarray  # (k,) int32: the column of each
    begins: np.ndarray  # (n + 1,) int64: the index of the first element of each row, and k
    background: np.ndarray  # (n_in,) of the dtype of `values`

    @classmethod
    def of(cls, X):
        """Return the rows of a sparse matrix of SciPy's CSR format; elements that stand there twice are added.

        Raises
        ------
        ValueError
            If an index of the matrix is out of range, which SciPy does not check by itself.
        """
        X.check_format(full_check=True)
        if not X.has_canonical_format:
            X = X.copy()
            X.sum_duplicates()
        values = X.data[: X.indptr[-1]]
        if values.dtype.kind != "f":
            values = values.astype(np.float32 if values.dtype.itemsize == 1 else np.float64)
        background = np.zeros(X.shape[1], values.dtype)
        return cls(
            values=np.ascontiguousarray(values),
            columns=np.ascontiguousarray(X.indices[: len(values)], np.int32),
            begins=np.ascontiguousarray(X.indptr, np.int64),
            background=background,
        )

    @property
    def shape(self):
        """(n, n_in)."""
        return len(self.begins) - 1, len(self.background)

    @property
    def dtype(self):
        """The dtype of all elements."""
        return self.values.dtype

    @property
    def arrays(self):
        """The arrays that give the matrix."""
        return self.values, self.columns, self.begins, self.background

    def __len__(self):
        return len(self.begins) - 1

    def __getitem__(self, rows):
        """Return some rows, a slice or indices (m,), as a dense array (m, n_in)."""
        return self._scattered(rows)[0]

    def _scattered(self, rows):
        """Return some rows as a dense array (m, n_in), and of the elements that are kept of them the row and the index.

        The row counts among these rows, and the index among all elements.
        """
        if isinstance(rows, slice):
            rows = np.arange(*rows.indices(len(self)))
        dense = np.empty((len(rows), len(self.background)), self.dtype)
        dense[:] = self.background
        begins = self.begins[rows]
        counts = self.begins[rows + 1] - begins
        firsts = np.cumsum(counts) - counts  # the index of each row's first element among those of all `rows`
        elements = np.arange(counts.sum()) + np.repeat(begins - firsts, counts)
        at = np.repeat(np.arange(len(rows)), counts)
        dense[at, self.columns[elements]] = self.values[elements]
        return dense, at, elements

    def check_finite(self, name, columns=None):
        """Refuse elements that are NaN or infinite; `name` and `columns` are those of the matrix in messages."""
        bad = np.flatnonzero(~np.isfinite(self.values))
        if len(bad):
            row = np.searchsorted(self.begins, bad[0], side="right") - 1
            checks.refuse_infinite(self.values[bad[0]], name, row, checks.shown_column(columns, self.columns[bad[0]]))

    def changed(self, dtype, change):
        """Return the rows with elements of `dtype`, made by ``change(elements, columns)`` for all that are kept."""
        with np.errstate(over="ignore"):
            values = change(self.values, self.columns).astype(dtype)
            background = change(self.background, np.arange(len(self.background))).astype(dtype)
        return replace(self, values=values, background=background)

    def stacked_with(self, others):
        """Return these rows with those of `others` below them, which have the same background."""
        blocks = self, *others
        ends = np.cumsum([0] + [len(each.values) for each in blocks])
        return replace(
            self,
            values=np.concatenate([each.values for each in blocks]),
            columns=np.concatenate([each.columns for each in blocks]),
            begins=np.concatenate([each.begins[:-1] + end for each, end in zip(blocks, ends)] + [ends[-1:]]),
        )


def stacked(blocks):
    """Return arrays or `SparseRows`, one below the other; all or none are `SparseRows`, without a background."""
    first, *others = blocks
    return first.stacked_with(others) if isinstance(first, SparseRows) else np.concatenate(blocks)
