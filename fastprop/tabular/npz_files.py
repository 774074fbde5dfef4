"""Reads npz files: arrays ``X`` and ``y``."""

import zipfile

import numpy as np

from fastprop import checks
from fastprop.tabular.table import Table, classes_of_numbers, classes_of_words


def read_npz(path, target=None):
    """Return the `Table` of an npz file, with the array ``X`` and the array called `target` or, by default, ``y``.

    The arrays keep their dtypes; targets that are classes become int64, and words are numbered.
    """
    target = target or "y"
    found = _arrays(path, ("X", target))
    X = checks.matrix(found["X"])
    y = found[target]
    if y.dtype.kind == "U" and y.ndim == 1:
        classes, names = classes_of_words(y)
        return Table(X, classes, None, target, names)
    return Table(X, classes_of_numbers(checks.numeric(y, target)), None, target)


def read_npz_inputs(path):
    """Return the array ``X`` of an npz file."""
    return _arrays(path, ("X",))["X"]


def _arrays(path, wanted):
    """Return the wanted arrays by name; ValueError if one is missing."""
    try:
        with open(path, "rb") as file, np.load(file) as arrays:
            found = {name: arrays[name] for name in wanted if name in arrays}
            names = ", ".join(arrays.files)
    except (OSError, ValueError, EOFError, AttributeError, TypeError, zipfile.BadZipFile) as error:
        raise ValueError(f"{path} is no npz file of numeric arrays ({error}): write it with np.savez.") from None
    for name in wanted:
        if name not in found:
            raise ValueError(f"{path} has no array {name!r}, only {names}: write it, or name another target.")
    return found
