"""`ProgressBar`: shows in a terminal or notebook how far a training is, and never ends one."""

import contextlib
import functools
import sys
import threading

from fastprop.standard_streams import Unbroken


class ProgressBar(contextlib.AbstractContextManager):
    """A progress bar of ``tqdm.auto``, on standard error.

    It is left out where nobody would see it move, as in a log file, and ends where it can no longer be written, for
    example because the terminal was closed.

    Parameters
    ----------
    total : int or None
        How many units there are; None if that is not known.
    unit : str
        What is counted.
    shown : bool
        Whether the user asked for the bar.
    **style
        Other arguments of ``tqdm``.

    Attributes
    ----------
    n : int
        How many units are done.

    Examples
    --------
    >>> with ProgressBar(3, "epoch", shown=False) as bar:
    ...     bar.update(2)
    >>> bar.n
    2
    """

    def __init__(self, total, unit, *, shown, **style):
        self.n = 0
        self._bar = None
        if shown and _can_be_seen():
            with self._no_errors():
                self._bar = _tqdm()(total=total, unit=unit, file=Unbroken(sys.stderr), dynamic_ncols=True, **style)

    def update(self, count):
        """Count `count` more units as done."""
        self.n += count
        self._call("update", count)

    def set_description(self, text):
        """Set the text before the bar."""
        self._call("set_description", text)

    def __exit__(self, *error):
        self._call("close")

    def _call(self, method, *arguments):
        if self._bar is not None:
            with self._no_errors():
                getattr(self._bar, method)(*arguments)

    @contextlib.contextmanager
    def _no_errors(self):
        """Take the bar away in place of raising an error of a block, which is about writing it."""
        try:
            yield
        except Exception:  # a terminal or a notebook that is gone may raise any
            if self._bar is not None:
                self._bar.disable = True  # it writes nothing more, not even when it is deleted
            self._bar = None
            _tqdm.cache_clear()  # the next bar has another lock


def _can_be_seen():
    """Return whether this is a notebook, or standard error is a terminal."""
    try:
        return _is_notebook() or sys.stderr.isatty()
    except (AttributeError, ValueError, OSError):  # standard error is None, closed or broken
        return False


def _is_notebook():
    """Return whether IPython runs this for a notebook, as ``tqdm.auto`` finds out as well."""
    ipython = sys.modules.get("IPython")
    shell = None if ipython is None else ipython.get_ipython()
    return shell is not None and "IPKernelApp" in shell.config


@functools.cache
def _tqdm():
    """Return the class of ``tqdm.auto``, imported on use, because it imports asyncio; it starts no thread.

    Its lock is its own: tqdm leaves it held where an error occurs while a bar is drawn.
    """
    from tqdm.auto import tqdm

    return type("ProgressBar", (tqdm,), {"monitor_interval": 0, "_lock": threading.RLock()})
