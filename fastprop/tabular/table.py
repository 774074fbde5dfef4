"""`Table`: features and targets with the names of the columns and classes."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastprop.tabular.column_inputs import ColumnInputs
from fastprop.tabular.encoder import Encoder


class _Pair(NamedTuple):
    X: NDArray[Any]
    y: NDArray[Any]


class Table(_Pair):
    """A table that was read from a file: the pair ``X, y``, with names.

    Attributes
    ----------
    X : ndarray
        (n, features). It is read-only where all columns of a file are numbers without gaps, because then it shares the
        memory of `columns`: change a copy of it.
    y : ndarray
        (n,) or (n, n_out): int64 from 0 on if the targets are classes, else numbers.
    feature_names : tuple of str or None
        (features,) names of the columns of `X`; None if the file has no names.
    target_name : str or None
        The name of the target's column or array.
    class_names : tuple of str or None
        If the targets are words, the word of each class, in alphabetical order; else None.
    columns : ColumnInputs or None
        The columns of the file, which `fastprop.train` and `fastprop.sweep` take in the place of `X`, to encode them by
        the rows that they train on; None if the file has no columns.

    Examples
    --------
    >>> import numpy as np
    >>> from fastprop.tabular import Table
    >>> table = Table(np.ones((2, 1)), np.array([0, 1]), ("size",), "species", ("setosa", "virginica"))
    >>> X, y = table
    >>> X.shape, table.class_names
    ((2, 1), ('setosa', 'virginica'))
    """

    feature_names: tuple[str, ...] | None
    target_name: str | None
    class_names: tuple[str, ...] | None
    columns: ColumnInputs | None

    def __new__(
        cls,
        X: NDArray[Any],
        y: NDArray[Any],
        feature_names: tuple[str, ...] | None = None,
        target_name: str | None = None,
        class_names: tuple[str, ...] | None = None,
        columns: ColumnInputs | None = None,
    ) -> Table:
        table = super().__new__(cls, X, y)
        table.feature_names = feature_names
        table.target_name = target_name
        table.class_names = class_names
        table.columns = columns
        return table

    @property
    def encoder(self) -> Encoder | None:
        """How the columns of the file became those of `X`; None if the file has no columns."""
        return None if self.columns is None else self.columns.encoder


def classes_of_words(words: NDArray[Any]) -> tuple[NDArray[np.int64], tuple[str, ...]]:
    """Return the class (n,) of each word, and the different words in alphabetical order.

    Examples
    --------
    >>> import numpy as np
    >>> from fastprop.tabular.table import classes_of_words
    >>> classes_of_words(np.array(["b", "a", "b"]))
    (array([1, 0, 1]), ('a', 'b'))
    """
    names, classes = np.unique(words, return_inverse=True)
    return classes.reshape(-1).astype(np.int64), tuple(str(name) for name in names)


def classes_of_numbers(y: NDArray[Any]) -> NDArray[Any]:
    """Return `y` as int64 if it holds classes, which are whole numbers from 0 on without a gap, else unchanged."""
    if y.ndim == 1 and (y == np.floor(y)).all():
        classes = np.unique(y)
        if len(classes) > 1 and np.array_equal(classes, np.arange(len(classes))):
            return y.astype(np.int64)
    return y
