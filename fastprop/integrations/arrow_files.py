"""pyarrow: Parquet and Feather files, block by block (extra ``tables``)."""

import contextlib
import os

from fastprop.files import parsed, reading
from fastprop.integrations import arrow_columns
from fastprop.integrations.arrow_columns import Block

ENDINGS = ".parquet", ".feather", ".arrow"
"""Endings of the files that can be read."""

BLOCK_ROWS = 1 << 16
"""Rows of a Parquet file that are read and converted at a time."""

ALWAYS_READ = 1 << 27
"""Values that a file may have, however small it is; a byte of it may stand for any number of equal ones."""

VALUES_A_BYTE = 250
"""Values that a larger one may have for each of its bytes."""


def column_names(path):
    """Return the names of the columns of a Parquet or Feather file, a list, without the index that pandas wrote.

    Raises
    ------
    ValueError
        If the file is no such file.
    """
    with _opened(path) as (schema, _, _):
        described = parsed((schema.metadata or {}).get(b"pandas", b"{}"))
        index = [name for name in described.get("index_columns", ()) if isinstance(name, str)]
        return [name for name in schema.names if name not in index]


def read_blocks(path, names):
    """Yield each `Block` of rows of a Parquet or Feather file, with the columns of these names, all different.

    Raises
    ------
    ValueError
        If the file is no such file.
    """
    arrow = arrow_columns.require()
    values, size = 0, os.path.getsize(path)
    with _opened(path, list(names)) as (_, batches, count):
        for index, batch in enumerate(batches):
            values += batch.num_rows * batch.num_columns
            _refuse_many(values, size)
            try:
                batch.validate(full=True)  # its offsets may lead anywhere
            except arrow.ArrowInvalid as error:
                raise ValueError(f"its columns are not as they were written, {error}") from None
            columns = [arrow_columns.column(batch.column(batch.schema.get_field_index(name))) for name in names]
            yield Block(columns, batch.num_rows, (index + 1) / count)


@contextlib.contextmanager
def _opened(path, names=None):
    """Yield the schema of a file, its batches of rows, and their number; what goes wrong is a ValueError."""
    arrow = arrow_columns.require()
    with reading(path, f"{path.suffix[1:]} file", "write it anew") as file:
        if path.suffix.lower() == ".parquet":
            yield _parquet(file, names)
            return
        is_old = file.read(4) == b"FEA1"  # the first version of the format
        file.seek(0)
        if is_old:
            import pyarrow.feather

            table = pyarrow.feather.read_table(file)
            yield table.schema, table.to_batches(), len(table.to_batches())
        else:
            reader = arrow.ipc.open_file(file)
            count = reader.num_record_batches
            yield reader.schema, map(reader.get_batch, range(count)), count


def _parquet(file, names):
    """Return the schema of a Parquet file, its batches and their number; words stay numbers of a dictionary."""
    import pyarrow.parquet

    described = pyarrow.parquet.ParquetFile(file)
    metadata, schema = described.metadata, described.schema_arrow
    _refuse_many(metadata.num_rows * metadata.num_columns, os.fstat(file.fileno()).st_size)
    words = [field.name for field in schema if "string" in str(field.type)]
    opened = pyarrow.parquet.ParquetFile(file, read_dictionary=words, metadata=metadata)
    groups = (metadata.row_group(index).num_rows for index in range(metadata.num_row_groups))
    batches = sum(-(-rows // BLOCK_ROWS) for rows in groups)
    return schema, opened.iter_batches(BLOCK_ROWS, columns=names), max(1, batches)


def _refuse_many(values, size):
    """Refuse a file of `size` bytes with so many values that they would fill the memory."""
    if values > max(ALWAYS_READ, VALUES_A_BYTE * size):
        raise ValueError(f"it has {size:,} bytes for {values:,} values, which are read where they are not packed")
