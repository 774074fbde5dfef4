"""Reads columns of a CSV file, block by block, into one matrix whose columns they are."""

from typing import NamedTuple

from fastprop.files import refusing
from fastprop.integrations import arrow_csv
from fastprop.integrations.arrow_columns import Column
from fastprop.tabular import refusals
from fastprop.tabular.dialect import REFUSED
from fastprop.tabular.growing_columns import GrowingColumns
from fastprop.tabular.written_numbers import is_number


class CsvColumns(NamedTuple):
    """Columns of a CSV file."""

    dialect: object  # the `Dialect` by which it was read in the end
    columns: list  # the `Column` of each index; the values of all numbers are columns of one matrix (rows, columns)
    target: Column | None  # the column that is to be predicted
    infinite: set  # the indices in the file of the columns with an infinite number


def read_columns(path, dialect, included, target=None, as_words=()):
    """Return the `CsvColumns` of a file.

    Parameters
    ----------
    path : Path
    dialect : Dialect
    included : list of int
        Indices of columns to read.
    target : int, optional
        The index of the column that is to be predicted, which is read apart from the others.
    as_words : sequence of int
        The indices of columns that are read as words, whatever they hold.

    Raises
    ------
    ValueError
        If a row has too few or too many cells; the message says where.
    """
    indices = [*included, *([] if target is None else [target])]
    rows, target_rows = GrowingColumns(len(included)), GrowingColumns(len(indices) - len(included))
    may_have_commas = dialect.delimiter != "," and dialect.decimal == "."
    has_commas = False
    with refusing(path, *REFUSED):
        try:
            for block in arrow_csv.read_blocks(path, dialect, indices, as_words):
                has_commas = may_have_commas and any(map(_has_decimal_commas, block.columns))
                if has_commas:
                    break
                rows.append(block, block.columns[: len(included)])
                target_rows.append(block, block.columns[len(included) :])
        except arrow_csv.InvalidTextError as error:
            if "UTF8" in str(error) and dialect.encoding == "utf-8":
                return read_columns(path, dialect._replace(encoding="cp1252"), included, target, as_words)
            refusals.refuse_rows(path, dialect, error)
    if has_commas:
        return read_columns(path, dialect._replace(decimal=","), included, target, as_words)
    if rows.count == 0:
        raise ValueError(f"{path} has no rows under its header: give at least one.")
    mixed = [index for index, kinds in zip(indices, rows.kinds + target_rows.kinds) if len(kinds) > 1]
    if target is not None and target_rows.kinds[0] == {"bools"}:
        mixed.append(target)  # the names of the classes are the words
    infinite = {indices[index] for index in rows.infinite}
    infinite |= {target} if target_rows.infinite else set()
    found = CsvColumns(dialect, rows.columns(), *(target_rows.columns() or [None]), infinite)
    mixed = [index for index in mixed if index not in as_words]
    if not mixed:
        return found
    del rows, target_rows
    words = dict(zip(mixed, read_columns(path, dialect, mixed, as_words=mixed).columns))
    columns = [words.get(index, column) for index, column in zip(included, found.columns)]
    return CsvColumns(dialect, columns, words.get(target, found.target), infinite - set(mixed))


def _has_decimal_commas(column):
    """Return whether words are numbers with decimal commas."""
    return column.kind == "words" and all(map(is_number, column.words)) and any("," in word for word in column.words)
