"""A folder by which processes share a value, and in which workers store states for each other."""

import contextlib
import errno
import os
import pickle
import platform
import shutil
import tempfile
import threading
import uuid
import weakref
from pathlib import Path

from fastprop import files
from fastprop.sweeping.fit_states import StoredStates
from fastprop.sweeping.workers import mapped_files
from fastprop.sweeping.workers.tickets import SharedValue, Ticket

_OWNER = "owner"
"""The file of a folder that the sweep's process keeps locked, as long as it lives."""

_RUNNING = "running"
"""The file of a folder that is there until the sweep is over."""

_VALUE = "value"
"""The file of a folder that has the shared value."""


class SharedFolder(SharedValue):
    """A value that processes share: a temporary folder with a file of it, and files of states.

    The folder exists until the sweep ends. A worker that does not find its file `_RUNNING` anymore knows that the sweep
    is over. The folder of a sweep whose process was killed exists until another sweep on this machine makes one.
    """

    def __init__(self, value):
        prefix = f"fastprop-{platform.node()}-"  # because locks of other machines may not be seen
        _remove_abandoned(prefix)
        self._path = tempfile.mkdtemp(prefix=prefix)
        super().__init__(_FolderTicket(self._path))
        self._owner = None  # file descriptor
        try:
            with mapped_files.explained(self._path):
                self._own()
            mapped_files.write(self._file(_VALUE), value, _dumps)
        except BaseException:
            self.close()
            raise

    def _own(self):
        """Lock a file in the folder; it has its name only then, so that no other sweep takes it for abandoned."""
        locked = Path(self._path, f"{_OWNER}.new")
        self._owner = os.open(locked, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        files.lock(self._owner)
        locked.rename(self._file(_OWNER))
        self._file(_RUNNING).touch()

    def _file(self, name):
        return Path(self._path, name)

    def end(self):
        self._file(_RUNNING).unlink(missing_ok=True)

    def close(self):
        owner, self._owner = self._owner, None
        if owner is not None:
            files.unlock(owner)  # first, because Windows removes no file that is open
        path = self._path
        with contextlib.suppress(OSError):  # so that no worker writes a file into it meanwhile
            path = Path(path).rename(f"{path}-removed")
        shutil.rmtree(path, ignore_errors=True)


class _FolderTicket(Ticket):
    """The ticket of a `SharedFolder`: its path."""

    def __init__(self, path):
        self._path = path

    def get(self):
        with _GETTING:
            if self._path not in _GOT:
                _GOT.clear()
                _GOT[self._path] = self._read()
            return _GOT[self._path]

    def _read(self):
        try:
            return mapped_files.read(Path(self._path, _VALUE))
        except FileNotFoundError:
            raise RuntimeError(
                f"a worker does not see the folder {self._path}: have TMPDIR name one that all machines share."
            ) from None

    def store(self, states):
        path = str(Path(self._path, f"states-{uuid.uuid4()}"))
        mapped_files.write(path, states)
        return StatesInFile(path)

    def is_over(self):
        return not Path(self._path, _RUNNING).exists()


class StatesInFile(StoredStates):
    """States in a file of a `SharedFolder`, which the calling process removes when no fit needs one of them.

    They are copied, because a mapped file is an open one, and a call may need states of many files. A state that was
    loaded is forgotten when it is asked for: the run that goes on from it has its own copy.
    """

    def __init__(self, path):
        super().__init__({})
        self._path = path

    def __reduce__(self):
        return StatesInFile, (self._path,)

    def load(self, positions):
        states = self._read()
        for position in positions:
            arrays = states.get(position)
            self._states[position] = arrays and {name: array.copy() for name, array in arrays.items()}

    def _read(self):
        try:
            return mapped_files.read(self._path)
        except OSError as error:
            if error.errno in _GONE:
                return {}
            raise OSError(
                f"states of networks cannot be read from {self._path}, {error.strerror}: have the workers run as a "
                "user who may read them, with memory and open files enough."
            ) from error

    def get(self, position):
        if position not in self._states:
            self.load([position])
        return self._states.pop(position)

    def own(self):
        weakref.finalize(self, _remove, self._path, os.getpid())


def _remove(path, process):
    """Remove a file, in the process that owns it and not in one that was forked from that."""
    if os.getpid() == process:
        with contextlib.suppress(OSError):
            os.unlink(path)


def _remove_abandoned(prefix):
    """Remove the folders of sweeps of this machine whose processes were killed."""
    for folder in Path(tempfile.gettempdir()).glob(f"{prefix}*"):
        if files.is_abandoned(folder / _OWNER):
            shutil.rmtree(folder, ignore_errors=True)


_GONE = errno.ENOENT, errno.ESTALE
"""Errors of a file that was lost with a disk, or that somebody has removed."""

_GOT = {}
"""In a worker: the shared value that was read last, by folder."""

_GETTING = threading.Lock()
"""Held while a value is read, so that two threads of a worker do not both read it."""


def _dumps(value, **options):
    """Return the pickle of a value, by cloudpickle if it is installed, so that functions need not be those of a module.

    Raises
    ------
    TypeError
        If the value cannot be pickled.
    """
    dumps = pickle.dumps
    with contextlib.suppress(ImportError):
        from cloudpickle import dumps
    try:
        return dumps(value, **options)
    except Exception as error:  # pickling may raise any exception
        raise TypeError(
            f"what the workers are to know cannot be sent to them, {error}: give a score that is a function of a "
            "module, or install cloudpickle."
        ) from error
