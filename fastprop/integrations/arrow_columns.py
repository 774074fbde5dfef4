"""pyarrow: the columns of Arrow tables, and of any frame that gives an Arrow C stream (extra ``tables``)."""

from typing import NamedTuple

import numpy as np

DAY = 86_400_000_000
"""Microseconds of a day."""


class Column(NamedTuple):
    """A column of a table, or of a block of its rows."""

    kind: str  # "numbers", "bools", "words", "dates", "nothing" or "other": what all cells are that are not missing
    values: np.ndarray  # (rows,): float64, NaN if missing; of words the index in `words`, -1 if missing; else empty
    words: tuple  # the different words; empty for other kinds
    missing: int  # the number of missing cells
    is_finite: bool = False  # whether it is known that no number is infinite

    def of_rows(self, rows):
        """Return the column of some rows, by their indices."""
        values = self.values[rows]
        missing = int((values == -1).sum()) if self.kind == "words" else int(np.isnan(values).sum())
        return self._replace(values=values, missing=missing)


class Block(NamedTuple):
    """A block of rows of a file."""

    columns: list  # the `Column` of each column that is read
    rows: int
    share: float  # of the file that is read with this block, from 0 to 1; more where the file is packed


def require():
    """Return pyarrow; ImportError if it is not installed."""
    try:
        import pyarrow
    except ImportError as error:
        raise ImportError("reading tables needs pyarrow: pip install pyarrow.") from error
    return pyarrow


def columns_of_stream(frame):
    """Return the name and the `Column` of each column of anything that gives an Arrow C stream, as pairs."""
    table = require().table(frame)
    return [(name, column(array.combine_chunks())) for name, array in zip(table.column_names, table.columns)]


def column(array):
    """Return an Arrow array as a `Column`."""
    arrow = require()
    kind = _kind(array.type)
    if kind == "words":
        encoded = array if arrow.types.is_dictionary(array.type) else array.dictionary_encode()
        indices = encoded.indices if str(encoded.indices.type) in _DTYPES else encoded.indices.cast(arrow.int64())
        return of_codes(values(indices, -1), [word_of(each) for each in encoded.dictionary.to_pylist()])
    if kind in ("nothing", "other"):
        found = np.full(len(array), np.nan)
        return Column(kind, found, (str(array.type),) * (kind == "other"), array.null_count)
    if kind == "dates":
        return Column(kind, _days(array), (), array.null_count)
    found = values(array if str(array.type) in _DTYPES or kind == "bools" else array.cast(arrow.float64(), safe=False))
    return Column(kind, found, (), int(np.isnan(found).sum()))


DATES_WITH_DOTS = "%d.%m.%Y", "%d.%m.%Y %H:%M", "%d.%m.%Y %H:%M:%S"
"""How dates are written beside the way of ISO 8601; with slashes it would not be sure what is the day."""


def are_dates_or_bools(words):
    """Return whether different words of a column are all dates or times, or all booleans."""
    arrow = require()
    array = arrow.array(words, arrow.string())
    if any(arrow.compute.strptime(array, each, "s", error_is_null=True).null_count == 0 for each in DATES_WITH_DOTS):
        return len(words) > 0
    for of_type in (arrow.bool_(), arrow.timestamp("us"), arrow.date32(), arrow.time32("s")):
        try:
            array.cast(of_type)
        except (arrow.ArrowInvalid, arrow.ArrowNotImplementedError):
            continue
        return len(words) > 0
    return False


def of_codes(codes, words):
    """Return a column of words, which become one where levels are equal but for their types and the space around them.

    A cell whose word is empty is missing.

    Parameters
    ----------
    codes : ndarray
        (rows,) int64: the index of each cell in `words`, -1 if it is missing.
    words : sequence of str
        What `word_of` makes of each level.
    """
    different = {word: index for index, word in enumerate(dict.fromkeys(filter(None, words)))}
    if len(different) < len(words):
        codes = np.array([*(different.get(word, -1) for word in words), -1])[codes]
    return Column("words", codes, tuple(different), int((codes == -1).sum()))


def word_of(cell):
    """Return the word of a level, which is the same for a number whatever its type: "7" for 7 and for 7.0.

    It is empty for None, which a dictionary of Arrow may hold for a missing cell.

    Examples
    --------
    >>> from fastprop.integrations.arrow_columns import word_of
    >>> word_of(7.0), word_of(0.5), word_of(" red "), word_of(True)
    ('7', '0.5', 'red', 'True')
    """
    if isinstance(cell, (float, np.floating)):
        return str(int(cell)) if np.isfinite(cell) and cell == round(cell) else repr(float(cell))
    return "" if cell is None else str(cell).strip()


def values(array, missing=np.nan):
    """Return the elements of an Arrow array as float64, with NaN for those that are missing, or int64 with -1.

    The buffers are read here because ``to_numpy`` imports pandas where it is installed, which takes 50 MB of memory.
    """
    validity, data = array.buffers()
    rows = slice(array.offset, array.offset + len(array))
    dtype = np.int64 if missing == -1 else np.float64
    if len(array) == 0 or data is None:
        return np.full(len(array), missing, dtype)
    if str(array.type) == "bool":
        found = np.unpackbits(np.frombuffer(data, np.uint8), bitorder="little")[rows]
    else:
        found = np.frombuffer(data, _DTYPES[str(array.type)])[rows]
    found = found.astype(dtype)
    if array.null_count:
        is_valid = np.unpackbits(np.frombuffer(validity, np.uint8), bitorder="little")[rows]
        found[is_valid == 0] = missing
    return found


_DTYPES = {"int64": np.int64, "int32": np.int32, "double": np.float64}
"""By the Arrow type of an array whose buffer is read as it is, the dtype of its elements."""


def _kind(of_type):
    """Return the kind of a column of an Arrow type."""
    types = require().types
    if types.is_dictionary(of_type):
        return "other" if types.is_binary(of_type.value_type) else "words"
    for kind, tests in _KINDS.items():
        if any(getattr(types, f"is_{test}", bool)(of_type) for test in tests):
            return kind
    return "words" if "string" in str(of_type) and "<" not in str(of_type) else "other"


_KINDS = {
    "numbers": ("integer", "floating", "decimal"),
    "bools": ("boolean",),
    "dates": ("date", "timestamp", "time"),
    "nothing": ("null",),
}
"""By the kind of a column, the names of tests of its Arrow type."""


def _days(array):
    """Return dates as days since 1970, (rows,) float64, NaN if missing; times of day are parts of a day."""
    arrow = require()
    if arrow.types.is_time(array.type):
        array = array.cast(arrow.time64("us"), safe=False)
    else:
        zone = getattr(array.type, "tz", None)
        array = array.cast(arrow.timestamp("us", zone), safe=False)
    return values(array.cast(arrow.int64())) / DAY
