"""Which score a user means by a name, a function or an object, and whether it fits what a network is trained for."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from numpy.typing import NDArray

from fastprop import checks
from fastprop.annotations import ScoreFunction, ScoreName
from fastprop.integrations.sklearn_scores import SklearnFunction, recognized
from fastprop.metrics.perfect_outputs import why_undefined
from fastprop.metrics.scores import SCORES, Score, gives_probabilities
from fastprop.task import Task, most_special


def chosen(score: ScoreName | ScoreFunction | Score, kind: str, task: Task, *others: Task) -> Score:
    """Return the `Score` that a user means, which must fit one or more tasks; `kind` is ``"score"`` or ``"metric"``.

    A function of this package stands for the score of its name, and scorers and metrics of scikit-learn for what they
    measure. Of any other function the highest value is best.

    Examples
    --------
    >>> import fastprop as fp
    >>> from fastprop.metrics import chosen
    >>> from fastprop.task import Task
    >>> task = Task("numbers", outputs=1, output="identity", loss="mse")
    >>> [chosen(each, "score", task).higher_is_better for each in (fp.metrics.mse, lambda outputs, y: 1.0)]
    [False, True]
    """
    tasks = task, *others
    if isinstance(score, Score):
        meant = score if score.is_own else _of_score(score, tasks)
    elif isinstance(score, str) and score in SCORES:
        meant = SCORES[score]
    elif callable(score):
        meant = _of_function(score, tasks)
    else:
        raise ValueError(
            f"a {kind} must be one of {', '.join(SCORES)}, or a function, not {checks.shown(score)}: choose one of "
            "these."
        )
    for task in tasks:
        _refuse_unfit(meant, kind, task)
    if meant is SCORES["pinball"]:
        return _of_quantiles(meant, tasks)
    return meant


def _of_quantiles(score, tasks):
    """Return the score with the quantiles of the loss of all `tasks`, which must have the same."""
    of_losses = {checks.quantiles_of(task.loss) for task in tasks}
    if len(of_losses) > 1:
        raise ValueError(
            f"score {score.name!r} needs one loss for all configurations, not {len(of_losses)} with different "
            "quantiles: sweep each alone, or rank by a function of your own."
        )
    return replace(score, function=partial(score.function, quantiles=of_losses.pop()))


def _of_score(score, tasks):
    """Return a `Score` of which more may be known by its function."""
    if score.takes_rows or score.takes_weights:
        by_name = ["sample_weight"] * score.takes_weights
        _refuse_other_parameters(score.function, "outputs", "y", *["rows"] * score.takes_rows, by_name=by_name)
        return score
    return replace(score, function=_of_function(score.function, tasks).function)


def _of_function(function, tasks):
    """Return the score that a function stands for, or a scorer of scikit-learn."""
    ours = [score for score in SCORES.values() if score.function is function]
    if ours:
        return ours[0]
    if (theirs := recognized(function)) is None:
        _refuse_other_parameters(function, "outputs", "y")
        return Score(getattr(function, "__name__", "score"), function)
    task = most_special(tasks)
    measure = SklearnFunction(theirs.scorer, task.kind, gives_probabilities(task))
    return Score(theirs.name, measure, theirs.higher_is_better)


def _refuse_other_parameters(function, *names, by_name=()):
    """Refuse a function that cannot be called with arguments of these names, such as one of an estimator, X and y."""
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):  # some functions that are written in C do not tell theirs
        return
    try:
        signature.bind(*names, **dict.fromkeys(by_name))
    except TypeError:
        names = [*names, *by_name]
        raise ValueError(
            f"a score is called with {' and '.join(names)}, but {checks.shown(function)} takes {signature}: give a "
            f"function of these {len(names)}."
        ) from None


def chosen_metrics(metrics: Sequence[ScoreName | ScoreFunction | Score], task: Task) -> tuple[Score, ...]:
    """Return the scores that a user means by `metrics`; each must fit the task."""
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


def refuse_undefined(metrics: Sequence[Score], task: Task, y: NDArray[Any]) -> None:
    """Refuse metrics that are undefined on `y`, the targets of the rows that are measured."""
    for score in metrics:
        if reason := why_undefined(score, task, y, "the rows that are measured"):
            raise ValueError(f"metric {score.name!r} {reason}: choose another, or hold out other rows.")


def default_score(task: Task, *held_out: NDArray[Any]) -> Score:
    """Return the score that is measured by default: accuracy for classes, label_accuracy for labels, r2 for numbers.

    It is the pinball loss for quantiles.
    It is mse where r2 is undefined: on one of `held_out`, each y of rows on which it is to be measured.
    """
    if task.kind == "labels":
        return SCORES["label_accuracy"]
    if task.class_count:
        return SCORES["accuracy"]
    if task.kind == "quantiles":
        return chosen("pinball", "score", task)
    is_undefined = any(len(y) and why_undefined(SCORES["r2"], task, y, "the held-out rows") for y in held_out)
    return SCORES["mse" if is_undefined else "r2"]


def _refuse_unfit(score: Score, kind: str, task: Task) -> None:
    if not score.fits(task):
        fitting = ", ".join(each.name for each in SCORES.values() if each.fits(task))
        outputs = f"{task.outputs} {task.output} output{'s' * (task.outputs > 1)}"
        raise ValueError(
            f"{kind} {score.name!r} needs {score.needs}, which {outputs} trained by "
            f"{checks.loss_name(task.loss)!r} on {task.kind} are not: choose from {fitting}."
        )
