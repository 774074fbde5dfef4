"""Files with a pickled value each, whose arrays a process maps into memory instead of having a copy of them.

Such a file has the arrays, the pickle of the value without them, and at its end where the pickle begins.
"""

import contextlib
import itertools
import mmap
import os
import pickle

_ALIGNMENT = 64
"""Each array begins at a multiple of this many bytes, which is a cache line."""

_MIN_MAPPED = 4096
"""The smallest array that is mapped, in bytes: a page. Others are in the pickle."""

_BYTES_OF_OFFSET = 8
"""The bytes at the end of a file that have the offset of the pickle."""


def write(path, value, dumps=pickle.dumps):
    """Write a value to a file, which `dumps` pickles.

    Raises
    ------
    OSError
        If the file cannot be written, as on a full disk.
    """
    buffers = []

    def take(buffer):
        """Take a buffer out of the pickle, unless it is small."""
        if buffer.raw().nbytes < _MIN_MAPPED:
            return True
        buffers.append(buffer.raw())
        return False

    content = dumps(value, protocol=5, buffer_callback=take)
    sizes = [buffer.nbytes for buffer in buffers]
    with explained(os.path.dirname(path)), open(path, "wb") as file:
        for buffer in buffers:
            file.write(buffer)
            file.write(bytes(-buffer.nbytes % _ALIGNMENT))
        offset = file.tell()
        pickle.dump((content, sizes), file)
        file.write(offset.to_bytes(_BYTES_OF_OFFSET, "little"))


@contextlib.contextmanager
def explained(folder):
    """Have an OSError of a block that writes to a folder say what to do."""
    try:
        yield
    except OSError as error:
        raise OSError(
            f"the data for the executor's workers cannot be written to {folder}, {error.strerror}: make room, or have "
            "TMPDIR name another folder."
        ) from error


def read(path):
    """Return the value in a file, whose large arrays are read-only; FileNotFoundError if there is no such file."""
    with open(path, "rb") as file:
        mapped = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
    offset = int.from_bytes(mapped[-_BYTES_OF_OFFSET:], "little")
    content, sizes = pickle.loads(mapped[offset:-_BYTES_OF_OFFSET])
    starts = itertools.accumulate((size + -size % _ALIGNMENT for size in sizes), initial=0)
    return pickle.loads(content, buffers=[mapped[start : start + size] for start, size in zip(starts, sizes)])
