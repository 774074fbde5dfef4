"""Runs on digits that are killed in another process, and that a test then resumes."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

import fastprop as fp
from fastprop import cost_model
from tests.processes import ROOT, unmeasured

GRID = {"learning_rate": np.geomspace(1e-4, 1, 60), "seed": range(5)}
SWEEP = {"epochs": 24, "validation": 0.2, "optimizer": fp.Adam(), "halving": fp.Halving(2, min_epochs=6), "keep": 4}
RUN = {
    "epochs": 400,
    "validation": 0.2,
    "optimizer": fp.Adam(0.003),
    "schedule": fp.ReduceOnPlateau(0.7, patience=1),
    "clip": fp.ClipNorm(1.0),
    "early_stopping": fp.EarlyStopping(400),
    "metrics": ("accuracy",),
}


def sweep(path=None, threads=None):
    """Sweep, with a journal if there is a path."""
    return fp.sweep((64, 16, 10), *fp.datasets.digits(), GRID, journal=path, threads=threads, **SWEEP)


def search(path, threads=None):
    """Search by a study that is kept beside the journal."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study(storage=f"sqlite:///{path.with_suffix('.db')}", study_name="a", load_if_exists=True)
    options = {"epochs": 40, "validation": 0.2, "journal": path, "threads": threads}
    space = {"learning_rate": fp.loguniform(1e-3, 1)}
    search = fp.OptunaSearch(study, at_once=8)
    return fp.sweep((64, 32, 10), *fp.datasets.digits(), space, samples=40, search=search, **options)


def train(path=None, threads=None):
    """Train, shared by all threads, with a checkpoint after each epoch if there is a path."""
    cost_model.MEMBER_CYCLES = 1
    network = fp.MLP((64, 32, 10), output="softmax", seed=0)
    options = {"checkpoint": fp.Checkpoint(path, epochs=1), "resume": True} if path is not None else {}
    history = fp.train(network, *fp.datasets.digits(), threads=threads, **options, **RUN)
    return history, network


def run_and_stay(name, path, threads):
    """Run `sweep` or `train`, touch the file, and stay until somebody kills this process."""
    {"sweep": sweep, "search": search, "train": train}[name](Path(path), threads)
    os.utime(path)
    time.sleep(600)


def kill(name, path, wait, threads):
    """Begin one of these runs in another process and kill that `wait` seconds after it has first written to `path`."""
    code = f"from tests import killed; killed.run_and_stay({name!r}, {str(path)!r}, {threads})"
    before = last_written(path)
    with unmeasured(), subprocess.Popen([sys.executable, "-c", code], cwd=ROOT) as process:
        while last_written(path) == before:
            assert process.poll() is None
            time.sleep(0.001)
        time.sleep(wait)
        process.send_signal(signal.SIGKILL)


def last_written(path):
    """Return when a file was last written to, or 0 if there is none."""
    return path.stat().st_mtime_ns if path.exists() else 0
