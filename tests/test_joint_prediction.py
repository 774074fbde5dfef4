"""Networks that predict together: to the bit what each predicts alone, block by block of rows and on threads."""

import signal
import threading

import numpy as np
import pytest

import fastprop as fp
from fastprop import runs
from fastprop.data import Inputs
from fastprop.runs import joint_prediction
from tests.compare import assert_refused

RANDOM = np.random.default_rng(3)
ROWS = 2000
WIDE = 4, 600, 3
"""Layers with more parameters than are copied side by side."""


@pytest.fixture
def several_blocks(monkeypatch):
    monkeypatch.setattr(joint_prediction, "BLOCK_OUTPUTS", 1)


@pytest.fixture
def threads(monkeypatch, several_blocks):
    monkeypatch.setattr(joint_prediction, "THREADED_PARAMETERS", 1)
    monkeypatch.setenv("FASTPROP_THREADS", "2")


def standardized(network, offset=0.0):
    network.input_mean = offset + RANDOM.normal(size=4)
    network.input_scale = RANDOM.uniform(0.5, 2, 4)
    return network


def networks(dtype="float32"):
    """Return networks of several shapes and activations, and some that are standardized, one far from zero."""
    shapes = [((4, 8, 3), "relu"), ((4, 5, 6, 3), ("gelu", "tanh")), (WIDE, "silu")]
    options = {"output": "softmax", "dtype": dtype}
    made = [fp.MLP(sizes, hidden=hidden, seed=seed, **options) for seed in range(3) for sizes, hidden in shapes]
    made += [standardized(fp.MLP((4, 8, 3), seed=seed, **options)) for seed in range(3)]
    return [*made, standardized(fp.MLP((4, 8, 3), **options), 1e4)]


def assert_weighted_mean(ensemble, X):
    """Assert that the outputs are the mean that is summed in float64, network by network, to the bit."""
    total = 0.0
    for weight, network in zip(ensemble.weights, ensemble.networks):
        total = total + weight * network.predict(X).astype(np.float64)
    np.testing.assert_array_equal(ensemble.predict(X), total.astype(ensemble.networks[0].dtype))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("rows", [1, ROWS])
def test_the_mean_is_that_of_what_each_network_predicts_alone(several_blocks, dtype, rows):
    of_shapes = networks(dtype)
    ensemble = fp.Ensemble(of_shapes, RANDOM.uniform(0.1, 1, len(of_shapes)))
    for X in (RANDOM.normal(size=(rows, 4)), RANDOM.integers(0, 255, (rows, 4), np.uint8)):
        assert_weighted_mean(ensemble, X)
        assert_weighted_mean(ensemble, X.astype(np.float32))


def test_threads_share_the_rows(threads):
    ensemble = fp.Ensemble(networks(), temperature=1.5)
    X = RANDOM.normal(size=(ROWS, 4))
    for predicted in (ensemble.predict, ensemble.predict_std):
        np.testing.assert_array_equal(predicted(X), np.concatenate([predicted(X[:900]), predicted(X[900:])]))
        np.testing.assert_array_equal(predicted(X)[7:8], predicted(X[7:8]))


def test_a_number_that_is_too_large_is_told_by_its_row(threads):
    X = RANDOM.normal(size=(ROWS, 4))
    X[1700, 2] = 1e39
    ensemble = fp.Ensemble(networks()[-2:])
    assert_refused(ValueError, "X holds 1e+39 at row 1700, column 2, which is too large", ensemble.predict, X)
    assert_refused(ValueError, "at row 1700, column 2", fp.Ensemble(ensemble.networks[1:]).predict, X)


def test_ctrl_c_ends_a_prediction_on_threads(threads):
    def combine(outputs):
        if threading.current_thread() is not threading.main_thread():
            signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)
        return outputs[0]

    network = networks()[0]
    with pytest.raises(KeyboardInterrupt):
        runs.predict_together([network], [Inputs.of(np.zeros((ROWS, 4)), network)], combine)
