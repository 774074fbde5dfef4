"""pyarrow: Parquet and Feather files (extra ``tables``)."""

import os

from fastprop.files import parsed, reading
from fastprop.integrations import arrow_columns

ENDINGS = ".parquet", ".feather", ".arrow"
"""Endings of the files that can be read."""

ALWAYS_READ = 1 << 27
"""Values that a Parquet file may have, however small it is; a byte of it may stand for any number of equal ones."""

VALUES_A_BYTE = 1000
"""Values that a larger one may have for each of its bytes."""


def read(path):
    """Return the Arrow table of a Parquet or Feather file, without the index that pandas wrote.

    Raises
    ------
    ValueError
        If the file is no such file.
    """
    arrow = arrow_columns.require()
    with reading(path, f"{path.suffix[1:]} file", "write it anew") as file:
        if path.suffix.lower() == ".parquet":
            table = _parquet(file)
        else:
            import pyarrow.feather

            table = pyarrow.feather.read_table(file)
        try:
            table.validate(full=True)  # its offsets may lead anywhere
        except arrow.ArrowInvalid as error:
            raise ValueError(f"its columns are not as they were written, {error}") from None
        described = parsed((table.schema.metadata or {}).get(b"pandas", b"{}"))
        index = [name for name in described.get("index_columns", ()) if isinstance(name, str)]
        return table.drop_columns(index) if index else table


def _parquet(file):
    """Return the table of a Parquet file, whose words stay numbers of a dictionary as far as they are in the file."""
    import pyarrow.parquet

    described = pyarrow.parquet.ParquetFile(file)
    size, count = os.fstat(file.fileno()).st_size, described.metadata.num_rows * described.metadata.num_columns
    if count > max(ALWAYS_READ, VALUES_A_BYTE * size):
        raise ValueError(f"it has {size:,} bytes for {count:,} values")
    words = [field.name for field in described.schema_arrow if "string" in str(field.type)]
    return pyarrow.parquet.ParquetFile(file, read_dictionary=words, metadata=described.metadata).read()
