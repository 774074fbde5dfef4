"""`Inputs`: the inputs of a network, as they were given or as kernels read them."""

from dataclasses import dataclass, replace

import numpy as np

from fastprop import checks
from fastprop.data.frames import table
from fastprop.data.sparse_rows import SparseRows
from fastprop.data.standardization import UNCHANGED, Origin
from fastprop.data.unfitted import UnfittedInputs, unmade
from fastprop.row_blocks import row_blocks


@dataclass(frozen=True, eq=False)
class Inputs:
    """Checked inputs x (n, n_in) = `origin.offset` + `origin.unit` · `values`.

    They are converted to the dtype of a network as late as possible, by `readable`: only when mean and deviation of
    the columns are known, which are computed in float64.
    """

    values: np.ndarray | SparseRows  # (n, n_in) finite, read-only: numbers of any dtype, or bytes
    origin: Origin
    name: str = "X"  # in messages
    columns: tuple[object, ...] | None = None  # the labels of the columns of a data frame
    unfitted: UnfittedInputs | None = None  # what the values are still to be made of; they are zeros until then
    first_row: int = 0  # the number of the first row in messages, where these are some rows of others

    @classmethod
    def of(cls, X, network, name="X", feature_names=None):
        """Check inputs (n, n_in) for a network; nothing is converted yet.

        The columns of a data frame get the order of `feature_names`, by default those of the network. If neither are
        known, the columns stay as they are.
        """
        if isinstance(X, UnfittedInputs):
            zeros = checks.inputs(unmade(X), network.layer_sizes[0], name, X.feature_names)
            return cls(zeros, UNCHANGED, name, X.feature_names, X)
        if isinstance(X, SparseRows):
            checks.feature_count(X.shape[1], network.layer_sizes[0], name)
            X.check_finite(name)
            return cls(X, UNCHANGED, name)
        array, columns = table(X, name)
        expected = network.feature_names if feature_names is None else feature_names
        if expected is not None and columns is not None:
            order = order_of_columns(columns, expected, name)
            if order is not None:
                array, columns = array[:, order], tuple(columns[index] for index in order)
        return cls(checks.inputs(array, network.layer_sizes[0], name, columns), UNCHANGED, name, columns)

    @property
    def feature_names(self):
        """The names of the columns, (n_in,), if they have any and these are different; else None.

        Labels of a data frame that count its columns from 0, in order, are no names.
        """
        if self.columns is None or _are_positions(self.columns):
            return None
        names = tuple(map(str, self.columns))
        return names if len(set(names)) == len(names) else None

    def __len__(self):
        return len(self.values)

    def __getitem__(self, rows):
        return replace(self, values=self.values[rows])

    def block(self, rows):
        """Return a slice of the rows, which messages count among all rows."""
        return replace(self, values=self.values[rows], first_row=rows.start)

    @property
    def shape(self):
        """(n, n_in)."""
        return self.values.shape

    @property
    def arrays(self):
        """The arrays that give x: `values`, and offset and unit of the origin."""
        values = self.values.arrays if isinstance(self.values, SparseRows) else (self.values,)
        return *values, self.origin.offset, self.origin.unit

    @property
    def rounding(self):
        """The relative rounding error of a value."""
        kind = self.values.dtype
        return np.finfo(kind if kind.kind == "f" and kind.itemsize >= 4 else np.float64).eps

    def fitted_to(self, row_sets):
        """Return the inputs that are made for some sets of training rows, see `UnfittedInputs.fitted_to`."""
        X, sources, positions = self.unfitted.fitted_to(row_sets)
        if isinstance(X, SparseRows):
            X.check_finite(self.name, self.columns)
        values = X if isinstance(X, SparseRows) else checks.inputs(X, self.shape[1], self.name, self.columns)
        return replace(self, values=values, unfitted=None), sources, positions

    def numbers(self, rows):
        """Return some rows as they were given, (m, n_in) float64."""
        values = self.values[rows].astype(np.float64)
        return self.origin.offset + self.origin.unit * values if self.origin.changes else values

    def relative(self, mean, scale):
        """Return the mean and scale of `values`, (n_in,) float64, where x has `mean` and `scale`; None stays None."""
        if not self.origin.changes:
            return mean, scale
        origin = self.origin
        mean = np.zeros(len(origin.offset)) if mean is None else np.asarray(mean, np.float64)
        scale = np.ones(len(origin.unit)) if scale is None else np.asarray(scale, np.float64)
        return (mean - origin.offset) / origin.unit, scale / origin.unit

    def readable(self, dtype, origin):
        """Return inputs that kernels can read for a network of `dtype`: these, or a copy relative to an `Origin`.

        Rows are read where they are if they are contiguous bytes or numbers of `dtype`, unless a column is too large or
        too small to be standardized in this dtype.
        """
        if self.unfitted is not None:
            raise TypeError(
                f"{self.name} holds columns that are encoded by the rows that are trained on, and here is no training: "
                "give what the encoder of the model makes of them."
            )
        values = self.values
        is_bytes = values.dtype == np.uint8
        if self.origin.scales or not origin.scales:
            if self._is_in_place and (is_bytes or values.dtype == dtype):
                return self
            if np.can_cast(values.dtype, dtype):
                origin = self.origin  # because no digit is lost
        is_moved = origin is not self.origin and (origin.changes or self.origin.changes)
        if isinstance(values, SparseRows):
            return replace(self, values=self._sparse(dtype, origin, is_moved), origin=origin)
        kind = "uint8" if is_bytes and not origin.scales else dtype
        converted = checks.new_array(values.shape, kind, self.name)
        for block in row_blocks(*values.shape):
            with np.errstate(over="ignore"):
                some = (self.numbers(block) - origin.offset) / origin.unit if is_moved else values[block]
                converted[block] = some
            if kind != "uint8" and not np.isfinite(converted[block]).all():
                self._refuse_large(converted[block], block, origin)
        return replace(self, values=checks.read_only(converted), origin=origin)

    @property
    def _is_in_place(self):
        return isinstance(self.values, SparseRows) or checks.is_readable_in_place(self.values)

    def _sparse(self, dtype, origin, is_moved):
        """Return the `SparseRows` of a network of `dtype`, relative to an `Origin`, see `readable`."""

        def relative(values, columns):
            if not is_moved:
                return values
            if self.origin.changes:
                values = self.origin.offset[columns] + self.origin.unit[columns] * values
            return (values.astype(np.float64) - origin.offset[columns]) / origin.unit[columns]

        converted = self.values.changed(dtype, relative)
        bad = np.flatnonzero(~np.isfinite(converted.values))
        if len(bad):
            row = int(np.searchsorted(converted.begins, bad[0], side="right") - 1)
            self._refuse_large(converted[slice(row, row + 1)], slice(row, row + 1), origin)
        return converted

    def _refuse_large(self, converted, block, origin):
        """Raise an error for the first number of a `block` of rows that is infinite once it is converted."""
        row, column = np.argwhere(~np.isfinite(converted))[0]
        remedy = "correct it, or divide the column by a constant"
        if converted.dtype == np.float32:
            means = {} if origin.changes else {"standardize": f"train with {checks.argument('standardize', 'True')}"}
            means |= {"dtype": "make the network with dtype='float64'"}
            remedy = "correct it, or " * origin.changes + checks.remedies("divide the column by a constant", **means)
        raise ValueError(
            f"{self.name} holds {self.numbers(block)[row, column]:g} at row {self.first_row + block.start + row}, "
            f"column {checks.shown_column(self.columns, column)}, which is too large for {converted.dtype}: {remedy}."
        )


def position_names(count):
    """Return names (count,) of columns that have none: they count the columns from 0.

    Examples
    --------
    >>> from fastprop.data.inputs import position_names
    >>> position_names(3)
    ('0', '1', '2')
    """
    return tuple(map(str, range(count)))


def _are_positions(labels):
    return labels == tuple(range(len(labels)))


def order_of_columns(labels, expected, name="X"):
    """Return the order that gives columns with `labels` the names that are `expected`, or None if they have it.

    Where one of the two only counts the columns and the other has words, columns are told by their positions.

    Examples
    --------
    >>> from fastprop.data.inputs import order_of_columns
    >>> order_of_columns((2, 0, 1), ("0", "1", "2"))
    [1, 2, 0]
    """
    names = tuple(map(str, labels))
    is_counted = _are_positions(labels) or expected == position_names(len(expected))
    if names == expected or (is_counted and set(names) != set(expected)):
        return None
    checks.same_columns(names, expected, name)
    return [names.index(each) for each in expected]
