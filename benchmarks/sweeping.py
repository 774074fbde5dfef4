"""asv suite: one epoch of all configurations of a sweep."""

from functools import cache

import numpy as np

import fastprop as fp

from .cases import WORKLOADS, learning_rates, make_data
from .suites import make_network, make_options, need_cores, unused_share_of_peak

CHECKED = 8  # configurations


def sweep(network, workload, data, rates, threads, backend="kernels"):
    """Train a copy of the network for one epoch with each of the learning rates."""
    options = {"threads": threads, "backend": backend} | make_options(workload)
    return fp.sweep(network, *data, {"learning_rate": rates}, epochs=1, **options)


@cache
def prepare(name, threads):
    """Compile and check the workload's sweep; return its arguments."""
    workload = WORKLOADS[name]
    network = make_network(workload)
    data = make_data(workload)
    rates = learning_rates(workload)
    losses = sweep(network, workload, data, rates, threads).table["loss"]
    some = slice(None, None, len(rates) // CHECKED)
    expected_losses = sweep(network, workload, data, rates[some], threads, backend="reference").table["loss"]
    np.testing.assert_allclose(losses[some], expected_losses, rtol=1e-5)
    assert np.isfinite(losses).all()
    return network, workload, data, rates, threads


class Sweep:
    """Measures an epoch of every configuration from its initial weights."""

    params = (["S1", "S2", "S3", "S8"], [1, 2])
    param_names = ("workload", "threads")
    unit = "% of peak"

    def setup(self, name, threads):
        need_cores(threads)
        self.arguments = prepare(name, threads)

    def time_epoch(self, name, threads):
        sweep(*self.arguments)

    def track_unused_share_of_peak(self, name, threads):
        operations = WORKLOADS[name].flops_per_epoch
        return unused_share_of_peak(lambda: self.time_epoch(name, threads), operations, threads)
