"""Ctrl-C at each moment at which a file is opened, locked or closed: none stays open, and none stays locked."""

import contextlib
import os
import signal
import sys
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pytest

import fastprop as fp
from fastprop import interrupts
from tests.problems import noise

X, _, LABELS = noise()
X, LABELS = X[:40], LABELS[:40]
GRID = {"seed": [0, 1]}

pytestmark = [
    pytest.mark.slow,
    pytest.mark.usefixtures("hears_ctrl_c"),
    pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="only Linux lists what a process has open"),
    pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning"),  # what nobody got closes its file by itself
    # Objects of Python that were half made may fail as they are deleted, after their files are closed.
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

WATCHED = tuple(
    f"{os.sep}{name}"
    for name in (
        *(
            "_base",
            "archives",
            "arrow_csv",
            "base",
            "checkpoints",
            "contextlib",
            "interrupts",
            "journal",
            "journal_file",
            "kernel_run",
        ),
        *("locks", "mapped_files", "paths", "reading", "shared_folder", "tempfile", "thread_pool", "writing"),
    )
)
"""The modules in which files are opened and closed, of fastprop and of Python."""


class Press:
    """A profiler that presses Ctrl-C at a site of a watched module, when that is passed the `at`-th time.

    A site is where a function of Python begins, or where one of C has returned: Python looks for Ctrl-C there. `counts`
    has how often each was passed: a file, a line, and the name of the function.
    """

    def __init__(self, site=None, at=None):
        self._site, self._at = site, at
        self.counts = Counter()

    def __call__(self, frame, event, argument):
        if event in ("call", "c_return") and frame.f_code.co_filename.removesuffix(".py").endswith(WATCHED):
            name = frame.f_code.co_name if event == "call" else argument.__name__
            site = frame.f_code.co_filename, frame.f_lineno, name
            self.counts[site] += 1
            if site == self._site and self.counts[site] == self._at:
                sys.setprofile(None)
                signal.raise_signal(signal.SIGINT)


def profiled(call, press):
    """Make a call with a profiler; return how it ended."""
    interrupts.forget()
    try:
        sys.setprofile(press)
        call()
    except BaseException as error:
        return type(error)
    finally:
        sys.setprofile(None)
    return None


def opened():
    """Return what this process has open, by descriptor."""
    found = {}
    for each in os.listdir("/proc/self/fd"):
        with contextlib.suppress(OSError):  # that of this list
            found[each] = os.readlink(f"/proc/self/fd/{each}")
    return found


def check_each_moment(call):
    """Make a call again and again, with Ctrl-C at the first and the last time at each site."""
    profiled(call, Press())
    seen = Press()
    assert profiled(call, seen) is None
    before = opened()
    for site, count in seen.counts.items():
        for at in sorted({1, count}):
            ended = profiled(call, Press(site, at))
            assert ended in (None, KeyboardInterrupt), (site, ended)
            assert opened() == before, site
            assert profiled(call, Press()) is None, site  # no lock is held


def network():
    return fp.MLP((5, 4, 3), output="softmax", seed=0)


def test_of_a_checkpoint(tmp_path):
    path = tmp_path / "checkpoint"

    def train():
        fp.train(network(), X, LABELS, epochs=2, checkpoint=fp.Checkpoint(path, epochs=1), threads=1)

    check_each_moment(train)


def test_of_a_journal(tmp_path):
    def sweep():
        fp.sweep((5, 4, 3), X, LABELS, GRID, epochs=1, validation=0.2, journal=tmp_path / "journal", threads=1)
        (tmp_path / "journal").unlink()

    check_each_moment(sweep)


def test_of_what_is_saved_and_loaded(tmp_path):
    result = fp.sweep((5, 4, 3), X, LABELS, GRID, epochs=1, validation=0.2, threads=1)

    def save():
        network().save(tmp_path / "network.safetensors")
        fp.load(tmp_path / "network.safetensors")
        result.save(tmp_path / "result.npz")
        fp.load_sweep(tmp_path / "result.npz")
        np.save(tmp_path / "table.npy", X)
        fp.datasets.read(tmp_path / "table.npy")
        (tmp_path / "table.csv").write_text("size,price\n1,2.5\n3,4.5\n")
        fp.datasets.read(tmp_path / "table.csv")

    check_each_moment(save)


def test_of_the_folder_that_processes_share(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with ProcessPoolExecutor(1, get_context("spawn")) as executor:

        def sweep():
            fp.sweep((5, 4, 3), X, LABELS, GRID, epochs=1, validation=0.2, executor=executor)
            assert not [*tmp_path.glob("fastprop-*")]

        check_each_moment(sweep)
