"""Checks of the rows that are held out: a share of them, other rows, or the folds of a cross-validation."""

import numpy as np

from fastprop.checks.spelling import argument
from fastprop.checks.values import number, shown, whole_number


def held_out_count(fraction, rows):
    """Return how many of `rows` rows a fraction holds out: at least one, and not all."""
    count = round(number(fraction, "validation", below=1.0) * rows)
    if not 0 < count < rows:
        raise ValueError(
            f"{argument('validation', repr(fraction))} of {rows} row{'s' * (rows != 1)} holds out {count}: "
            "choose a fraction that leaves at least one row on each side."
        )
    return count


def validation_data(value):
    """Return validation data, which must be (X, y) or (X, y, weights)."""
    if not isinstance(value, (tuple, list)) or len(value) not in (2, 3):
        raise TypeError(
            f"validation must be a fraction, (X, y) or (X, y, weights), not {type(value).__name__}: give one of these."
        )
    return value


def fold_count(cv, rows):
    """Return `cv` as the number of folds to make of `rows` rows: from 2 to `rows`."""
    count = whole_number(cv, "cv", minimum=2)
    if count > rows:
        raise ValueError(f"{argument('cv', repr(count))} folds of {rows} rows leave some empty: give {rows} at most.")
    return count


def fold_pairs(cv, X, y):
    """Return the folds that a splitter makes of `X` and `y`, or those of an iterable, as a list that is not empty."""
    if isinstance(cv, type):
        raise TypeError(f"cv is the class {cv.__name__}: give a splitter, such as {cv.__name__}().")
    is_text = isinstance(cv, (str, bytes))
    if hasattr(cv, "split") and not is_text:
        cv = _split(cv, X, y)
    if is_text or not np.iterable(cv):
        raise TypeError(
            f"cv must be a number of folds, a splitter or pairs of rows, not {shown(cv)}: give one, such as cv=5."
        )
    pairs = list(cv)
    if not pairs:
        raise ValueError("cv has no folds: give at least one pair of training rows and held-out rows.")
    return pairs


def _split(splitter, X, y):
    """Return the folds of a splitter, a list; one that needs groups of rows must be given with these."""
    try:
        return list(splitter.split(X, y))
    except (TypeError, ValueError) as error:
        if "groups" not in str(error):
            raise
        name = type(splitter).__name__
        raise ValueError(
            f"cv={name} needs the group of each row: give its folds, cv=list({name}(…).split(X, y, groups))."
        ) from error


def fold(pair, index, counts):
    """Return a fold as three arrays of row indices, int64: training rows, validation rows and rows that are scored.

    The last two are the same in a pair. `counts` (n,) says of each row whether it counts; the others are left out.
    """
    if not isinstance(pair, (tuple, list)) or len(pair) not in (2, 3):
        raise TypeError(
            f"fold {index} of {argument('cv')} must be a pair of training rows and held-out rows, not "
            f"{shown(pair)}: give a pair, or training rows, validation rows and rows to score."
        )
    training = _row_indices(pair[0], f"the training rows of fold {index} of {argument('cv')}", counts)
    scored = _row_indices(pair[-1], f"the held-out rows of fold {index} of {argument('cv')}", counts)
    if len(pair) == 2:
        return training, scored, scored
    if len(pair[1]) == 0:
        return training, training[:0], scored
    return training, _row_indices(pair[1], f"the validation rows of fold {index} of {argument('cv')}", counts), scored


def _row_indices(indices, name, counts):
    indices = np.asarray(indices)
    rows = len(counts)
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
    indices = indices[counts[indices]]
    if len(indices) == 0:
        raise ValueError(f"{name} all have the weight 0: give at least one with a positive weight.")
    return indices.astype(np.int64)
