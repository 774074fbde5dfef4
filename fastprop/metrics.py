"""Scores of predictions: functions of a network's outputs and its labels or targets, and which of them fit a task."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastprop import checks
from fastprop.annotations import FloatArray, ScoreFunction
from fastprop.reference import LOSSES
from fastprop.task import Task


def accuracy(outputs: FloatArray, y: NDArray[Any]) -> float:
    """Return the share of rows whose largest output is that of the label.

    Parameters
    ----------
    outputs : ndarray
        (n, n_out), or (n, 1) probabilities of the class 1.
    y : ndarray
        (n,) labels, or (n, n_out) targets.

    Returns
    -------
    float
        From 0 to 1.

    Examples
    --------
    >>> import numpy as np
    >>> from fastprop import metrics
    >>> metrics.accuracy(np.array([[0.9, 0.1], [0.2, 0.8]]), np.array([0, 0]))
    0.5
    """
    return float(np.mean(_classes(outputs) == _classes(y)))


def label_accuracy(outputs: FloatArray, y: NDArray[Any]) -> float:
    """Return the share of independent labels that are right: where an output is above 0.5 and the label is 1, or not.

    Parameters
    ----------
    outputs : ndarray
        (n, n_out) probabilities of the labels.
    y : ndarray
        (n, n_out) of 0 and 1.

    Returns
    -------
    float
        From 0 to 1.

    Examples
    --------
    >>> import numpy as np
    >>> from fastprop import metrics
    >>> metrics.label_accuracy(np.array([[0.9, 0.1], [0.2, 0.8]]), np.array([[1, 1], [0, 1]]))
    0.75
    """
    return float(np.mean((outputs > 0.5) == (y > 0.5)))


def roc_auc(outputs: FloatArray, y: NDArray[Any]) -> float:
    """Return the area under the ROC curve: how often a row of class 1 has a larger output than one of class 0.

    Parameters
    ----------
    outputs : ndarray
        (n, 1) values that are larger for class 1, or (n, 2), whose difference is such a value.
    y : ndarray
        (n,) labels, or (n, 1) or (n, 2) targets.

    Returns
    -------
    float
        From 0 to 1, where ties count half; NaN where `y` holds one class alone.

    References
    ----------
    Hanley and McNeil, "The meaning and use of the area under a receiver operating characteristic (ROC) curve",
    Radiology 143 (1982).

    Examples
    --------
    >>> import numpy as np
    >>> from fastprop import metrics
    >>> metrics.roc_auc(np.array([[0.1], [0.4], [0.3], [0.8]]), np.array([0, 0, 1, 1]))
    0.75
    """
    outputs = outputs.astype(np.float64)
    positive = _classes(y).astype(bool)
    margins = outputs[:, 0] if outputs.shape[1] == 1 else outputs[:, 1] - outputs[:, 0]
    _, value_index, counts = np.unique(margins, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[value_index]  # equal outputs share the mean of their ranks
    ones = positive.sum()
    zeros = (~positive).sum()
    if ones == 0 or zeros == 0:
        return float("nan")
    return float((ranks[positive].sum() - ones * (ones + 1) / 2) / (ones * zeros))


def log_loss(outputs: FloatArray, y: NDArray[Any]) -> float:
    """Return the mean over the rows of -Σ t log p.

    Parameters
    ----------
    outputs : ndarray
        (n, n_out) probabilities p, or (n, 1) of the class 1. They are clipped to [ε, 1 - ε], ε being the rounding
        error of their dtype.
    y : ndarray
        (n,) labels, or (n, n_out) targets t.

    Returns
    -------
    float
        At least 0.

    Examples
    --------
    >>> import numpy as np
    >>> from fastprop import metrics
    >>> metrics.log_loss(np.array([[0.5], [0.5]]), np.array([[0], [1]]))
    0.6931471805599453
    """
    minimum = np.finfo(outputs.dtype).eps
    p = np.clip(outputs.astype(np.float64), minimum, 1 - minimum)
    if y.ndim == 1 and p.shape[1] > 1:
        return float(-np.log(p[np.arange(len(y)), y]).mean())
    t = y.reshape(p.shape).astype(np.float64)
    if p.shape[1] == 1:
        p, t = np.column_stack([p, 1 - p]), np.column_stack([t, 1 - t])
    return float(-(t * np.log(p)).sum(axis=1).mean())


def mse(outputs: FloatArray, y: NDArray[Any]) -> float:
    """Return the mean squared error over rows and outputs.

    Parameters
    ----------
    outputs, y : ndarray
        (n, n_out).

    Returns
    -------
    float
        At least 0.

    Examples
    --------
    >>> import numpy as np
    >>> from fastprop import metrics
    >>> metrics.mse(np.array([[1.0], [5.0]]), np.array([[1.0], [2.0]]))
    4.5
    """
    return float(np.mean((outputs.astype(np.float64) - y) ** 2))


def mae(outputs: FloatArray, y: NDArray[Any]) -> float:
    """Return the mean absolute error over rows and outputs.

    Parameters
    ----------
    outputs, y : ndarray
        (n, n_out).

    Returns
    -------
    float
        At least 0.

    Examples
    --------
    >>> import numpy as np
    >>> from fastprop import metrics
    >>> metrics.mae(np.array([[1.0], [5.0]]), np.array([[1.0], [2.0]]))
    1.5
    """
    return float(np.mean(np.abs(outputs.astype(np.float64) - y)))


def r2(outputs: FloatArray, y: NDArray[Any]) -> float:
    """Return the coefficient of determination R², averaged over the outputs that are not constant in `y`.

    Parameters
    ----------
    outputs, y : ndarray
        (n, n_out).

    Returns
    -------
    float
        1 for a perfect prediction, 0 for that of the mean, NaN where `y` is constant.

    Examples
    --------
    >>> import numpy as np
    >>> from fastprop import metrics
    >>> metrics.r2(np.array([[1.0], [2.0], [2.0]]), np.array([[1.0], [2.0], [3.0]]))
    0.5
    """
    y, outputs = y.astype(np.float64), outputs.astype(np.float64)
    squared_deviations = ((y - y.mean(axis=0)) ** 2).sum(axis=0)
    varies = squared_deviations > 0
    if not varies.any():
        return float("nan")
    return float(np.mean(1 - ((y - outputs) ** 2).sum(axis=0)[varies] / squared_deviations[varies]))


class Score(NamedTuple):
    """A row of `SCORES`."""

    measure: Callable[
        [FloatArray, NDArray[Any]], float
    ]  # outputs (n, n_out), labels (n,) or targets (n, n_out) → score
    higher_is_better: bool  # whether the highest value is the best
    needs: str  # "numbers", "classes", "labels", "two classes" or "probabilities": see `fits`


SCORES = {
    "accuracy": Score(accuracy, True, "classes"),
    "label_accuracy": Score(label_accuracy, True, "labels"),
    "roc_auc": Score(roc_auc, True, "two classes"),
    "log_loss": Score(log_loss, False, "probabilities"),
    "r2": Score(r2, True, "numbers"),
    "mse": Score(mse, False, "numbers"),
    "mae": Score(mae, False, "numbers"),
}
"""All scores, by name."""


def name_of(score: str | ScoreFunction) -> str:
    """Return the name of a score, which is a name of `SCORES` or a function.

    Examples
    --------
    >>> from fastprop import metrics
    >>> metrics.name_of("r2"), metrics.name_of(metrics.mse)
    ('r2', 'mse')
    """
    return score if isinstance(score, str) else getattr(score, "__name__", "score")


def sign_of(score: str | ScoreFunction) -> int:
    """Return -1 if the highest value of a score is best, as of any function, or 1 if the lowest is."""
    return -1 if callable(score) or SCORES[score].higher_is_better else 1


def measure(score: str | ScoreFunction, outputs: FloatArray, y: NDArray[Any]) -> float:
    """Return the score of outputs (n, n_out) against `y`, labels (n,) or targets (n, n_out).

    Examples
    --------
    >>> import numpy as np
    >>> from fastprop import metrics
    >>> metrics.measure("mae", np.array([[1.0], [5.0]]), np.array([[1.0], [2.0]]))
    1.5
    """
    function = SCORES[score].measure if isinstance(score, str) else score
    with np.errstate(over="ignore"):
        return float(function(outputs, y))


def fits(needs: str, task: Task) -> bool:
    """Return whether a task has what a score `needs`.

    Examples
    --------
    >>> from fastprop import metrics
    >>> from fastprop.task import Task
    >>> task = Task("classes", outputs=3, output="softmax", loss="cross_entropy")
    >>> [name for name, score in metrics.SCORES.items() if metrics.fits(score.needs, task)]
    ['accuracy', 'log_loss']
    """
    is_classification = task.class_count > 0 or LOSSES[checks.loss_name(task.loss)].of_classes
    if needs == "numbers":
        return not task.has_labels
    if needs == "labels":
        return task.kind == "labels"
    if needs == "two classes":
        one_class_a_row = task.class_count > 0 or task.output == "softmax"  # else each output is a class by itself
        return is_classification and (task.outputs == 1 or (task.outputs == 2 and one_class_a_row))
    if needs == "probabilities":
        return is_classification and task.output == ("softmax" if task.outputs > 1 else "sigmoid")
    return is_classification and task.kind != "labels"


def checked_names(names: Sequence[str], task: Task) -> tuple[str, ...]:
    """Return the names of metrics as a tuple; each must be one of `SCORES` and fit the task."""
    if isinstance(names, str) or not isinstance(names, (tuple, list)):
        raise TypeError(f"metrics must be a tuple of names, not {checks.shown(names)}: give one such as ('accuracy',).")
    for name in names:
        _refuse_unfit(checks.choice(name, "each of metrics", SCORES), "metric", task)
    return tuple(names)


def checked_score(score: str | ScoreFunction | None, task: Task) -> str | ScoreFunction | None:
    """Return `score`, which must be None, a function, or one of `SCORES` that fits the task."""
    if isinstance(score, str) and score in SCORES:
        _refuse_unfit(score, "score", task)
    elif score is not None and not callable(score):
        raise ValueError(
            f"score must be one of {', '.join(SCORES)}, or a function, not {checks.shown(score)}: choose one of these."
        )
    return score


def default_score(task: Task) -> str:
    """Return the score that is measured by default: accuracy of classes, label_accuracy of labels, r2 of numbers."""
    if task.kind == "labels":
        return "label_accuracy"
    return "accuracy" if task.class_count else "r2"


def _refuse_unfit(name: str, kind: str, task: Task) -> None:
    needs = SCORES[name].needs
    if not fits(needs, task):
        fitting = ", ".join(other for other, score in SCORES.items() if fits(score.needs, task))
        raise ValueError(
            f"{kind} {name!r} needs {needs}, which {task.outputs} {task.output} outputs trained by "
            f"{checks.loss_name(task.loss)!r} on {'labels' if task.has_labels else 'targets'} are not: "
            f"choose from {fitting}."
        )


def _classes(y: NDArray[Any]) -> NDArray[Any]:
    if y.ndim == 2 and y.shape[1] > 1:
        return y.argmax(axis=1)
    y = y.reshape(len(y))
    return y > 0.5 if y.dtype.kind == "f" else y
