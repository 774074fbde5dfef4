"""Data sets: the digits that ship with the package, and tables from files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastprop import files, numpy_settings
from fastprop.annotations import NumericEncodingName
from fastprop.annotations import Path as PathLike
from fastprop.notices import DataWarning, warn
from fastprop.tabular import Choice, Encoder, sources
from fastprop.tabular import Table as Table
from fastprop.tabular.numeric_encodings import checked
from fastprop.tabular.plans import NumberPlan
from fastprop.tabular.targets import nothing_to_learn

__all__ = ["Table", "column_names", "digits", "read", "read_inputs"]
__docformat__ = "numpy"


def digits() -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Return the handwritten digits of the UCI repository's test set, 8 × 8 pixels each.

    Returns
    -------
    X : ndarray
        (1797, 64) float32, the gray levels from 0 to 1 of the pixels, row by row.
    y : ndarray
        (1797,) int64, the digit from 0 to 9.

    References
    ----------
    Alpaydin and Kaynak, "Optical Recognition of Handwritten Digits", UCI Machine Learning Repository, 1998,
    doi:10.24432/C50P49, license CC BY 4.0.

    Examples
    --------
    >>> import fastprop as fp
    >>> X, y = fp.datasets.digits()
    >>> X.shape, int(y[0])
    ((1797, 64), 0)
    """
    with np.load(Path(__file__).parent / "data" / "digits.npz") as file:
        return file["pixels"].astype(np.float32) / 16, file["labels"].astype(np.int64)


@numpy_settings.own
def read(
    source: Any,
    target: str | None = None,
    *,
    drop: Sequence[str] = (),
    features: Sequence[str] | None = None,
    categorical: Sequence[str] = (),
    numeric: Sequence[str] = (),
    numeric_encoding: NumericEncodingName = "standard",
) -> Table:
    r"""Read features and targets from a file or a data frame (extra ``tables``).

    Parameters
    ----------
    source : str, Path or data frame
        A CSV file, whose name ends in ``.csv``, ``.tsv`` or ``.txt``, also with ``.gz``; a Parquet or Feather file; an
        npz file with arrays ``X`` and ``y``; an npy file, whose last column is the target; or a data frame of pandas or
        polars, an Arrow table, or anything with ``__arrow_c_stream__``. The delimiter of a CSV file (comma, semicolon,
        tab or ``|``), decimal commas beside another delimiter, and a missing header are detected. Its encoding is
        UTF-8, UTF-16 where it begins with the mark of that, or else Windows-1252. Numbers with separators of thousands,
        a sign of money or percent are read as such: 12 % is 0.12. A first column without a name is the index of the
        rows, and is left out.
    target : str, optional
        The column, or array of an npz file, to predict; by default the last column, or ``y``.
    drop : sequence of str
        Columns to leave out.
    features : sequence of str, optional
        The columns to predict from; by default all but the target.
    categorical, numeric : sequence of str
        Columns that are categories, or numbers, whatever they hold. The others are planned by what they hold, as
        `fastprop.tabular.Encoder` describes: words are categories.
    numeric_encoding : str
        What becomes of numbers: ``"standard"`` leaves them, ``"robust"`` scales them by their quartiles and keeps them
        between -3 and 3, and ``"piecewise"`` makes a feature of each of up to 48 bins, as `fastprop.tabular.Encoder`
        describes. Files of arrays have no columns to encode.

    Returns
    -------
    Table
        The pair ``X, y``, which can be unpacked, with ``feature_names``, ``target_name``, ``class_names`` and
        ``encoder``, which makes the same inputs of other tables. `X` is (n, features), float64, or of the dtype in the
        npz file; all rows decide what stands for missing cells. It is read-only where it shares the memory of
        ``columns``, see `Table`. Give ``columns`` to `train` and `sweep` in place of `X`
        to have only the rows decide that are trained on. `y` is int64 if the targets are classes: words, which are
        numbered in alphabetical order, or whole numbers from 0 on without a gap. Else it holds the numbers in the file.

    Warns
    -----
    DataWarning
        If something was taken for what it may not be, a file without a header or a column that is an index of the rows,
        or if all rows have the same target.

    Raises
    ------
    ValueError
        If the file is missing, of another kind, or has a column that cannot be learned from. The message names
        lines and columns.
    ImportError
        If pyarrow, which reads all but arrays and frames of pandas, is not installed.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> import fastprop as fp
    >>> path = pathlib.Path(tempfile.mkdtemp(), "houses.csv")
    >>> _ = path.write_text("area,roof,price\n80,flat,1.5\n120,hip,2.5\n")
    >>> X, y = fp.datasets.read(path, target="price")
    >>> X, y
    (array([[ 80.,   1.,   0.],
           [120.,   0.,   1.]]), array([1.5, 2.5]))
    >>> fp.datasets.read(path, drop=["roof"]).feature_names
    ('area',)
    """
    names = None if features is None else tuple(features)
    told = tuple(categorical), tuple(numeric), checked(numeric_encoding)
    with files.naming(source):
        found = sources.read(source, Choice(target, tuple(drop), names, *told))
        table = found if isinstance(found, Table) else found.encoded()
    if len(table.y) > 1 and (table.y == table.y[0]).all():
        value = f"{table.y[0]}" if table.class_names is None else table.class_names[0]
        warn(nothing_to_learn(table, value), DataWarning)
    return table


@numpy_settings.own
def read_inputs(source: Any, names: Sequence[str] | None = None) -> NDArray[Any]:
    r"""Read features that are numbers from a file or a data frame, of which `read` describes the kinds.

    Parameters
    ----------
    source : str, Path or data frame
    names : sequence of str, optional
        The columns to read, in this order; by default all. An npz file has one array ``X``.

    Returns
    -------
    ndarray
        (n, features).

    Raises
    ------
    ValueError, ImportError
        As `read`; also if a column of `names` is missing.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> import fastprop as fp
    >>> path = pathlib.Path(tempfile.mkdtemp(), "houses.csv")
    >>> _ = path.write_text("rooms,price,area\n3,1.5,80\n5,2.5,120\n")
    >>> fp.datasets.read_inputs(path, ["area", "rooms"])
    array([[ 80.,   3.],
           [120.,   5.]])
    """
    with files.naming(source):
        if sources.is_array_file(source):
            return sources.read_array(source)
        columns = sources.read_columns(source, names)
        return Encoder([NumberPlan(name) for name in columns]).transform_columns(columns, np.float64)


def column_names(source: PathLike) -> list[str]:
    r"""Return the names of the columns of a file or a data frame, of which `read` describes the kinds.

    Parameters
    ----------
    source : str, Path or data frame

    Returns
    -------
    list of str
        Without a column that is left out; empty for a file of arrays.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> import fastprop as fp
    >>> path = pathlib.Path(tempfile.mkdtemp(), "houses.csv")
    >>> _ = path.write_text("rooms;price;area\n3;1,5;80\n")
    >>> fp.datasets.column_names(path)
    ['rooms', 'price', 'area']
    """
    return sources.column_names(source)
