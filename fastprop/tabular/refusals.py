"""Refusals of the contents of a CSV file: sentences that name the line, the column and the cell."""

import csv
import functools
import io
import math

from fastprop import checks
from fastprop.checks import shown
from fastprop.integrations import arrow_csv
from fastprop.tabular.written_numbers import is_dressed_number, is_number, value_of


def refuse_rows(path, dialect, error):
    """Refuse a file with a row of too few or too many cells, or that cannot be read because of `error`."""
    columns = len(dialect.names)
    for line, cells in _rows(path, dialect):
        if len(cells) != columns and cells[0].lstrip().startswith("#"):
            raise ValueError(f"{path} has a comment, {shown(cells[0])}, in line {line}: remove that line.")
        if len(cells) != columns:
            raise ValueError(f"{path} has {len(cells)} cells in line {line} but {columns} columns: mend that line.")
    raise error


def refuse_target(path, dialect, index, column):
    """Refuse a target column that holds dates, or of which cells are missing."""
    name, missing = dialect.names[index], column.missing
    if missing:
        line, _ = _first(path, dialect, index, lambda cell: cell in arrow_csv.missing_words())
        raise ValueError(
            f"{path} has no target in {missing} row{'s' * (missing > 1)}, the first in line {line}, column {name!r}: "
            "remove such rows, or name another target."
        )
    if column.kind == "dates":
        raise ValueError(f"{path} has dates in column {name!r}, the target: write them as numbers, or name another.")


def refuse_infinity(path, dialect, index):
    """Refuse a column of numbers of which some are infinite."""

    def is_infinite(cell):
        return is_number(cell, dialect.decimal) and math.isinf(value_of(cell))

    line, cell = _first(path, dialect, index, is_infinite)
    raise ValueError(
        f"{path} has {shown(cell)} in line {line}, column {dialect.names[index]!r}, which is infinite: correct the "
        "cell, or leave it empty if it is not the target."
    )


def refuse_word(path, dialect, index):
    """Refuse a column that holds a word among many numbers."""

    def is_word(cell):
        return not is_number(cell, dialect.decimal) and cell not in arrow_csv.missing_words()

    line, cell = _first(path, dialect, index, is_word)
    if dialect.decimal == "," and is_number(cell):
        raise ValueError(
            f"{path} has {shown(cell)} in line {line}, column {dialect.names[index]!r}, but commas before the decimals "
            "of other numbers: write commas there too, and no points of thousands."
        )
    if is_dressed_number(cell):
        raise ValueError(
            f"{path} has {shown(cell)} in line {line}, column {dialect.names[index]!r}, among numbers: write numbers "
            "without commas of thousands, signs and units."
        )
    name = dialect.names[index]
    others = {each: checks.argument(each, repr([name])) for each in ("categorical", "drop")}
    otherwise = checks.remedies("", **others)
    raise ValueError(
        f"{path} has {shown(cell)} in line {line}, column {name!r}, where other rows hold numbers: replace it"
        + (f", or give {otherwise} if it is not the target." if otherwise else ".")
    )


def _first(path, dialect, index, is_wanted):
    """Return the line of the first wanted cell of a column, counted from 1, and the cell."""
    found = ((line, cells[index].strip()) for line, cells in _rows(path, dialect))
    return next(((line, cell) for line, cell in found if is_wanted(cell)), (0, ""))


def _rows(path, dialect):
    """Yield for each row of data the line on which it ends, counted from 1, and its cells."""
    with io.TextIOWrapper(arrow_csv.open_bytes(path, dialect.encoding), "utf-8", "replace", newline="") as file:
        lines = iter(functools.partial(file.readline, arrow_csv.LONGEST_ROW), "")
        for _ in range(dialect.skipped_lines):
            next(lines, "")
        reader = csv.reader(lines, delimiter=dialect.delimiter)
        for cells in reader:
            if cells:
                yield dialect.skipped_lines + reader.line_num, cells
