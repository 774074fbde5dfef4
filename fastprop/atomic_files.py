"""Replaces files as a whole, so that a crash leaves the old file or the new one.

`write` puts a description and arrays into one file, in NumPy's npz format without pickled objects.
"""

import contextlib
import json
import os
from pathlib import Path

import numpy as np

DESCRIPTION = "description"
"""Name of the array that holds the description, as JSON."""


@contextlib.contextmanager
def replacing(path, name):
    """Yield a binary file that replaces the one at `path` when the block ends.

    What is written goes to a temporary file in the same folder, which is renamed once it is on the disk.

    Raises
    ------
    OSError
        If the file cannot be written; the message calls it `name`. A file that was at `path` is unchanged then.
    """
    path = Path(path)
    temporary = path.with_name(f"{path.name}.part")
    try:
        with open(temporary, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
        sync_folder(path.absolute().parent)
    except OSError as error:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise OSError(
            f"the {name} {path} cannot be written, {error.strerror}: make room or name another file; "
            "an earlier one is unchanged."
        ) from error


def write(path, description, arrays, name):
    """Replace the file at `path` by one with a `description`, of values that JSON can hold, and `arrays` by name.

    Raises
    ------
    OSError
        As `replacing` does, if the file cannot be written.
    """
    with replacing(path, name) as file:
        np.savez(file, **{DESCRIPTION: json.dumps(description)}, **arrays)


def read(path):
    """Return the description and the arrays of a file that `write` wrote; a damaged file may raise any exception."""
    with open(path, "rb") as file, np.load(file, allow_pickle=False) as archive:
        arrays = dict(archive)
    return json.loads(str(arrays.pop(DESCRIPTION))), arrays


def sync_folder(folder):
    """Write a folder's list of files to the disk, so that a file that was made or renamed there survives a crash."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
