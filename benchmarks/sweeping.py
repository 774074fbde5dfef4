"""asv: one epoch of all the configurations of a sweep."""

from functools import cache

import numpy as np

import fastprop as fp

from .cases import WORKLOADS, learning_rates, make_data

CHECKED = 8  # configurations


def sweep(network, workload, data, rates, threads, backend="kernels"):
    """Train a copy of the network for one epoch with each of the learning rates."""
    options = {"batch_size": workload.batch_size, "loss": workload.loss, "threads": threads, "backend": backend}
    return fp.sweep(network, *data, {"learning_rate": rates}, epochs=1, optimizer=fp.SGD(), **options)


@cache
def prepare(name, threads):
    """The arguments of the workload's sweep, once it was compiled and seen to be right."""
    workload = WORKLOADS[name]
    data, rates = make_data(workload), learning_rates(workload)
    network = fp.MLP(workload.layer_sizes, hidden=workload.hidden, output=workload.output, seed=0)
    losses = sweep(network, workload, data, rates, threads).table["loss"]
    some = slice(None, None, len(rates) // CHECKED)
    expected_losses = sweep(network, workload, data, rates[some], threads, backend="reference").table["loss"]
    np.testing.assert_allclose(losses[some], expected_losses, rtol=1e-5)
    assert np.isfinite(losses).all()
    return network, workload, data, rates, threads


class Sweep:
    """Every configuration, from its initial weights."""

    params = (["S1", "S2", "S3"], [1, 2])
    param_names = ("workload", "threads")

    def setup(self, name, threads):
        self.arguments = prepare(name, threads)

    def time_epoch(self, name, threads):
        sweep(*self.arguments)
