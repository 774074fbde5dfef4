"""`EncodedRows`: features of columns by bins or codes, of which kernels read one value for each column and row."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from fastprop.data.sparse_rows import SparseRows


class FeatureGroup(NamedTuple):
    """Features that stand side by side, of which each row has a value in one, or in none.

    A row without a value has 0 in all. Of a `cumulative` group, as bins make it, the features before the value are 1.
    """

    width: int  # the number of features
    features: np.ndarray | None  # (n,) int: of each row, the feature of its value, or -1; None if always the first
    values: np.ndarray  # (n,) float64: the value of each row
    cumulative: bool = False

    def write(self, out):
        """Write the features, (n, width), into `out`."""
        if self.features is None:
            out[:, 1:] = 0
            out[:, 0] = self.values
            return
        if self.width == 1:
            out[:, 0] = np.where(self.features == 0, self.values, 0)
            return
        out[...] = np.arange(self.width) < self.features[:, None] if self.cumulative else 0
        rows = np.flatnonzero(self.features >= 0)
        out[rows, self.features[rows]] = self.values[rows]


@dataclass(frozen=True, eq=False)
class EncodedRows(SparseRows):
    """A matrix (n, n_in) of groups of features, of which each row has one value or none in each group.

    What is kept is the value, with its column, as in `SparseRows`. All elements of the group that stand before it are
    what `below` has for their column, and those after it are the `background`. With a piecewise-linear encoding of 48
    bins a number takes 8 bytes as float32, where its features take 192.

    Features that stand in a group of several are from 0 to 1, and `standardization` leaves them so: it would make those
    of rare levels and bins large.

    Examples
    --------
    >>> import numpy as np
    >>> from fastprop.data import EncodedRows, FeatureGroup
    >>> bins = FeatureGroup(3, np.array([2, 0]), np.array([0.25, 0.5]), cumulative=True)
    >>> levels = FeatureGroup(2, np.array([-1, 1]), np.ones(2))
    >>> rows = EncodedRows.of_groups([bins, levels])
    >>> rows[:]
    array([[1.  , 1.  , 0.25, 0.  , 0.  ],
           [0.5 , 0.  , 0.  , 0.  , 1.  ]])
    >>> rows.values
    array([0.25, 0.5 , 1.  ])
    """

    below: np.ndarray  # (n_in,) of the dtype of `values`: what the elements of a group before its value are
    group_begins: np.ndarray  # (n_in,) int32: the first column of the cumulative group of each column, or itself
    keeps_unit: np.ndarray  # (n_in,) bool: whether a column is in a group of several, and so is not standardized

    @classmethod
    def of_groups(cls, groups):
        """Return the rows of some groups of features, a list of `FeatureGroup`; their columns follow each other."""
        ends = np.cumsum([group.width for group in groups])
        rows = len(groups[0].values)
        group_begins = np.arange(ends[-1], dtype=np.int32)
        columns = np.empty((rows, len(groups)), np.int32)
        values = np.empty((rows, len(groups)))
        for index, (group, end) in enumerate(zip(groups, ends)):
            begin = end - group.width
            columns[:, index] = begin
            if group.features is not None:
                columns[:, index] = np.where(group.features < 0, -1, begin + group.features)
            values[:, index] = group.values
            if group.cumulative:
                group_begins[begin:end] = begin
        is_kept = columns >= 0
        return cls(
            values=values[is_kept],
            columns=columns[is_kept],
            begins=np.concatenate([[0], np.cumsum(is_kept.sum(axis=1))]),
            background=np.zeros(ends[-1]),
            below=np.ones(ends[-1]),
            group_begins=group_begins,
            keeps_unit=np.repeat([group.width > 1 for group in groups], [group.width for group in groups]),
        )

    @property
    def arrays(self):
        """The arrays that give the matrix."""
        return *super().arrays, self.below, self.group_begins, self.keeps_unit

    def __getitem__(self, rows):
        """Return some rows, a slice or indices (m,), as a dense array (m, n_in)."""
        dense, at, elements = self._scattered(rows)
        columns = self.columns[elements]
        counts = columns - self.group_begins[columns]
        firsts = np.cumsum(counts) - counts
        before = np.arange(counts.sum()) + np.repeat(self.group_begins[columns] - firsts, counts)
        dense[np.repeat(at, counts), before] = self.below[before]
        return dense

    def changed(self, dtype, change):
        """Return the rows with elements of `dtype`, made by ``change(elements, columns)`` for all that are kept."""
        with np.errstate(over="ignore"):
            below = change(self.below, np.arange(len(self.below))).astype(dtype)
        return replace(super().changed(dtype, change), below=below)

    def equals(self, other):
        """Return whether all arrays are those of another."""
        return all(map(np.array_equal, self.arrays, other.arrays))

    def stacked_with(self, others):
        """Return these rows with those of `others` below them, as `EncodedRows` if all have the same groups."""
        layout = self.group_begins, self.keeps_unit
        if not all(all(map(np.array_equal, layout, (each.group_begins, each.keeps_unit))) for each in others):
            return np.concatenate([each[:] for each in (self, *others)])
        return super().stacked_with(others)
