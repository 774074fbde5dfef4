"""Formats values as short strings, for tables, axes and legends."""

from dataclasses import MISSING, fields, is_dataclass

import numpy as np

ENDINGS = {"early": "stopped early", "halved": "stopped at a rung"}
"""Words for values of the column ``stopped`` that are not clear by themselves."""


def words(name):
    """Return a name as words: ``learning_rate`` becomes ``learning rate``."""
    return name.replace("_", " ")


def short(value):
    """Return a value in a few characters: sizes as 64-32-10, numbers with four digits, an option without its defaults.

    Examples
    --------
    >>> import fastprop as fp
    >>> from fastprop.reporting.formatting import short
    >>> print(short(0.1234567), short(fp.SGD(0.5, momentum=0.9)), short(fp.Warmup(2, fp.CosineDecay())))
    0.1235 SGD(0.5, momentum=0.9) Warmup(2, then=CosineDecay())
    """
    if isinstance(value, (tuple, list)):
        return "-".join(map(short, value))
    if isinstance(value, (float, np.floating)):
        return f"{value:.4g}"
    if is_dataclass(value):
        return f"{type(value).__name__}({', '.join(_changed_fields(value))})"
    if isinstance(value, np.ndarray):
        return f"array {value.shape}"
    return str(value)


def _changed_fields(option):
    """Yield the fields of an option that differ from their defaults; the first field without its name."""
    for position, field in enumerate(fields(option)):
        value = getattr(option, field.name)
        if field.default is MISSING or value != field.default:
            yield short(value) if position == 0 else f"{field.name}={short(value)}"


def shortened(text, maximum=32):
    """Return a text of at most `maximum` characters, cut with an ellipsis if it is longer."""
    return text if len(text) <= maximum else text[: maximum - 1] + "…"


def table_lines(names, rows):
    """Return the lines of a table: a header of `names`, then `rows` of a structured array, aligned on the right."""
    cells = [list(names)] + [[short(row[name]) for name in names] for row in rows]
    widths = [max(map(len, column)) for column in zip(*cells)]
    return ["  ".join(cell.rjust(width) for cell, width in zip(line, widths)) for line in cells]
