"""Standard output and standard error, which may be closed, full or broken: nothing that is written there ends a run."""

import contextlib
import os
import sys


class Unbroken:
    """A stream that writes to another one until that fails, and nothing from then on.

    Parameters
    ----------
    stream : file-like or None
        A stream of text; None, as Python has it for a stream that is closed, fails at once.

    Attributes
    ----------
    error : Exception or None
        Why writing failed, if it did.
    """

    def __init__(self, stream):
        self._stream = stream
        self.error = None

    def write(self, text):
        self._try("write", text)
        return len(text)

    def flush(self):
        self._try("flush")

    def _try(self, method, *arguments):
        if self._stream is None:
            self.error = ValueError("it is closed")
        if self.error is None:
            try:
                getattr(self._stream, method)(*arguments)
            except Exception as error:  # a terminal or a notebook that is gone may raise any
                self.error = error

    def drop_what_is_left(self):
        """Write to nowhere what the stream could not write, which Python would try again at its exit."""
        with contextlib.suppress(AttributeError, OSError, ValueError):  # a stream of no file
            descriptor = os.open(os.devnull, os.O_WRONLY)
            os.dup2(descriptor, self._stream.fileno())
            os.close(descriptor)

    def __getattr__(self, name):
        return getattr(self._stream, name)


def say(text):
    """Write a line of fastprop to standard error, if it can be written."""
    stream = Unbroken(sys.stderr)
    stream.write(f"fastprop: {text}\n")
    stream.flush()


def open_closed_descriptors():
    """Open those of the descriptors 0, 1 and 2 that are closed, on the null device.

    A file that is opened later would have such a number, and would hold what a library prints.
    """
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= 2:
        pass
    os.close(descriptor)
