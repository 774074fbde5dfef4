"""pyarrow: the columns of a CSV file, block by block (extra ``tables``)."""

import os
from collections import deque

from fastprop import interrupts
from fastprop.files import opened, unpacked_limit
from fastprop.integrations import arrow_columns
from fastprop.integrations.arrow_columns import Block

WORKERS = 2
"""The largest number of threads that convert blocks."""

MAX_LEVELS = 1 << 30
"""The largest number of different words of a block: there is no limit, so that words are read once."""

BLOCK = 1 << 21
"""Bytes that are read and converted at a time, each to a block of rows."""


ALWAYS_UNPACKED = 1 << 24
"""Bytes to which a packed file may unpack, however small it is. The table may take ten times as many."""

LONGEST_ROW = 1 << 26
"""Bytes of the longest row that is read."""

LONGEST_CELL = 1 << 16
"""The largest number of bytes of a cell in quotes that is sure to be read where it holds line breaks."""

MAX_SPACES = 32
"""The largest number of spaces in a cell of spaces alone that is missing, as an empty one is."""


class InvalidTextError(ValueError):
    """Text that is no CSV, in the words of pyarrow."""


def open_bytes(path, encoding="utf-8"):
    """Open a file for reading; what ends in ``.gz`` is unpacked, and text becomes UTF-8."""
    arrow = _arrow()
    compression = "gzip" if str(path).lower().endswith(".gz") else None
    with interrupts.held() as held:
        file = opened(path)
        try:
            stream = arrow.input_stream(file, compression=compression, buffer_size=BLOCK)
            held.deliver()
        except BaseException:  # a stream that nobody got would keep its file open
            file.close()
            raise
    return stream if encoding == "utf-8" else arrow.transcoding_input_stream(stream, encoding, "utf-8")


def read_blocks(path, dialect, included, as_words=()):
    """Yield each `Block` of rows of a CSV file.

    Parameters
    ----------
    path : str or Path
    dialect : tabular.Dialect
    included : list of int
        The indices of the columns to read.
    as_words : sequence of int
        The indices of columns that are read as words, whatever they hold.

    Raises
    ------
    InvalidTextError
        If a row has another number of cells than the names, or the file is not of the dialect's encoding.
    ValueError, OSError
        If the file cannot be read, has too long a row, or unpacks to too much.
    """
    from concurrent.futures import ThreadPoolExecutor  # on use, because ``import fastprop`` would wait for it

    arrow = _arrow()
    names = [str(index) for index in range(len(dialect.names))]
    convert = arrow.csv.ConvertOptions(
        decimal_point=dialect.decimal,
        timestamp_parsers=[arrow.csv.ISO8601, *arrow_columns.DATES_WITH_DOTS],
        null_values=[*missing_words(), *(" " * count for count in range(1, MAX_SPACES + 1))],
        strings_can_be_null=True,
        auto_dict_encode=True,
        auto_dict_max_cardinality=MAX_LEVELS,
        include_columns=[names[index] for index in included],
        column_types={names[index]: arrow.dictionary(arrow.int32(), arrow.string()) for index in as_words},
    )
    parse = arrow.csv.ParseOptions(delimiter=dialect.delimiter, newlines_in_values=True)

    size = os.path.getsize(path)

    def block_of(data, read_bytes):
        read = arrow.csv.ReadOptions(column_names=names, block_size=len(data) + 1, use_threads=False)
        try:
            table = arrow.csv.read_csv(arrow.py_buffer(data), read, parse, convert)
        except arrow.ArrowInvalid as error:
            raise InvalidTextError(str(error)) from None
        if any(_holds_bytes(each.type) for each in table.schema):  # pyarrow infers this where text is not UTF-8
            raise InvalidTextError("it holds invalid UTF8 data")
        columns = [arrow_columns.column(column.combine_chunks()) for column in table.columns]
        return Block(columns, table.num_rows, read_bytes / size)

    with (
        interrupts.held() as held,  # Ctrl-C amid the code of a future could leave its lock locked: the pool would wait
        ThreadPoolExecutor(WORKERS) as pool,
        open_bytes(path, dialect.encoding) as file,
    ):
        waiting = deque()
        read_bytes = 0
        for data in _limited(_whole_rows(file, dialect.skipped_lines), os.path.getsize(path)):
            read_bytes += len(data)
            waiting.append(pool.submit(block_of, data, read_bytes))
            if len(waiting) > WORKERS:
                yield waiting.popleft().result()
            held.deliver()
        while waiting:
            yield waiting.popleft().result()
            held.deliver()


def missing_words():
    """Return the words that stand for a missing cell; an empty cell is one of them."""
    return _arrow().csv.ConvertOptions().null_values


def _whole_rows(file, skipped_lines):
    """Yield the bytes of a file in blocks that end between rows, without its first lines."""
    rest = b""
    for _ in range(skipped_lines):
        while (end := rest.find(b"\n")) < 0 and len(rest) <= LONGEST_ROW and (more := file.read(BLOCK)):
            rest += more
        rest = rest[end + 1 :] if end >= 0 else b""
    while block := file.read(BLOCK):
        block = rest + block
        end = _last_row_end(block)
        rest = block[end:]
        if len(rest) > LONGEST_ROW:
            raise ValueError(f"it has a row of more than {LONGEST_ROW:,} bytes")
        rows = block[:end]
        if rows and not rows.isspace():
            yield rows
    if rest and not rest.isspace():
        yield rest


def _limited(blocks, size):
    """Yield the blocks of a file of `size` bytes; ValueError if a packed file has too many."""
    taken, limit = 0, unpacked_limit(size, ALWAYS_UNPACKED)
    for block in blocks:
        taken += len(block)
        if taken > limit:
            raise ValueError(f"it unpacks to more than {limit:,} bytes, which is read where it is unpacked")
        yield block


def _holds_bytes(kind):
    """Return whether cells of an Arrow type are bytes, and no text."""
    types = _arrow().types
    return types.is_binary(kind.value_type if types.is_dictionary(kind) else kind)


def _last_row_end(block):
    """Return the index after the last line break that no quotes enclose, or 0 if there is none so far.

    If quotes enclose all line breaks of the last `LONGEST_CELL` bytes, one of them is not a pair's, as in cells such as
    5" without quotes around them.
    """
    last = end = block.rfind(b"\n") + 1
    if block.find(b'"', 0, end) < 0:  # which takes a tenth of the time of counting
        return last
    is_open = block.count(b'"', 0, end) % 2
    while is_open and end > max(0, last - LONGEST_CELL):
        line = block.rfind(b"\n", 0, end - 1) + 1
        is_open ^= block.count(b'"', line, end) % 2
        end = line
    return last if is_open and end > 0 else end


def _arrow():
    try:
        import pyarrow
        import pyarrow.csv
    except ImportError as error:
        raise ImportError("reading CSV files needs pyarrow: pip install pyarrow.") from error
    return pyarrow
