"""Values as short texts: for tables, axes and legends."""

from dataclasses import MISSING, fields, is_dataclass

import numpy as np


def words(name):
    """Return a name as words: ``learning_rate`` is the learning rate."""
    return name.replace("_", " ")


def short(value):
    """Return a value in some letters: sizes as 64-32-10, numbers with four digits, an option without its defaults.

    Examples
    --------
    >>> import fastprop as fp
    >>> print(short(0.1234567), short(fp.SGD(0.5, momentum=0.9)), short(fp.Warmup(2, fp.CosineDecay())))
    0.1235 SGD(0.5, momentum=0.9) Warmup(2, then=CosineDecay())
    """
    if isinstance(value, (tuple, list)):
        return "-".join(map(short, value))
    if isinstance(value, (float, np.floating)):
        return f"{value:.4g}"
    if is_dataclass(value):
        return f"{type(value).__name__}({', '.join(_given(value))})"
    if isinstance(value, np.ndarray):
        return f"array {value.shape}"
    return str(value)


def _given(option):
    """The fields of an option that are not as they are by default; the first one without its name."""
    for number, field in enumerate(fields(option)):
        value = getattr(option, field.name)
        if field.default is MISSING or value != field.default:
            yield short(value) if number == 0 else f"{field.name}={short(value)}"


def columns(result):
    """Return the names of a sweep's columns that tell something: not those that are NaN, or do not deviate."""
    return [name for name in result.table.dtype.names if name in result.hyperparameters or _tells(name, result.table)]


def _tells(name, table):
    if name == "score_std":
        return bool((table[name] > 0).any())
    return table.dtype[name].kind != "f" or not np.isnan(table[name]).all()


def lines(names, rows):
    """Return the lines of a table of `rows`, each a structured value, in columns that end below each other."""
    cells = [list(names)] + [[short(row[name]) for name in names] for row in rows]
    widths = [max(map(len, column)) for column in zip(*cells)]
    return ["  ".join(cell.rjust(width) for cell, width in zip(line, widths)) for line in cells]


def counts(result):
    """Return how many configurations ended in which way, such as ``"250 finished, 6 diverged"``."""
    ways, numbers = np.unique(result.table["stopped"], return_counts=True)
    order = np.argsort(-numbers, kind="stable")
    return ", ".join(f"{numbers[i]:,} {_ENDINGS.get(str(ways[i]), ways[i])}" for i in order)


_ENDINGS = {"early": "stopped early", "halved": "stopped at a rung"}


def speed(result):
    """Return how long a sweep took, and how many configurations it did a second."""
    if not result.seconds:
        return "in no time"
    return f"in {result.seconds:.3g} s, {short(result.done / result.seconds)} a second"


def ranking(result):
    """Return what makes a configuration the best, such as ``"lowest validation loss"``."""
    return f"{'highest' if result.higher_is_better else 'lowest'} {value_name(result, result.ranks)}"


def value_name(result, column):
    """Return what a column is called in a sentence; the score has a name of its own."""
    return words(result.score_name if column == "score" else column)
