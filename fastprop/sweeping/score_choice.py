"""Chooses the score of a sweep, which must be defined on the held-out rows of each fold."""

import numpy as np

from fastprop import metrics
from fastprop.reference.losses import one_hot

ALWAYS_DEFINED = {"labels": "label_accuracy", "counts": "mse", "numbers": "mse"}
"""By kind of task, a score that is defined on any rows; it is accuracy where rows have classes."""


def choose_score(score, tasks, split, folds):
    """Return the `Score` that is measured on the held-out rows, before anything is trained.

    Parameters
    ----------
    score : str, callable, Score or None
        The argument of `sweep`. None stands for the default score, or for mse where that one is undefined.
    tasks : list of Task
        What the networks are trained for, which the score must fit.
    split : Split
    folds : sequence of Fold
        Their held-out rows are rows of ``split.held_out``.

    Raises
    ------
    ValueError
        If the score does not fit a task, or is undefined on the held-out rows of a fold.
    """
    if score is None:
        default = metrics.default_score(split.task)
        return default if _undefined_fold(default, split, folds) is None else metrics.SCORES["mse"]
    chosen = metrics.chosen(score, "score", *tasks)
    if (fold := _undefined_fold(chosen, split, folds)) is not None:
        where = f" of fold {fold} of cv" if len(folds) > 1 else ""
        raise ValueError(
            f"score {chosen.name!r} is undefined on the held-out rows{where}, whose y is all alike or lacks a class: "
            f"hold out other or more rows, or choose score={ALWAYS_DEFINED.get(split.task.kind, 'accuracy')!r}."
        )
    return chosen


def _undefined_fold(score, split, folds):
    """Return the index of the first fold on whose held-out rows a score of `SCORES` is NaN even for right outputs.

    Of any other function it cannot be known, because one that is tried could have an effect.
    """
    if metrics.SCORES.get(score.name) != score:
        return None
    data = split.held_out
    outputs = split.data.task.outputs
    for index, fold in enumerate(folds):
        rows = fold.held_out
        if len(rows) and np.isnan(metrics.measure(score, one_hot(data.y[rows], outputs), data.as_given(rows)).value):
            return index
    return None
