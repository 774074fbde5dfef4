"""Where a file is that a path means, and the names of the files that stand beside it while it is written."""

import errno
import hashlib
import os
import stat
from pathlib import Path


def resolved(path):
    """Return the path of the file to which `path` leads by links, which may not be there yet.

    Raises
    ------
    OSError
        If the links lead in a circle, or to what is no regular file.
    """
    try:
        target = Path(os.path.realpath(os.fsdecode(path)))
        status = target.lstat()
    except FileNotFoundError:
        return target
    except ValueError as error:  # such as a zero byte
        raise OSError(errno.EINVAL, str(error)) from error
    if stat.S_ISLNK(status.st_mode):
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
    if stat.S_ISDIR(status.st_mode):
        raise OSError(errno.EISDIR, os.strerror(errno.EISDIR))
    if not stat.S_ISREG(status.st_mode):
        raise OSError(errno.EINVAL, "it is no regular file")
    return target


def beside(target, ending):
    """Return the path of a file that belongs to another one in the same folder, of a name that is short enough."""
    return target.with_name(f".fastprop-{hashlib.sha256(os.fsencode(target.name)).hexdigest()[:16]}{ending}")
