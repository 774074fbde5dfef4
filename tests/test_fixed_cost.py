"""What a call costs whatever the data: counted in calls of Python functions, because times differ between machines.

The limits leave room for a calling thread that waits up to a second, which makes some seven calls every 50 ms.
"""

import sys
import threading
from pathlib import Path

import numpy as np

import fastprop as fp

PACKAGE = str(Path(fp.__file__).parent)
X = np.random.default_rng(0).random((64, 2), np.float32)
Y = X[:, :1] * X[:, 1:]


def python_calls(function):
    """Return how many calls of functions of fastprop a call makes, in all threads; it is not the first such call."""
    function()
    called = []

    def count(frame, event, argument):
        if event == "call" and frame.f_code.co_filename.startswith(PACKAGE):
            called.append(frame.f_code.co_qualname)

    before, before_in_threads = sys.getprofile(), threading.getprofile()
    threading.setprofile(count)
    sys.setprofile(count)
    try:
        function()
    finally:
        sys.setprofile(before)
        threading.setprofile(before_in_threads)
    return len(called)


def calls_of_train(epochs):
    return python_calls(lambda: fp.train(fp.MLP((2, 2, 1), seed=0), X, Y, epochs=epochs, threads=1))


def calls_of_sweep(rows):
    rates = np.geomspace(0.01, 1, rows)
    return python_calls(lambda: fp.sweep((2, 2, 1), X, Y, {"learning_rate": rates}, epochs=1, threads=1))


def test_a_training_makes_few_calls():
    assert calls_of_train(epochs=1) < 500


def test_an_epoch_makes_no_calls():
    assert calls_of_train(epochs=1000) - calls_of_train(epochs=1) < 500


def test_a_configuration_of_a_sweep_makes_few_calls():
    few = calls_of_sweep(16)
    assert few < 2020
    assert calls_of_sweep(16 + 64) - few < 64 * 100
