"""Folds of a cross-validation: which rows are trained on, and which are held out."""

import numbers

import numpy as np

from fastprop.checks.values import shown, whole_number


def folds(cv, X, y, labels):
    """Return (training rows, held-out rows) of each fold.

    Parameters
    ----------
    cv : int, splitter or iterable
        How many folds, a scikit-learn style splitter with ``split(X, y)``, or pairs of row numbers or of masks.
    X, y : ndarray
        What a splitter is given.
    labels : ndarray or None
        (n,) of a classifier: an int then makes folds in which the classes have equal shares, those of scikit-learn's
        ``StratifiedKFold``; else they are runs of rows, as ``KFold`` has them.
    """
    if isinstance(cv, numbers.Integral) and not isinstance(cv, bool):
        pairs = _equal_folds(whole_number(cv, "cv", minimum=2), len(X), labels)
    elif hasattr(cv, "split"):
        pairs = list(cv.split(X, y))
    elif np.iterable(cv) and not isinstance(cv, (str, bytes)):
        pairs = list(cv)
    else:
        raise TypeError(
            f"cv must be a number of folds, a splitter or pairs of rows, not {shown(cv)}: give one, such as cv=5."
        )
    if not pairs:
        raise ValueError("cv has no folds: give at least one pair of training rows and held-out rows.")
    return [_pair(number, pair, len(X), labels) for number, pair in enumerate(pairs)]


def _equal_folds(count, rows, labels):
    """Of labels in the order in which they come up, class by class, so that folds differ by a row at most."""
    fold = np.empty(rows, np.int64)
    if count > rows:
        raise ValueError(f"cv={count} folds of {rows} rows leave some empty: give {rows} at most.")
    if labels is None:
        sizes = np.full(count, rows // count) + (np.arange(count) < rows % count)
        fold[:] = np.repeat(np.arange(count), sizes)
    else:
        _, first, codes = np.unique(labels, return_index=True, return_inverse=True)
        codes = np.argsort(np.argsort(first))[codes]  # classes numbered as they come up
        ordered = np.sort(codes)
        for code in range(len(first)):
            share = [np.sum(ordered[number::count] == code) for number in range(count)]
            fold[codes == code] = np.repeat(np.arange(count), share)
    return [(np.flatnonzero(fold != number), np.flatnonzero(fold == number)) for number in range(count)]


def _pair(number, pair, rows, labels):
    if not isinstance(pair, (tuple, list)) or len(pair) != 2:
        raise TypeError(f"fold {number} of cv must be a pair of training rows and held-out rows, not {shown(pair)}.")
    sides = zip(pair, ("training", "held-out"))
    return tuple(_rows(each, f"the {side} rows of fold {number} of cv", rows, labels) for each, side in sides)


def _rows(numbers, name, rows, labels):
    numbers = np.asarray(numbers)
    if numbers.dtype == bool and numbers.shape == (rows,):
        numbers = np.flatnonzero(numbers)
    if numbers.size == 0:
        raise ValueError(f"{name} are empty: give at least one row.")
    if numbers.ndim != 1 or numbers.dtype.kind not in "iu":
        raise TypeError(f"{name} must be row numbers or a mask of {rows} rows, not {shown(numbers)}.")
    if numbers.min() < 0 or numbers.max() >= rows:
        raise ValueError(f"{name} go from {numbers.min()} to {numbers.max()}: give numbers from 0 to {rows - 1}.")
    if labels is not None and len(np.unique(labels)) > 1 and len(np.unique(labels[numbers])) == 1:
        raise ValueError(
            f"{name} all have the label {labels[numbers[0]]}: give folds with several classes on either side, "
            "such as cv=5 makes."
        )
    return numbers.astype(np.int64)
