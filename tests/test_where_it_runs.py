"""Processes and threads: forked and spawned processes, joblib, and many threads at once train to the same bits."""

import multiprocessing
import os
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import fastprop as fp
from tests.processes import TIMEOUT, run_python

X = np.linspace(-1, 1, 120).reshape(40, 3)
Y = np.arange(40) % 3

can_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="processes cannot be forked")


def trained(seed):
    """Return the parameters of a trained network, as bytes."""
    network = fp.MLP((3, 5, 3), output="softmax", seed=seed)
    fp.train(network, X, Y, epochs=2, seed=seed)
    return network.parameters.tobytes()


@pytest.fixture(scope="module")
def expected():
    return [trained(seed) for seed in range(4)]


@pytest.mark.slow
@pytest.mark.parametrize("method", multiprocessing.get_all_start_methods())
def test_processes_of_multiprocessing_train(method, expected):
    with multiprocessing.get_context(method).Pool(2) as pool:
        assert pool.map_async(trained, range(4)).get(TIMEOUT) == expected


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["loky", "multiprocessing", "threading"])
def test_joblib_trains(backend, expected):
    joblib = pytest.importorskip("joblib")
    assert joblib.Parallel(2, backend=backend)(joblib.delayed(trained)(seed) for seed in range(4)) == expected


def test_many_threads_train_at_once(expected):
    with ThreadPoolExecutor(8) as executor:
        assert list(executor.map(trained, [*range(4)] * 8)) == expected * 8


def forked(seed, expected):
    """Train in a forked process, and return whether the result is as expected."""
    child = os.fork()
    if child == 0:
        os._exit(0 if trained(seed) == expected else 1)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


@can_fork
def test_a_process_that_is_forked_in_a_callback_trains(expected):
    went_well = []
    network = fp.MLP((3, 5, 3), output="softmax", seed=0)
    fp.train(network, X, Y, epochs=2, callback=lambda epoch, history: went_well.append(forked(1, expected[1])))
    assert went_well == [True, True]
    assert network.parameters.tobytes() == expected[0]


@pytest.mark.slow
@can_fork
@pytest.mark.usefixtures("threads_always_share")
def test_a_process_that_is_forked_while_a_team_is_alive_trains(expected):
    going, enough = threading.Event(), threading.Event()

    def watched(epoch, history):
        going.set()
        return enough.is_set()

    def train():
        fp.train(fp.MLP((3, 5, 3), output="softmax"), X, Y, epochs=10**6, threads=2, callback=watched)

    other = threading.Thread(target=train)
    other.start()
    try:
        assert going.wait(TIMEOUT)
        assert all(forked(seed, expected[seed]) for seed in range(3))
    finally:
        enough.set()
        other.join()


@pytest.mark.slow
@pytest.mark.parametrize("level", ["1", "2"])
def test_without_assertions_and_docstrings_it_trains_and_refuses(level):
    script = """
import numpy as np
import fastprop as fp
network = fp.MLP((2, 3, 2), output="softmax")
fp.train(network, np.eye(2), [0, 1], epochs=1, validation=(np.eye(2), [0, 1]))
fp.sweep(network, np.eye(2), [0, 1], {"learning_rate": [0.1, 0.2]}, epochs=1)
for X, y in (([[np.nan, 0]] * 2, [0, 1]), (np.eye(2), [0, 2]), (np.eye(3), [0, 1, 1]), (np.eye(2), [0])):
    try:
        fp.train(network, X, y, epochs=1)
    except ValueError as error:
        print(str(error)[:1])
"""
    assert len(run_python(script, PYTHONOPTIMIZE=level).split()) == 4
