"""`Dialect`: how a CSV file is written, detected from its first rows."""

import codecs
import csv
import io
import itertools
import re
from typing import NamedTuple

from fastprop.checks import shown
from fastprop.files import refusing
from fastprop.integrations import arrow_csv
from fastprop.tabular.written_numbers import is_number, value_of

REFUSED = "CSV file", "give a header and rows"
"""What a file that cannot be read should be, and what to do; see `files.refusing`."""

SAMPLE = 1 << 18
"""Bytes at the beginning of a file from which its dialect is detected."""

SAMPLE_ROWS = 50
"""Rows at the beginning of a file from which its dialect is detected."""

MAX_COLUMNS = 100_000
"""Columns of the widest file that is read: each takes some 10 KB beside its cells."""

DELIMITERS = "\t;|,"
"""What may separate cells. The comma is the last, because it may also stand in numbers."""

_BYTE_ORDER_MARKS = {b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}

_PANDAS_INDEX = "Unnamed: 0"
"""What pandas calls an index column that it reads, and writes where the frame is written again."""

_YEARS = range(1800, 2200)
"""Names of columns that are numbers: a table in which each year has a column."""


class Dialect(NamedTuple):
    """How a CSV file is written."""

    delimiter: str
    decimal: str  # "." or ","
    encoding: str
    skipped_lines: int  # lines before the first row of data: blank lines, comments, the header, and Excel's "sep=;"
    names: tuple  # the name of each column, or None for a column that is left out
    notes: tuple  # sentences that say what was taken for what, where that could be wrong
    padded: tuple  # the indices of columns whose first cells are whole numbers, some with zeros before them, as 007

    @property
    def columns(self):
        """The names of the columns that are not left out, a list."""
        return [name for name in self.names if name is not None]

    def index(self, name):
        """Return the index of the column of this name."""
        return self.names.index(name)

    def indices(self, names):
        """Return the index of the column of each of these names, a list."""
        index_of = {name: index for index, name in enumerate(self.names)}
        return [index_of[name] for name in names]


def detect(path):
    """Return the `Dialect` of a CSV file; ValueError if the file is empty or is no text."""
    text, encoding = _sample(path)
    if "\r" in text and "\n" not in text:
        raise ValueError(f"{path} ends its lines in carriage returns alone: save it anew, as CSV UTF-8.")
    all_lines = text.replace("\r\n", "\n").split("\n")
    lines, comments = _without_comments(all_lines)
    named = re.fullmatch(r'"?sep=(.)"?', lines[0]) if lines else None
    if named:
        lines, more_comments = _without_comments(lines[1:])
        comments += more_comments
    if not lines:
        held = "holds nothing but comments" if comments else "is empty"
        raise ValueError(f"{path} {held}: give a header and rows.")
    skipped = len(all_lines) - len(lines)
    delimiter = named[1] if named else _delimiter(lines)
    reader = csv.reader(io.StringIO("\n".join(lines)), delimiter=delimiter)
    try:
        rows = [[cell.strip() for cell in row] for row in itertools.islice(reader, 1)]
        header_lines = reader.line_num
        rows += [[cell.strip() for cell in row] for row in itertools.islice(filter(None, reader), SAMPLE_ROWS)]
    except csv.Error as error:
        raise ValueError(f"{path} is no CSV file ({error}): give a header and rows.") from None
    _refuse_blanks(path, rows)
    if comments and comments[-1].count(delimiter) == len(rows[0]) - 1 and any(map(is_number, rows[0])):
        rows.insert(0, [cell.strip() for cell in comments.pop().lstrip("# ").split(delimiter)])  # as NumPy writes it
        header_lines = 0
    if len(rows[0]) > MAX_COLUMNS:
        raise ValueError(
            f"{path} has {len(rows[0]):,} columns, and at most {MAX_COLUMNS:,} are read: write an npz file."
        )
    cells, notes = _header(path, rows)
    if comments:
        notes = (
            f"{path} begins with {len(comments)} line{'s'[: len(comments) > 1]} of comments: they are left out.",
            *notes,
        )
    skipped += 0 if cells is None else header_lines
    names, more_notes = _names(path, cells, rows)
    return Dialect(delimiter, ".", encoding, skipped, names, (*notes, *more_notes), _padded(rows[cells is not None :]))


def _without_comments(lines):
    """Return lines without the blank ones and the comments at the beginning, and these comments; these begin with "# ".

    A name may begin with such a sign, as in "#rooms,price", and a header in "# rooms, price" as NumPy writes it.
    """
    count = next((index for index, line in enumerate(lines) if not re.match(r"\s*$|#(\s|$)", line)), len(lines))
    return lines[count:], [line for line in lines[:count] if line.strip()]


def _refuse_blanks(path, rows):
    """Refuse a file whose cells are separated by blanks: one that seems to have a single column."""
    cells = [row[0].split() for row in rows[:2] if len(row) == 1]
    if len(cells) == 2 and len(cells[0]) == len(cells[1]) > 1 and all(map(is_number, cells[1])):
        raise ValueError(
            f"{path} separates its cells by blanks, as in {shown(rows[1][0])}: write it with commas or tabs between "
            "them."
        )


def _padded(body):
    """Return the indices of columns of whole numbers of which some begin with 0, as in 007."""
    cells = [[cell for cell in column if cell] for column in itertools.zip_longest(*body, fillvalue="")]
    return tuple(
        index
        for index, column in enumerate(cells)
        if all(map(str.isdecimal, column)) and any(len(cell) > 1 and cell[0] == "0" for cell in column)
    )


def _are_names_of_rows(header, body):
    """Return whether the rows begin with a cell more than the header: their names, above which R writes no cell."""
    begin_with_more = all(len(row) == len(header) + 1 and row[-1] for row in body)
    count = [str(index + 1) for index in range(len(body))]
    return begin_with_more and (not any(is_number(row[0]) for row in body) or [row[0] for row in body] == count)


def _sample(path):
    """Return the text of whole lines at the beginning of a file, and its encoding."""
    with refusing(path, *REFUSED), arrow_csv.open_bytes(path) as file:
        start = bytearray(more := file.read(SAMPLE))
        lines = more.count(b"\n")
        while more and lines < 2:  # of a table of very many columns, the first rows
            if len(start) > arrow_csv.LONGEST_ROW:
                raise ValueError(f"it has a row of more than {arrow_csv.LONGEST_ROW:,} bytes")
            start += (more := file.read(SAMPLE))
            lines += more.count(b"\n")
    is_whole = len(start) % SAMPLE > 0 or not more
    marked = _BYTE_ORDER_MARKS.get(bytes(start[:2]))
    for encoding in [marked] if marked else ["utf-8", "cp1252"]:
        try:
            text = codecs.getincrementaldecoder(encoding)().decode(start, final=is_whole)
        except UnicodeDecodeError:
            continue
        if "\0" not in text:
            text = text.removeprefix("\ufeff")
            return (text if is_whole else text[: text.rfind("\n") + 1] or text), encoding
    raise ValueError(f"{path} is no CSV file, because it is no text: give a header and rows, as UTF-8.")


def _delimiter(lines):
    """Return what separates the cells: what all lines hold equally often, outside of quotes, or else the first has."""
    bare = [re.sub(r'"[^"]*"', "", line) for line in lines[:SAMPLE_ROWS] if line.strip()]
    for delimiter in DELIMITERS:
        counts = {line.count(delimiter) for line in bare}
        if len(counts) == 1 and counts != {0}:
            return delimiter
    return max(DELIMITERS, key=lambda delimiter: (bare[0].count(delimiter), delimiter == ","))


def _header(path, rows):
    """Return the cells of the header, or None if the first row holds no names, and notes."""
    first, second = rows[0], rows[1] if len(rows) > 1 else []
    numbers = [value_of(cell) for cell in first if is_number(cell)]
    has_text_over_numbers = any(cell and not is_number(cell) and is_number(below) for cell, below in zip(first, second))
    if not numbers or has_text_over_numbers:
        return first, ()
    start = ", ".join(first[:4]) + (", …" if len(first) > 4 else "")
    counts = len(numbers) > 1 and all(after - before == 1 for before, after in itertools.pairwise(numbers))
    if counts and (numbers[0] == 0 or numbers[0] in _YEARS):
        note = f"the first row of {path} ({start}) is taken as the header, because its numbers count the columns: "
        return first, (note + "write a header above it if it is data.",)
    note = f"{path} has no header, because its first row ({start}) holds numbers: it is read as data, and the "
    return None, (f"{note}columns are called column_1 to column_{len(first)}.",)


def _names(path, header, rows):
    """Return the name of each column, or None if it is left out, and notes.

    A first column without a name, or with pandas' name for that, holds the names of the rows. They are of no use to a
    network: a table that is sorted by its target would be predicted from them.
    """
    if header is None:
        return tuple(f"column_{index + 1}" for index in range(len(rows[0]))), ()
    body = rows[1:]
    if body and _are_names_of_rows(header, body):
        header = ["", *header]
    names, notes, taken = [], [], set()
    for index, name in enumerate(header):
        if name in ("", _PANDAS_INDEX) and index == 0 and len(header) > 1:
            called = f"is called {name!r}" if name else "has no name"
            name = None
            notes.append(f"the first column of {path} {called}: it is taken as the index of the rows and left out.")
        elif name == "":
            has_cells = any(row[index] for row in body if index < len(row))
            name = f"column_{index + 1}" if has_cells else None
            if not has_cells:
                notes.append(f"column {index + 1} of {path} has neither a name nor cells: it is left out.")
        if name is not None and name in taken:
            raise ValueError(f"{path} has two columns called {name!r}: rename one.")
        names.append(name)
        taken.add(name)
    return tuple(names), tuple(notes)
