"""Executors of each kind that tests know, and sweeps that they are compared on."""

import glob
import multiprocessing
import os
import tempfile
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor

import numpy as np
import pytest

import fastprop as fp
from fastprop.sweeping.workers.base import Adapter
from fastprop.sweeping.workers.tickets import SharedValue, Ticket
from tests.problems import three_classes
from tests.processes import unmeasured

X, LABELS = three_classes()
RATES = {"learning_rate": np.geomspace(0.01, 3, 20)}
ALONE = (4, 4800, 3)  # too large for packs: each configuration is a task
SPAWN = multiprocessing.get_context("spawn")


def sweep(network=(4, 6, 3), grid=RATES, X=X, y=LABELS, **options):
    return fp.sweep(network, X, y, grid, **{"epochs": 9, "validation": 0.2} | options)


def threads():
    return ThreadPoolExecutor(2)


def end_at_once():
    """End this process as if it had crashed."""
    os._exit(1)


def processes():
    return ProcessPoolExecutor(2, SPAWN)


class Loky:
    """Loky's reusable executor, whose workers are killed at the end of the block."""

    def __enter__(self):
        loky = pytest.importorskip("loky")
        self._unmeasured = unmeasured()
        self._unmeasured.__enter__()
        self._executor = loky.get_reusable_executor(2)
        return self._executor

    def __exit__(self, *error):
        self._executor.shutdown(kill_workers=True)
        self._unmeasured.__exit__(*error)


class Dask:
    """The executor of a Dask client of two processes, which Dask kills if they do not end within seconds."""

    def __enter__(self):
        distributed = pytest.importorskip("distributed")
        self._unmeasured = unmeasured()
        self._unmeasured.__enter__()
        self._cluster = distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, dashboard_address=":0", silence_logs=50
        )
        self._client = distributed.Client(self._cluster)
        return self._client.get_executor()

    def __exit__(self, *error):
        self._client.close()
        self._cluster.close()
        self._unmeasured.__exit__(*error)


IN_PROCESSES = {"processes": processes, "loky": Loky, "dask": Dask}


@pytest.fixture
def nothing_left(monkeypatch, tmp_path):
    """Fail if a folder is left when the test is over."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    yield
    assert glob.glob(f"{tmp_path}/fastprop-*") == []


def lowest(outputs, labels):
    return float(outputs.min())


class Inline(Executor):
    """An executor that calls a function as soon as it is submitted."""

    def submit(self, function, *arguments):
        future = Future()
        future.set_result(function(*arguments))
        return future


class InlineAdapter(Adapter):
    accepts = classmethod(lambda cls, executor: isinstance(executor, Inline))

    def count(self):
        return 1

    def share(self, value):
        return SharedValue(Ticket(value))
