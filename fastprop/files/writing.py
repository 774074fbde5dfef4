"""Replaces files as a whole, so that a crash leaves the old file or the new one."""

import contextlib
import errno
import functools
import hashlib
import os
import secrets
import stat
from pathlib import Path


@contextlib.contextmanager
def replacing(path, name, mode=0o666):
    """Yield a binary file that replaces the one at `path` when the block ends.

    What is written goes to a temporary file in the same folder, which is renamed once it is on the disk. Links are
    followed: the file to which `path` points is replaced. It has the permissions `mode`, less those of the umask.

    Raises
    ------
    OSError
        If the file cannot be written; the message calls it `name`. A file that was at `path` is unchanged then.
    """
    temporary = None
    try:
        target = resolved(path)
        temporary = beside(target, f"-{secrets.token_hex(8)}.part")
        # Nothing of this name may exist ("x"), also no link. No Python code has the descriptor, so that Ctrl-C does not
        # leave it open.
        with open(temporary, "xb", opener=functools.partial(os.open, mode=mode)) as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, target)
        sync_folder(target.parent)
    except OSError as error:
        raise OSError(
            f"the {name} {path} cannot be written, {error.strerror or error}: make room or name another file; "
            "an earlier one is unchanged."
        ) from error
    finally:
        if temporary is not None:
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)  # it is there if it has not been renamed


def resolved(path):
    """Return the path of the file to which `path` leads by links, which may not be there yet.

    Raises
    ------
    OSError
        If the links lead in a circle, or to what is no regular file.
    """
    try:
        target = Path(os.path.realpath(path))
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


def remove_unfinished(target):
    """Remove the temporary files of writers of a file that were killed; nobody else may be writing it."""
    for path in target.parent.glob(beside(target, "-*.part").name):
        with contextlib.suppress(OSError):
            path.unlink()


def sync_folder(folder):
    """Write a folder's list of files to the disk, so that a file that was made or renamed there survives a crash.

    Where the system cannot do that, as Windows and some network disks, nothing happens.
    """
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
