"""Checks of inputs: arrays of numbers with rows and features."""

import numpy as np

from fastprop.checks.arrays import check_finite, numeric, read_only
from fastprop.checks.values import shown


def matrix(X, name="X"):
    """Return `X` as an array of numbers with rows and features."""
    X = numeric(X, name)
    if X.ndim != 2:
        raise ValueError(f"{name} must have two dimensions, rows and features, not shape {X.shape}: reshape it.")
    if len(X) == 0:
        raise ValueError(f"{name} has no rows: give at least one.")
    if X.shape[1] == 0:
        raise ValueError(f"{name} has no columns: give at least one.")
    return X


def inputs(X, n_in, name="X", columns=None):
    """Return `X` as finite, read-only numbers (n, n_in) of any dtype, bools as bytes; nothing is copied.

    `columns` are the names of the columns, if they have names.
    """
    X = matrix(X, name)
    feature_count(X.shape[1], n_in, name)
    if X.dtype == bool:
        X = X.view(np.uint8)
    if X.dtype.kind == "f":
        check_finite(X, name, columns)
    return read_only(X)


def feature_count(count, n_in, name="X"):
    """Refuse inputs of `count` columns for a network that has `n_in` inputs."""
    if count != n_in:
        raise ValueError(
            f"{name} has {count} features but the network has {n_in} inputs: "
            f"give {n_in} columns or make the network with {count} inputs."
        )


_REMEDIES = {
    "text": "encode it as numbers, such as by pandas.get_dummies, or leave it out",
    "categories": "encode them as numbers, such as by pandas.get_dummies, or leave them out",
    "dates": "convert them to numbers, such as seconds, or leave them out",
    "complex numbers": "give their real and imaginary parts as two columns",
    "sparse numbers": "make them dense, such as by X.sparse.to_dense()",
    "other objects": "convert them to numbers, or leave them out",
}
"""By what a column of a data frame may hold that a network cannot take, what to do."""


def column_kind(kind, labels, name="X"):
    """Refuse columns of a data frame of a `kind` that holds no numbers; `labels` are theirs."""
    if kind in _REMEDIES:
        raise TypeError(f"{name} holds {kind} in column{_listed(labels)}: {_REMEDIES[kind]}.")


def different_columns(columns, name="X"):
    """Refuse a table of which two columns have one name."""
    if len(set(columns)) < len(columns):
        twice = next(column for index, column in enumerate(columns) if column in columns[:index])
        raise ValueError(f"{name} has two columns called {shown(twice)}: rename one.")


def same_columns(columns, expected, name="X"):
    """Refuse a data frame whose columns, all different, are not those that are expected, in any order."""
    missing = [column for column in expected if column not in set(columns)]
    extra = [column for column in columns if column not in set(expected)]
    if missing or extra:
        found = [f"lacks the column{_listed(missing)}"] if missing else []
        found += [f"has the column{_listed(extra)}, which the network does not know"] if extra else []
        raise ValueError(f"{name} {' and '.join(found)}: give the columns of network.feature_names, or an array.")


def _listed(columns):
    """Return names of columns for a message, the first ten of them."""
    listed = ", ".join(map(shown, columns[:10]))
    more = f" and {len(columns) - 10} more" if len(columns) > 10 else ""
    return f"{'s'[: len(columns) > 1]} {listed}{more}"


def is_readable_in_place(X):
    """Return whether kernels can read `X` without a copy: each row is contiguous, and none begins before another.

    That holds for whole arrays, slices of rows and of columns, sliding windows, and files mapped into memory.
    """
    row, column = X.strides
    contiguous = X.shape[1] == 1 or column == X.itemsize
    return X.flags.aligned and contiguous and (len(X) == 1 or (row >= 0 and row % X.itemsize == 0))
