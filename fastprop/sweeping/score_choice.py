"""Chooses the score of a sweep, which must be defined on the held-out rows of each fold."""

from fastprop import checks, metrics

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
        Their rows to score are rows of ``split.held_out``.

    Raises
    ------
    ValueError
        If the score does not fit a task, or is undefined on the held-out rows of a fold.
    """
    if score is None:
        return metrics.default_score(split.task, *(split.held_out.as_given(fold.scored) for fold in folds))
    chosen = metrics.chosen(score, "score", *tasks)
    if reason := _why_undefined(chosen, split, folds):
        other = checks.argument("score", repr(ALWAYS_DEFINED.get(split.task.kind, "accuracy")))
        raise ValueError(f"score {chosen.name!r} {reason}: hold out other or more rows, or choose {other}.")
    return chosen


def _why_undefined(score, split, folds):
    """Return why the held-out rows of a fold leave a score undefined; an empty string if those of none do."""
    for index, fold in enumerate(folds):
        rows = (
            f"the held-out rows of fold {index} of {checks.argument('cv')}" if len(folds) > 1 else "the held-out rows"
        )
        y = split.held_out.as_given(fold.scored)
        if len(y) and (reason := metrics.why_undefined(score, split.task, y, rows)):
            return reason
    return ""
