"""Checks of the rows that are held out: a share of them, other rows, or the folds of a cross-validation."""

import numpy as np

from fastprop.checks.values import number, shown, whole_number


def held_out_count(fraction, rows):
    """Return how many of `rows` rows a fraction holds out: at least one, and not all."""
    count = round(number(fraction, "validation", below=1.0) * rows)
    if not 0 < count < rows:
        raise ValueError(
            f"validation={fraction} of {rows} rows holds out {count}: "
            "choose a fraction that leaves at least one row on each side."
        )
    return count


def validation_pair(value):
    """Return validation data, which must be a pair (X, y)."""
    if not isinstance(value, (tuple, list)) or len(value) != 2:
        raise TypeError(
            f"validation must be a fraction or a pair (X, y), not {type(value).__name__}: give one of these."
        )
    return value


def fold_count(cv, rows):
    """Return `cv` as the number of folds to make of `rows` rows: from 2 to `rows`."""
    count = whole_number(cv, "cv", minimum=2)
    if count > rows:
        raise ValueError(f"cv={count} folds of {rows} rows leave some empty: give {rows} at most.")
    return count


def fold_pairs(cv):
    """Return an iterable of folds as a list, which must not be empty."""
    if not np.iterable(cv) or isinstance(cv, (str, bytes)):
        raise TypeError(
            f"cv must be a number of folds, a splitter or pairs of rows, not {shown(cv)}: give one, such as cv=5."
        )
    pairs = list(cv)
    if not pairs:
        raise ValueError("cv has no folds: give at least one pair of training rows and held-out rows.")
    return pairs


def fold(pair, index, rows, labels):
    """Return a fold as two arrays of row indices, int64: training rows and held-out rows."""
    if not isinstance(pair, (tuple, list)) or len(pair) != 2:
        raise TypeError(
            f"fold {index} of cv must be a pair of training rows and held-out rows, not {shown(pair)}: give a pair."
        )
    training, held_out = pair
    return (
        _row_indices(training, f"the training rows of fold {index} of cv", rows, labels),
        _row_indices(held_out, f"the held-out rows of fold {index} of cv", rows, labels),
    )


def _row_indices(indices, name, rows, labels):
    indices = np.asarray(indices)
    if indices.dtype == bool and indices.shape == (rows,):
        indices = np.flatnonzero(indices)
    if indices.size == 0:
        raise ValueError(f"{name} are empty: give at least one row.")
    if indices.ndim != 1 or indices.dtype.kind not in "iu":
        raise TypeError(
            f"{name} must be row indices or a mask of {rows} rows, not {shown(indices)}: give one of these."
        )
    if indices.min() < 0 or indices.max() >= rows:
        raise ValueError(f"{name} go from {indices.min()} to {indices.max()}: give indices from 0 to {rows - 1}.")
    if labels is not None and len(np.unique(labels)) > 1 and len(np.unique(labels[indices])) == 1:
        raise ValueError(
            f"{name} all have the label {labels[indices[0]]}: give folds with several classes on either side, "
            "such as cv=5 makes."
        )
    return indices.astype(np.int64)
