"""Reads npz and npy files: arrays ``X`` and ``y``, or one whose last column is y."""

from fastprop import checks
from fastprop.files import npz, reading, refusing
from fastprop.tabular.table import Table, classes_of_numbers, classes_of_words

NPZ = "npz file of numeric arrays", "write it with np.savez"
"""What an npz file should be, and what to do if it is not; see `files.refusing`."""


def read_npz(path, target=None):
    """Return the `Table` of an npz file, with the array ``X`` and the array called `target` or, by default, ``y``.

    The arrays keep their dtypes; targets that are classes become int64, and words are numbered.
    """
    target = target or "y"
    found = _arrays(path, ("X", target))
    with refusing(path, *NPZ):
        X = checks.matrix(found["X"])
        y = found[target]
        if y.ndim and len(y) != len(X):
            raise ValueError(f"X has {len(X)} rows but {target} has {len(y)}")
        if y.dtype.kind == "U" and y.ndim == 1:
            classes, names = classes_of_words(y)
            return Table(X, classes, None, target, names)
        return Table(X, classes_of_numbers(checks.numeric(y, target)), None, target)


def read_npy(path, choice):
    """Return the `Table` of an npy file, whose one array has the targets in its last column."""
    if choice.target is not None:
        raise ValueError(f"{path} has no names of columns, and its last column is the target: leave the target out.")
    both = _array(path)
    if both.shape[1] < 2:
        raise ValueError(f"{path} has {both.shape[1]} columns: give features and, in the last column, the target.")
    return Table(both[:, :-1], classes_of_numbers(both[:, -1]), None, "y")


def read_inputs(path, features=None):
    """Return the array ``X`` of an npz file, or the array of an npy file, of which only the first `features` count."""
    if path.suffix.lower() == ".npz":
        return _arrays(path, ("X",))["X"]
    array = _array(path)
    return array[:, :features] if features == array.shape[1] - 1 else array


def _array(path):
    with reading(path, "npy file of numbers", "write it with np.save") as file:
        return checks.matrix(npz.read_npy(file))


def _arrays(path, wanted):
    """Return the wanted arrays by name; ValueError if one is missing."""
    with reading(path, *NPZ) as file:
        found, names = npz.read_npz(file, wanted)
    listed = ", ".join(names)
    for name in wanted:
        if name not in found:
            raise ValueError(f"{path} has no array {name!r}, only {listed}: write it, or name another target.")
    return found
