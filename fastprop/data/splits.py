"""`Split`: which rows a run is trained on, and which are held out."""

import numbers
from typing import NamedTuple

import numpy as np

from fastprop import checks
from fastprop.data.class_coverage import OneClass, warn_of_unmeasured, warn_of_untrained, with_every_class
from fastprop.data.class_weights import weighted
from fastprop.data.dataset import Dataset
from fastprop.data.output_range import warn_of_targets
from fastprop.task import most_general


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

    @property
    def task(self):
        """What the targets of all rows are."""
        if self.held_out is self.data:
            return self.data.task
        return most_general([self.data.task, self.held_out.task])

    def fitted(self):
        """Return the same split with inputs that are made for the rows that are trained on, if they depend on these."""
        data, _ = self.data.fitted_to([(self.rows,)])
        return self._replace(data=data, held_out=data if self.held_out is self.data else self.held_out)

    def readable(self, dtype, origin):
        """Return the same split of data that kernels can read for a network of `dtype`, see `Inputs.readable`."""
        data = self.data.readable(dtype, origin)
        held_out = data if self.held_out is self.data else self.held_out.readable(dtype, origin)
        return self._replace(data=data, held_out=held_out)

    def scaled(self, scaling):
        """Return the same split with targets that are scaled for training, see `Dataset.scaled`."""
        data = self.data.scaled(scaling)
        return self._replace(data=data, held_out=data if self.held_out is self.data else self.held_out.scaled(scaling))

    @classmethod
    def of(cls, validation, data, network, loss, class_weight=None):
        """Return the split of `data` by `validation`: None, the fraction to hold out, or (X, y) or (X, y, weights).

        Rows of weight 0 are on neither side. `class_weight` is that of `train`; "balanced" is left to `balanced`. The
        other parameters are those of `Dataset.of`, by which validation data is checked.
        """
        data = weighted(data, class_weight)
        warn_of_targets(data, network.dtype)
        rows = data.rows
        classes = data.classes(rows)
        if classes is not None:
            all_rows = OneClass()
            all_rows.add(classes)
            all_rows.warn(data.task)
        if validation is None:
            return cls(data, rows, data, rows[:0])
        if isinstance(validation, numbers.Real) and not isinstance(validation, bool):
            return cls._of_share(validation, data, classes)
        X, y, *weights = checks.validation_data(validation)
        names = "validation X", "validation y", "validation weights"
        held_out = Dataset.of(X, y, network, loss, *weights, names=names, column_names=data.column_names)
        held_out = weighted(held_out, class_weight, names[1])
        warn_of_targets(held_out, network.dtype, names[1])
        split = cls(data, rows, held_out, held_out.rows)
        if split.task.class_count:
            warn_of_untrained(split.task, data.classes(rows), held_out.classes(held_out.rows))
        return split

    @classmethod
    def _of_share(cls, fraction, data, classes):
        rows = data.rows
        held_out = held_out_rows(len(rows), fraction)
        if classes is not None:
            held_out = with_every_class(held_out, classes)
        trained = np.delete(np.arange(len(rows)), held_out)
        if classes is not None:
            warn_of_untrained(data.task, classes[trained], classes[held_out])
            warn_of_unmeasured(data.task, classes[trained], classes[held_out])
        return cls(data, rows[trained], data, rows[held_out])


def held_out_rows(rows, fraction):
    """Return the ascending indices of the rows to hold out: a `fraction` of them, drawn by chance.

    The draw depends on the number of rows alone, so that all runs over one data set are measured on the same rows.
    `Split` changes it where it would put all rows of a class on one side.

    Examples
    --------
    >>> from fastprop.data import held_out_rows
    >>> held_out_rows(10, 0.2)
    array([4, 6])
    """
    count = checks.held_out_count(fraction, rows)
    return np.sort(np.random.default_rng(0).permutation(rows)[:count])
