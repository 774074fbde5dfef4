"""`Score`: what is measured, in which direction it is better, and what it needs; and the table of all scores."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastprop import checks
from fastprop.metrics.classification import accuracy, balanced_accuracy, f1, log_loss, matthews
from fastprop.metrics.independent_labels import label_accuracy, label_f1, label_roc_auc
from fastprop.metrics.ranks import average_precision, roc_auc
from fastprop.metrics.regression import explained_variance, mae, median_absolute_error, mse, pinball, r2, rmse
from fastprop.reference import LOSSES
from fastprop.task import Task


def gives_probabilities(task: Task) -> bool:
    """Return whether the outputs of a network are probabilities, of classes or of labels."""
    return task.output == ("sigmoid" if task.outputs == 1 or task.kind == "labels" else "softmax")


def _has_classes(task: Task) -> bool:
    """Return whether each row has one class, or probabilities of classes as its target."""
    is_of_classes = LOSSES[checks.loss_name(task.loss)].of_classes
    return task.class_count > 0 or (is_of_classes and gives_probabilities(task) and task.kind != "labels")


NEEDS = {
    "anything": lambda task: True,
    "classes": _has_classes,
    "probabilities": lambda task: _has_classes(task) and gives_probabilities(task),
    "labels": lambda task: task.kind == "labels",
    "quantiles": lambda task: task.kind == "quantiles",
    "numbers": lambda task: not task.has_labels and task.kind != "quantiles",
}
"""What a score may need, and whether a task has it."""


@dataclass(frozen=True)
class Score:
    """What is measured on held-out rows, and in which direction it is better.

    Parameters
    ----------
    name : str
        What it is called in tables and messages.
    function : callable
        A function of a network's outputs (n, n_out) and of y, in the shape in which it was given, that returns a
        number.
    higher_is_better : bool
        Whether the highest value is the best.
    needs : str
        What the network must be trained for: ``"classes"``, of which each row has one; ``"probabilities"`` of classes,
        from a sigmoid or softmax output; independent ``"labels"``; ``"quantiles"``; ``"numbers"``; or ``"anything"``.
    takes_rows : bool
        Whether the function is also given the indices (n,) of the rows in X, as a third argument.
    takes_weights : bool
        Whether the function is also given the weights (n,) of the rows, as its argument ``sample_weight``; None where
        all weigh the same. Weights of classes are not among them. Functions of ``fp.metrics`` take weights, but for the
        median and those of labels and quantiles.

    Raises
    ------
    ValueError, TypeError
        If a value is not as described.

    Examples
    --------
    >>> import numpy as np
    >>> import fastprop as fp
    >>> def cost(outputs, y):  # a row of class 1 that is missed costs 10, a false alarm 1
    ...     alarm = outputs.argmax(axis=1) == 1
    ...     return 10 * np.sum(~alarm & (y == 1)) + np.sum(alarm & (y != 1))
    >>> X, y = fp.datasets.digits()
    >>> score = fp.metrics.Score("cost", cost, higher_is_better=False)
    >>> result = fp.sweep((64, 10), X, y, {"learning_rate": [1e-5, 0.5]}, epochs=3, validation=0.2, score=score)
    >>> result.best["learning_rate"]
    0.5
    """

    name: str
    function: Callable[..., Any]
    higher_is_better: bool = True
    needs: str = "anything"
    takes_rows: bool = False
    takes_weights: bool = False

    def __post_init__(self) -> None:
        checks.instance(self.name, "name", str, "'cost'")
        if not callable(self.function):
            raise TypeError(
                f"function must be callable, not {checks.shown(self.function)}: give a function of outputs and y."
            )
        object.__setattr__(self, "higher_is_better", checks.flag(self.higher_is_better, "higher_is_better"))
        checks.choice(self.needs, "needs", NEEDS)
        object.__setattr__(self, "takes_rows", checks.flag(self.takes_rows, "takes_rows"))
        object.__setattr__(self, "takes_weights", checks.flag(self.takes_weights, "takes_weights"))

    @property
    def sign(self) -> int:
        """The factor that makes the lowest value the best: -1 if the highest is, else 1."""
        return -1 if self.higher_is_better else 1

    @property
    def is_own(self) -> bool:
        """Whether it is one of `SCORES`, whatever weights it takes, so that its function minds shapes itself."""
        own = SCORES.get(self.name)
        return own is not None and _unweighted(own) == _unweighted(self)

    @property
    def limits(self) -> tuple[float, float]:
        """The lowest and the highest value that it can have, which are infinite if it is none of `SCORES`."""
        return _LIMITS.get(self.name, _NO_LIMITS) if self.is_own else _NO_LIMITS

    def limited(self, low: float, high: float, values: NDArray[np.float64]) -> tuple[float, float]:
        """Return an interval of measured values that ends where the score does: no accuracy is above 1.

        The interval stays as it is if a value is beyond the `limits`, because it is then of another score of this name.
        """
        lowest, highest = self.limits
        if not ((lowest <= values) & (values <= highest)).all():
            return low, high
        return max(low, lowest), min(high, highest)

    def weighted(self) -> Score:
        """Return the same score that takes weights of rows.

        Raises
        ------
        ValueError
            If it is one of fastprop's that cannot weigh rows.
        """
        if self.is_own and not _can_weigh(self):
            names = [name for name, each in SCORES.items() if _can_weigh(each)]
            raise ValueError(f"score {self.name!r} cannot weigh rows: choose from {', '.join(names)}.")
        return replace(self, takes_weights=True)

    def fits(self, task: Task) -> bool:
        """Return whether a task has what the score needs."""
        return NEEDS[self.needs](task)


def shown_score(value):
    """Return a score as text: with four decimals, or with four digits if it is so large or small that these say little.

    Examples
    --------
    >>> from fastprop.metrics.scores import shown_score
    >>> shown_score(0.97), shown_score(1234.5), shown_score(1.8e28), shown_score(2e-7), shown_score(0)
    ('0.9700', '1234.5000', '1.8e+28', '2e-07', '0.0000')
    """
    return f"{value:.4f}" if value == 0 or 1e-3 <= abs(value) < 1e6 else f"{value:.4g}"


def _unweighted(score):
    """Return all of a score but whether it takes weights."""
    return score.name, score.function, score.higher_is_better, score.needs, score.takes_rows


def _can_weigh(score):
    return "sample_weight" in inspect.signature(score.function).parameters


SCORES = {
    score.name: score
    for score in (
        Score("accuracy", accuracy, True, "classes"),
        Score("balanced_accuracy", balanced_accuracy, True, "classes"),
        Score("f1", f1, True, "classes"),
        Score("matthews", matthews, True, "classes"),
        Score("roc_auc", roc_auc, True, "classes"),
        Score("average_precision", average_precision, True, "classes"),
        Score("log_loss", log_loss, False, "probabilities"),
        Score("label_accuracy", label_accuracy, True, "labels"),
        Score("label_f1", label_f1, True, "labels"),
        Score("label_roc_auc", label_roc_auc, True, "labels"),
        Score("pinball", pinball, False, "quantiles"),
        Score("r2", r2, True, "numbers"),
        Score("explained_variance", explained_variance, True, "numbers"),
        Score("mse", mse, False, "numbers"),
        Score("rmse", rmse, False, "numbers"),
        Score("mae", mae, False, "numbers"),
        Score("median_absolute_error", median_absolute_error, False, "numbers"),
    )
}
"""All scores, by name."""

_SHARES = "accuracy", "balanced_accuracy", "f1", "roc_auc", "average_precision"
_ERRORS = "log_loss", "pinball", "mse", "rmse", "mae", "median_absolute_error"

_NO_LIMITS = -np.inf, np.inf

_LIMITS = {
    **dict.fromkeys((*_SHARES, "label_accuracy", "label_f1", "label_roc_auc"), (0.0, 1.0)),
    **dict.fromkeys(_ERRORS, (0.0, np.inf)),
    **dict.fromkeys(("r2", "explained_variance"), (-np.inf, 1.0)),
    "matthews": (-1.0, 1.0),
}
"""By name, the lowest and the highest value that each of `SCORES` can have."""
