"""`ColumnInputs`: the columns of a table as inputs that each fold encodes by its own training rows."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastprop.data import EncodedRows, UnfittedInputs, stacked
from fastprop.tabular.encoder import Encoder
from fastprop.tabular.numeric_encodings import searched_names

MAX_FEATURES = 2048
"""Inputs of networks up to which a search tries another encoding of numbers."""


class ColumnInputs(UnfittedInputs):
    """The columns of a table as inputs for `fastprop.train` and `fastprop.sweep`, encoded by the rows trained on.

    They take the place of `X`. A held-out row has no part in what the columns become: with ``cv`` each fold has the
    medians and the frequent levels of its own training rows, and the networks that are kept have those of all rows, as
    `encoder` has. Memory holds one array of the inputs, and each row a further time for each fold in which it differs:
    mostly these are the rows in which a number is missing. Where numbers are encoded by bins, or a
    category has more than 50 levels or several features that rare levels share, the inputs are `EncodedRows`, from
    which kernels make the features of a minibatch; these hold all rows once for each fold in which a row differs.

    Parameters
    ----------
    columns : dict of Column
        By name.
    encoder : Encoder
        The encoder of these columns, fitted to all rows.

    Attributes
    ----------
    shape : tuple of int
        (n, n_in).
    feature_names : tuple of str
        (n_in,).
    encoder : Encoder

    Examples
    --------
    >>> import pandas
    >>> import fastprop as fp
    >>> frame = pandas.DataFrame({"size": [1, None, 8, 9], "color": ["red", "red", "blue", "red"], "kind": [*"abab"]})
    >>> table = fp.datasets.read(frame, "kind")
    >>> X = table.columns
    >>> result = fp.sweep((X.shape[1], 8, 2), X, table.y, {"seed": [0]}, epochs=5, standardize=True, cv=2)
    >>> model = fp.TableModel(result.best_network, X.encoder, "kind")
    """

    def __init__(self, columns: Mapping[str, Any], encoder: Encoder) -> None:
        self._columns = columns
        self.encoder = encoder
        self.feature_names = encoder.feature_names
        self._fitted = {}  # the encoder of each set of training rows, by the digest of their indices
        self.shape = len(next(iter(columns.values())).values), len(self.feature_names)

    def encoded(self) -> NDArray[np.float64] | EncodedRows:
        """Return the inputs (n, n_in) as the encoder of all rows makes them, see `Encoder.inputs_of`."""
        return self.encoder.inputs_of(self._columns)

    def array(self, encoder: Encoder) -> NDArray[np.float64]:
        """Return the inputs as an array (n, n_in), as an encoder of the same features makes them."""
        return encoder.transform_columns(self._columns, np.float64)

    def encoder_of(self, rows: NDArray[np.int64]) -> Encoder:
        """Return the encoder that is fitted to some training rows, (m,) int; the same ones are fitted once."""
        key = hashlib.sha256(np.ascontiguousarray(rows)).digest()
        if key not in self._fitted:
            self._fitted[key] = self.encoder.fitted_to(self._columns, rows)
        return self._fitted[key]

    def in_encoding(self, name: str) -> ColumnInputs:
        """Return the inputs with numbers in the encoding of a name; ValueError if they are too large for it."""
        return type(self)(self._columns, self.encoder.with_numeric_encoding(self._columns, name))

    def fitted_to(
        self, row_sets: Sequence[NDArray[np.int64]]
    ) -> tuple[NDArray[np.float64] | EncodedRows, NDArray[np.int64], list[NDArray[np.int64]]]:
        """Return the inputs for several sets of training rows, see `fastprop.data.UnfittedInputs`."""
        first, *others = (self.encoder_of(rows) for rows in row_sets)
        if self.encoder.makes_groups:
            return self._encoded(first, others)
        X = first.transform_columns(self._columns, np.float64)
        changes = [self._changes(first, other, X) for other in others]
        rows = len(X)
        sources = np.concatenate([np.arange(rows), *(changed for changed, _ in changes)])
        if len(sources) > rows:
            X.resize((len(sources), X.shape[1]), refcheck=False)  # in place, where memory allows that
        positions = [np.arange(rows)]
        end = rows
        for changed, values in changes:
            begin, end = end, end + len(changed)
            position = np.arange(rows)
            position[changed] = np.arange(begin, end)
            if len(changed):  # else X may be the memory of the columns, which is read-only
                X[begin:end] = values
            positions.append(position)
        return X, sources, positions

    def _encoded(self, first, others):
        """Return the inputs as `EncodedRows`, with all rows once more for each encoder of `others` that is another."""
        blocks, positions = [], []
        every = np.arange(self.shape[0])
        for encoder in (first, *others):
            made = encoder.inputs_of(self._columns)
            index = next((i for i, block in enumerate(blocks) if block.equals(made)), len(blocks))
            if index == len(blocks):
                blocks.append(made)
            positions.append(every + index * len(every))
        return stacked(blocks), np.tile(every, len(blocks)), positions

    def _changes(self, first, other, X):
        """Return the rows (r,) of X that differ between two encoders, and their inputs (r, n_in) by the second.

        X are the inputs by the `first` encoder.
        """
        blocks = {}
        is_changed = np.zeros(len(X), bool)
        begin = 0
        for plan, other_plan in zip(first.plans, other.plans):
            end = begin + len(plan.feature_names)
            if plan != other_plan:
                block = np.empty((len(X), end - begin))
                other_plan.encode(self._columns[plan.name], block)
                is_changed |= (block != X[:, begin:end]).any(axis=1)
                blocks[begin, end] = block
            begin = end
        rows = np.flatnonzero(is_changed)
        values = X[rows]
        for (begin, end), block in blocks.items():
            values[:, begin:end] = block[rows]
        return rows, values


def searched_inputs(X: Any, encoding: str | Sequence[str]) -> dict[str, Any]:
    """Return the inputs of a search by the names of their encodings, those first with which it begins.

    Parameters
    ----------
    X : ColumnInputs, ndarray or SparseRows
        `ColumnInputs` are in the first of the encodings, others in the standard one.
    encoding : str or sequence of str
        See `searched_names`. Of several encodings but the first, one is left out if `X` is no `ColumnInputs`, or if it
        changes no column, has more than `MAX_FEATURES` features, or cannot take the numbers.
    """
    first, *others = searched_names(encoding)
    if not others:
        return {first: X}
    if not isinstance(X, ColumnInputs):
        return {"standard": X}
    found = {first: X}
    if all(plan.kind != "number" for plan in X.encoder.plans):
        return found
    for other in others:
        try:
            made = X.in_encoding(other)
        except ValueError:
            continue
        if made.shape[1] <= MAX_FEATURES:
            found[other] = made
    return found
