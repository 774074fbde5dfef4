"""`ColumnTable`: the columns of a table before they become inputs, and the column that is to be predicted."""

from typing import NamedTuple

import numpy as np

from fastprop.integrations.arrow_columns import Column
from fastprop.tabular.column_inputs import ColumnInputs
from fastprop.tabular.encoder import Encoder
from fastprop.tabular.table import Table, classes_of_numbers, classes_of_words


class Choice(NamedTuple):
    """What the user says of the columns of a table.

    Examples
    --------
    >>> from fastprop.tabular import Choice
    >>> choice = Choice("price", drop=("id",), categorical=("zip",))
    >>> choice.target, choice.numeric_encoding
    ('price', 'standard')
    """

    target: str | None = None  # the column to predict, by default the last
    drop: tuple[str, ...] = ()  # columns to leave out
    features: tuple[str, ...] | None = None  # the columns to predict from, by default all but the target
    categorical: tuple[str, ...] = ()  # columns that are categories, whatever they hold
    numeric: tuple[str, ...] = ()  # columns that are numbers
    numeric_encoding: str = "standard"  # what becomes of numbers, of `NUMERIC_ENCODINGS`


class ColumnTable(NamedTuple):
    """The columns of a table from which another of its columns is to be predicted.

    Examples
    --------
    >>> import pandas
    >>> from fastprop.tabular import Choice, sources
    >>> table = sources.read(pandas.DataFrame({"size": [1, 8, 9], "kind": [*"aba"]}), Choice("kind"))
    >>> list(table.columns), table.answers()
    (['size'], (array([0, 1, 0]), ('a', 'b')))
    >>> table.inputs().encoded()
    array([[1.],
           [8.],
           [9.]])
    """

    columns: dict[str, Column]  # by name, in the order of the table
    target_name: str
    target: Column
    choice: Choice

    def answers(self):
        """Return y (n,), which is int64 if the targets are classes, and the names of the classes, or None."""
        target = self.target
        if target.kind == "bools":
            return target.values.astype(np.int64), ("False", "True")
        if not target.words:
            return classes_of_numbers(target.values), None
        order, names = classes_of_words(np.array([word.strip() for word in target.words]))
        return order[target.values], names

    def inputs(self):
        """Return the columns to predict from, as `ColumnInputs`."""
        choice = self.choice
        encoder = Encoder.fit_columns(
            self.columns,
            categorical=choice.categorical,
            numeric=choice.numeric,
            numeric_encoding=choice.numeric_encoding,
        )
        return ColumnInputs(self.columns, encoder)

    def encoded(self):
        """Return the `Table` of inputs (n, n_in) float64, encoded by all rows, and targets."""
        y, names = self.answers()
        inputs = self.inputs()
        X = inputs.encoded()[:]
        return Table(X, y, inputs.feature_names, self.target_name, names, inputs)
