"""Which packs are unrolled, and that their results are the same: `test_invariants.py` has such packs, too."""

import numpy as np
import pytest

import fastprop as fp
from fastprop.kernels import compiler, unrolled
from fastprop.kernels.activations import ACTIVATIONS
from tests import packs
from tests.compare import assert_same_bits


@pytest.mark.skipif(compiler.LANES == 1, reason="a pack needs lanes")
@pytest.mark.parametrize(
    ("sizes", "hidden", "tiny"),
    [
        ((2, 2, 1), "sigmoid", True),
        ((2, 8, 1), "relu", True),
        ((5, 3), "identity", True),
        ((2, 2, 1), "silu", False),  # which stores its derivative
        ((6, 6), "sigmoid", False),
        ((64, 32, 10), "sigmoid", False),
    ],
)
def test_which_shapes_have_functions_of_their_own(sizes, hidden, tiny, dtype):
    codes = (ACTIVATIONS[hidden].code,) * (len(sizes) - 2) + (ACTIVATIONS["sigmoid"].code,)
    for shared in (False, True):
        addresses = unrolled.addresses(sizes, codes, np.dtype(dtype), compiler.lanes(dtype), shared, False)
        assert len(set(addresses)) == (2 if tiny else 1)
        assert all(addresses) == any(addresses) == tiny


def test_single_networks_and_packs_with_dropout_have_no_functions_of_their_own(dtype):
    shape = (2, 2, 1), (ACTIVATIONS["sigmoid"].code,) * 2, np.dtype(dtype)
    assert unrolled.addresses(*shape, 1, False, False) == (0, 0)
    assert unrolled.addresses(*shape, compiler.lanes(dtype), False, True) == (0, 0)


def outcome(network, history):
    return history.loss, history.validation_loss, network.parameters


@pytest.mark.skipif(compiler.LANES == 1, reason="a pack needs lanes")
@pytest.mark.parametrize("seeds", [[3] * 3, range(3)], ids=["one order", "orders of their own"])
def test_segments_of_several_chunks_give_the_same_bits_as_alone(seeds, dtype):
    random, sizes, rows = np.random.default_rng(0), (2, 2, 1), 16 * 1200
    X, y = random.normal(size=(rows + 100, 2)).astype(dtype), random.random((rows + 100, 1)).astype(dtype)
    data, options = (X[:rows], y[:rows]), {"epochs": 2, "batch_size": rows, "loss": "mse"}
    options["validation"] = X[rows:], y[rows:]
    networks = [fp.MLP(sizes, seed=seed, dtype=dtype) for seed in range(3)]
    optimizers, alone = [fp.SGD(rate) for rate in (0.1, 1.0, 10.0)], [network.copy() for network in networks]
    histories = packs.train(networks, *data, optimizers=optimizers, seeds=seeds, **options)
    for network, history, twin, optimizer, seed in zip(networks, histories, alone, optimizers, seeds):
        twin_history = fp.train(twin, *data, optimizer=optimizer, seed=seed, **options)
        assert_same_bits(outcome(network, history), outcome(twin, twin_history))
