"""asv suite: epochs of one network."""

from functools import cache

import numpy as np

import fastprop as fp

from .cases import WORKLOADS, make_data
from .suites import make_network, make_options, need_cores, unused_share_of_peak

EPOCHS = {"T1": 100, "T2": 100, "T3": 100, "T4": 1, "T5": 1, "T6": 1, "T8": 10}
"""Epochs of a call, so that the half millisecond that a call takes by itself counts for little."""


def train(network, workload, data, epochs, threads, backend="kernels"):
    """Train the network with the options of the workload."""
    return fp.train(network, *data, epochs=epochs, threads=threads, backend=backend, **make_options(workload))


@cache
def prepare(name, threads):
    """Compile and check an epoch; return the workload, its data and an untrained network."""
    workload = WORKLOADS[name]
    data = make_data(workload)
    network = make_network(workload)
    fast, slow = network.copy(), network.copy()
    losses = train(fast, workload, data, 1, threads).loss
    expected_losses = train(slow, workload, data, 1, threads, backend="reference").loss
    np.testing.assert_allclose(losses, expected_losses, rtol=1e-5)
    np.testing.assert_allclose(fast.predict(data[0]), slow.predict(data[0]), atol=1e-5)
    return workload, data, network


class Training:
    """Measures epochs from the initial weights on."""

    params = (list(EPOCHS), [1, 2])
    param_names = ("workload", "threads")
    unit = "% of peak"

    def setup(self, name, threads):
        need_cores(threads)
        self.workload, self.data, network = prepare(name, threads)
        self.network = network.copy()

    def time_epochs(self, name, threads):
        train(self.network, self.workload, self.data, EPOCHS[name], threads)

    def track_unused_share_of_peak(self, name, threads):
        operations = EPOCHS[name] * self.workload.flops_per_epoch
        return unused_share_of_peak(lambda: self.time_epochs(name, threads), operations, threads)
