"""Backpropagation in NumPy as a contestant, with whose parameters those of the others are compared."""

import itertools

import numpy as np

from ..cases import learning_rates, schedule_factors
from .contestant import OPTIMIZERS, Contestant, initial_state


def softmax(z):
    """Return the probabilities (B, n_out) of the classes."""
    powers = np.exp(z - z.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


FUNCTIONS = {  # of z, and the derivative from the function's value a
    "identity": (lambda z: z, lambda a: 1),
    "relu": (lambda z: np.maximum(z, 0), lambda a: a > 0),
    "sigmoid": (lambda z: 1 / (1 + np.exp(-z)), lambda a: a * (1 - a)),
    "softmax": (softmax, lambda a: 1),  # because the gradient of the cross-entropy is the one by z
    "tanh": (np.tanh, lambda a: 1 - a * a),
}
LOSSES = {  # the gradient, from the outputs a (B, n_out) and the targets
    "mse": lambda a, targets: (2 / targets.size) * (a - targets),
    "cross_entropy": lambda a, classes: (a - np.eye(a.shape[1], dtype=a.dtype)[classes]) / len(a),
}


class NumPy(Contestant):
    """Backpropagation written out in NumPy; the networks of a sweep are trained one after another."""

    name = "numpy"

    def prepare(self, workload, data, weights, threads):
        self.workload = workload
        self.inputs, self.targets = data
        self.learning_rates = learning_rates(workload).tolist()
        self.networks = [self.make_network(initial_state(workload, weights)) for _ in self.learning_rates]
        self.update, _ = OPTIMIZERS[workload.optimizer]
        self.loss_gradient = LOSSES[workload.loss]
        self.rng = np.random.default_rng(0)

    def make_network(self, state):
        """Return for each layer the state of the weights and of the biases, the activation and its derivative."""
        kept_and_named = zip(state[::2], state[1::2], self.workload.activations)
        return [(weights, biases, *FUNCTIONS[name]) for weights, biases, name in kept_and_named]

    def epochs(self, n, shuffle=True):
        rows, batch_size = len(self.inputs), self.workload.batch_size
        for factors in schedule_factors(self.workload, n):
            order = self.rng.permutation(rows) if shuffle else np.arange(rows)
            for network, learning_rate in zip(self.networks, self.learning_rates):
                for start, factor in zip(range(0, rows, batch_size), factors or itertools.repeat(1)):
                    batch = order[start : start + batch_size]
                    self.step(network, self.inputs[batch], self.targets[batch], learning_rate * factor)

    def step(self, network, x, targets, learning_rate):
        """Take one step, in place: x (B, n_in), targets (B, n_out) or (B,)."""
        activations = [x]
        for (weights, *_), (biases, *_), function, _ in network:
            activations.append(function(activations[-1] @ weights + biases))
        delta = self.loss_gradient(activations[-1], targets)
        for kept_weights, kept_biases, _, derivative in reversed(network):
            delta = delta * derivative(activations.pop())
            delta_below = delta @ kept_weights[0].T if len(activations) > 1 else None
            self.update(learning_rate, activations[-1].T @ delta, *kept_weights)
            self.update(learning_rate, delta.sum(axis=0), *kept_biases)
            delta = delta_below

    def parameters(self):
        return {k: [(w[0], b[0]) for w, b, *_ in network] for k, network in enumerate(self.networks)}
