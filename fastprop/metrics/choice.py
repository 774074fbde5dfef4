"""Which score a user means by a name, a function or an object, and whether it fits what a network is trained for."""

from __future__ import annotations

from collections.abc import Sequence

from fastprop import checks
from fastprop.annotations import ScoreFunction, ScoreName
from fastprop.metrics.scores import SCORES, Score
from fastprop.task import Task


def chosen(score: ScoreName | ScoreFunction | Score, kind: str, *tasks: Task) -> Score:
    """Return the `Score` that a user means, which must fit all tasks; `kind` is ``"score"`` or ``"metric"``.

    A function of this package stands for the score of its name. Of any other function the highest value is best.

    Examples
    --------
    >>> import fastprop as fp
    >>> from fastprop.metrics import chosen
    >>> chosen(fp.metrics.mse, "score").higher_is_better, chosen(lambda outputs, y: 1.0, "score").higher_is_better
    (False, True)
    """
    if isinstance(score, Score):
        meant = score
    elif isinstance(score, str) and score in SCORES:
        meant = SCORES[score]
    elif callable(score):
        ours = [row for row in SCORES.values() if row.function is score]
        meant = ours[0] if ours else Score(getattr(score, "__name__", "score"), score)
    else:
        raise ValueError(
            f"a {kind} must be one of {', '.join(SCORES)}, or a function, not {checks.shown(score)}: choose one of "
            "these."
        )
    for task in tasks:
        _refuse_unfit(meant, kind, task)
    return meant


def chosen_metrics(metrics: Sequence[ScoreName | ScoreFunction | Score], task: Task) -> tuple[Score, ...]:
    """Return the scores that a user means by `metrics`, each of which must fit the task."""
    if isinstance(metrics, str) or not isinstance(metrics, (tuple, list)):
        raise TypeError(
            f"metrics must be a tuple of names, not {checks.shown(metrics)}: give one such as ('accuracy',)."
        )
    scores = tuple(chosen(each, "metric", task) for each in metrics)
    names = [score.name for score in scores]
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"metrics has {name!r} twice: give each another name, such as fp.metrics.Score('a', …).")
    return scores


def default_score(task: Task) -> Score:
    """Return the score that is measured by default: accuracy for classes, label_accuracy for labels, r2 for numbers."""
    if task.kind == "labels":
        return SCORES["label_accuracy"]
    return SCORES["accuracy" if task.class_count else "r2"]


def _refuse_unfit(score: Score, kind: str, task: Task) -> None:
    if not score.fits(task):
        fitting = ", ".join(each.name for each in SCORES.values() if each.fits(task))
        raise ValueError(
            f"{kind} {score.name!r} needs {score.needs}, which {task.outputs} {task.output} outputs trained by "
            f"{checks.loss_name(task.loss)!r} on {task.kind} are not: choose from {fitting}."
        )
