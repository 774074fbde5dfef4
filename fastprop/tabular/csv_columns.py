"""Reads columns of a CSV file, block by block, into one matrix of features and one array of targets."""

import os
from typing import NamedTuple

import numpy as np

from fastprop.integrations import arrow_csv
from fastprop.tabular import refusals
from fastprop.tabular.dialect import is_number
from fastprop.tabular.table import classes_of_words

FEW = 20
"""Up to so many different numbers of a target are names of classes, where its other cells hold words."""


class TargetColumn(NamedTuple):
    """The cells of the target's column."""

    values: np.ndarray  # (n,): float64, or int64 classes
    class_names: tuple | None  # the words of the classes, if the cells are words


def read_columns(path, dialect, features, target=None, as_words=()):
    """Return the features (n, features) float64 of a file, and its `TargetColumn`, or None without a target.

    Parameters
    ----------
    path : Path
    dialect : Dialect
    features : list of int
        Indices of the columns of features.
    target : int, optional
        The index of the target's column.
    as_words : sequence of int
        The indices of columns that are read as words, whatever they hold.

    Raises
    ------
    ValueError
        If a feature is not a number in each row, or a row has too few or too many cells; the message says where.
    """
    included = [*features, *([] if target is None else [target])]
    found = {index: [] for index in included}
    rows = _Rows(path, len(features))
    try:
        for block in arrow_csv.read_blocks(path, dialect, included, as_words):
            if dialect.delimiter != "," and dialect.decimal == "." and any(map(_has_decimal_commas, block.columns)):
                return read_columns(path, dialect._replace(decimal=","), features, target, as_words)
            for index, column in zip(included, block.columns):
                found[index].append(column if index == target else column._replace(values=None))
            rows.append(block)
    except arrow_csv.InvalidTextError as error:
        if "UTF8" in str(error) and dialect.encoding == "utf-8":
            return read_columns(path, dialect._replace(encoding="cp1252"), features, target, as_words)
        refusals.refuse_rows(path, dialect, error)
    if rows.count == 0:
        raise ValueError(f"{path} has no rows under its header: give at least one.")
    refusals.refuse_columns(path, dialect, {index: found[index] for index in features})
    if target is None:
        return rows.matrix(), None
    kinds = {column.kind for column in found[target]} - {"nothing"}
    if kinds not in ({"numbers"}, {"words"}, {"dates"}, set()):
        return read_columns(path, dialect, features, target, (target,))
    refusals.refuse_target(path, dialect, target, found[target])
    return rows.matrix(), _target_column(path, dialect, target, found[target])


class _Rows:
    """A matrix of features that grows by blocks of rows."""

    def __init__(self, path, columns):
        self.count = 0
        self._bytes_read = 0
        self._bytes = os.path.getsize(path)
        self._array = np.empty((0, columns))

    def append(self, block):
        """Append the features of a block; a target that follows them is left out."""
        first, self.count = self.count, self.count + block.rows
        self._bytes_read += block.size
        if self.count > len(self._array):
            expected = int(1.02 * self.count * self._bytes / self._bytes_read)
            if expected < self.count:  # the file is packed
                expected = self.count * 3 // 2
            self._array.resize((expected, self._array.shape[1]), refcheck=False)
        for place, column in zip(self._array.T, block.columns):
            if len(column.values):
                place[first : self.count] = column.values

    def matrix(self):
        """Return the rows that were appended, (n, features) float64."""
        self._array.resize((self.count, self._array.shape[1]), refcheck=False)
        return self._array


def _has_decimal_commas(column):
    """Return whether words are numbers with decimal commas."""
    return column.kind == "words" and all(map(is_number, column.words)) and any("," in word for word in column.words)


def _target_column(path, dialect, target, blocks):
    """Return the `TargetColumn`: numbers, or classes of words."""
    if blocks[0].kind == "numbers":
        return TargetColumn(np.concatenate([block.values for block in blocks]), None)
    codes, words = [], {}
    for block in blocks:
        places = [words.setdefault(word.strip(), len(words)) for word in block.words]
        codes.append(np.array(places, np.int64)[block.values])
    if _are_numbers(list(words)):
        refusals.refuse_word(path, dialect, target)
    order, names = classes_of_words(np.array(list(words)))
    return TargetColumn(order[np.concatenate(codes)], names)


def _are_numbers(words):
    """Return whether the different words of a target are numbers, but for some cells that are none.

    Numbers with decimal commas are among these, as commas may also be of thousands.
    """
    numbers = [float(word.replace(",", ".")) for word in words if is_number(word)]
    has_decimals = any(number % 1 for number in numbers if np.isfinite(number))
    others = len(words) - len(numbers)
    return others == 0 or len(numbers) > FEW or (has_decimals and others == 1)
