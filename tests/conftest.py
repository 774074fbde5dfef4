"""Fixtures by whose names a test runs over all shapes, cases, dtypes or descents; kernels are compiled once for all.

Of a test that runs over several of these, or over several parametrizations, the fast subset has each value once.
"""

import fcntl
import os
import signal

import numpy as np
import pytest

import fastprop as fp
from benchmarks.cases import SHAPES
from fastprop import cost_model, interrupts, progress_bar
from fastprop.runs import kernel_arguments
from tests import packs
from tests.marks import mark_peers, mark_repeated_values, slow_except
from tests.problems import CASES, DESCENTS, DTYPES, FAST_CASES, FAST_DESCENTS, FEW_SHAPES
from tests.untraced import compile_untraced

MANY_TESTS = 1000
"""A run of at least this many tests needs all kernels."""


def pytest_configure():
    """Have Python hear Ctrl-C, which a shell lets processes ignore that it starts in the background; trace less."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    compile_untraced()


@pytest.fixture(autouse=True)
def ctrl_c_is_the_first():
    """A Ctrl-C that a test presses is a first one, which does not end the script."""
    interrupts.forget()


@pytest.hookimpl(tryfirst=True)  # before tests are chosen by their marks
def pytest_collection_modifyitems(items):
    mark_peers(items)
    mark_repeated_values(items)


@pytest.fixture(scope="session", autouse=True)
def kernels_are_compiled_once(request, tmp_path_factory):
    """Share the compiling among pytest's workers, before the first test: each kernel is compiled by one of them.

    The others read it from the cache on disk. Without this, all would compile the same kernels at the same time.
    """
    worker = os.environ.get("PYTEST_XDIST_WORKER")
    if worker is None or len(request.session.items) < MANY_TESTS:
        return
    folder = tmp_path_factory.getbasetemp().parent  # of all workers
    kernels = [(dtype, width) for width in (1, 2) for dtype in DTYPES]
    first = int(worker.removeprefix("gw")) % len(kernels)
    for wait in (False, True):
        for dtype, width in kernels[first:] + kernels[:first]:
            with open(folder / f"{dtype} {width}", "w") as lock:
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:  # another worker compiles it
                    continue
                train_briefly(dtype, width)


def train_briefly(dtype, width):
    """Train a network, or a pack of them, so that its kernels are compiled or read from the cache."""
    networks = [fp.MLP((2, 2, 1), dtype=dtype) for _ in range(width)]
    X, optimizers = np.eye(2), [fp.SGD(0.1)] * width
    options = {"epochs": 1, "batch_size": 2, "loss": "mse", "seeds": range(width)}
    packs.train(networks, X, X[:, :1], optimizers=optimizers, **options)


@pytest.fixture(params=DTYPES)
def dtype(request):
    return request.param


@pytest.fixture(params=slow_except(SHAPES, FEW_SHAPES), ids=str)
def shape(request):
    return request.param


@pytest.fixture(params=slow_except(CASES, FAST_CASES), ids=lambda case: f"{case[0]} {case[1]}")
def case(request):
    """A shape and a task."""
    return request.param


@pytest.fixture(params=slow_except(DESCENTS, FAST_DESCENTS), ids=lambda descent: f"{descent[0]} {descent[1]}")
def descent(request):
    """A shape and an optimizer."""
    return request.param


@pytest.fixture
def terminal(capsys, monkeypatch):
    """What is written, `capsys`, as if standard error were a terminal."""
    monkeypatch.setattr(progress_bar, "_can_be_seen", lambda: True)
    return capsys


@pytest.fixture
def threads_always_share(monkeypatch):
    """A network is shared by all threads that are allowed, even where sharing is slower and others want the cores."""
    monkeypatch.setattr(cost_model, "MEMBER_CYCLES", 1)
    new_pacing = kernel_arguments.new_pacing

    def patient_pacing(members, kind):
        return new_pacing(members)._replace(pause=np.zeros(8, np.int64), start_time=10**10, off_share=np.inf)

    monkeypatch.setattr(kernel_arguments, "new_pacing", patient_pacing)


@pytest.fixture
def hears_ctrl_c():
    """Ctrl-C raises KeyboardInterrupt, which a process that was started in the background does not hear."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)
