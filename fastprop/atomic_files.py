"""Files that are replaced as a whole; arrays and a description in one: NumPy's npz without pickled objects."""

import contextlib
import json
import os
from pathlib import Path

import numpy as np

DESCRIPTION = "description"


@contextlib.contextmanager
def replacing(path, name):
    """Yield a file that takes the place of the one at `path`, so that at any time there is a whole one.

    OSError, which calls it `name`, if it cannot be written.
    """
    path = Path(path)
    part = path.with_name(f"{path.name}.part")
    try:
        with open(part, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)
        sync_folder(path.absolute().parent)
    except OSError as error:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)
        raise OSError(
            f"the {name} {path} cannot be written, {error.strerror}: make room or name another file; "
            "one that was there before is as it was."
        ) from error


def write(path, description, arrays, name):
    """Replace the file at `path` by a `description`, of plain values, and `arrays` by name; see `replacing`."""
    with replacing(path, name) as file:
        np.savez(file, **{DESCRIPTION: json.dumps(description)}, **arrays)


def read(path):
    """Return the description and the arrays; what an archive with wrong bytes raises is anyone's guess."""
    with open(path, "rb") as file, np.load(file, allow_pickle=False) as archive:
        arrays = dict(archive)
    return json.loads(str(arrays.pop(DESCRIPTION))), arrays


def sync_folder(folder):
    """Have the folder's entries on the disk, too."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
