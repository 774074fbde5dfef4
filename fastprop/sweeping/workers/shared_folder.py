"""A folder by which processes share a value: each maps the arrays into memory instead of having a copy of them."""

import contextlib
import mmap
import os
import pickle
import platform
import shutil
import tempfile
import threading
from pathlib import Path

from fastprop import files
from fastprop.sweeping.workers.base import Ticket

_ALIGNMENT = 64
"""Each array begins at a multiple of this many bytes, which is a cache line."""

_OWNER = "owner"
"""The file of a folder that the sweep's process keeps locked, as long as it lives."""


class SharedFolder(Ticket):
    """A ticket for processes: a temporary folder with a pickle of the shared value, and a file with its arrays.

    The folder exists until the sweep ends. A worker that does not find it anymore knows that the sweep is over. The
    folder of a sweep whose process was killed exists until another sweep on this machine makes one.
    """

    def __init__(self, value):
        prefix = f"fastprop-{platform.node()}-"  # because locks of other machines may not be seen
        _remove_abandoned(prefix)
        self._path = tempfile.mkdtemp(prefix=prefix)
        self._owner = None  # file descriptor
        try:
            self._write(value)
        except BaseException:
            self.close()
            raise

    def __getstate__(self):
        return {"_path": self._path, "_owner": None}

    def _own(self):
        """Lock a file in the folder; it has its name only then, so that no other sweep takes it for abandoned."""
        locked = Path(self._path, f"{_OWNER}.new")
        self._owner = os.open(locked, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        files.lock(self._owner)
        locked.rename(Path(self._path, _OWNER))

    def _write(self, value):
        buffers = []
        ends = []  # for each buffer, the byte of the file after its last one
        try:
            content = _pickled(value, buffers.append)
        except Exception as error:  # pickling may raise any exception
            raise TypeError(
                f"what the workers are to know cannot be sent to them, {error}: give a score that is a function of a "
                "module, or install cloudpickle."
            ) from error
        try:
            self._own()
            with open(Path(self._path, "arrays"), "wb") as file:
                for buffer in buffers:
                    file.write(buffer.raw())
                    ends.append(file.tell())
                    file.write(bytes(-file.tell() % _ALIGNMENT))
                file.write(bytes(_ALIGNMENT))  # an empty file cannot be mapped
            Path(self._path, "pickle").write_bytes(pickle.dumps((content, ends)))
        except OSError as error:
            raise OSError(
                f"the data for the executor's workers cannot be written to {self._path}, {error.strerror}: make room, "
                "or have TMPDIR name another folder."
            ) from error

    def get(self):
        with _GETTING:
            if self._path not in _GOT:
                _GOT.clear()
                _GOT[self._path] = self._read()
            return _GOT[self._path]

    def _read(self):
        try:
            content, ends = pickle.loads(Path(self._path, "pickle").read_bytes())
            with open(Path(self._path, "arrays"), "rb") as file:
                arrays = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
        except FileNotFoundError:
            raise RuntimeError(
                f"a worker does not see the folder {self._path}: have TMPDIR name one that all machines share."
            ) from None
        starts = [0, *(end + -end % _ALIGNMENT for end in ends)]
        return pickle.loads(content, buffers=[arrays[start:end] for start, end in zip(starts, ends)])

    def is_over(self):
        return not os.path.exists(self._path)

    def close(self):
        owner, self._owner = self._owner, None
        if owner is not None:
            files.unlock(owner)  # first, because Windows removes no file that is open
        shutil.rmtree(self._path, ignore_errors=True)


def _remove_abandoned(prefix):
    """Remove the folders of sweeps of this machine whose processes were killed."""
    for folder in Path(tempfile.gettempdir()).glob(f"{prefix}*"):
        if files.is_abandoned(folder / _OWNER):
            shutil.rmtree(folder, ignore_errors=True)


_GOT = {}
"""In a worker: the shared value that was read last, by folder."""

_GETTING = threading.Lock()
"""Held while a value is read, so that two threads of a worker do not both read it."""


def _pickled(value, take_buffer):
    """Pickle a value, with cloudpickle if it is installed, so that functions need not be those of a module."""
    dumps = pickle.dumps
    with contextlib.suppress(ImportError):
        from cloudpickle import dumps
    return dumps(value, protocol=5, buffer_callback=take_buffer)
