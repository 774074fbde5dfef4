"""A sweep's journal: a file of JSON lines, from which a sweep that was broken off in whatever way goes on.

The first line says what sweep this is, so that no other goes on from it. After it comes a line for each configuration
at each rung, in the order in which they were settled. What is written is a whole line once it ends; a last one that
does not was torn, and is cut off.
"""

import base64
import json
import os
import stat
import zlib
from collections import deque
from pathlib import Path

import numpy as np

from fastprop import atomic_files
from fastprop.metrics import name_of
from fastprop.runs import checkpoints
from fastprop.sweeping.results import Record

try:
    import fcntl
except ImportError:  # not everywhere: then nothing keeps two sweeps from one journal
    fcntl = None

FORMAT = 1
"""To be raised when the lines change their meaning."""


def describe(experiment, configurations, rows, options, halving):
    """Return what a sweep must have in common with the one it goes on from, as texts by name."""
    folds, prototypes = experiment.folds, experiment.prototypes
    first = folds[0]
    about = checkpoints.describe(
        *(next(iter(prototypes.values())), options, experiment.data, first.rows, experiment.held_out, first.held_out)
    )
    about |= {
        "journal format": FORMAT,
        "epochs": options.epochs,
        "configurations": rows,
        "grid": checkpoints.digest(*(_bytes(_text(each)) for each in configurations)),
        "first weights": checkpoints.digest(*(prototype.parameters for prototype in prototypes.values())),
        "folds": f"{len(folds)}, {checkpoints.digest(*(each for fold in folds for each in fold[:2]))}",
        "standardize": first.mean is not None,
        "score": name_of(experiment.score),
        "halving": halving,
        "backend": experiment.backend,
    }
    return {name: str(value) for name, value in about.items()}


class Journal:
    """What came of a sweep's configurations, in the file at `path`; `description` tells it from other sweeps.

    One at a time may be open on a file. What is added is in the file after the next `flush`.
    """

    def __init__(self, path, description, epochs):
        self._path, self._epochs, self._pending = Path(path), epochs, deque()
        self._recorded = {}  # by number and rung: the configuration, its record, its network's numbers or None
        self._lines = bytearray()  # to be written at the end
        header = _line({"fastprop sweep": description})
        try:
            self._file = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o666)
        except OSError as error:
            raise self._not_written(error) from error
        try:
            self._lock()
            self._end = self._read(description, header)
            os.ftruncate(self._file, self._end)
            if self._end == 0:
                self._lines += header
                self._write()
                atomic_files.sync_folder(self._path.absolute().parent)
        except BaseException:
            self.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.close()

    def close(self):
        """Let go of the file, also for a process that was forked and has not closed it yet."""
        _OPEN.discard(self._file)
        if fcntl is not None:
            fcntl.flock(self._file, fcntl.LOCK_UN)
        os.close(self._file)

    def take(self, number, rung, configuration):
        """Return, and forget, the record of configuration `number` at a rung and its network's numbers, or None.

        ValueError if the number is that of another configuration, which a search chose.
        """
        hyperparameters, *found = self._recorded.pop((number, rung), (None, None))
        if hyperparameters not in (None, plain := _plain(configuration)):
            raise ValueError(
                f"{self._path} is the journal of another sweep, whose configuration {number} is {hyperparameters} and "
                f"not {plain}: have the same ones chosen, by a seed, or name another file."
            )
        return found if hyperparameters is not None else None

    def add(self, number, rung, configuration, record, network):
        """Have the record of a configuration at a rung written, and its network's numbers if there is one."""
        self._pending.append((number, rung, configuration, record, network))

    def flush(self):
        """Write what was added, and wait until it is on the disk; OSError if it cannot be written."""
        while self._pending:
            number, rung, configuration, record, network = self._pending[0]
            entry = {"configuration": int(number), "rung": rung, "hyperparameters": _plain(configuration)}
            entry |= record._asdict() | {"history": record.history[: record.epochs].tolist()}
            if network is not None:
                entry["network"] = base64.b64encode(network.flat_parameters).decode()
            self._lines += _line(entry)
            self._pending.popleft()  # only now: Ctrl-C may come at any time
        if self._lines:
            self._write()

    def _write(self):
        written = 0
        try:
            os.lseek(self._file, self._end, os.SEEK_SET)
            while written < len(self._lines):
                written += os.write(self._file, self._lines[written:])
            os.fsync(self._file)
        except OSError as error:
            raise self._not_written(error) from error
        finally:  # a line that was torn is written again, by the next call
            whole = self._lines.rfind(b"\n", 0, written) + 1
            self._end += whole
            del self._lines[:whole]

    def _not_written(self, error):
        return OSError(
            f"the journal {self._path} cannot be written, {error.strerror}: make room or name another file; "
            "what was recorded before is as it was."
        )

    def _lock(self):
        """Have the file alone, until it is closed or this process has ended."""
        if not stat.S_ISREG(os.fstat(self._file).st_mode):
            raise ValueError(f"the journal {self._path} is no file that can be read again: name a file on a disk.")
        _OPEN.add(self._file)
        if fcntl is None:
            return
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BlockingIOError(
                f"the journal {self._path} is that of a sweep which is running: wait for its end, or name another file."
            ) from None

    def _read(self, description, header):
        """Read what is recorded; return where the last whole line ends."""
        end = 0
        with open(os.dup(self._file), "rb") as file:
            first = file.readline()
            if not first.endswith(b"\n") and header.startswith(first):
                return 0  # a new file, or one that was torn in its first line
            self._check(first, description)
            end = len(first)
            for place, line in enumerate(file, start=2):
                try:
                    self._take_in(line)
                except (ValueError, KeyError, TypeError) as error:
                    if next(file, None) is None:
                        break
                    raise ValueError(
                        f"the journal {self._path} is damaged in line {place}: delete this line, whose configuration "
                        "will be trained again, or name another file."
                    ) from error
                end += len(line)
        return end

    def _check(self, line, description):
        try:
            recorded = dict(_entry(line)["fastprop sweep"])
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(f"{self._path} is no journal of a sweep: name another file.") from error
        if differing := checkpoints.differences(recorded, description):
            raise ValueError(
                f"{self._path} is the journal of another sweep, whose {differing}: "
                "give what it was given, or name another file."
            )

    def _take_in(self, line):
        entry = _entry(line)
        history = np.full(self._epochs, np.nan)
        history[: entry["epochs"]] = entry["history"]
        record = Record(**{name: entry[name] for name in Record._fields} | {"history": history})
        numbers = base64.b64decode(entry["network"], validate=True) if "network" in entry else None
        self._recorded[entry["configuration"], entry["rung"]] = entry["hyperparameters"], record, numbers


_OPEN = set()
"""The files of all open journals."""


def _close_all():
    """In a forked process, which would hold the locks for as long as it lives."""
    while _OPEN:
        os.close(_OPEN.pop())


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_close_all)


_CHECK = b', "crc32": '


def _line(entry):
    """Return an entry as a line whose last number is that of the bytes before it."""
    text = json.dumps(entry).encode()[:-1]
    return b"%b%b%d}\n" % (text, _CHECK, zlib.crc32(text))


def _entry(line):
    """Return what a line says; ValueError if it is not as it was written."""
    text, _, check = line.rpartition(_CHECK)
    if check != b"%d}\n" % zlib.crc32(text):
        raise ValueError("a line of other bytes than were written")
    return json.loads(text + b"}")


def _plain(configuration):
    """Return a configuration as JSON knows it: numbers and texts as they are, and what else there is in words."""
    plain = {}
    for name, value in configuration.items():
        value = value.item() if isinstance(value, np.generic) else value
        plain[name] = value if isinstance(value, (int, float, str, type(None))) else str(value)
    return plain


def _text(value):
    """Return a text that is another for another value, whatever a grid may hold."""
    if isinstance(value, np.ndarray):
        return checkpoints.digest(np.atleast_1d(value))
    if isinstance(value, dict):
        return "".join(f"{name}: {_text(each)}; " for name, each in value.items())
    if isinstance(value, (list, tuple)):
        return f"({', '.join(map(_text, value))})"
    return str(value)


def _bytes(text):
    return np.frombuffer(text.encode(), np.uint8)
