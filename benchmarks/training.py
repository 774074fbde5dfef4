"""asv: epochs of one network, on one thread."""

from functools import cache

import numpy as np

import fastprop as fp

from .cases import WORKLOADS, make_data


def train(network, workload, data, epochs=1, backend="kernels"):
    """Train the network as the workload says."""
    options = {"batch_size": workload.batch_size, "loss": workload.loss, "threads": 1, "backend": backend}
    return fp.train(network, *data, epochs=epochs, optimizer=fp.SGD(workload.learning_rate), **options)


@cache
def prepare(name):
    """The workload, its data and an untrained network, once an epoch was compiled and seen to be right."""
    workload = WORKLOADS[name]
    data = make_data(workload)
    network = fp.MLP(workload.layer_sizes, hidden=workload.hidden, output=workload.output, seed=0)
    fast, slow = network.copy(), network.copy()
    losses, expected_losses = train(fast, workload, data).loss, train(slow, workload, data, backend="reference").loss
    np.testing.assert_allclose(losses, expected_losses, rtol=1e-5)
    np.testing.assert_allclose(fast.predict(data[0]), slow.predict(data[0]), atol=1e-5)
    return workload, data, network


class Epochs:
    """What the classes below share: before every call, an untrained network."""

    param_names = ("workload",)

    def setup(self, name):
        self.workload, self.data, network = prepare(name)
        self.network = network.copy()

    def train(self, epochs):
        train(self.network, self.workload, self.data, epochs)


class ShortEpochs(Epochs):
    """Epochs of a few milliseconds or less, a hundred a call: a call by itself takes half a millisecond."""

    params = (["T1", "T2", "T3"],)

    def time_100_epochs(self, name):
        self.train(100)


class LongEpochs(Epochs):
    """Epochs of ten milliseconds or more, one a call."""

    params = (["T4", "T5"],)

    def time_epoch(self, name):
        self.train(1)
