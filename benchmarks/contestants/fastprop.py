"""fastprop as a contestant."""

from dataclasses import replace

import numpy as np

from ..cases import learning_rates
from .contestant import Contestant, UnequalWorkError


class Fastprop(Contestant):
    """fastprop, through its public calls: `train` for one network, `sweep` for many.

    A sweep starts from the initial weights at every call, copies them for each configuration (inside the timing)
    and hands out its best network only.
    """

    name = "fastprop"

    def prepare(self, workload, data, weights, threads):
        import fastprop

        from ..suites import make_network, make_options

        self.library, self.workload, self.data = fastprop, workload, data
        self.learning_rates = learning_rates(workload)
        self.options = make_options(workload) | {"seed": 0, "threads": threads}
        self.network = make_network(workload)
        for layer, (initial_weights, initial_biases) in enumerate(weights):
            self.network.weights[layer][...] = initial_weights
            self.network.biases[layer][...] = initial_biases

    def epochs(self, n, shuffle=True):
        self.options |= {"epochs": n, "shuffle": shuffle}
        if len(self.learning_rates) == 1:
            self.library.train(self.network, *self.data, **self.options)
        else:
            grid = {"learning_rate": self.learning_rates}
            self.result = self.library.sweep(self.network, *self.data, grid, **self.options)

    def parameters(self):
        if len(self.learning_rates) == 1:
            return {0: network_layers(self.network)}
        losses = self.result.table["loss"]
        alone = {k: self.train_alone(k) for k in (0, len(losses) // 2, len(losses) - 1)}
        return alone | {int(np.nanargmin(losses)): network_layers(self.result.best_network)}

    def train_alone(self, configuration):
        """Train one configuration as the sweep did, which kept only its best network; return the layers."""
        network = self.network.copy()
        optimizer = replace(self.options["optimizer"], learning_rate=self.learning_rates[configuration])
        loss = self.library.train(network, *self.data, **self.options | {"optimizer": optimizer}).loss[-1]
        loss_in_sweep = self.result.table["loss"][configuration]
        if loss != loss_in_sweep:
            raise UnequalWorkError(f"configuration {configuration} ends at {loss} alone, {loss_in_sweep} in the sweep")
        return network_layers(network)


def network_layers(network):
    """Return the (weights, biases) of every layer of a fastprop network."""
    return list(zip(network.weights, network.biases))
