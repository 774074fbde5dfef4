"""Mean and variation of columns, computed block by block in float64, for data of any size and magnitude."""

import numpy as np

ORDINARY_EXPONENT = 300
"""Columns whose largest number is from 2^-300 to 2^300 are not scaled before they are squared."""

EXPONENT_OF_ZERO = -10_000
"""The exponent of a column of zeros, below that of any number."""


class ColumnStatistics:
    """Mean, standard deviation and range of each column, over all blocks of rows that were added.

    Blocks are merged by the formula of Chan, Golub and LeVeque, COMPSTAT 1982, which loses no digits to cancellation.
    Columns of very large or very small numbers are divided by a power of two, so that no square is infinite or zero.

    Attributes
    ----------
    rows : float
        Rows added so far; rows with weights count as often as their weights say.
    minimum, maximum : ndarray
        (columns,) float64: the smallest and the largest value.

    Examples
    --------
    >>> from fastprop.data import ColumnStatistics
    >>> statistics = ColumnStatistics()
    >>> statistics.add([[1.0, 5e200], [4.0, 5e200]])
    >>> statistics.add([[7.0, 5e200]])
    >>> statistics.mean, statistics.deviation.round(3)
    (array([4.e+000, 5.e+200]), array([2.449, 0.   ]))
    """

    def __init__(self):
        self.rows = 0
        self.minimum = np.inf
        self.maximum = -np.inf
        self._exponent = EXPONENT_OF_ZERO  # (columns,) int: the power of two by which a column is divided
        self._mean = 0.0  # (columns,) of the divided columns
        self._squared_deviations = 0.0  # (columns,) likewise: Σ (x - mean)² over the rows

    def add(self, block, weights=None):
        """Add a block of rows, (rows, columns), which may have `weights` above 0, (rows,)."""
        block = np.asarray(block, np.float64)
        minimum = block.min(axis=0)
        maximum = block.max(axis=0)
        self._adjust_to(np.maximum(np.abs(minimum), np.abs(maximum)))
        if self._shift.any():
            block = np.ldexp(block, -self._shift)
        added = len(block) if weights is None else weights.sum()
        rows = self.rows + added
        mean = block.mean(axis=0) if weights is None else weights @ (block - block[0]) / added + block[0]
        difference = mean - self._mean
        squares = (block - mean) ** 2
        within = squares.sum(axis=0) if weights is None else weights @ squares
        between = difference**2 * (self.rows * added / rows)
        self._squared_deviations = self._squared_deviations + within + between
        self._mean = self._mean + difference * (added / rows)
        self.rows = rows
        self.minimum = np.minimum(self.minimum, minimum)
        self.maximum = np.maximum(self.maximum, maximum)

    @property
    def mean(self):
        """The mean of each column, (columns,) float64."""
        return np.ldexp(self._mean, self._shift)

    @property
    def deviation(self):
        """The standard deviation of each column, (columns,) float64: the variance is divided by the number of rows."""
        return np.ldexp(np.sqrt(self._squared_deviations / self.rows), self._shift)

    @property
    def magnitude(self):
        """The largest absolute value of each column, (columns,) float64."""
        return np.maximum(np.abs(self.minimum), np.abs(self.maximum))

    @property
    def _shift(self):
        return np.where(self._exponent == EXPONENT_OF_ZERO, 0, self._exponent)

    def _adjust_to(self, magnitude):
        """Raise the powers of two by which columns are divided to fit a block of this `magnitude`, (columns,)."""
        _, exponent = np.frexp(magnitude)
        exponent[np.abs(exponent) <= ORDINARY_EXPONENT] = 0
        exponent[magnitude == 0] = EXPONENT_OF_ZERO
        earlier = self._exponent
        self._exponent = np.maximum(earlier, exponent)
        self._mean = np.ldexp(self._mean, earlier - self._exponent)
        self._squared_deviations = np.ldexp(self._squared_deviations, 2 * (earlier - self._exponent))
