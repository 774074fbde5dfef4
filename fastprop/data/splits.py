"""`Split`: which rows a run is trained on, and which are held out."""

import numbers
from typing import NamedTuple

import numpy as np

from fastprop import checks
from fastprop.data.dataset import Dataset


class Split(NamedTuple):
    """The rows of a data set that are trained on, and the rows of the same or of another data set that are held out."""

    data: Dataset  # the data set of the rows that are trained on
    rows: np.ndarray  # (m,) int64: indices of the rows of `data` that are trained on
    held_out: Dataset  # `data` itself, or the validation data
    held_out_rows: np.ndarray  # (k,) int64: indices of the rows of `held_out` that are measured; may be empty

    @property
    def measured(self):
        """The data set and the row indices on which metrics are measured: rows held out, or else those trained on."""
        if len(self.held_out_rows) > 0:
            return self.held_out, self.held_out_rows
        return self.data, self.rows

    @classmethod
    def of(cls, validation, data, n_in, n_out, loss, dtype):
        """Return the split of `data` by `validation`: None, the fraction to hold out, or a pair (X, y).

        The other parameters are those of `Dataset.of`, by which a pair is checked.
        """
        rows = np.arange(len(data.inputs))
        if validation is None:
            return cls(data, rows, data, rows[:0])
        if isinstance(validation, numbers.Real) and not isinstance(validation, bool):
            held_out = held_out_rows(len(rows), validation)
            return cls(data, np.setdiff1d(rows, held_out, assume_unique=True), data, held_out)
        X, y = checks.validation_pair(validation)
        held_out = Dataset.of(X, y, n_in, n_out, loss, dtype, names=("validation X", "validation y"))
        return cls(data, rows, held_out, np.arange(len(held_out.inputs)))


def held_out_rows(rows, fraction):
    """Return the ascending indices of the rows to hold out: a `fraction` of them, drawn by chance.

    The draw depends on the number of rows alone, so that all runs over one data set are measured on the same rows.

    Examples
    --------
    >>> from fastprop.data import held_out_rows
    >>> held_out_rows(10, 0.2)
    array([4, 6])
    """
    count = checks.held_out_count(fraction, rows)
    return np.sort(np.random.default_rng(0).permutation(rows)[:count])
