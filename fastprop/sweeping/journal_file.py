"""The file of a journal: lines of JSON with checksums, which are only appended.

One process has the file open at a time. A line is whole once its newline is written. A last line that is not whole was
cut off when the process was killed or the disk was full, and is removed.
"""

import json
import os
import zlib
from pathlib import Path

from fastprop import files

_FLAGS = os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0)  # or else Windows would write other ends of lines

MAX_HEADER = 1 << 26
"""Bytes of the longest first line."""


class JournalFile:
    """The file at `path`, open and locked; it is read once and then appended to.

    The path must be that of a regular file, or of none, see `checks.new_file`.

    Hold Ctrl-C back while it is opened, until whoever will close it has it: see `interrupts.held`.
    """

    def __init__(self, path):
        self.path = Path(path)
        self._end = 0  # byte after the last whole line
        self._unwritten = bytearray()  # lines that are to be written there
        try:
            self._file = os.open(self.path, _FLAGS, 0o666)
        except OSError as error:
            raise self._not_written(error) from error
        try:
            self._lock()
        except BaseException:
            self.close()
            raise

    def close(self):
        """Unlock and close the file; the lock ends even if a forked process still has the file open."""
        files.unlock(self._file)

    def read(self, header, check_header, take_in):
        """Read a file that begins with the entry `header`; write the header if the file is new or ends within it.

        Parameters
        ----------
        header : dict
        check_header : callable
            Called with the first entry, or None if the first line is not an entry.
        take_in : callable
            Called with each other entry; it raises ValueError, KeyError or TypeError if the entry is not valid.

        Raises
        ------
        ValueError
            If a line before the last is damaged.
        """
        with open(self._file, "rb", closefd=False) as file:
            first = file.readline(MAX_HEADER)
            if not first.endswith(b"\n") and _line(header).startswith(first):
                self._begin(header)
                return
            check_header(_entry_or_none(first))
            self._end = len(first)
            for line_number, line in enumerate(file, start=2):
                try:
                    take_in(_entry(line))
                except (ValueError, KeyError, TypeError) as error:
                    if next(file, None) is None:
                        break
                    raise ValueError(
                        f"the journal {self.path} is damaged in line {line_number}: delete this line, whose "
                        "configuration will be trained again, or name another file."
                    ) from error
                self._end += len(line)
        os.ftruncate(self._file, self._end)

    def _begin(self, header):
        os.ftruncate(self._file, 0)
        self.append(header)
        self.write()
        files.sync_folder(self.path.absolute().parent)

    def append(self, entry):
        """Add an entry, which the next `write` writes."""
        self._unwritten += _line(entry)

    def write(self, is_durable=True):
        """Write what was appended; OSError if it cannot be written.

        If `is_durable`, wait until it is on the disk, where it stays after a power cut; without that, it stays if this
        process is killed.
        """
        if not self._unwritten:
            return
        written = 0
        try:
            os.lseek(self._file, self._end, os.SEEK_SET)
            while written < len(self._unwritten):
                written += os.write(self._file, self._unwritten[written:])
            if is_durable:
                os.fsync(self._file)
        except OSError as error:
            raise self._not_written(error) from error
        finally:  # a line that was written in part is written again by the next call
            whole = self._unwritten.rfind(b"\n", 0, written) + 1
            self._end += whole
            del self._unwritten[:whole]

    def _not_written(self, error):
        return OSError(
            f"the journal {self.path} cannot be written, {error.strerror}: make room or name another file; "
            "what was recorded before is as it was."
        )

    def _lock(self):
        """Lock the file, until it is closed or this process has ended."""
        try:
            files.lock(self._file)
        except BlockingIOError:
            raise BlockingIOError(
                f"the journal {self.path} is that of a sweep which is running: wait for its end, or name another file."
            ) from None


_CHECKSUM = b', "crc32": '
"""The bytes between an entry and its checksum; a line is JSON with the checksum as the last field."""


def first_entry(path):
    """Return the first entry of the file at a path, or None if there is no file, or none that begins with an entry."""
    try:
        with open(path, "rb") as file:
            return _entry_or_none(file.readline(MAX_HEADER))
    except OSError:
        return None


def _line(entry):
    """Return an entry as a line, which ends with the checksum of the bytes before."""
    text = json.dumps(entry).encode()[:-1]
    return b"%b%b%d}\n" % (text, _CHECKSUM, zlib.crc32(text))


def _entry(line):
    """Return the entry of a line; ValueError if the line is not as it was written."""
    text, _, checksum = line.rpartition(_CHECKSUM)
    if checksum != b"%d}\n" % zlib.crc32(text):
        raise ValueError("the checksum of a line is wrong")
    return files.parsed(text + b"}")


def _entry_or_none(line):
    try:
        return _entry(line)
    except ValueError:
        return None
