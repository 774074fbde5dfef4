"""What a network is to learn from the target of a table, by the options that are named or by the values."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from fastprop import checks
from fastprop.annotations import LossName
from fastprop.metrics import SCORES
from fastprop.options import LossOption
from fastprop.reference import LOSSES
from fastprop.tabular.columns import FEW_CLASSES
from fastprop.tabular.table import Table
from fastprop.tabular.written_numbers import is_dressed_number, is_number, value_of
from fastprop.task import Task

TASKS = "classes", "counts", "numbers", "labels"
"""What targets may be taken for."""

_OUTPUTS = {"classes": "softmax", "labels": "sigmoid", "counts": "exp", "numbers": "identity"}
"""By task, the output activation where no loss is named."""


EXACT = 2.0**53
"""From this whole number on, float64 does not hold each."""


class Targets(NamedTuple):
    """What a network is trained on, and how it must end for that."""

    y: np.ndarray  # (n,) int64 from 0 on of classes; else (n,) or (n, outputs) of the table's dtype, of words float64
    task: Task
    description: str  # of the task, such as "3 classes (1, 2, 3)"

    @property
    def class_names(self):
        """The names of the classes, (outputs,) or two for one output, or None."""
        return self.task.names


def targets_of(
    table: Table, loss: LossName | LossOption | None = None, score: str | None = None, task: str | None = None
) -> Targets:
    """Return what the targets of a `Table` are taken for, as `Targets`.

    Parameters
    ----------
    table : Table
    loss : str or Huber, CrossEntropy, BinaryCrossEntropy or Pinball, optional
        The loss of the training, which decides the task if none is named: ``"poisson"`` is for counts.
    score : str, optional
        The name of a score, which decides the task if neither a task nor a loss is named.
    task : str, optional
        One of `TASKS`.

    Raises
    ------
    ValueError
        If the targets cannot be taken for that, or there is no such loss or task; the message says what to do.

    Examples
    --------
    >>> import numpy as np
    >>> from fastprop.tabular import Table, targets_of
    >>> targets = targets_of(Table(np.ones((6, 1)), np.array([1.0, 2, 3, 1, 2, 3])))
    >>> targets.description, targets.y, targets.task.output
    ("3 classes (1, 2, 3); task='numbers' or counts takes them as such", array([0, 1, 2, 0, 1, 2]), 'softmax')
    """
    y = table.y.reshape(len(table.y)) if table.y.shape[1:] == (1,) else table.y
    table = type(table)(table.X, y, table.feature_names, table.target_name, table.class_names)
    if task is not None:
        checks.choice(task, "task", TASKS)
    named = task or _task_of_loss(loss, y) or _task_of_score(score)
    if named in ("numbers", "counts") and loss is not None and LOSSES[checks.loss_name(loss)].of_classes:
        raise ValueError(
            f"{checks.argument('loss', repr(checks.loss_name(loss)))} is of classes, and "
            f"{checks.argument('task', repr(named))} has none: leave one of them out."
        )
    make = {"classes": _classes, "labels": _labels, "counts": _counts, "numbers": _numbers}
    targets = make[named or _task_of_values(table)](table, loss)
    hint = "" if named else _hint(table, targets)
    return targets._replace(description=targets.description + hint)


def nothing_to_learn(table, value):
    """Return what to say of a `Table` all of whose rows have one target, `value`."""
    return f"all rows have the target {value!r} in {_name(table)}: there is nothing to learn."


def _task_of_loss(loss, y):
    if loss is None:
        return None
    name = checks.loss_name(loss)
    if LOSSES[name].of_classes:
        return "labels" if y.ndim == 2 and name == "binary_cross_entropy" and not _is_one_hot(y) else "classes"
    return "counts" if name == "poisson" else "numbers"


def _task_of_score(score):
    needs = SCORES[score].needs if score in SCORES else "anything"
    if needs == "anything":
        return None
    return needs if needs in TASKS else "classes"


def _task_of_values(table):
    """Return what targets are taken for of which nothing is said."""
    y = table.y
    if y.ndim == 2:
        return ("classes" if _is_one_hot(y) else "labels") if _is_binary(y) else "numbers"
    if table.class_names is not None:
        return "classes"
    different = np.unique(y)
    is_whole = np.array_equal(different, np.round(different))
    return "classes" if is_whole and len(different) <= min(FEW_CLASSES, max(2, len(y) // 2)) else "numbers"


def _hint(table, targets):
    """Return how to take whole numbers for something else."""
    y = table.y
    if table.class_names is not None or y.ndim == 2 or not _is_whole(y):
        return ""
    other = "classes" if targets.class_names is None else "numbers"
    counts = " or counts" if y.min() >= 0 and y.max() > 1 else ""
    return f"; {checks.argument('task', repr(other))}{counts} takes them as such"


def _classes(table, loss):
    y, names = table.y, table.class_names
    output = _output(loss, "classes")
    if y.ndim == 2:
        _refuse(table, ~_one_hot_rows(y), "rows with a single 1 among zeros", "numbers")
        return _targets(y, y.shape[1], output, loss, tuple(map(str, range(y.shape[1]))))
    if names is None:
        _refuse(table, y != np.round(y), "whole numbers or words", "numbers")
        _refuse_rounded_classes(table)
        different, y = np.unique(y, return_inverse=True)
        y, names = y.reshape(-1), tuple(str(int(value)) for value in different)
    if len(names) == 1:
        raise ValueError(nothing_to_learn(table, names[0]))
    if table.class_names is not None and len(names) > FEW_CLASSES and all(map(is_dressed_number, names)):
        raise ValueError(
            f"{_name(table)} holds {len(names)} different numbers that are written as words, such as "
            f"{checks.shown(names[0])}: write them without commas of thousands, signs and units."
        )
    if len(names) > max(FEW_CLASSES, len(y) // 2):
        raise ValueError(
            f"{_name(table)} has {len(names)} different values in {len(y)} rows, too many for classes: "
            "name another target."
        )
    if output == "sigmoid" and len(names) == 2:
        targets = _targets(y, 1, output, loss, names)
        return targets._replace(description=f"yes/no (no: {names[0]}, yes: {names[1]})")
    return _targets(y, len(names), output, loss, names)


def _labels(table, loss):
    loss = "binary_cross_entropy" if loss is None else loss
    if table.y.ndim == 1:
        return _classes(table, loss)
    y = table.y
    _refuse(table, ~np.isin(y, (0, 1)).all(axis=1), "columns of 0 and 1", "numbers")
    return _targets(y, y.shape[1], _output(loss, "labels"), loss)


def _counts(table, loss):
    table = _of_written_numbers(table)
    _refuse_words(table)
    _refuse(table, (table.y.reshape(len(table.y), -1) < 0).any(axis=1), "counts or rates of at least 0", "numbers")
    return _of_numbers("counts" if _is_whole(table.y) else "rates", table, loss, "counts")


def _numbers(table, loss):
    table = _of_written_numbers(table)
    _refuse_words(table)
    return _of_numbers("numbers", table, loss, "numbers")


def _of_numbers(kind, table, loss, task):
    y = table.y
    columns = y.shape[1] if y.ndim == 2 else 1
    kind = kind if columns == 1 else f"{columns} columns of {kind}"
    quantiles = None if loss is None else checks.quantiles_of(loss)
    if quantiles is not None:
        kind = f"quantiles {', '.join(f'{each:g}' for each in quantiles)} of {kind}"
    targets = _targets(y, len(quantiles or range(columns)), _output(loss, task), loss)
    return targets._replace(description=f"{kind} ({y.min():.6g} to {y.max():.6g})")


def _targets(y, outputs, output, loss, names=None):
    task = Task.of(y, outputs, output, checks.loss(loss, output, outputs), names)
    return Targets(y, task, task.described())


def _output(loss, task):
    """Return the output activation of a task with a loss."""
    if loss is None:
        return _OUTPUTS[task]
    return LOSSES[checks.loss_name(loss)].output or ("sigmoid" if task == "labels" else "identity")


def _refuse(table, bad, needed, other):
    """Refuse the targets of a table if some of its rows are `bad`, (n,) bool."""
    if bad.any():
        row = int(bad.argmax())
        value = table.y[row].tolist() if table.class_names is None else table.class_names[table.y[row]]
        raise ValueError(
            f"{_name(table)} must hold {needed}, for the task, loss or score that is named, but holds "
            f"{checks.shown(value)}: name another, such as {checks.argument('task', repr(other))}."
        )


def _refuse_rounded_classes(table):
    """Refuse to take whole numbers as classes that float64 may have rounded to one."""
    is_large = np.abs(table.y) >= EXACT if table.y.dtype.kind == "f" else np.zeros(1, bool)
    if is_large.any():
        shown = f"{table.y.flat[is_large.argmax()]:.0f}"
        if np.isinf(table.y).any():
            raise ValueError(f"{_name(table)} holds infinity: remove or replace values that are not finite.")
        raise ValueError(
            f"{_name(table)} holds {checks.shown(shown)}, but numbers from 2**53 on cannot be told apart as classes: "
            f"write words, such as id7, or take them as numbers, by {checks.argument('task', repr('numbers'))}."
        )


def _of_written_numbers(table):
    """Return the same table, with numbers in place of words that are all numbers, such as 007."""
    if table.class_names is None or not all(map(is_number, table.class_names)):
        return table
    numbers = np.array([value_of(name) for name in table.class_names])
    return type(table)(table.X, numbers[table.y], table.feature_names, table.target_name)


def _refuse_words(table):
    _refuse(table, np.full(len(table.y), table.class_names is not None), "numbers", "classes")


def _name(table):
    return f"column {table.target_name!r}" if table.feature_names else table.target_name or "y"


def _is_whole(y):
    return np.array_equal(y, np.round(y))


def _is_binary(y):
    return bool(np.isin(y, (0, 1)).all())


def _is_one_hot(y):
    return bool(_one_hot_rows(y).all())


def _one_hot_rows(y):
    """Return which rows hold a single 1 among zeros."""
    return np.isin(y, (0, 1)).all(axis=1) & (y.sum(axis=1) == 1)
