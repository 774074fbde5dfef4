"""Networks that leave for files and other libraries, and come back."""

import numpy as np

import fastprop as fp
from fastprop.reference import ACTIVATIONS, OUTPUT_ONLY
from tests.compare import assert_close, tolerance

HIDDEN = tuple(name for name in ACTIVATIONS if name not in OUTPUT_ONLY)
"""All activations of hidden layers, one layer after the other."""

RANDOM = np.random.default_rng(0)


def make_network(dtype="float32", *, standardized=True, seed=3, **options):
    """Return a network with random biases whose inputs are far from zero if it standardizes them."""
    options = {"hidden": ("relu", "tanh"), "output": "softmax"} | options
    network = fp.MLP((3, 5, 4, 2), dtype=dtype, seed=seed, **options)
    state = network.state_dict() | {f"biases.{layer}": RANDOM.normal(size=size) for layer, size in enumerate((5, 4, 2))}
    if standardized:
        state |= {"input_mean": [100.0, -3.0, 0.5], "input_scale": [20.0, 0.1, 3.0]}
    network.load_state_dict(state)
    return network


def make_deep_network(output, dtype):
    """Return a network whose hidden layers have all activations, one each, and which standardizes its inputs."""
    sizes = (3, *[6] * len(HIDDEN), 4)
    network = fp.MLP(sizes, hidden=HIDDEN, output=output, dtype=dtype, seed=5)
    state = network.state_dict() | {"input_mean": [100.0, -3.0, 0.5], "input_scale": [20.0, 0.1, 3.0]}
    network.load_state_dict(state | {f"biases.{i}": RANDOM.normal(size=n) for i, n in enumerate(sizes[1:])})
    return network


def make_inputs(rows=9):
    return RANDOM.normal([100, -3, 0.5], [60, 0.3, 9], size=(rows, 3))


def assert_predicts_alike(outputs, network, X, name):
    """Fail unless outputs are those of a network for inputs X up to roundings."""
    roundings = sum(network.layer_sizes)
    assert_close(outputs, network.predict(X), 4 * tolerance(network.dtype, roundings), name)
