"""Which networks are unrolled, alone and in packs, and that their results are the same.

`test_invariants.py` has such packs, too. Networks alone are unrolled there by nobody, as they train on few rows.
"""

import numpy as np
import pytest

import fastprop as fp
from fastprop.kernels import compiler, unrolled
from fastprop.kernels.activations import ACTIVATIONS
from tests import kernel_arguments, packs
from tests.compare import assert_same_bits
from tests.marks import slow_except


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


@pytest.mark.parametrize(
    ("sizes", "vectors"), [((2, 2, 1), 6), ((5, 1), 5), ((3, 4, 2), 11), ((4, 4, 3), 12), ((2, 4, 4, 1), 18)]
)
def test_a_network_alone_has_functions_where_a_vector_has_room_for_a_row(sizes, vectors, dtype):
    """A vector must hold the inputs of a row, and another the constant 1, the activations and the deltas."""
    codes = (ACTIVATIONS["sigmoid"].code,) * (len(sizes) - 1)
    addresses = unrolled.addresses(sizes, codes, np.dtype(dtype), 1, False, False)
    assert all(addresses) == any(addresses) == (vectors <= compiler.lanes(dtype))


def test_networks_with_dropout_have_no_functions_of_their_own(dtype):
    shape = (2, 2, 1), (ACTIVATIONS["sigmoid"].code,) * 2, np.dtype(dtype)
    assert unrolled.addresses(*shape, compiler.lanes(dtype), False, True) == (0, 0)
    assert unrolled.addresses(*shape, 1, False, True) == (0, 0)


@pytest.mark.skipif(compiler.LANES == 1, reason="one lane has no room")
@pytest.mark.parametrize("rows", [49, 50])
def test_a_network_alone_is_unrolled_where_it_trains_on_many_rows(rows, monkeypatch):
    """Compiling takes longer than a short training."""
    monkeypatch.setattr(unrolled, "ROWS_ALONE", 50)
    made = kernel_arguments.training((1, 1), rows, "float32")
    assert all(made.network.unrolled_addresses) == (rows == 50)


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


TASKS = (
    ((2, 2, 1), "sigmoid", "sigmoid", "mse"),
    ((1, 2, 2), "tanh", "softmax", "cross_entropy"),
    ((3, 4, 2), "tanh", "softmax", "cross_entropy"),
    ((5, 1), "identity", "sigmoid", "binary_cross_entropy"),
    ((1, 2, 2, 3), "relu", "identity", "mae"),
    ((4, 3), "identity", "softmax", "mse"),
    ((2, 3, 1), "leaky_relu", "exp", "poisson"),
)
"""Layer sizes, hidden activation, output activation and loss. 16 lanes have room for all, 8 for the first two."""


def train_alone(monkeypatch, rows_alone, task, X, **options):
    """Train a network that is unrolled alone if it trains on so many rows; return what comes of it."""
    monkeypatch.setattr(unrolled, "ROWS_ALONE", rows_alone)
    sizes, hidden, output, loss = task
    random = np.random.default_rng(1)
    y = random.random((len(X), sizes[-1])) if loss != "cross_entropy" else random.integers(sizes[-1], size=len(X))
    network = fp.MLP(sizes, hidden=hidden, output=output, seed=0, dtype=options.pop("dtype"))
    options = {"epochs": 3, "loss": loss, "seed": 2, "optimizer": fp.Adam(0.01)} | options
    return outcome(network, fp.train(network, X, y, **options))


def assert_same_alone(monkeypatch, task, X, threads=1, **options):
    """Fail unless a network trains to the same bits alone and unrolled as on one thread layer by layer."""
    found, addresses = [], unrolled.addresses
    monkeypatch.setattr(unrolled, "addresses", lambda *kind: found.append(addresses(*kind)) or found[-1])
    expected = train_alone(monkeypatch, 2**60, task, X, threads=1, **options)
    assert np.isfinite(expected[0]).all()
    assert not found
    assert_same_bits(train_alone(monkeypatch, 0, task, X, threads=threads, **options), expected)
    sizes, has_room = task[0], unrolled.has_room(task[0], options["dtype"])
    assert all(0 not in each if has_room else each == (0, 0) for each in found), sizes
    assert found


def rows_of(task, count):
    return np.random.default_rng(0).normal(size=(count, task[0][0]))


@pytest.mark.parametrize("task", slow_except(TASKS, TASKS[:3]), ids=str)
@pytest.mark.parametrize("batch_size", [1, 7, 16, 33, 300], ids="by {}".format)
def test_alone_the_bits_are_those_of_layer_by_layer(task, batch_size, dtype, monkeypatch):
    """By 300, a minibatch has four segments."""
    assert_same_alone(monkeypatch, task, rows_of(task, 310), batch_size=batch_size, dtype=dtype)


@pytest.mark.parametrize(
    "options",
    [
        {"optimizer": fp.SGD(0.1, momentum=0.9), "clip": fp.ClipNorm(0.1)},
        {"optimizer": fp.SGD(0.1, momentum=0.9), "clip": fp.ClipNorm(0.1), "batch_size": 300},
        {"standardize": True, "sample_weight": np.linspace(0.5, 2, 310)},
        {"validation": 0.3, "schedule": fp.CosineDecay(by="step")},
    ],
    ids=str,
)
def test_alone_the_bits_are_the_same_with_every_option(options, dtype, monkeypatch):
    task = TASKS[0]
    assert_same_alone(monkeypatch, task, rows_of(task, 310), **{"batch_size": 32, "dtype": dtype} | options)


def test_alone_the_bits_are_the_same_for_lbfgs(dtype, monkeypatch):
    assert_same_alone(monkeypatch, TASKS[0], rows_of(TASKS[0], 310), optimizer=fp.LBFGS(), dtype=dtype)


def test_alone_the_bits_are_the_same_for_bytes(dtype, monkeypatch):
    X = np.random.default_rng(0).integers(0, 3, size=(100, 1)).astype(np.uint8)
    assert_same_alone(monkeypatch, TASKS[1], X, batch_size=32, dtype=dtype)


def test_alone_several_chunks_of_segments_add_up_to_the_same_bits(dtype, monkeypatch):
    task, rows = TASKS[0], 16 * 1200
    assert_same_alone(monkeypatch, task, rows_of(task, rows), batch_size=rows, epochs=2, dtype=dtype)


@pytest.mark.usefixtures("threads_always_share")
@pytest.mark.parametrize("batch_size", [40, 300], ids="by {}".format)
@pytest.mark.parametrize("threads", [2, 3, 5])
def test_members_that_share_an_unrolled_network_change_no_bit(batch_size, threads, dtype, monkeypatch):
    task = TASKS[1]
    assert_same_alone(monkeypatch, task, rows_of(task, 310), threads, batch_size=batch_size, dtype=dtype)
