"""pandas and polars: data frames that are given as inputs, read column by column (extras ``pandas`` and ``polars``).

The libraries are not imported: who has a frame has imported its library.
"""

import sys
from typing import NamedTuple

import numpy as np


class Column(NamedTuple):
    """A column of a data frame."""

    kind: str  # "numbers", "objects", or one of the kinds that `checks.column_kind` refuses
    dtype: object  # as the frame has it
    numbers: np.dtype | None  # the dtype of the values of a column of numbers
    missing: int | None  # the first row that has no value


def is_frame(X):
    """Return whether `X` is a data frame of pandas or of polars."""
    return _library(X) is not None


def labels(X):
    """Return the labels of the columns of a frame."""
    return tuple(X.columns)


def plain_array(X):
    """Return the array of a frame whose columns are all NumPy numbers of one dtype, or None."""
    if _library(X) != "pandas":
        return None
    kinds = set(X.dtypes)
    one = kinds.pop() if len(kinds) == 1 else None
    return np.asarray(X) if isinstance(one, np.dtype) and one.kind in "biuf" else None


def column(X, index):
    """Return the `Column` of a frame with this index."""
    return _FIRST_LOOK[_library(X)](X, index)


def values(X, index):
    """Return the values of a column of numbers or objects without missing values, (n,)."""
    if _library(X) == "pandas":
        series = X.iloc[:, index]
        kind = _numpy_dtype(series.dtype)
        return series.to_numpy() if kind is None else series.to_numpy(kind)
    series = X.to_series(index)
    return series.cast(float).to_numpy() if _numpy_of_polars(series) is None else series.to_numpy()


def have_rows_in_another_order(X, other):
    """Return whether both are of pandas and have the same labels of rows, but not in the same order."""
    Index = getattr(sys.modules.get("pandas"), "Index", ())
    index, others = (getattr(each, "index", None) for each in (X, other))
    if not (isinstance(index, Index) and isinstance(others, Index)) or len(index) != len(others):
        return False
    return bool(not index.equals(others) and index.is_unique and others.is_unique and index.isin(others).all())


def _library(X):
    for name, library in (("pandas", sys.modules.get("pandas")), ("polars", sys.modules.get("polars"))):
        if library is not None and isinstance(X, getattr(library, "DataFrame", ())):
            return name
    return None


_KINDS = dict.fromkeys("biuf", "numbers") | {"c": "complex numbers", "O": "objects", "U": "text", "S": "text"}
"""By NumPy's letter, the kind of a column."""

_KINDS_BY_NAME = {"Sparse": "sparse numbers", "category": "categories", "str": "text", "interval": "other objects"}
_KINDS_BY_NAME |= dict.fromkeys(("date", "time", "period"), "dates")
"""How the name of a dtype of pandas begins, and the kind of its columns."""


def _of_pandas(X, index):
    series = X.iloc[:, index]
    dtype = series.dtype
    by_name = [kind for start, kind in _KINDS_BY_NAME.items() if str(dtype).startswith(start)]
    found = by_name[0] if by_name else _KINDS.get(getattr(dtype, "kind", "O"), "other objects")
    if found != "numbers":
        return Column(found, dtype, None, None)
    is_missing = series.isna().to_numpy()
    missing = int(is_missing.argmax()) if is_missing.any() else None
    return Column(found, dtype, _numpy_dtype(dtype), missing)


def _numpy_dtype(dtype):
    """Return the NumPy dtype of the numbers of a pandas dtype, or None."""
    numpy_dtype = dtype if isinstance(dtype, np.dtype) else getattr(dtype, "numpy_dtype", None)
    return numpy_dtype if numpy_dtype is not None and numpy_dtype.kind in "biuf" else None


def _of_polars(X, index):
    series = X.to_series(index)
    dtype = series.dtype
    name = str(dtype)
    kinds = {"Boolean": "numbers", "Null": "numbers", "String": "text", "Object": "objects"}
    found = kinds.get(name, "other objects")
    if dtype.is_numeric():
        found = "numbers"
    elif dtype.is_temporal():
        found = "dates"
    elif name.startswith(("Categorical", "Enum")):
        found = "categories"
    if found != "numbers":
        return Column(found, dtype, None, None)
    missing = int(series.is_null().arg_max()) if series.null_count() else None
    return Column(found, dtype, _numpy_of_polars(series) or np.dtype(float), missing)


def _numpy_of_polars(series):
    """Return the NumPy dtype of a series, or None for one that is converted to floats, such as decimals."""
    name = str(series.dtype).lower()
    try:
        return np.dtype({"boolean": "bool"}.get(name, name))
    except TypeError:
        return None


_FIRST_LOOK = {"pandas": _of_pandas, "polars": _of_polars}
