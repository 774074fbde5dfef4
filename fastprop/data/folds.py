"""Folds of a cross-validation."""

import numpy as np

from fastprop import checks
from fastprop.data.class_coverage import warn_of_few_rows, warn_of_untrained
from fastprop.data.unfitted import UnfittedInputs
from fastprop.notices import DataWarning, warn

SEED = 0
"""The seed by which an int's folds are drawn: with it, scikit-learn draws the same ones."""


def cross_validation_folds(cv, X, y, data):
    """Return training rows, validation rows and scored rows of each fold: row indices (int64), none of weight 0.

    The last two are the same unless `cv` has three for each fold.

    Parameters
    ----------
    cv : int, splitter or iterable
        The number of folds; a splitter in scikit-learn's style, with ``split(X, y)``; or pairs or triples of row
        indices or masks.
    X, y : array_like
        What a splitter is given; for `UnfittedInputs`, the inputs of `data` stand in their place.
    data : Dataset
        The checked X and y. If its rows have classes, an int makes the folds of scikit-learn's
        ``StratifiedKFold(cv, shuffle=True, random_state=0)``, in which all classes have equal shares. Without, it makes
        those of ``KFold(cv, shuffle=True, random_state=0)``.

    Examples
    --------
    >>> import numpy as np
    >>> import fastprop as fp
    >>> from fastprop.data import Dataset, cross_validation_folds
    >>> X, y = np.zeros((4, 1)), np.array([0, 0, 1, 1])
    >>> data = Dataset.of(X, y, fp.MLP((1, 2), output="softmax"), "cross_entropy")
    >>> [held_out.tolist() for _, _, held_out in cross_validation_folds(2, X, y, data)]
    [[1, 2], [0, 3]]
    """
    rows = data.rows
    if checks.is_whole(cv):
        count, classes = checks.fold_count(cv, len(rows)), data.classes(rows)
        fold_of_row = _folds_of_rows(count, len(rows), classes)
        sides = [(rows[fold_of_row != fold], rows[fold_of_row == fold]) for fold in range(count)]
        folds = [(training, held_out, held_out) for training, held_out in sides]
        if classes is not None and count < len(rows):
            warn_of_few_rows(data.task, classes, count)
    else:
        counts = np.isin(np.arange(len(data.inputs)), rows)
        folds = [checks.fold(pair, index, counts) for index, pair in enumerate(_pairs(cv, X, y, data, counts))]
        _warn_of_shared_rows(folds)
    if data.task.class_count:
        _warn_of_untrained(folds, data)
    return folds


def _pairs(cv, X, y, data, counts):
    """Return the folds of a splitter or an iterable, of the rows that count where an outer fold has left others out.

    A splitter then splits the rows that count. Other folds lose the rows that do not, and those are dropped that lose
    all rows to train on, or all to score: folds of groups stay folds of groups.
    """
    X = data.inputs.values if isinstance(X, UnfittedInputs) else X
    if data.left_out is None:
        return checks.fold_pairs(cv, X, y)
    if hasattr(cv, "split"):
        rows = np.flatnonzero(counts)
        pairs = checks.fold_pairs(cv, data.inputs.values[rows], data.given[rows])
        return [tuple(rows[each] for each in pair) for pair in pairs]
    positions = np.arange(len(counts))
    pairs = [[positions[each] if len(each) else positions[:0] for each in pair] for pair in checks.fold_pairs(cv, X, y)]
    left = [[rows[counts[rows]] for rows in pair] for pair in pairs]
    left = [pair for pair in left if len(pair[0]) and len(pair[-1])]
    if not left:
        raise ValueError(
            "no fold of cv has rows to train on and rows to hold out beside those that an outer fold tests on: give "
            "other folds, or a number of folds."
        )
    return left


def _warn_of_shared_rows(folds):
    """Warn of the first fold that is scored on rows that it trains on, unless both are all the same: that is meant."""
    for index, (training, _, scored) in enumerate(folds):
        shared = int(np.isin(scored, training).sum())
        if shared and not (shared == len(scored) and np.isin(training, scored).all()):
            warn(
                f"fold {index} of {checks.argument('cv')} trains on {shared} of the {len(scored)} rows that it "
                "holds out, so that its score does not tell how a network does on new rows: give other rows to hold "
                "out.",
                DataWarning,
            )
            return


def _warn_of_untrained(folds, data):
    """Warn of the classes that the first fold of its kind holds out and does not train on."""
    classes = data.task.classes(data.given)
    lacking = [index for index, rows in enumerate(folds) if not _are_classes_trained(classes, *rows[:2])]
    if lacking:
        training, held_out, _ = folds[lacking[0]]
        others = f" (one of {len(lacking)} such folds)" if len(lacking) > 1 else ""
        where = f"the training rows of fold {lacking[0]} of {checks.argument('cv')}{others}"
        warn_of_untrained(data.task, classes[training], classes[held_out], where)


def _are_classes_trained(classes, training, held_out):
    trained = np.bincount(classes[training], minlength=classes.max() + 1)
    return trained[classes[held_out]].all()


def _folds_of_rows(count, rows, classes):
    """Return the fold of each row, (rows,), drawn by chance; `classes` is the class of each row, or None."""
    random = np.random.RandomState(SEED)  # its draws are scikit-learn's, and stay the same in all versions of NumPy
    if classes is None:
        order = np.arange(rows)
        random.shuffle(order)
        fold_of_row = np.empty(rows, np.int64)
        fold_of_row[order] = _consecutive_folds(count, rows)
        return fold_of_row
    return _stratified_folds(count, classes, random)


def _consecutive_folds(count, rows):
    """Return the fold of each row, (rows,): consecutive rows; the first folds have one row more if there is a rest."""
    sizes = np.full(count, rows // count) + (np.arange(count) < rows % count)
    return np.repeat(np.arange(count), sizes)


def _stratified_folds(count, classes, random):
    """Return the fold of each row, (rows,): each fold's share of a class differs by at most one row.

    Classes have the order in which they first occur. When rows are sorted by class, row i counts for fold i mod
    `count`; this gives the number of rows that each fold gets of each class, which are drawn by chance.
    """
    _, first_row, class_index = np.unique(classes, return_index=True, return_inverse=True)
    class_index = np.argsort(np.argsort(first_row))[class_index]
    ordered = np.sort(class_index)
    fold_of_row = np.empty(len(classes), np.int64)
    for each in range(len(first_row)):
        shares = [np.sum(ordered[fold::count] == each) for fold in range(count)]
        folds = np.repeat(np.arange(count), shares)
        random.shuffle(folds)
        fold_of_row[class_index == each] = folds
    return fold_of_row
