"""What asv's suites share: a workload's network, the cores it needs, and how a share of the peak is measured."""

import time

import fastprop as fp
from fastprop import checks
from fastprop.kernels import peak

SECONDS, TRIES = 2, 5  # at least, for a share of the peak


def make_network(workload):
    """An untrained network of the workload's kind."""
    return fp.MLP(workload.layer_sizes, hidden=workload.hidden, output=workload.output, seed=0)


def need_cores(count):
    """Have asv leave out what takes more cores than this process may run on."""
    if checks.threads(None) < count:
        raise NotImplementedError(f"needs {count} cores")


def unused_share_of_peak(call, operations, threads=1):
    """What a call of so many floating-point operations leaves unused of the peak of its threads, in per cent.

    The best of some tries counts, which take turns with tries at the peak. It is the unused share, as to asv less is
    better in every figure: of a share in use, `asv continuous` and the published pages would take a loss for a gain.
    """
    peaks, seconds, end = [], [], time.perf_counter() + SECONDS
    while time.perf_counter() < end or len(seconds) < TRIES:
        peaks.append(peak.measure(0.01))
        start = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - start)
    return round(100 * (1 - operations / min(seconds) / (threads * max(peaks) * 1e9)), 2)
