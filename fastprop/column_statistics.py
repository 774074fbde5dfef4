"""Mean and spread of columns, a block of rows after another, in float64: of data of any size."""

import numpy as np

from fastprop import checks


class Moments:
    """Mean and spread of columns, of all blocks so far: Chan, Golub and LeVeque, COMPSTAT 1982.

    Attributes
    ----------
    rows : int
    mean : ndarray
        (columns,) float64.
    spread : ndarray
        (columns,) float64: Σ (x - mean)².
    least, most : ndarray
        (columns,)
    """

    def __init__(self):
        self.rows, self.mean, self.spread, self.minimum, self.maximum = 0, 0.0, 0.0, np.inf, -np.inf

    def add(self, block):
        """Take in a block (rows, columns)."""
        block = np.asarray(block, np.float64)
        mean, rows = block.mean(axis=0), self.rows + len(block)
        away = mean - self.mean
        self.spread = self.spread + ((block - mean) ** 2).sum(axis=0) + away**2 * (self.rows * len(block) / rows)
        self.mean, self.rows = self.mean + away * (len(block) / rows), rows
        self.minimum, self.maximum = (
            np.minimum(self.minimum, block.min(axis=0)),
            np.maximum(self.maximum, block.max(axis=0)),
        )


def standardization(X, rows, dtype):
    """Return mean and standard deviation of each column of `X` over some of its rows, (columns,) of `dtype`, read-only.

    The deviation is that of the rows themselves (divided by their number), and 1 for columns that are constant.
    """
    moments = Moments()
    for block in checks.blocks(len(rows), X.shape[1]):
        moments.add(X[rows[block]])
    mean, scale = (moments.mean.astype(dtype), np.sqrt(moments.spread / moments.rows).astype(dtype))
    scale[(moments.minimum == moments.maximum) | (scale < np.finfo(dtype).tiny)] = 1
    return checks.read_only(mean), checks.read_only(scale)
