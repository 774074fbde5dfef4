"""Which columns of a table are the features, and which is the target; notes on them."""

import csv
import io

import numpy as np

from fastprop import checks
from fastprop.notices import DataWarning, warn

FEW_CLASSES = 20
"""Up to so many different numbers of a column may be classes, if each stands in two rows or more on average."""

ROWS_TO_COUNT = 20
"""A table of fewer rows may have a column that numbers them by chance."""


def chosen(source, names, choice):
    """Return the names of the feature columns as a tuple, and the name of the target column.

    Parameters
    ----------
    source : Path or str
        The table, for messages.
    names : list of str
        All columns.
    choice : Choice

    Raises
    ------
    ValueError
        If a column that is named is not there, or none is left.
    """
    drop = checked(source, names, choice.drop)
    features = None if choice.features is None else checked(source, names, choice.features)
    target = choice.target
    checked(source, names, (*choice.categorical, *choice.numeric))
    if target is None:
        kept = [name for name in names if name not in drop]
        left = [name for name in kept if name not in (features or ())]
        if not left:
            raise ValueError(f"{source} has no column that is left to predict: name one as the target.")
        if len(left) > 1 and left[-1] != kept[-1]:
            raise ValueError(
                f"column {kept[-1]!r} of {source}, the last one, is named as a feature, and which of {', '.join(left)} "
                "is the target is not said: name the target."
            )
        target = left[-1]
    (target,) = checked(source, names, (target,))
    if target in drop or target in (features or ()):
        raise ValueError(f"column {target!r} is the target: do not name it as one to drop, nor as a feature.")
    if features is None:
        features = [name for name in names if name != target]
    elif both := set(features) & set(drop):
        raise ValueError(f"column {min(both)!r} is named both as a feature and as one to drop: name it once.")
    features = tuple(name for name in features if name not in drop)
    if not features:
        raise ValueError(
            f"{source} has no features: give columns beside {target!r}, separated by commas, semicolons, tabs or '|'."
        )
    return features, target


def checked(source, names, wanted):
    """Return the `wanted` names as a tuple; each must be among the `names` of the columns of a table."""
    for name in wanted:
        if name not in names:
            shown = ", ".join(names[:20]) + (", …" if len(names) > 20 else "")
            raise ValueError(f"{source} has no column {name!r}, only {shown}: name one of these.")
    return tuple(dict.fromkeys(wanted))


def listed(names):
    """Return names as the command line takes them: with commas between, and with quotes where they hold commas.

    Examples
    --------
    >>> from fastprop.tabular.columns import listed
    >>> listed(["age", "width, in cm"])
    'age,"width, in cm"'
    """
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow(names)
    return line.getvalue()


def notes_on_counters(source, columns, choice):
    """Return a note for each column that numbers the rows from 0 or 1 on, in any order, as an index does.

    There are none if the user has named the features.
    """
    if choice.features is not None:
        return []
    return [
        f"column {name!r} of {source} only numbers the rows: leave it out, by {checks.argument('drop', repr([name]))}, "
        "unless it means something."
        for name, column in columns.items()
        if column.kind == "numbers" and _numbers_rows(column.values)
    ]


def tell(notes):
    """Warn of what was taken for what, where that could be wrong."""
    for note in notes:
        warn(note, DataWarning)


def _numbers_rows(values):
    rows = len(values)
    first = values[:ROWS_TO_COUNT]
    may_be = rows >= ROWS_TO_COUNT and len(np.unique(first)) == len(first) and ((first >= 0) & (first <= rows)).all()
    if not may_be:  # of most columns, the first rows tell
        return False
    smallest = values.min()
    if smallest not in (0, 1) or values.max() != smallest + rows - 1:
        return False
    return np.array_equal(np.sort(values), smallest + np.arange(rows))
