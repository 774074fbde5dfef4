"""Data sets: the digits that ship with the package, and tables from files."""

from __future__ import annotations

import csv
import zipfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fastprop import annotations, checks


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
    path: annotations.Path, target: str | None = None
) -> tuple[NDArray[np.float64], NDArray[np.int64] | NDArray[np.float64]]:
    r"""Read features and targets from a ``.csv`` or ``.npz`` file.

    Parameters
    ----------
    path : str or Path
        A CSV file with a header, all columns numeric, or an npz file with arrays ``X`` and ``y``.
    target : str, optional
        The column (CSV) or array (npz) to predict; by default the last column, or ``y``.

    Returns
    -------
    X : ndarray
        (n, features) float64.
    y : ndarray
        (n,): int64 if the targets are classes, whole numbers from 0 on without a gap, else float64.

    Raises
    ------
    ValueError
        If the file is missing, of another kind, or has text in a numeric column (the message names line and column).

    Examples
    --------
    >>> import pathlib, tempfile
    >>> import fastprop as fp
    >>> path = pathlib.Path(tempfile.mkdtemp(), "houses.csv")
    >>> _ = path.write_text("area,rooms,price\n80,3,1.5\n120,5,2.5\n")
    >>> X, y = fp.datasets.read(path, target="price")
    >>> X.shape, y
    ((2, 2), array([1.5, 2.5]))
    """
    path = Path(path)
    if not path.is_file():
        raise ValueError(
            f"there is no file {path}: check the path, or say 'digits' for the data that ships with fastprop."
        )
    readers = {".csv": _read_csv, ".npz": _read_npz}
    if path.suffix not in readers:
        raise ValueError(f"{path} must end in .csv or .npz, not {path.suffix!r}: convert the file.")
    X, y = readers[path.suffix](path, target)
    X, y = checks.matrix(X).astype(np.float64), checks.numeric(y, target or "y").astype(np.float64)
    classes = np.unique(y)
    if y.ndim == 1 and len(classes) > 1 and np.array_equal(classes, np.arange(len(classes))):
        y = y.astype(np.int64)
    return X, y


def _read_csv(path, target):
    try:
        with open(path, newline="", encoding="utf-8") as file:
            lines = list(csv.reader(file))
    except (csv.Error, UnicodeDecodeError) as error:
        raise ValueError(f"{path} is no CSV file ({error}): give a header and rows of numbers.") from None
    if not lines:
        raise ValueError(f"{path} is empty: give a header and rows of numbers.")
    names = [name.strip() for name in lines[0]]
    target = names[-1] if target is None else target
    if target not in names:
        raise ValueError(f"{path} has no column {target!r}, only {', '.join(names)}: name one of these.")
    if len(names) == 1:
        raise ValueError(f"{path} has no features: give columns beside {target!r}.")
    rows = [_cells(path, names, line_index, line) for line_index, line in enumerate(lines) if line and line_index > 0]
    if not rows:
        raise ValueError(f"{path} has no rows under its header: give at least one.")
    table = np.array(rows)
    column = names.index(target)
    return np.delete(table, column, axis=1), table[:, column]


def _cells(path, names, line_index, cells):
    """Return the cells of a line as floats; messages count lines from 1."""
    if len(cells) != len(names):
        raise ValueError(
            f"{path} has {len(cells)} cells in line {line_index + 1} but {len(names)} columns: mend that line."
        )
    values = []
    for name, cell in zip(names, cells):
        try:
            values.append(float(cell))
        except ValueError:
            raise ValueError(
                f"{path} has {cell!r} in line {line_index + 1}, column {name!r}, where a number must be: "
                "replace it, or leave the column out."
            ) from None
    return values


def _read_npz(path, target):
    target = target or "y"
    try:
        with open(path, "rb") as file, np.load(file) as arrays:
            found = {name: arrays[name] for name in ("X", target) if name in arrays}
            names = ", ".join(arrays.files)
    except (OSError, ValueError, EOFError, AttributeError, TypeError, zipfile.BadZipFile) as error:
        raise ValueError(f"{path} is no npz file of numeric arrays ({error}): write it with np.savez.") from None
    for name in ("X", target):
        if name not in found:
            raise ValueError(f"{path} has no array {name!r}, only {names}: write it, or name another target.")
    return found["X"], found[target]
