"""A run takes all its memory before the first minibatch."""

import sys

import numpy as np
import pytest

from tests.processes import run_python

EPOCHS, MINIBATCHES = 200, 113  # of digits, 16 rows each

PEAKS = """
import ctypes, tracemalloc
import fastprop as fp
from tests import packs

(X, y), network = fp.datasets.digits(), fp.MLP((64, 16, 10), output="softmax")

def train(epochs):
    {train}

def peaks(epochs):
    ctypes.CDLL(None).malloc_trim(0)
    with open("/proc/self/clear_refs", "w") as file:
        file.write("5")  # the process's peak is now what it has
    tracemalloc.start()
    train(epochs)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    with open("/proc/self/status") as file:
        status = dict(line.split(":") for line in file)
    return 1024 * int(status["VmHWM"].split()[0]), peak

def smallest_peaks(epochs):
    return map(min, zip(*[peaks(epochs) for _ in range(3)]))  # other threads of the process may add to one by chance

peaks(2)
print(*smallest_peaks(2), *smallest_peaks({epochs}))
"""

TRAIN = {
    "one thread": "fp.train(network, X, y, epochs=epochs, batch_size=16, threads=1)",
    "two threads": "fp.train(network, X, y, epochs=epochs, batch_size=16, threads=2)",
    "side by side": "packs.train([network, network.copy()], X, y, epochs=epochs, batch_size=16, loss='cross_entropy',"
    "optimizers=[fp.Adam(), fp.Adam(0.1)], seeds=[0, 1])",
}


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads the process's peak from /proc")
@pytest.mark.parametrize("train", TRAIN.values(), ids=TRAIN)
def test_a_long_run_takes_no_more_memory_than_a_short_one(train):
    peaks = run_python(PEAKS.format(train=train, epochs=EPOCHS)).split()
    short, long = np.reshape(peaks, (2, 2)).astype(int)
    assert (long - short < 8 * EPOCHS * MINIBATCHES).all()  # an allocation takes 16 bytes at least
