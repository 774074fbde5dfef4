"""Opens files to read them, and makes one sentence of every fault."""

import contextlib
import os
import stat
import zipfile
import zlib

from fastprop import interrupts

_FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
"""How a file is opened: without waiting, as a FIFO has one wait for somebody who writes."""

_SAID = OSError, ValueError, zipfile.BadZipFile, zlib.error
"""Exceptions whose message says what is wrong with a file."""

REASON = 160
"""The largest number of characters of a reason in a message."""

ALWAYS_UNPACKED = 1 << 27
"""Bytes to which a file may unpack, however small it is."""

MAX_UNPACKED = 100
"""How many times its size a larger file may unpack to; of some that are made for this, a megabyte unpacks to a GB."""


def opened(path):
    """Open a regular file to read its bytes.

    Raises
    ------
    OSError
        If it cannot be opened, or is no regular file: a folder, a FIFO, a device.
    """
    # Ctrl-C comes only where Python code is run: what `map` and `extend` call is in the list, or was not opened.
    opened = []
    try:
        opened.extend(map(os.open, [os.fspath(path)], [_FLAGS]))
        if not stat.S_ISREG(os.fstat(opened[0]).st_mode):
            raise OSError("it is no regular file")
        opened.extend(map(open, opened[:1], ["rb"]))
        return opened[1]
    except BaseException:
        if len(opened) == 2:
            opened[1].close()
        elif opened:
            os.close(opened[0])
        raise


def reading(path, kind, remedy):
    """Return a context of a file that is open for reading; faults in the block are refused, see `refusing`."""
    return interrupts.around(_reading(path, kind, remedy))


@contextlib.contextmanager
def _reading(path, kind, remedy):
    with refusing(path, kind, remedy), opened(path) as file:
        yield file


@contextlib.contextmanager
def refusing(path, kind, remedy):
    """Raise a ValueError that names the file, in place of any exception that its content leads to in the block.

    A ValueError that begins with the name of the file is left as it is.

    Parameters
    ----------
    path : str or Path
    kind : str
        What the file should be, such as "checkpoint".
    remedy : str
        What to do.
    """
    try:
        yield
    except FileNotFoundError as error:
        raise ValueError(f"{path} is missing: {remedy}.") from error
    except ImportError:  # the file has no part in it
        raise
    except Exception as error:
        if isinstance(error, ValueError) and str(error).startswith(f"{path} "):
            raise
        raise ValueError(f"{path} is no {kind} or a damaged one ({_reason(error)}): {remedy}.") from error


@contextlib.contextmanager
def naming(source):
    """Have the message of an error that is raised in the block begin with the name of the file, if it lacks it.

    Unlike `refusing`, this is for what a whole file holds. A `source` that is no path, such as a frame, has no name.
    """
    try:
        yield
    except (ValueError, TypeError) as error:
        if not isinstance(source, (str, os.PathLike)) or str(source) in str(error):
            raise
        kind = TypeError if isinstance(error, TypeError) else ValueError
        raise kind(f"{source}: {error}") from error


def unpacked_limit(size, always=ALWAYS_UNPACKED):
    """Return to how many bytes a compressed file or member of `size` bytes may unpack; `always` bytes are allowed."""
    return max(always, MAX_UNPACKED * size)


def _reason(error):
    if isinstance(error, MemoryError):
        return "it does not fit into memory"
    words = " ".join((getattr(error, "strerror", None) or str(error)).split()).rstrip(".")
    if not isinstance(error, _SAID) or not words:
        return "its parts are not those that are expected"
    return words if len(words) <= REASON else f"{words[: REASON - 3]}..."
