"""A warning of numbers whose differences are lost when they are rounded to float32, such as times in seconds."""

import numpy as np

from fastprop import checks
from fastprop.notices import DataWarning, warn
from fastprop.row_blocks import row_blocks

LOST = 1e-3
"""Differences are lost if the rounding to the network's dtype is coarser than this share of a column's range."""


def warn_of_rounded_targets(data, dtype, name="y"):
    """Warn if targets of a `Dataset` lose their differences in a network's dtype; return whether they do.

    `name` is that of y in the warning. Rows of weight 0 do not count.

    Examples
    --------
    >>> import warnings
    >>> import numpy as np
    >>> import fastprop as fp
    >>> from fastprop.data import Dataset, warn_of_rounded_targets
    >>> seconds = 1.76e9 + np.arange(3)
    >>> data = Dataset.of(np.zeros((3, 1)), seconds, fp.MLP((1, 1), output="identity"), "mse")
    >>> with warnings.catch_warnings(record=True) as caught:
    ...     warnings.simplefilter("always")
    ...     lost = warn_of_rounded_targets(data, np.dtype("float32"))
    >>> print(caught[0].message)
    y goes from 1760000000 to 1760000002, which float32 rounds to steps of 128: subtract its mean, or make the network with dtype='float64'.
    """  # noqa: E501
    if data.has_labels or np.can_cast(data.given.dtype, dtype):
        return False
    given = data.given.reshape(len(data.given), -1)
    shown = data.target_names if given.shape[1] > 1 else None
    remedy = checks.remedies("subtract its mean", dtype="subtract its mean, or make the network with dtype='float64'")
    return warn_of_rounding(limits(given, data.weights), dtype, (name, shown), remedy)


def limits(targets, weights):
    """Return the smallest and the largest of each column of targets (n, n_out), two arrays (n_out,) float64.

    Rows of weight 0 do not count; `weights` are (n,), or (0,) where all rows weigh 1.
    """
    low, high = np.full((2, targets.shape[1]), [[np.inf], [-np.inf]])
    for rows in row_blocks(*targets.shape):
        some = targets[rows].astype(np.float64)
        if len(weights):
            some = some[weights[rows] > 0]
        low, high = (
            np.minimum(low, some.min(axis=0, initial=np.inf)),
            np.maximum(high, some.max(axis=0, initial=-np.inf)),
        )
    return low, high


def warn_of_rounding(extremes, dtype, names, remedy):
    """Warn of the first column whose differences are lost when its numbers are rounded; return whether there is one.

    Parameters
    ----------
    extremes : pair of ndarray
        (columns,) float64: the smallest and the largest number of each column.
    dtype : dtype
        What the numbers are rounded to.
    names : pair
        The name of the matrix, and the labels of its columns or None.
    remedy : str
        What to do.
    """
    low, high = (np.asarray(each, np.float64) for each in extremes)
    sizes = np.maximum(np.abs(low), np.abs(high))
    largest = np.finfo(dtype).max  # what is larger is refused
    steps = np.spacing(np.minimum(sizes, largest).astype(dtype)).astype(np.float64)
    lost = np.flatnonzero((steps > LOST * (high - low)) & (high > low) & (sizes <= largest))
    if len(lost) == 0:
        return False
    name, columns = names
    column = lost[0]
    where = ""
    if len(low) > 1:
        label = checks.shown_column(columns, column)
        where = f" in column {label}" if len(lost) == 1 else f" in column {label} and {len(lost) - 1} more"
    warn(
        f"{name} goes from {low[column]:.12g} to {high[column]:.12g}{where}, which {np.dtype(dtype)} rounds to steps "
        f"of {steps[column]:.3g}: {remedy}.",
        DataWarning,
    )
    return True
