"""Refusals of the contents of a CSV file: sentences that name the line, the column and the cell."""

import csv
import io

from fastprop.checks import shown
from fastprop.integrations import arrow_csv
from fastprop.tabular.columns import listed
from fastprop.tabular.dialect import is_number

SHOWN = 5
"""The number of columns that a message describes."""


def refuse_rows(path, dialect, error):
    """Refuse a file with a row of too few or too many cells, or that cannot be read because of `error`."""
    columns = len(dialect.names)
    for line, cells in _rows(path, dialect):
        if len(cells) != columns:
            raise ValueError(f"{path} has {len(cells)} cells in line {line} but {columns} columns: mend that line.")
    raise ValueError(f"{path} is no CSV file ({shown(str(error))}): give a header and rows.")


def refuse_columns(path, dialect, blocks):
    """Refuse features that hold words or dates, or of which cells are missing.

    `blocks` has by column index a list with the `Column` of each block of rows.
    """
    bad = {}
    for index, columns in blocks.items():
        missing = sum(column.missing for column in columns)
        kinds = {column.kind for column in columns} - {"numbers", "nothing"}
        if kinds not in (set(), {"bools"}) or missing:
            bad[index] = missing
    if not bad:
        return
    described = [_described(path, dialect, index, bad[index]) for index in list(bad)[:SHOWN]]
    if len(bad) > SHOWN:
        described.append(f"{len(bad) - SHOWN} more")
    names = [dialect.names[index] for index in bad]
    raise ValueError(
        f"{path} needs a number in each cell of a feature, which {_joined(described)} lack{'s' * (len(bad) == 1)}: "
        f"leave {'the column' if len(bad) == 1 else 'these columns'} out by --drop {listed(names)} (in Python "
        f"drop={names}), or replace the cells."
    )


def refuse_target(path, dialect, index, columns):
    """Refuse a target that holds dates, or of which cells are missing; `columns` are those of all blocks of rows."""
    name = dialect.names[index]
    missing = sum(column.missing for column in columns)
    if missing:
        line, _ = _first(path, dialect, index, lambda cell: cell in arrow_csv.missing_words())
        raise ValueError(
            f"{path} has no target in {missing} row{'s' * (missing > 1)}, the first in line {line}, column {name!r}: "
            "remove such rows, or name another target."
        )
    if any(column.kind == "dates" for column in columns):
        raise ValueError(f"{path} has dates in column {name!r}, the target: write them as numbers, or name another.")


def refuse_word(path, dialect, index):
    """Refuse a target that holds a word among many numbers."""
    line, cell = _first(path, dialect, index, lambda cell: not is_number(cell, dialect.decimal))
    raise ValueError(
        f"{path} has {shown(cell)} in line {line}, column {dialect.names[index]!r}, where other rows hold numbers: "
        "replace it, or name another target."
    )


def _described(path, dialect, index, missing):
    """Return what is wrong with a column, with the line of the first such cell."""

    def is_bad(cell):
        return not is_number(cell, dialect.decimal) or cell in missing_words

    missing_words = arrow_csv.missing_words()
    name = dialect.names[index]
    line, cell = _first(path, dialect, index, is_bad)
    if cell in missing_words:
        return f"{name!r} ({missing} cell{'s are' if missing > 1 else ' is'} missing, the first in line {line})"
    return f"{name!r} ({shown(cell)} in line {line})"


def _first(path, dialect, index, is_wanted):
    """Return the line of the first wanted cell of a column, counted from 1, and the cell."""
    for line, cells in _rows(path, dialect):
        if is_wanted(cells[index].strip()):
            return line, cells[index].strip()
    return 0, ""


def _rows(path, dialect):
    """Yield for each row of data the line on which it ends, counted from 1, and its cells."""
    with io.TextIOWrapper(arrow_csv.open_bytes(path, dialect.encoding), "utf-8", "replace", newline="") as file:
        for _ in range(dialect.skipped_lines):
            file.readline()
        reader = csv.reader(file, delimiter=dialect.delimiter)
        for cells in reader:
            if cells:
                yield dialect.skipped_lines + reader.line_num, cells


def _joined(parts):
    return " and ".join(filter(None, [", ".join(parts[:-1]), parts[-1]]))
