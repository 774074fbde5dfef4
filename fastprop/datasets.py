"""Data sets: the digits that ship with the package, and tables from files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fastprop import annotations, tabular
from fastprop.tabular import Table as Table

ENDINGS = ".csv", ".tsv", ".csv.gz", ".tsv.gz", ".npz"
"""Endings of the files that can be read."""


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


def read(
    path: annotations.Path,
    target: str | None = None,
    *,
    drop: Sequence[str] = (),
    features: Sequence[str] | None = None,
) -> Table:
    r"""Read features and targets from a CSV file (extra ``tables``) or an npz file.

    Parameters
    ----------
    path : str or Path
        A CSV file, whose name ends in ``.csv``, ``.tsv``, ``.csv.gz`` or ``.tsv.gz``, or an npz file with arrays ``X``
        and ``y``. The delimiter of a CSV file (comma, semicolon, tab or ``|``), its encoding, decimal commas beside
        another delimiter, and a missing header are detected. A first column without a name is the index of the rows,
        and is left out.
    target : str, optional
        The column (CSV) or array (npz) to predict; by default the last column, or ``y``.
    drop : sequence of str
        Columns of a CSV file to leave out.
    features : sequence of str, optional
        The columns of a CSV file to predict from; by default all but the target.

    Returns
    -------
    Table
        The pair ``X, y``, which can be unpacked, with ``feature_names``, ``target_name`` and ``class_names``. `X` is
        (n, features), float64 from a CSV file, or of the dtype in the npz file. `y` is int64 if the targets are
        classes: words, which are numbered in alphabetical order, or whole numbers from 0 on without a gap. Else it
        holds the numbers in the file.

    Warns
    -----
    DataWarning
        If something was taken for what it may not be: a file without a header, a column that is an index of the rows.

    Raises
    ------
    ValueError
        If the file is missing, of another kind, or has a feature that is not a number in each row. The message names
        lines and columns.
    ImportError
        If pyarrow, which reads CSV files, is not installed.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> import fastprop as fp
    >>> path = pathlib.Path(tempfile.mkdtemp(), "houses.csv")
    >>> _ = path.write_text("area,rooms,price\n80,3,1.5\n120,5,2.5\n")
    >>> X, y = fp.datasets.read(path, target="price")
    >>> X.shape, y
    ((2, 2), array([1.5, 2.5]))
    >>> fp.datasets.read(path, drop=["rooms"]).feature_names
    ('area',)
    """
    path = Path(path)
    if _is_npz(path):
        if drop or features is not None:
            raise ValueError(f"{path} has arrays without names of columns: leave out drop and features.")
        return tabular.read_npz(path, target)
    return tabular.read_csv(path, target, drop, features)


def read_inputs(path: annotations.Path, names: Sequence[str] | None = None) -> NDArray[np.float64]:
    r"""Read features alone from a file, of which `read` describes the kinds.

    Parameters
    ----------
    path : str or Path
    names : sequence of str, optional
        The columns of a CSV file to read, in this order; by default all. An npz file has one array ``X``.

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
    path = Path(path)
    return tabular.read_npz_inputs(path) if _is_npz(path) else tabular.read_csv_inputs(path, names)


def column_names(path: annotations.Path) -> list[str]:
    r"""Return the names of the columns of a CSV file, of which `read` describes the kinds.

    Parameters
    ----------
    path : str or Path

    Returns
    -------
    list of str
        Without a column that is left out; empty for an npz file.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> import fastprop as fp
    >>> path = pathlib.Path(tempfile.mkdtemp(), "houses.csv")
    >>> _ = path.write_text("rooms;price;area\n3;1,5;80\n")
    >>> fp.datasets.column_names(path)
    ['rooms', 'price', 'area']
    """
    path = Path(path)
    return [] if _is_npz(path) else tabular.detect(path).columns


def _is_npz(path):
    """Return whether a file is an npz file and no CSV file; ValueError if it is missing or of another kind."""
    if not path.is_file():
        raise ValueError(
            f"there is no file {path}: check the path, or say 'digits' for the data that ships with fastprop."
        )
    if not path.name.lower().endswith(ENDINGS):
        raise ValueError(f"{path} must end in {', '.join(ENDINGS)}: convert the file.")
    return path.suffix.lower() == ".npz"
