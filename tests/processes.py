"""Runs Python in other processes, for tests of Ctrl-C, of the environment, and of the memory of a whole process."""

import contextlib
import os
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

ROOT = Path(__file__).parent.parent

TIMEOUT = 600
"""Seconds after which a process or a thread that hangs fails its test; on a busy machine, compiling takes minutes."""


# ---- Ctrl-C ----

# A shell starts processes in the background with interrupts ignored; Python then installs no handler.
HEAR_INTERRUPTS = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"

ONE_DONE = r"\b[1-9]\d*/"
"""A regular expression of what a progress bar shows once something is done, such as "3/20"."""


def output_after_interrupt(script):
    """Run a script, press Ctrl-C as soon as it prints "go", and return what it prints from then on."""
    command = [sys.executable, "-c", HEAR_INTERRUPTS + script]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        assert "go\n" in iter(process.stdout.readline, "")
        process.send_signal(signal.SIGINT)
        output, _ = process.communicate(timeout=TIMEOUT)
    finally:
        process.kill()
        process.communicate()
    assert process.returncode == 0
    return output


def say_go(shown="", *, ready=lambda: True, watching=True):
    """Print "go" once a script has come to the point at which Ctrl-C is to be pressed; it calls this before it trains.

    Parameters
    ----------
    shown : str
        A regular expression of what standard error must show by then, such as a progress bar.
    ready : callable
        Returns whether all else that the script waits for is there.
    watching : bool
        Whether the calling thread must wait for the threads that train, in which it takes Ctrl-C as the end of them.
    """
    sys.stderr = stderr = Remembered(sys.stderr)
    caller = threading.get_ident()

    def watch():
        while not (re.search(shown, stderr.text) and ready() and (not watching or is_watching(caller))):
            time.sleep(0.001)
        print("go", flush=True)

    threading.Thread(target=watch, daemon=True).start()


def is_watching(thread):
    """Return whether a thread waits in `thread_pool` for those that it has started."""
    return functions(sys._current_frames()[thread])[0] == ("thread_pool.py", "wait")


def trains():
    """Return whether a thread runs a kernel, which stops at once when it is asked to, as compiling it does not."""
    stacks = [functions(frame) for frame in sys._current_frames().values()]
    return any(
        stack[0] == ("kernel_team.py", "run_members") and ("kernel_team.py", "prepare") not in stack for stack in stacks
    )


def functions(frame):
    """Return (file, function) of a frame and of those that called it, innermost first."""
    names = []
    while frame is not None:
        names.append((Path(frame.f_code.co_filename).name, frame.f_code.co_name))
        frame = frame.f_back
    return names


class Remembered:
    """A terminal that remembers what was written to it."""

    def __init__(self, stream):
        self.stream = stream
        self.text = ""

    def write(self, text):
        self.text += text
        return self.stream.write(text)

    def isatty(self):
        return True

    def __getattr__(self, name):
        return getattr(self.stream, name)


# ---- processes that are killed ----


MEASURING = "COVERAGE_PROCESS_"
"""What the names of the variables begin with by which a process learns that it is to measure coverage."""


@contextlib.contextmanager
def unmeasured():
    """Have processes that begin in a block measure no coverage.

    Of a process that is killed as it writes what it measured, half a file is left, for which the report of all fails
    with "database disk image is malformed".
    """
    names = os.environ.keys() - unmeasuring().keys()
    values = {name: os.environ.pop(name) for name in names}
    try:
        yield
    finally:
        os.environ.update(values)


def unmeasuring():
    """Return the environment of a process that measures no coverage."""
    return {name: value for name, value in os.environ.items() if not name.startswith(MEASURING)}


# ---- other code ----


def run_python(code, directory=ROOT, **environment):
    """Run `code` in a new Python, started in `directory`, where warnings are errors; return what it printed.

    It measures no coverage, with which it would take twice as long; `run_measured_python` does.
    """
    return run_measured_python(code, directory, unmeasuring(), **environment)


def run_measured_python(code, directory=ROOT, inherited=os.environ, **environment):
    """Run `code` as `run_python` does, in an environment that is `inherited`, and measure coverage if that says so."""
    command = [sys.executable, "-W", "error", "-c", code]
    environment = inherited | environment
    done = subprocess.run(command, cwd=directory, env=environment, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(done.stderr)
    return done.stdout
