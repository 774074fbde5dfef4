"""`UnfittedInputs`: inputs that are made when it is known which rows are trained on."""

from abc import ABC, abstractmethod

import numpy as np


class UnfittedInputs(ABC):
    """Inputs of a table that depend on what the training rows hold, such as the medians that missing numbers get.

    Attributes
    ----------
    shape : tuple of int
        (n, n_in), which no choice of rows changes.
    feature_names : tuple of str
        (n_in,).
    """

    shape: tuple[int, int]
    feature_names: tuple[str, ...]

    @abstractmethod
    def fitted_to(self, row_sets):
        """Return the inputs as they are for several sets of training rows, in one array.

        Parameters
        ----------
        row_sets : list of ndarray
            (m,) int each: the indices of training rows.

        Returns
        -------
        X : ndarray or SparseRows
            (n + r, n_in) float64: the n rows as they are for the first set, and below them r rows that differ for
            other sets.
        sources : ndarray
            (n + r,) int: which of the n rows each row of X is.
        positions : list of ndarray
            (n,) int for each set: where in X each of the n rows is.
        """


def unmade(inputs):
    """Return zeros of the shape of `UnfittedInputs`, which take no memory, and stand for them until they are made."""
    return np.broadcast_to(np.zeros(1), inputs.shape)
