"""Reads CSV files as tables of columns."""

import numpy as np

from fastprop.integrations.arrow_columns import of_codes
from fastprop.notices import DataWarning, warn
from fastprop.row_blocks import row_blocks
from fastprop.tabular import dialect, refusals
from fastprop.tabular.column_table import ColumnTable
from fastprop.tabular.columns import FEW, checked, chosen, notes_on_counters
from fastprop.tabular.csv_columns import are_numbers, read_columns
from fastprop.tabular.dialect import level_of


def read_csv(path, choice):
    """Return the `ColumnTable` of a CSV file for the choice of columns, a `Choice`."""
    written = dialect.detect(path)
    names, target = chosen(path, written.columns, choice)
    told = written.indices(checked(path, written.columns, choice.categorical))
    included = written.indices(names)
    is_padded = written.index(target) in written.padded  # as 007, which as the name of a class is no 7
    found = read_columns(path, written, included, written.index(target), (written.index(target),) * is_padded)
    if is_padded and len(found.target.words) > FEW:
        is_padded = False
        found = read_columns(path, written, included, written.index(target))
    _refuse_stray_cells(path, found, included, told)
    refusals.refuse_target(path, found.dialect, written.index(target), found.target)
    _refuse_infinity(path, found.dialect, written.index(target), found.target)
    if not is_padded and found.target.words and are_numbers(found.target.words):
        refusals.refuse_word(path, found.dialect, written.index(target))
    columns = dict(zip(names, _with_levels(path, found, included, told)))
    _tell([*written.notes, *notes_on_counters(path, columns)])
    return ColumnTable(columns, target, found.target, choice)


def read_csv_columns(path, names=None, as_words=(), as_levels=()):
    """Return columns of a CSV file, a dict of `Column` by name.

    Parameters
    ----------
    path : Path
    names : sequence of str, optional
        The columns to read, by default all.
    as_words : sequence of str
        Those to read as words, whatever they hold.
    as_levels : sequence of str
        Those whose numbers are levels of a category.
    """
    written = dialect.detect(path)
    if names is None:
        names = written.columns
        _tell(written.notes)
    names = checked(path, written.columns, names)
    included = written.indices(names)
    words = written.indices(as_words)
    found = read_columns(path, written, included, as_words=words)
    _refuse_stray_cells(path, found, included, words)
    return dict(zip(names, _with_levels(path, found, included, written.indices(as_levels))))


def _with_levels(path, found, included, told):
    """Return the columns of a file, with those of numbers among the indices `told` as words: 01234 is not 1234."""
    numbers = [index for index, column in zip(included, found.columns) if column.kind == "numbers" and index in told]
    if not numbers:
        return found.columns
    as_written = dict(zip(numbers, read_columns(path, found.dialect, numbers, as_words=numbers).columns))
    return [
        column if index not in as_written else of_codes(as_written[index].values, _levels(as_written[index].words))
        for index, column in zip(included, found.columns)
    ]


def _levels(words):
    return tuple(level_of(word) or word for word in map(str.strip, words))


def _refuse_stray_cells(path, found, included, of_words):
    """Refuse columns of numbers with a word or infinity among them, which is most often a mistake.

    `included` are the indices of the columns in the file, and `of_words` of those that are to hold words.
    """
    of_words = set(of_words)
    for index, column in zip(included, found.columns):
        if index in of_words:
            continue
        if column.words and are_numbers(column.words):
            refusals.refuse_word(path, found.dialect, index)
        _refuse_infinity(path, found.dialect, index, column)


def _refuse_infinity(path, dialect, index, column):
    if column.kind == "numbers" and any(
        np.isinf(column.values[rows]).any() for rows in row_blocks(len(column.values), 1)
    ):
        refusals.refuse_infinity(path, dialect, index)


def _tell(notes):
    for note in notes:
        warn(note, DataWarning)
