"""What Ctrl-C ends: a first one ends a training, whose result is returned, and a second one the script."""

import contextlib
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
