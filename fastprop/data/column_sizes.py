"""A warning of inputs of very different size, or far from zero, that are not standardized."""

import numpy as np

from fastprop import checks
from fastprop.data.rounding import warn_of_rounding
from fastprop.notices import DataWarning, warn
from fastprop.row_blocks import row_blocks

TIMES = 1000
"""Inputs are of very different size if the largest value of one is more than so many times that of another."""

ROWS = 128
"""How many rows tell the size of a column: enough to see its unit, and few enough to cost nothing."""


def warn_of_sizes(inputs, rows, dtype):
    """Warn of columns of inputs from which a network hardly learns, because they are not standardized.

    Either the differences of a column are lost when it is rounded to the network's dtype, or a column is much smaller
    than another. The size of a column is its largest absolute value, because the deviation of a column of zeros and a
    few ones is small whatever its unit is. Constant columns are left out: nothing is learned from them.

    Parameters
    ----------
    inputs : Inputs
    rows : ndarray
        (m,) int: the indices of the rows that are trained on, one or more, of which at most `ROWS` are looked at.
    dtype : dtype
        That of the network.

    Examples
    --------
    >>> import warnings
    >>> import numpy as np
    >>> from fastprop.data import UNCHANGED, Inputs, warn_of_sizes
    >>> inputs = Inputs(np.array([[0.5, 1680], [0.25, 735]]), UNCHANGED, columns=("hue", "proline"))
    >>> with warnings.catch_warnings(record=True) as caught:
    ...     warnings.simplefilter("always")
    ...     warn_of_sizes(inputs, np.arange(2), np.dtype("float32"))
    >>> print(caught[0].message)
    X has columns of very different size, from 'hue' (up to 0.5) to 'proline' (up to 1680): standardize them.
    """
    some = rows[:: -(-len(rows) // ROWS)]
    blocks = (inputs.numbers(some[block]) for block in row_blocks(len(some), inputs.shape[1]))
    lows, highs = zip(*((numbers.min(axis=0), numbers.max(axis=0)) for numbers in blocks))
    minimum, maximum = np.minimum.reduce(lows), np.maximum.reduce(highs)  # of each column
    sizes = np.maximum(-minimum, maximum)  # the largest absolute values
    if sizes.max(initial=0) > np.finfo(dtype).max:
        return  # because such numbers are refused
    if warn_of_rounding((minimum, maximum), dtype, (inputs.name, inputs.columns), "standardize the inputs"):
        return
    varies = minimum < maximum
    smallest, largest = np.where(varies, sizes, np.inf).argmin(), np.where(varies, sizes, 0).argmax()
    if sizes[largest] <= TIMES * sizes[smallest] or not varies[smallest]:
        return
    names = [checks.shown_column(inputs.columns, index) for index in (smallest, largest)]
    if inputs.columns is None:
        names[0] = f"column {names[0]}"
    warn(
        f"{inputs.name} has columns of very different size, from {names[0]} (up to {sizes[smallest]:.4g}) to "
        f"{names[1]} (up to {sizes[largest]:.4g}): standardize them.",
        DataWarning,
    )
