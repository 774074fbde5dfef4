"""Folds of a cross-validation."""

import numbers

import numpy as np

from fastprop import checks


def cross_validation_folds(cv, X, y, labels):
    """Return (training rows, held-out rows) of each fold, both as row indices (int64).

    Parameters
    ----------
    cv : int, splitter or iterable
        The number of folds; a splitter in scikit-learn's style, with ``split(X, y)``; or pairs of row indices or masks.
    X, y : ndarray
        The arrays that a splitter is given.
    labels : ndarray or None
        (n,) the labels of a classifier. With labels, an int makes the folds of scikit-learn's ``StratifiedKFold``, in
        which all classes have equal shares. Without, it makes those of ``KFold``, which are consecutive rows.

    Examples
    --------
    >>> import numpy as np
    >>> from fastprop.data import cross_validation_folds
    >>> X, y = np.zeros((4, 1)), np.array([0, 0, 1, 1])
    >>> [held_out.tolist() for _, held_out in cross_validation_folds(2, X, y, labels=y)]
    [[0, 2], [1, 3]]
    """
    if isinstance(cv, numbers.Integral) and not isinstance(cv, bool):
        count = checks.fold_count(cv, len(X))
        fold_of_row = _consecutive_folds(count, len(X)) if labels is None else _stratified_folds(count, labels)
        pairs = [(np.flatnonzero(fold_of_row != fold), np.flatnonzero(fold_of_row == fold)) for fold in range(count)]
    else:
        pairs = checks.fold_pairs(cv.split(X, y) if hasattr(cv, "split") else cv)
    return [checks.fold(pair, index, len(X), labels) for index, pair in enumerate(pairs)]


def _consecutive_folds(count, rows):
    """Return the fold of each row, (rows,): consecutive rows; the first folds have one row more if there is a rest."""
    sizes = np.full(count, rows // count) + (np.arange(count) < rows % count)
    return np.repeat(np.arange(count), sizes)


def _stratified_folds(count, labels):
    """Return the fold of each row, (rows,): each fold's share of a class differs by at most one row.

    Classes have the order in which they first occur. When rows are sorted by class, row i counts for fold i mod
    `count`; this gives the number of rows that each fold gets of each class. Within a class, the first rows go to the
    first fold.
    """
    _, first_row, class_index = np.unique(labels, return_index=True, return_inverse=True)
    class_index = np.argsort(np.argsort(first_row))[class_index]
    ordered = np.sort(class_index)
    fold_of_row = np.empty(len(labels), np.int64)
    for each in range(len(first_row)):
        shares = [np.sum(ordered[fold::count] == each) for fold in range(count)]
        fold_of_row[class_index == each] = np.repeat(np.arange(count), shares)
    return fold_of_row
