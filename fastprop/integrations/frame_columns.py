"""The columns of data frames: pandas and polars as they are, all others by the Arrow C stream (extra ``tables``).

The libraries are not imported: who has a frame has imported its library.
"""

import sys

import numpy as np

from fastprop.integrations import arrow_columns
from fastprop.integrations.arrow_columns import Column, word_of
from fastprop.notices import DataWarning, warn

LIBRARIES = "pandas", "polars"
"""Libraries whose frames are read without pyarrow where they hold numbers."""


def library(table):
    """Return which of `LIBRARIES` a data frame is of, or None; TypeError for a LazyFrame, which has no rows yet."""
    if isinstance(table, getattr(sys.modules.get("polars"), "LazyFrame", ())):
        raise TypeError("a LazyFrame of polars has no rows yet: call collect(), and give the frame that it returns.")
    for name in LIBRARIES:
        if isinstance(table, getattr(sys.modules.get(name), "DataFrame", ())):
            return name
    return None


def is_frame(table):
    """Return whether `table` is a frame of columns: of pandas or polars, or one that gives an Arrow C stream."""
    is_series = hasattr(table, "dtype")
    return library(table) is not None or (hasattr(table, "__arrow_c_stream__") and not is_series)


def columns(frame):
    """Return the name and the `Column` of each column of a frame, as pairs.

    Parameters
    ----------
    frame : pandas.DataFrame, polars.DataFrame, pyarrow.Table, or any object with ``__arrow_c_stream__``

    Raises
    ------
    TypeError
        If it is none of these.
    ImportError
        If pyarrow, which reads all but pandas, is not installed.

    Examples
    --------
    >>> import pyarrow
    >>> from fastprop.integrations import frame_columns
    >>> columns = frame_columns.columns(pyarrow.table({"size": [1, None], "color": ["red", "blue"]}))
    >>> [(name, column.kind, column.values.tolist(), column.words, column.missing) for name, column in columns]
    [('size', 'numbers', [1.0, nan], (), 1), ('color', 'words', [0, 1], ('red', 'blue'), 0)]
    """
    if library(frame) == "pandas":
        return [(str(name), _of_pandas(frame.iloc[:, index])) for index, name in enumerate(frame.columns)]
    if not is_frame(frame):
        raise TypeError(
            f"a table must be a data frame of pandas or polars, an Arrow table, or have __arrow_c_stream__, "
            f"not {type(frame).__name__}: convert it."
        )
    return arrow_columns.columns_of_stream(frame)


def number_columns(frame):
    """Return the label and the `Column` of each column of a frame that should hold numbers, as pairs.

    Values have the dtype that the frame gives them, float64 with NaN if some are missing. A column of objects, which
    may be numbers, has the kind "objects"; one of anything else has a kind that `checks.column_kind` refuses, and no
    values.
    """
    if library(frame) == "pandas":
        return [(label, _numbers_of_pandas(frame.iloc[:, index])) for index, label in enumerate(frame.columns)]
    if library(frame) == "polars":
        return [(label, _numbers_of_polars(frame.to_series(index))) for index, label in enumerate(frame.columns)]
    pairs = arrow_columns.columns_of_stream(frame)
    return [(name, column._replace(kind=_KINDS_OF_ARROW.get(column.kind, "numbers"))) for name, column in pairs]


def plain_array(frame):
    """Return the array of a frame of pandas whose columns are all NumPy numbers of one dtype, or None."""
    if library(frame) != "pandas":
        return None
    kinds = set(frame.dtypes)
    one = kinds.pop() if len(kinds) == 1 else None
    return np.asarray(frame) if isinstance(one, np.dtype) and one.kind in "biuf" else None


def warn_of_another_order(X, others, names=("X", "y", "sample_weight")):
    """Warn of data frames or series whose rows are those of X in another order, because rows belong by position."""
    for other, name in zip(others, names[1:]):
        if _have_rows_in_another_order(X, other):
            warn(
                f"{names[0]} and {name} have the same labels of rows in different orders, and rows are taken by their "
                f"position: bring {name} into the order of {names[0]}, or give arrays.",
                DataWarning,
            )


def _have_rows_in_another_order(X, other):
    """Return whether both are of pandas and have the same labels of rows, but not in the same order."""
    Index = getattr(sys.modules.get("pandas"), "Index", ())
    index, others = (getattr(each, "index", None) for each in (X, other))
    if not (isinstance(index, Index) and isinstance(others, Index)) or len(index) != len(others):
        return False
    return bool(not index.equals(others) and index.is_unique and others.is_unique and index.isin(others).all())


def plain_numbers(y, of_objects):
    """Return a series, or a frame of one column, of pandas with NumPy's numbers in place of nullable and Arrow ones.

    All else is returned as it is: what has a gap, words, and what is not of pandas. `of_objects` makes an array of
    numbers of one of objects, where these are numbers.
    """
    if library(y) == "pandas" and y.shape[1] == 1:
        return plain_numbers(y.iloc[:, 0], of_objects).to_frame()
    pandas = sys.modules.get("pandas")
    if not isinstance(y, getattr(pandas, "Series", ())) or y.isna().any():
        return y
    if y.dtype == object:
        return pandas.Series(of_objects(y.to_numpy()), y.index, name=y.name)
    dtype = getattr(y.dtype, "numpy_dtype", None)
    return y if dtype is None or dtype.kind not in "biu" else y.astype(dtype)


# ---- any columns of pandas ----


def _of_pandas(series):
    """Return a series of pandas as a `Column`."""
    pandas = sys.modules["pandas"]
    if isinstance(series.dtype, pandas.ArrowDtype):
        return arrow_columns.column(arrow_columns.require().array(series))
    is_missing = series.isna().to_numpy(bool)
    if isinstance(series.dtype, pandas.CategoricalDtype):
        words = tuple(map(word_of, series.cat.categories))
        return arrow_columns.of_codes(series.cat.codes.to_numpy(np.int64), words)
    kind = _INFERRED.get(pandas.api.types.infer_dtype(series, skipna=True), "other")
    if series.dtype.kind == "O" and kind == "words":
        try:
            codes, words = pandas.factorize(series)
        except TypeError:  # of cells that have no hash
            kinds = sorted({type(cell).__name__ for cell in series.dropna()})
            return Column("other", np.full(len(series), np.nan), (f"cells of the type {' and '.join(kinds)}",), 0)
        return arrow_columns.of_codes(np.asarray(codes, np.int64), tuple(map(word_of, words)))
    if kind in ("nothing", "other"):
        return Column(kind, np.full(len(series), np.nan), (str(series.dtype),) * (kind == "other"), is_missing.sum())
    if kind == "dates":
        dates = pandas.to_datetime(series, utc=True).dt.tz_localize(None).to_numpy("datetime64[us]")
        values = dates.astype(np.int64) / arrow_columns.DAY
    else:
        values = series.to_numpy(np.float64, na_value=np.nan) if is_missing.any() else series.to_numpy(np.float64)
    values = np.where(is_missing, np.nan, values)
    return Column(kind, values, (), int(is_missing.sum()))


_INFERRED = {
    **dict.fromkeys(("integer", "floating", "mixed-integer-float", "decimal"), "numbers"),
    **dict.fromkeys(("string", "mixed", "mixed-integer"), "words"),
    **dict.fromkeys(("datetime64", "datetime", "date"), "dates"),
    "boolean": "bools",
    "empty": "nothing",
}
"""By what pandas finds in a series, the kind of its column."""


# ---- columns of numbers ----


def _numbers_of_pandas(series):
    dtype = series.dtype
    by_name = [kind for start, kind in _KINDS_BY_NAME.items() if str(dtype).startswith(start)]
    kind = by_name[0] if by_name else _KINDS.get(getattr(dtype, "kind", "O"), "other objects")
    if kind == "objects":
        return Column(kind, series.to_numpy(), (), 0)
    if kind != "numbers":
        return _refused(kind)
    missing = int(series.isna().sum())
    numpy_dtype = dtype if isinstance(dtype, np.dtype) else getattr(dtype, "numpy_dtype", None)
    if missing:
        return Column(kind, series.to_numpy(np.float64, na_value=np.nan), (), missing)
    is_plain = numpy_dtype is not None and numpy_dtype.kind in "biuf"
    return Column(kind, series.to_numpy(numpy_dtype) if is_plain else series.to_numpy(np.float64), (), 0)


def _numbers_of_polars(series):
    dtype = series.dtype
    name = str(dtype)
    if name.startswith(("Categorical", "Enum")):
        return _refused("categories")
    if dtype.is_temporal():
        return _refused("dates")
    if name == "Object":
        return Column("objects", series.to_numpy(), (), 0)
    if not dtype.is_numeric() and name not in ("Boolean", "Null"):
        return _refused("text" if name == "String" else "other objects")
    try:
        np.dtype({"boolean": "bool"}.get(name.lower(), name.lower()))
    except (TypeError, ValueError):  # of whole numbers of 128 bits, of decimals, or of nothing
        series = series.cast(float)
    missing = series.null_count()
    return Column("numbers", (series.cast(float) if missing else series).to_numpy(), (), missing)


def _refused(kind):
    return Column(kind, np.empty(0), (), 0)


_KINDS = dict.fromkeys("biuf", "numbers") | {"c": "complex numbers", "O": "objects", "U": "text", "S": "text"}
"""By NumPy's letter, the kind of a column of pandas."""

_KINDS_BY_NAME = {"Sparse": "sparse numbers", "category": "categories", "str": "text", "interval": "other objects"}
_KINDS_BY_NAME |= dict.fromkeys(("date", "time", "period"), "dates")
"""How the name of a dtype of pandas begins, and the kind of its columns."""

_KINDS_OF_ARROW = {"words": "text", "dates": "dates", "other": "other objects"}
"""By the kind of a column of an Arrow stream, its kind where it should hold numbers; others are numbers."""
