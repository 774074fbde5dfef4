"""Ctrl-C: a first one ends a training, whose result is returned, and a second one the script; it can be held back."""

import contextlib
import os
import signal
import threading
import time
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
    """Hold back Ctrl-C while a block runs, so that it comes only where the block calls `deliver`, or at its end.

    A second Ctrl-C comes through at once. In other threads than the main one, which Ctrl-C never reaches, where Ctrl-C
    has no handler in Python, and in processes that are forked meanwhile, nothing is held back.
    """

    def __enter__(self):
        self._held = None
        self._lets_through = False
        self._process = os.getpid()
        self._handler = None
        in_main_thread = threading.current_thread() is threading.main_thread()
        if in_main_thread and callable(handler := signal.getsignal(signal.SIGINT)):
            with contextlib.suppress(ValueError):  # in a subinterpreter, whose main thread Ctrl-C never reaches either
                signal.signal(signal.SIGINT, self._hold)
                self._handler = handler
        return self

    def __exit__(self, kind, error, traceback):
        if self._handler is not None:
            signal.signal(signal.SIGINT, self._handler)
        if kind is None:
            self.deliver()

    def deliver(self):
        """Call the handler of Ctrl-C if one was held back; by default it raises KeyboardInterrupt."""
        held, self._held = self._held, None
        if held is not None:
            self._handler(*held)

    @contextlib.contextmanager
    def let_through(self):
        """Let Ctrl-C come while a block runs, also one that was held back."""
        self._lets_through = True
        try:
            self.deliver()
            yield
        finally:
            self._lets_through = False

    def _hold(self, *signal_and_frame):
        if self._lets_through or self._held is not None or os.getpid() != self._process:
            return self._handler(*signal_and_frame)
        self._held = signal_and_frame
