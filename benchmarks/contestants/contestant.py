"""What every contestant is: three calls, and the state of the network that it trains."""

import numpy as np


class UnavailableError(Exception):
    """A contestant cannot run on this machine; the message says why."""


class UnequalWorkError(Exception):
    """A contestant did not train what the others trained."""


class Contestant:
    """One trainer, driven in three calls: `prepare`, then `epochs` any number of times, then `parameters`."""

    name: str
    comparable = True  # whether it trains exactly the network described above

    def enters(self, workload):
        """Whether this trainer is a candidate for the workload."""
        return True

    def prepare(self, workload, data, weights, threads):
        """Take over the data and the initial weights, in the form the library likes best; keep the workload.

        Parameters
        ----------
        workload : Workload
        data : (inputs (rows, n_in), targets (rows, n_out)), float32
        weights : list of (weights (n_in, n_out), biases (n_out,)), float32, one pair a layer
        threads : int
        """
        raise NotImplementedError

    def epochs(self, n, shuffle=True):
        """Train `n` more epochs; without `shuffle`, in row order. Returns once the work is done."""
        raise NotImplementedError

    def parameters(self):
        """The trained layers of some configurations: a dict, configuration -> list of (weights, biases)."""
        raise NotImplementedError


# --- the state of a network: for each of its arrays a tuple, the array first and then what the optimizer keeps ---


def sgd(rate, gradient, parameter):
    """Take one step, in place (NumPy, PyTorch) or on new arrays (JAX); return what is kept."""
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


ZERO = np.float32(0)
OPTIMIZERS = {  # name: a step, and what is kept of an array at first
    "SGD": (sgd, lambda array: (array,)),
    "Adam": (adam, lambda array: (array, 0 * array, 0 * array, ZERO, ZERO)),
}


def initial_state(workload, weights):
    """The state before the first step, in memory of its own."""
    _, keep = OPTIMIZERS[workload.optimizer]
    return [tuple(map(np.array, keep(array))) for array in flatten(weights)]


def arrays_of(state):
    """Weights and biases of all layers in one list."""
    return [array for array, *_ in state]


def layers_of(state):
    """The (weights, biases) of every layer."""
    arrays = arrays_of(state)
    return list(zip(arrays[::2], arrays[1::2]))


def flatten(layers):
    """Weights and biases of all layers in one list."""
    return [array for layer in layers for array in layer]
