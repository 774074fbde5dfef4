"""pyarrow: Parquet and Feather files (extra ``tables``)."""

import json

from fastprop.integrations import arrow_columns

ENDINGS = ".parquet", ".feather", ".arrow"
"""Endings of the files that can be read."""


def read(path):
    """Return the Arrow table of a Parquet or Feather file, without the index that pandas wrote.

    Raises
    ------
    ValueError
        If the file is no such file.
    """
    arrow = arrow_columns.require()
    try:
        if path.suffix.lower() == ".parquet":
            import pyarrow.parquet

            table = pyarrow.parquet.read_table(path)
        else:
            import pyarrow.feather

            table = pyarrow.feather.read_table(path)
    except (OSError, arrow.ArrowException) as error:
        raise ValueError(f"{path} is no {path.suffix[1:]} file that can be read ({error}): write it anew.") from None
    described = json.loads((table.schema.metadata or {}).get(b"pandas", b"{}"))
    index = [name for name in described.get("index_columns", ()) if isinstance(name, str)]
    return table.drop_columns(index) if index else table
