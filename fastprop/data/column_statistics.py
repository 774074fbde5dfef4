"""Mean and variation of columns, computed block by block in float64, for data of any size."""

import numpy as np

from fastprop import checks
from fastprop.row_blocks import row_blocks


class ColumnStatistics:
    """Mean, squared deviations and range of each column, over all blocks of rows that were added.

    Blocks are merged by the formula of Chan, Golub and LeVeque, COMPSTAT 1982, which loses no digits to cancellation.

    Attributes
    ----------
    rows : int
        Rows added so far.
    mean : ndarray
        (columns,) float64.
    squared_deviations : ndarray
        (columns,) float64: Σ (x - mean)² over the rows.
    minimum, maximum : ndarray
        (columns,) float64: the smallest and the largest value.

    Examples
    --------
    >>> from fastprop.data import ColumnStatistics
    >>> statistics = ColumnStatistics()
    >>> statistics.add([[1.0, 5.0], [3.0, 5.0]])
    >>> statistics.add([[5.0, 5.0]])
    >>> statistics.mean, statistics.squared_deviations
    (array([3., 5.]), array([8., 0.]))
    """

    def __init__(self):
        self.rows = 0
        self.mean = 0.0
        self.squared_deviations = 0.0
        self.minimum = np.inf
        self.maximum = -np.inf

    def add(self, block):
        """Add a block of rows, (rows, columns)."""
        block = np.asarray(block, np.float64)
        rows = self.rows + len(block)
        mean = block.mean(axis=0)
        difference = mean - self.mean
        within = ((block - mean) ** 2).sum(axis=0)
        between = difference**2 * (self.rows * len(block) / rows)
        self.squared_deviations = self.squared_deviations + within + between
        self.mean = self.mean + difference * (len(block) / rows)
        self.rows = rows
        self.minimum = np.minimum(self.minimum, block.min(axis=0))
        self.maximum = np.maximum(self.maximum, block.max(axis=0))


def standardization(X, rows, dtype):
    """Return mean and standard deviation of each column of `X` over some of its rows, (columns,) of `dtype`, read-only.

    `rows` are the indices of these rows, (m,) int. The variance is divided by m, not by m - 1. The deviation of a
    constant column is given as 1.
    """
    statistics = ColumnStatistics()
    for block in row_blocks(len(rows), X.shape[1]):
        statistics.add(X[rows[block]])
    mean = statistics.mean.astype(dtype)
    scale = np.sqrt(statistics.squared_deviations / statistics.rows).astype(dtype)
    constant = statistics.minimum == statistics.maximum
    scale[constant | (scale < np.finfo(dtype).tiny)] = 1
    return checks.read_only(mean), checks.read_only(scale)
