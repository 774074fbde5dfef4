"""Standardization: mean and deviation of each column, and the origin to which columns are converted."""

import functools
from dataclasses import dataclass

import numpy as np

from fastprop import checks
from fastprop.data.column_statistics import ColumnStatistics
from fastprop.data.encoded_rows import EncodedRows
from fastprop.row_blocks import row_blocks

HUGE = 2.0**100
"""The magnitude from which on a constant column is divided by it, so that what differs from it stays a number."""

FAR = 64
"""A column whose mean is more than this many deviations from zero is moved before it is rounded to fewer digits."""

GRID = 4
"""Columns are moved by a multiple of 2^GRID deviations, so that folds of the same rows are moved alike."""

NARROW = 1000
"""A fold whose deviation is this many times smaller than that of all rows decides how far the column is moved."""


@dataclass(frozen=True, eq=False)
class Origin:
    """What is subtracted from each column and by what it is divided when it is converted: both (..., n_in) float64.

    Both are exact: a divisor is a power of two, and what is subtracted has few digits. Both are (1,) for all columns
    where nothing is changed, as in `UNCHANGED`.
    """

    offset: np.ndarray
    unit: np.ndarray

    @classmethod
    def of(cls, mean, scale, dtype):
        """Return the origin of columns of this mean and scale, (..., n_in) float64, for a network of `dtype`.

        A column keeps its digits relative to its deviation when it is converted, and kernels can standardize it in
        `dtype`: neither the scale nor its inverse is too large or too small. An ordinary column is not changed. Mean
        and scale are None where nothing is standardized.
        """
        if mean is None:
            return UNCHANGED
        mean = np.asarray(mean, np.float64)
        scale = np.asarray(scale, np.float64)
        _, exponent = np.frexp(scale)
        limits = np.finfo(dtype)
        unit = np.where(np.abs(exponent) > limits.maxexp * 3 // 4, np.ldexp(1.0, exponent - 1), 1.0)
        offset = np.zeros(mean.shape)
        if limits.bits < 64:
            far = np.abs(mean) / FAR > scale
            grid = np.ldexp(1.0, exponent[far] + GRID)
            offset[far] = np.round(mean[far] / grid) * grid
        return cls(checks.read_only(offset), checks.read_only(unit))

    @classmethod
    def of_network(cls, network):
        """Return the origin of the inputs of a network."""
        return cls.of(network.input_mean, network.input_scale, network.dtype)

    @classmethod
    def common(cls, fits, dtype):
        """Return one origin for several `fits`, pairs of mean and scale; the first is that of all rows."""
        means, scales = (np.array(arrays, np.float64) for arrays in zip(*fits))
        narrowest = np.where(scales.min(axis=0) * NARROW < scales[0], scales.argmin(axis=0), 0)[None]
        mean, scale = (np.take_along_axis(arrays, narrowest, axis=0)[0] for arrays in (means, scales))
        return cls.of(mean, scale, dtype)

    @functools.cached_property
    def changes(self):
        """Whether it changes any column."""
        return bool(self.offset.any()) or self.scales

    @functools.cached_property
    def scales(self):
        """Whether it divides any column."""
        return bool((self.unit != 1).any())


UNCHANGED = Origin(checks.read_only(np.zeros(1)), checks.read_only(np.ones(1)))
"""The origin that changes nothing."""


def standardization(inputs, rows=None, weights=None):
    """Return mean and standard deviation of each column of `inputs` over some of its rows, (n_in,) float64, read-only.

    The variance is divided by the number of rows, not by one less. The deviation of a column that is constant, or
    constant up to rounding errors, is given as 1, or as its magnitude where rounding errors or the values are large.
    Columns of `EncodedRows` that keep their unit have a mean of 0 and a deviation of 1.

    Parameters
    ----------
    inputs : Inputs
    rows : ndarray, optional
        (m,) int: the indices of the rows, by default all.
    weights : ndarray, optional
        (n,) float64, at least 0, of all rows of `inputs`: a row of weight 2 counts as two rows, one of 0 as none.

    Examples
    --------
    >>> import numpy as np
    >>> from fastprop.data import UNCHANGED, Inputs, standardization
    >>> inputs = Inputs(np.array([[0.0, 5], [4, 5], [9, 9]]), UNCHANGED)
    >>> mean, scale = standardization(inputs, weights=np.array([3.0, 1, 0]))
    >>> mean.tolist(), scale.round(3).tolist()
    ([1.0, 5.0], [1.732, 1.0])
    """
    rows = np.arange(len(inputs)) if rows is None else rows
    if weights is not None:
        rows = rows[weights[rows] > 0]
    statistics = ColumnStatistics()
    for block in row_blocks(len(rows), inputs.shape[1]):
        statistics.add(inputs.numbers(rows[block]), None if weights is None else weights[rows[block]])
    magnitude = statistics.magnitude
    largest = magnitude.argmax()
    if magnitude[largest] > np.finfo(np.float64).max / 4:
        column = checks.shown_column(inputs.columns, largest)
        raise ValueError(
            f"{inputs.name} holds numbers up to {magnitude[largest]:g} in column {column}, which are too large to be "
            "standardized: divide the column by a constant."
        )
    mean = statistics.mean
    scale = statistics.deviation
    constant = (statistics.minimum == statistics.maximum) | (scale == 0)
    mean[constant] = statistics.minimum[constant]
    constant_up_to_rounding = statistics.maximum - statistics.minimum <= 2 * inputs.rounding * magnitude
    scale[constant_up_to_rounding] = np.maximum(1, magnitude[constant_up_to_rounding])
    scale[constant & (magnitude < HUGE)] = 1
    if isinstance(inputs.values, EncodedRows):
        mean[inputs.values.keeps_unit] = 0
        scale[inputs.values.keeps_unit] = 1
    return checks.read_only(mean), checks.read_only(scale)
