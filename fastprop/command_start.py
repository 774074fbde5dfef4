"""Ctrl-C while the command line is being imported: it ends the command with exit code 130 and without a traceback.

``fastprop`` imports this first, and nothing but the standard library stands before it.
"""

import os
import signal
import sys
import threading


def is_command() -> bool:
    """Return whether this process is ``fastprop`` or ``python -m fastprop``."""
    if sys.argv[:1] == ["-m"]:  # Python finds the package that it is to run
        return "fastprop" in sys.orig_argv[1:]
    name = os.path.basename(sys.argv[0]) if sys.argv else ""
    return os.path.splitext(name)[0] == "fastprop"


def end_quietly() -> None:
    """Have Ctrl-C end the process from now on, if it is the command line and Ctrl-C would raise an exception."""
    is_main_thread = threading.current_thread() is threading.main_thread()
    if is_command() and is_main_thread and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _end)


def end_by_exception() -> None:
    """Have Ctrl-C raise KeyboardInterrupt again, after `end_quietly`."""
    if signal.getsignal(signal.SIGINT) is _end:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _end(number: int, frame: object) -> None:
    os._exit(130)  # nothing is written yet


end_quietly()
