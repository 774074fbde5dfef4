"""Reads CSV files as tables of columns."""

import numpy as np

from fastprop.integrations.arrow_columns import are_dates_or_bools, of_codes
from fastprop.tabular import dialect, refusals
from fastprop.tabular.column_table import ColumnTable
from fastprop.tabular.columns import FEW_CLASSES, checked, chosen, notes_on_counters, tell
from fastprop.tabular.csv_columns import read_columns
from fastprop.tabular.written_numbers import are_numbers, is_number, level_of, numbers_of


def read_csv(path, choice):
    """Return the `ColumnTable` of a CSV file for the choice of columns, a `Choice`."""
    written = dialect.detect(path)
    names, target = chosen(path, written.columns, choice)
    categorical = written.indices(checked(path, written.columns, choice.categorical))
    included = written.indices(names)
    is_padded = written.index(target) in written.padded  # as 007, which as the name of a class is no 7
    as_words = (written.index(target),) * is_padded
    found = _read(path, written, included, categorical, written.index(target), as_words)
    if is_padded and len(found.target.words) > FEW_CLASSES:
        is_padded = False
        found = _read(path, written, included, categorical, written.index(target))
    _refuse_stray_cells(path, found, included, categorical)
    refusals.refuse_target(path, found.dialect, written.index(target), found.target)
    if written.index(target) in found.infinite:
        refusals.refuse_infinity(path, found.dialect, written.index(target))
    if not is_padded and found.target.words and are_numbers(found.target.words):
        refusals.refuse_word(path, found.dialect, written.index(target))
    columns = dict(zip(names, found.columns))
    tell([*found.dialect.notes, *notes_on_counters(path, columns, choice)])
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
    reads_all = names is None
    names = checked(path, written.columns, written.columns if names is None else names)
    included = written.indices(names)
    words, levels = written.indices(as_words), written.indices(as_levels)
    found = _read(path, written, included, levels, as_words=words)
    if reads_all:
        tell(found.dialect.notes)
    _refuse_stray_cells(path, found, included, {*words, *levels})
    return dict(zip(names, found.columns))


def _read(path, written, included, categorical, target=None, as_words=()):
    """Return the `CsvColumns` of a file, with numbers in the columns `categorical` as levels: 01234 is not 1234.

    These columns are read as words, in the same pass as the others. Dates and booleans are read again as what they are.
    The parameters are those of `read_columns`, which are indices of columns.
    """
    found = read_columns(path, written, included, target, (*as_words, *categorical))
    others = {index for index, column in zip(included, found.columns) if index in categorical and _is_no_level(column)}
    if others:
        found = read_columns(
            path, written, included, target, (*as_words, *(each for each in categorical if each not in others))
        )
    columns = [
        of_codes(column.values, _levels(column.words))
        if index in categorical and all(map(is_number, column.words)) and column.kind == "words"
        else column
        for index, column in zip(included, found.columns)
    ]
    kept = {*categorical, *as_words}
    notes = []
    columns = [
        column if index in kept else _as_numbers(column, found.dialect, index, notes)
        for index, column in zip(included, columns)
    ]
    answer = found.target
    if answer is not None and target not in kept:
        answer = _as_numbers(answer, found.dialect, target, notes, may_be_names=True)
    if notes:
        note = (
            f"{path} has numbers with signs or separators of thousands, which are read as numbers: {'; '.join(notes)}."
        )
        found = found._replace(dialect=found.dialect._replace(notes=(*found.dialect.notes, note)))
    return found._replace(columns=columns, target=answer)


def _as_numbers(column, dialect, index, notes, may_be_names=False):
    """Return a column of words that are numbers with signs or separators as one of numbers, and note that.

    Few numbers with a sign may be the names of classes.
    """
    if column.kind != "words" or not column.words:
        return column
    written = numbers_of(column.words, dialect)
    if written is None or (may_be_names and written.sign and len(column.words) <= FEW_CLASSES):
        return column
    notes.append(f"{column.words[0]!r} of column {dialect.names[index]!r} is {written.values[0]:.12g}")
    return column._replace(kind="numbers", values=np.append(written.values, np.nan)[column.values], words=())


def _is_no_level(column):
    return are_dates_or_bools(column.words) and not all(map(is_number, column.words))


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
        if index in found.infinite:
            refusals.refuse_infinity(path, found.dialect, index)
