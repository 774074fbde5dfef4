"""The columns of data frames: pandas without further libraries, all others by the Arrow C stream (extra ``tables``)."""

import sys

import numpy as np

from fastprop.integrations import arrow_columns
from fastprop.integrations.arrow_columns import Column, word_of


def is_frame(table):
    """Return whether `table` is a frame of which `columns` can read the columns."""
    return _is_pandas(table) or hasattr(table, "__arrow_c_stream__")


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
    >>> frame_columns.columns(pyarrow.table({"size": [1, None], "color": ["red", "blue"]}))
    [('size', Column(kind='numbers', values=array([ 1., nan]), words=(), missing=1)), \
('color', Column(kind='words', values=array([0, 1]), words=('red', 'blue'), missing=0))]
    """
    if _is_pandas(frame):
        return [(str(name), _of_pandas(frame.iloc[:, index])) for index, name in enumerate(frame.columns)]
    if not is_frame(frame):
        raise TypeError(
            f"a table must be a data frame of pandas or polars, an Arrow table, or have __arrow_c_stream__, "
            f"not {type(frame).__name__}: convert it."
        )
    return arrow_columns.columns_of_stream(frame)


def _is_pandas(table):
    pandas = sys.modules.get("pandas")
    return pandas is not None and isinstance(table, getattr(pandas, "DataFrame", ()))


def _of_pandas(series):
    """Return a series of pandas as a `Column`."""
    pandas = sys.modules["pandas"]
    is_missing = series.isna().to_numpy(bool)
    if isinstance(series.dtype, pandas.CategoricalDtype):
        words = tuple(map(word_of, series.cat.categories))
        return _of_codes(series.cat.codes.to_numpy(np.int64), words)
    kind = _INFERRED.get(pandas.api.types.infer_dtype(series, skipna=True), "other")
    if series.dtype.kind == "O" and kind == "words":
        codes, words = pandas.factorize(series)
        return _of_codes(np.asarray(codes, np.int64), tuple(map(word_of, words)))
    if kind in ("nothing", "other"):
        return Column(kind, np.full(len(series), np.nan), (str(series.dtype),) * (kind == "other"), is_missing.sum())
    if kind == "dates":
        dates = pandas.to_datetime(series, utc=True).dt.tz_localize(None).to_numpy("datetime64[us]")
        values = dates.astype(np.int64) / arrow_columns.DAY
    else:
        values = series.to_numpy(np.float64, na_value=np.nan) if is_missing.any() else series.to_numpy(np.float64)
    values = np.where(is_missing, np.nan, values)
    return Column(kind, values, (), int(is_missing.sum()))


def _of_codes(codes, words):
    """Return a column of words, of which some that differ in their types alone may be the same."""
    different = {word: index for index, word in enumerate(dict.fromkeys(words))}
    if len(different) < len(words):
        codes = np.array([*(different[word] for word in words), -1])[codes]
    return Column("words", codes, tuple(different), int((codes == -1).sum()))


_INFERRED = {
    **dict.fromkeys(("integer", "floating", "mixed-integer-float", "decimal"), "numbers"),
    **dict.fromkeys(("string", "mixed", "mixed-integer"), "words"),
    **dict.fromkeys(("datetime64", "datetime", "date"), "dates"),
    "boolean": "bools",
    "empty": "nothing",
}
"""By what pandas finds in a series, the kind of its column."""
