"""The interface of a contestant, and what contestants share: updates, a network's state, and checks of equal work."""

import numpy as np


class UnavailableError(Exception):
    """A contestant cannot run on this machine; the message says why."""


class UnequalWorkError(Exception):
    """A contestant did not train what the others trained."""


class Contestant:
    """A trainer: `prepare` is called first, then `epochs` any number of times, then `parameters`."""

    name: str
    comparable = True  # whether it trains exactly the workload's network

    def enters(self, workload):
        """Return whether this trainer takes part in a workload."""
        return True

    def prepare(self, workload, data, weights, threads):
        """Keep the workload, its data and the initial weights, in the form that the library handles fastest.

        Parameters
        ----------
        workload : Workload
        data : (inputs (rows, n_in), targets (rows, n_out)), float32, or for the cross-entropy classes (rows,), int64
        weights : list of (weights (n_in, n_out), biases (n_out,)), float32, one pair a layer
        threads : int
        """
        raise NotImplementedError

    def epochs(self, n, shuffle=True):
        """Train `n` more epochs; without `shuffle`, in row order. Returns once the work is done."""
        raise NotImplementedError

    def parameters(self):
        """Return the trained layers of some configurations: a dict, configuration -> list of (weights, biases)."""
        raise NotImplementedError


# --- the state of a network: for each of its arrays a tuple of the array and the optimizer's state for it ---


def sgd(rate, gradient, parameter):
    """Take one step, in place (NumPy, PyTorch) or on new arrays (JAX); return the new state of the array."""
    parameter -= rate * gradient
    return (parameter,)


def adam(rate, gradient, parameter, mean, square, mean_share, square_share):
    """Take one step by PyTorch's formula, at its defaults; see `sgd`.

    The shares are what the averages would be if every gradient had been 1: PyTorch's 1 - β₁ⁿ and 1 - β₂ⁿ.
    """
    mean += 0.1 * (gradient - mean)
    square += 0.001 * (gradient * gradient - square)
    mean_share += 0.1 * (1 - mean_share)
    square_share += 0.001 * (1 - square_share)
    parameter -= rate * (mean / mean_share) / ((square / square_share) ** 0.5 + 1e-8)
    return parameter, mean, square, mean_share, square_share


def adamw(rate, gradient, parameter, *averages):
    """Take one step by PyTorch's formula, at its defaults: weight decay, then `adam`."""
    parameter -= rate * 0.01 * parameter
    return adam(rate, gradient, parameter, *averages)


def with_averages(array):
    """Return the initial state of an array for `adam`."""
    zero = np.float32(0)
    return array, 0 * array, 0 * array, zero, zero


OPTIMIZERS = {  # name: a step, and a function that returns the initial state of an array
    "SGD": (sgd, lambda array: (array,)),
    "Adam": (adam, with_averages),
    "AdamW": (adamw, with_averages),
}


def initial_state(workload, weights):
    """Return the state before the first step, in new arrays."""
    _, keep = OPTIMIZERS[workload.optimizer]
    return [tuple(map(np.array, keep(array))) for array in flatten(weights)]


def arrays_of(state):
    """Return weights and biases of all layers in one list."""
    return [array for array, *_ in state]


def layers_of(state):
    """Return the (weights, biases) of every layer."""
    arrays = arrays_of(state)
    return list(zip(arrays[::2], arrays[1::2]))


def flatten(layers):
    """Return weights and biases of all layers in one list."""
    return [array for layer in layers for array in layer]
