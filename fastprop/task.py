"""`Task`: what the targets of a network are, and what follows from it."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastprop import checks
from fastprop.row_blocks import row_blocks

SHOWN_NAMES = 10
"""Names of classes that a description lists, before it ends with an ellipsis."""


class Task(NamedTuple):
    """What the targets of a network are: decided once, from y, the loss and the output activation.

    The kinds are:

    ``"classes"``
        A label for each row, (n,) or (n, 1), and several outputs.
    ``"binary"``
        0 or 1 for each row, and one sigmoid output.
    ``"one-hot"``
        Several columns, of which each row has a 1 in one and 0 in the others, whatever the output.
    ``"labels"``
        Several independent labels for each row: columns of 0 and 1, and sigmoid outputs.
    ``"counts"``
        Whole numbers, and the loss ``"poisson"``.
    ``"quantiles"``
        A number for each row, and the loss ``"pinball"``: the outputs are its quantiles.
    ``"numbers"``
        Anything else.

    Examples
    --------
    >>> import numpy as np
    >>> from fastprop.task import Task
    >>> task = Task.of(np.array([2, 0, 1]), outputs=3, output="softmax", loss="cross_entropy")
    >>> task.kind, task.described()
    ('classes', '3 classes')
    >>> Task.of(np.array([[0.5], [2.0]]), outputs=1, output="identity", loss="mse").kind
    'numbers'
    """

    kind: str
    outputs: int  # the number of outputs
    output: str  # the activation of the last layer
    loss: object  # the name of a loss, or an option
    shape: tuple[int, ...] = ()  # that of y, without the rows: (), (1,) or (k,)
    names: tuple[str, ...] | None = None  # the names of the classes, or of the columns of y, where they are known

    @classmethod
    def of(cls, y, outputs, output, loss, names=None):
        """Return the task of a network whose last layer has `outputs` outputs of the activation `output`.

        `y` is an array of numbers in the shape in which the user gave it.
        """
        kind = _kind(y, outputs, output, checks.loss_name(loss))
        return cls(kind, outputs, output, loss, y.shape[1:], names)

    @property
    def has_labels(self) -> bool:
        """Whether y holds labels, (n,) or (n, 1), in place of a column for each output."""
        return self.kind == "classes"

    @property
    def class_count(self) -> int:
        """The number of classes of which each row has one; 0 where rows have no class."""
        return {"classes": self.outputs, "one-hot": self.outputs, "binary": 2}.get(self.kind, 0)

    def classes(self, y: NDArray[Any]) -> NDArray[np.int64]:
        """Return the class of each row, (n,), of `y` in any shape that fits the task; there must be classes."""
        if self.kind == "one-hot":
            return y.argmax(axis=1)
        return y.reshape(len(y)).astype(np.int64)

    def class_name(self, index: int) -> str:
        """Return the name of a class, which is its number where names are not known."""
        return f"{index}" if self.names is None else self.names[index]

    def described(self) -> str:
        """Return in a few words what the targets are, such as "3 classes (cat, dog, fox)"."""
        if self.class_count:
            return f"{self.class_count} classes{self._listed_names()}"
        if self.kind == "labels":
            return f"{self.outputs} labels, each yes or no{self._listed_names()}"
        return self.kind

    def _listed_names(self):
        if self.names is None:
            return ""
        rest = ", …" if len(self.names) > SHOWN_NAMES else ""
        return f" ({', '.join(self.names[:SHOWN_NAMES])}{rest})"


def _kind(y, outputs, output, loss):
    if checks.quantiles_of(loss) is not None:
        return "quantiles"
    if checks.holds_labels(y, outputs):
        return "classes"
    y = y.reshape(len(y), outputs)
    if loss == "poisson":
        return "counts" if _all_rows(y, lambda rows: rows == np.round(rows)) else "numbers"
    if not _all_rows(y, lambda rows: (rows == 0) | (rows == 1)):
        return "numbers"
    if outputs > 1 and _all_rows(y, lambda rows: rows.sum(axis=1) == 1):
        return "one-hot"
    if output == "sigmoid":
        return "labels" if outputs > 1 else "binary"
    return "numbers"


def _all_rows(y, condition):
    """Return whether a condition of a block of rows holds throughout; the first block without it ends the search."""
    return all(condition(y[rows]).all() for rows in row_blocks(*y.shape))


_FROM_SPECIAL_TO_GENERAL = ("classes", "one-hot", "binary", "labels", "counts", "quantiles", "numbers")
"""Kinds: data of one also fits the later ones, as one-hot rows are also rows of labels, and labels are numbers."""


def most_special(tasks):
    """Return that of several tasks whose kind is the most special: of the losses of a sweep, which have one y."""
    return min(tasks, key=lambda task: _FROM_SPECIAL_TO_GENERAL.index(task.kind))


def most_general(tasks):
    """Return that of several tasks whose kind is the most general: of data in parts, such as held-out rows."""
    return max(tasks, key=lambda task: _FROM_SPECIAL_TO_GENERAL.index(task.kind))
