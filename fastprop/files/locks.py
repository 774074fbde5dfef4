"""Locks that keep two runs from writing one file. They end with the process, and forked processes do not keep them."""

import contextlib
import os
import stat

from fastprop import interrupts
from fastprop.files.paths import beside, resolved

try:
    import fcntl
except ImportError:  # Windows has no fcntl: nothing there keeps two runs from writing one file
    fcntl = None

_NEW = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)

_LOCKED = set()
"""The file descriptors of all files that are locked."""


def lock(descriptor):
    """Lock an open file; BlockingIOError if another has locked it. Where the disk has no locks, nothing is locked."""
    _LOCKED.add(descriptor)
    if fcntl is None:
        return
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        _LOCKED.discard(descriptor)
        raise
    except OSError:  # some network disks have no locks
        pass


def unlock(descriptor):
    """Unlock a file and close it; the lock ends even if a forked process still has the file open."""
    _LOCKED.discard(descriptor)
    if fcntl is not None:
        with contextlib.suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_UN)
    os.close(descriptor)


def can_lock():
    """Return whether the system has locks."""
    return fcntl is not None


def lock_new(descriptor, path):
    """Lock a file that was just made at `path`; return False if somebody has taken it for an abandoned one meanwhile.

    The lock ends when the file is closed. Where the disk has no locks, nothing is locked.
    """
    if fcntl is None:
        return True
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return True
    return os.path.lexists(path)


def is_abandoned(path):
    """Return whether a file that is locked as long as its owner works is there, and its owner has ended or was killed.

    It is False where the disk has no locks.
    """
    with _locked_if_abandoned(path) as abandoned:
        return abandoned


def remove_unfinished(target):
    """Remove the temporary files of those who were killed while they wrote a file; nothing is removed without locks."""
    with contextlib.suppress(OSError):  # they are in nobody's way
        for path in target.parent.glob(beside(target, "-*.part").name):
            with _locked_if_abandoned(path) as abandoned, contextlib.suppress(OSError):
                if abandoned and stat.S_ISREG(os.lstat(path).st_mode):
                    path.unlink()


@contextlib.contextmanager
def _locked_if_abandoned(path):
    """Yield whether a file is abandoned, see `is_abandoned`; nobody else locks it in the block."""
    if fcntl is None:
        yield False
        return
    with interrupts.held():
        try:
            descriptor = os.open(path, _NEW & ~os.O_CREAT)
        except OSError:
            yield False
            return
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            abandoned = True
        except OSError:
            abandoned = False
        try:
            yield abandoned
        finally:
            os.close(descriptor)


def _close_all():
    """Close all locked files in a forked process, which otherwise would hold the locks as long as it lives."""
    while _LOCKED:
        os.close(_LOCKED.pop())


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_close_all)


class PathLock:
    """A lock on a file that is replaced again and again, by a second file beside it.

    Hold Ctrl-C back while the lock is made, until whoever will release it has it: see `interrupts.held`.

    Parameters
    ----------
    path : str or Path
    name : str
        What messages call the file.

    Raises
    ------
    OSError
        If another run has the lock (then it is a BlockingIOError), or the file beside cannot be made.
    """

    def __init__(self, path, name):
        self._descriptor = None
        try:
            target = resolved(path)
            self._beside = beside(target, ".lock")
            while self._descriptor is None:
                self._acquire()
        except BlockingIOError as error:
            raise BlockingIOError(
                f"the {name} {path} is that of a run which is going on: wait for its end, or name another file."
            ) from error
        except OSError as error:
            raise OSError(
                f"the {name} {path} cannot be written, {error.strerror or error}: make room or name another file."
            ) from error
        remove_unfinished(target)

    def _acquire(self):
        """Lock the file beside, unless its last owner has removed it meanwhile."""
        descriptor = os.open(self._beside, _NEW, 0o666)
        try:
            lock(descriptor)
        except BaseException:
            os.close(descriptor)
            raise
        with contextlib.suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(descriptor), os.lstat(self._beside)):
                self._descriptor = descriptor
                return
        unlock(descriptor)

    def release(self):
        """Remove the file beside and unlock it; do nothing if that is done."""
        with interrupts.held():
            if self._descriptor is None:
                return
            with contextlib.suppress(OSError):
                self._beside.unlink()
            unlock(self._descriptor)
            self._descriptor = None
