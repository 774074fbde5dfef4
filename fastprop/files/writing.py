"""Replaces files as a whole, so that a crash leaves the old file or the new one."""

import contextlib
import functools
import os
import secrets

from fastprop import interrupts
from fastprop.files.locks import can_lock, lock_new, remove_unfinished
from fastprop.files.paths import beside, resolved


def replacing(path, name, mode=0o666):
    """Return a context of a binary file that replaces the one at `path` when the block ends.

    What is written goes to a temporary file in the same folder, which is renamed once it is on the disk. Links are
    followed: the file to which `path` points is replaced. It has the permissions `mode`, less those of the umask. What
    others have left that were killed while they wrote the same file is removed.

    Raises
    ------
    OSError
        If the file cannot be written; the message calls it `name`. A file that was at `path` is unchanged then.
    """
    return interrupts.around(_replacing(path, name, mode))


@contextlib.contextmanager
def _replacing(path, name, mode):
    temporary = None
    try:
        target = resolved(path)
        remove_unfinished(target)
        file = None
        while file is None:
            temporary = beside(target, f"-{secrets.token_hex(8)}.part")
            file = _created(temporary, mode)
        with file:
            yield file
            file.flush()
            os.fsync(file.fileno())
            if not can_lock():  # as on Windows, where an open file cannot be renamed
                file.close()
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


def _created(path, mode):
    """Return a new file that is locked, so that nobody takes it for that of a writer who was killed.

    It is None if somebody has done so before the lock.
    """
    # Nothing of this name may exist ("x"), also no link. No Python code has the descriptor, so that Ctrl-C does not
    # leave it open.
    file = open(path, "xb", opener=functools.partial(os.open, mode=mode))  # noqa: SIM115 (it is returned)
    try:
        if lock_new(file.fileno(), path):
            return file
    except BaseException:
        file.close()
        raise
    file.close()
    return None


def sync_folder(folder):
    """Write a folder's list of files to the disk, so that a file that was made or renamed there survives a crash.

    Where the system cannot do that, as Windows and some network disks, nothing happens.
    """
    with contextlib.suppress(OSError), interrupts.held():
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
