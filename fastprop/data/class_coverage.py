"""Sees to it that every class is trained on and held out, and warns of the classes that are not."""

import numpy as np

from fastprop.checks import argument
from fastprop.notices import DataWarning, warn

SHOWN_CLASSES = 5
"""Classes that a warning names, before it counts the others."""

MANY_ROWS = 20
"""Rows of one class that are no exercise, and no part of a table that somebody trains on part by part."""


def with_every_class(held_out, classes):
    """Return the positions of held-out rows, changed so that each class is on both sides if it has two rows.

    Where a side lacks a class, the first row of the class changes places with the first row on that side of the class
    that has the most rows there, if that class has two there or is one of a single row. Positions that lack no class
    stay as they are.

    Parameters
    ----------
    held_out : ndarray
        (k,) int: positions of rows.
    classes : ndarray
        (n,) int: the class of each row.

    Examples
    --------
    >>> import numpy as np
    >>> from fastprop.data.class_coverage import with_every_class
    >>> with_every_class(np.array([0, 1]), np.array([0, 0, 0, 0, 1, 1]))
    array([1, 4])
    """
    is_held_out = np.zeros(len(classes), bool)
    is_held_out[held_out] = True
    totals = np.bincount(classes)
    for side in (True, False):
        counts = np.bincount(classes[is_held_out == side], minlength=len(totals))
        for missing in np.flatnonzero((counts == 0) & (totals >= 2)):
            can_spare = (counts >= 2) | (totals == 1)
            largest = np.where(can_spare, counts, 0).argmax()
            if counts[largest] == 0 or not can_spare[largest]:
                break
            comes = np.argmax(classes == missing)
            goes = np.argmax((classes == largest) & (is_held_out == side))
            is_held_out[[comes, goes]] = side, not side
            counts[[missing, largest]] += 1, -1
    return np.flatnonzero(is_held_out)


class OneClass:
    """Sees whether all rows are of one class, part by part.

    Examples
    --------
    >>> import numpy as np
    >>> from fastprop.data.class_coverage import OneClass
    >>> rows = OneClass()
    >>> rows.add(np.array([1, 1])), rows.add(np.array([1, 0]))
    (None, None)
    >>> rows.is_alone
    False
    """

    def __init__(self):
        self.is_alone = True
        self._first = None
        self._count = 0

    def add(self, classes):
        """Add rows of some `classes`, (m,) int."""
        if self._first is None and len(classes):
            self._first = classes[0]
        self.is_alone = self.is_alone and bool((classes == self._first).all())
        self._count += len(classes)

    def warn(self, task):
        """Warn if all of `MANY_ROWS` rows or more are of one class, which `task` names."""
        if self.is_alone and self._count >= MANY_ROWS:
            name = task.class_name(self._first)
            message = f"all {self._count} rows are of class {name}, so that the network learns to answer it always: "
            warn(message + "give rows of other classes, too.", DataWarning)


def warn_of_untrained(task, trained, held_out, where="the rows that are trained on"):
    """Warn of the classes that are held out but not trained on.

    Parameters
    ----------
    task : Task
        By which classes are named.
    trained, held_out : ndarray
        (m,), (k,) int: the class of each row.
    where : str
        Which training rows are meant.
    """
    _warn(
        task,
        _lacking(held_out, trained),
        lambda they_are, them: (
            f"{they_are} held out but not among {where}, so that the network does not learn {them}: give more rows of "
            f"{them}, or leave {them} out."
        ),
    )


def warn_of_unmeasured(task, trained, held_out):
    """Warn of the classes that are trained on but not held out; the parameters are those of `warn_of_untrained`."""
    _warn(
        task,
        _lacking(trained, held_out),
        lambda they_are, them: (
            f"{they_are} not among the {len(held_out)} rows that are held out, so that nothing measures {them}: give "
            f"more rows of {them}, or hold out more."
        ),
    )


def warn_of_few_rows(task, classes, folds):
    """Warn of classes that have fewer rows than there are folds; `classes` (n,) int is the class of each row."""
    counts = np.bincount(classes)
    _warn(
        task,
        np.flatnonzero((counts > 0) & (counts < folds)),
        lambda they_are, them: (
            f"{they_are} not held out by each of the {folds} folds of {argument('cv')}, because there are fewer "
            f"rows of {them}: give more rows of {them}, or fewer folds."
        ),
    )


def _warn(task, classes, sentence):
    """Warn of some classes, if there are any; ``sentence(they_are, them)`` says what is wrong, and what to do."""
    if len(classes):
        warn(sentence(_subject(task, classes), "it" if len(classes) == 1 else "them"), DataWarning)


def _lacking(classes, others):
    """Return the classes that occur in `classes` but not in `others`; counting takes less time than sorting them."""
    count = max(classes.max(), others.max()) + 1
    return np.flatnonzero((np.bincount(classes, minlength=count) > 0) & (np.bincount(others, minlength=count) == 0))


def _subject(task, classes):
    """Return some classes with a verb: "class 3 is" or "classes 1 and 4 are"."""
    names = [task.class_name(each) for each in classes[:SHOWN_CLASSES]]
    if rest := len(classes) - len(names):
        names.append(f"{rest} more")
    if len(names) == 1:
        return f"class {names[0]} is"
    return f"classes {', '.join(names[:-1])} and {names[-1]} are"
