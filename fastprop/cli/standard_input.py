"""Tables from standard input, which come once: they are kept in a file while the command runs."""

import atexit
import contextlib
import shutil
import sys
import tempfile
from pathlib import Path

NAMES = "-", "/dev/stdin"
"""What stands for standard input in the place of a file's name."""

DESCRIPTORS = "/dev/fd/"
"""How the name of an open file begins, as the shell gives it for ``<(command)``."""

_ENDINGS = {b"PAR1": ".parquet", b"ARROW1": ".arrow", b"FEA1": ".feather", b"PK\x03\x04": ".npz", b"\x93NUMPY": ".npy"}
_ENDINGS |= {b"\x1f\x8b": ".csv.gz"}
"""By the first bytes of a file, its ending; any other is CSV."""


def as_file(source):
    """Return the path of a regular file with what `source` gives, which is `source` itself if that is such a file.

    Parameters
    ----------
    source : str
        The name of a file; "-", ``/dev/stdin`` and what ``<(command)`` is called are read to their end.
    """
    if source not in NAMES and not source.startswith(DESCRIPTORS):
        return source
    folder = tempfile.mkdtemp()
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    path = Path(folder, "input")
    is_open = source in NAMES
    with contextlib.nullcontext(sys.stdin.buffer) if is_open else open(source, "rb") as given, open(path, "wb") as file:
        shutil.copyfileobj(given, file)
    with open(path, "rb") as file:
        first = file.read(8)
    ending = next((ending for start, ending in _ENDINGS.items() if first.startswith(start)), ".csv")
    return str(path.rename(path.with_suffix(ending)))
