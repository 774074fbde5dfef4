"""A folder by which processes share a value: each maps the arrays into memory instead of having a copy of them."""

import contextlib
import mmap
import os
import pickle
import shutil
import tempfile
import threading
from pathlib import Path

from fastprop.sweeping.workers.base import Ticket

_ALIGNMENT = 64
"""Each array begins at a multiple of this many bytes, which is a cache line."""


class SharedFolder(Ticket):
    """A ticket for processes: a temporary folder with a pickle of the shared value, and a file with its arrays.

    The folder exists until the sweep ends. A worker that does not find it anymore knows that the sweep is over.
    """

    def __init__(self, value):
        self._path = tempfile.mkdtemp(prefix="fastprop-")
        try:
            self._write(value)
        except BaseException:
            self.close()
            raise

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
        shutil.rmtree(self._path, ignore_errors=True)


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
