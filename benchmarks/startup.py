"""asv suite: the wait before training, in a new process each time; it includes the start of Python."""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from .cases import WORKLOADS

FIRST_EPOCH = """
import fastprop as fp
import numpy as np

rng = np.random.default_rng(0)
X, y = (rng.random(({workload.rows}, width), np.float32) for width in {ends})
network = fp.MLP({workload.layer_sizes}, hidden="{workload.hidden}", output="{workload.output}", seed=0)
history = fp.train(network, X, y, epochs=1, batch_size={workload.batch_size}, loss="{workload.loss}", threads=1)
assert np.isfinite(history.loss).all() and np.isfinite(network.predict(X)).all()
"""


def first_epoch(name, kernels):
    """Start Python, train for one epoch and predict, with the compiled kernels in the folder `kernels`."""
    workload = WORKLOADS[name]
    code = FIRST_EPOCH.format(workload=workload, ends=(workload.layer_sizes[0], workload.layer_sizes[-1]))
    environment = os.environ | {"NUMBA_CACHE_DIR": str(kernels)}
    subprocess.run([sys.executable, "-c", code], env=environment, check=True)


def compiled(kernels):
    """Return the files of compiled kernels in a folder, and when they were written."""
    return {file: file.stat().st_mtime_ns for file in Path(kernels).rglob("*.nbc")}


class Waiting:
    """The base of the classes below: a sample is one call, because a call changes what the next one finds."""

    params = (["T2"],)
    param_names = ("workload",)
    number = 1
    rounds = 1
    warmup_time = 0


class Cold(Waiting):
    """Measures the wait when nothing is compiled yet."""

    repeat = 3

    def setup(self, name):
        self.kernels = tempfile.mkdtemp()

    def time_first_epoch(self, name):
        first_epoch(name, self.kernels)

    def teardown(self, name):
        assert compiled(self.kernels), "the kernels were compiled somewhere else, perhaps not at all"
        shutil.rmtree(self.kernels)


class Warm(Waiting):
    """Measures the wait when an earlier process has compiled everything."""

    repeat = 7

    def setup_cache(self):
        kernels = Path("kernels").resolve()  # asv gives each commit a folder of its own
        for name in self.params[0]:
            first_epoch(name, kernels)
        return kernels

    def setup(self, kernels, name):
        self.before = compiled(kernels)

    def time_first_epoch(self, kernels, name):
        first_epoch(name, kernels)

    def teardown(self, kernels, name):
        assert self.before, "no kernel was kept"
        assert compiled(kernels) == self.before, "a kernel was compiled anew"


def timeraw_import():
    """Return the source that is timed: the first import in a process."""
    return "import fastprop"
