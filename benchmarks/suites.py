"""What the asv suites share: a workload's network and options, the cores it needs, and the share of the peak."""

import time

import fastprop as fp
from fastprop import checks
from fastprop.kernels import peak

SECONDS = 2
"""The shortest time, in seconds, for which a share of the peak is measured."""

TRIES = 5
"""The smallest number of calls by which a share of the peak is measured."""


def make_network(workload):
    """Return an untrained network of a workload."""
    return fp.MLP(workload.layer_sizes, hidden=workload.hidden, output=workload.output, seed=0)


def make_options(workload):
    """Return the options of `train` and `sweep` that a workload sets."""
    return {
        "batch_size": workload.batch_size,
        "loss": workload.loss,
        "optimizer": getattr(fp, workload.optimizer)(workload.learning_rate),
        "schedule": workload.schedule and getattr(fp, workload.schedule)(by="step"),
    }


def need_cores(count):
    """Have asv skip a benchmark that needs more cores than this process may run on."""
    if checks.threads(None) < count:
        raise NotImplementedError(f"needs {count} cores")


def unused_share_of_peak(call, operations, threads=1):
    """Return the share of the peak of its threads that a call of `operations` floating-point operations leaves unused.

    It is in percent, and is that of the fastest call; calls alternate with measurements of the peak. It is the unused
    share because asv takes a lower value for a better one: it would take a loss in the used share for a gain.
    """
    peaks = []  # GFLOP/s of one thread
    seconds = []
    end = time.perf_counter() + SECONDS
    while time.perf_counter() < end or len(seconds) < TRIES:
        peaks.append(peak.measure(0.01))
        start = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - start)
    return round(100 * (1 - operations / min(seconds) / (threads * max(peaks) * 1e9)), 2)
