"""Ctrl-C: a first one ends a training, whose result is returned, and a second one the script; it can be held back."""

import contextlib
import os
import signal
import sys
import threading
import time
from _signal import getsignal  # those of `signal` call Python code around them, which takes ten times as long
from _signal import signal as set_handler
from contextvars import ContextVar

from fastprop.standard_streams import say

SECONDS_BETWEEN = 5.0
"""The longest time from a first Ctrl-C to a second one, in seconds: a later one is a first one again."""

_FIRST = []
"""When a Ctrl-C ended a training, in the seconds of `time.monotonic`; empty if none has."""

_IS_PART = ContextVar("whether what Ctrl-C ends is a part of something that has no result then", default=False)


@contextlib.contextmanager
def raised():
    """Have a Ctrl-C that ends a training of this block raise KeyboardInterrupt, because its result is of no use."""
    token = _IS_PART.set(True)
    try:
        yield
    finally:
        _IS_PART.reset(token)


def tell(what):
    """Say on standard error what Ctrl-C has ended, of which the caller returns what is done.

    Parameters
    ----------
    what : str
        For example, ``"the training after 3 of 20 epochs"``.

    Raises
    ------
    KeyboardInterrupt
        Within `raised`; and if this Ctrl-C is a second one, which is to end the script: it comes soon after the first.
        One that comes later is to end another training, as when a script or a person goes on after the first.
    """
    if _IS_PART.get():
        raise KeyboardInterrupt
    now = time.monotonic()
    is_second = bool(_FIRST) and now - _FIRST[0] <= SECONDS_BETWEEN
    _FIRST[:] = [now]
    if is_second:
        raise KeyboardInterrupt
    say(
        f"Ctrl-C has ended {what}, and what is done is returned: press it again within {SECONDS_BETWEEN:g} seconds to "
        "end the script."
    )


def forget():
    """Have the next Ctrl-C be a first one."""
    _FIRST.clear()


class held:  # noqa: N801 (used like a function)
    """Hold back Ctrl-C while a block runs, so that it comes only where the block lets it through, or at its end.

    It comes where the block calls `deliver`, and in blocks of `let_through`. A second Ctrl-C comes through at once. In
    other threads than the main one, which Ctrl-C never reaches, where Ctrl-C has no handler in Python, and in processes
    that are forked meanwhile, nothing is held back.
    """

    def __enter__(self):
        self._held = None
        self._has_come = False
        self._lets_through = False
        self._process = os.getpid()
        self._handler = None
        in_main_thread = threading.get_ident() == threading.main_thread().ident
        if in_main_thread and callable(handler := getsignal(signal.SIGINT)):
            self._handler = handler
            try:
                set_handler(signal.SIGINT, self._hold)
            except ValueError:  # in a subinterpreter, whose main thread Ctrl-C never reaches either
                self._handler = None
        return self

    def __exit__(self, kind, error, traceback):
        if self._handler is not None and getsignal(signal.SIGINT) == self._hold:  # else the block has set another
            set_handler(signal.SIGINT, self._handler)
        self._lets_through = True  # where somebody still has `_hold`
        if kind is None:
            self.deliver()

    def deliver(self):
        """Call the handler of Ctrl-C if one was held back; by default it raises KeyboardInterrupt."""
        held, self._held = self._held, None
        if held is not None:
            self._handler(*held)

    def let_through(self):
        """Return a context that lets Ctrl-C come while a block runs, also one that was held back."""
        return _LetThrough(self)

    def _hold(self, *signal_and_frame):
        comes = self._lets_through and not _holds_again()
        comes = comes or self._has_come or os.getpid() != self._process
        self._has_come = True
        if comes:
            return self._handler(*signal_and_frame)
        self._held = signal_and_frame


class _LetThrough:
    """The context of `held.let_through`."""

    def __init__(self, held):
        self._held = held

    def __enter__(self):
        self._held.deliver()
        self._held._lets_through = True  # noqa: SLF001 (of this module)

    def __exit__(self, *error):
        self._held._lets_through = False  # noqa: SLF001


class around:  # noqa: N801 (used like a function)
    """Enter a context and leave it as a whole: Ctrl-C comes in the block alone, also one that was held back meanwhile.

    Python may raise KeyboardInterrupt where any function begins, thus also before the first statement of `__exit__`.
    """

    def __init__(self, context):
        self._context = context
        self._held = held()

    def __enter__(self):
        self._held.__enter__()
        try:
            value = self._context.__enter__()
        except BaseException:
            self._held.__exit__(*sys.exc_info())
            raise
        try:
            self._held.deliver()
        except BaseException:
            self.__exit__(*sys.exc_info())
            raise
        self._held._lets_through = True  # noqa: SLF001 (of this module)
        return value

    def __exit__(self, *error):
        self._held._lets_through = False  # noqa: SLF001
        try:
            is_handled = self._context.__exit__(*error)
        except BaseException:
            self._held.__exit__(*sys.exc_info())
            raise
        self._held.__exit__(*((None, None, None) if is_handled else error))
        return is_handled


def _holds_again():
    """Return whether a block has ended that let Ctrl-C through, although the first statement after it is not done."""
    frame = sys._getframe(1)  # noqa: SLF001 (the only way)
    while frame is not None:
        if frame.f_code in _ENDS:
            return True
        frame = frame.f_back
    return False


_ENDS = {_LetThrough.__exit__.__code__, around.__exit__.__code__}
"""The code at whose call Ctrl-C is held back again."""
