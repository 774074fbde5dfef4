"""Inputs that are standardized as they are read are compared with the reference and with standardized data."""

import copy
import pickle

import numpy as np
import pytest

import fastprop as fp
from benchmarks.cases import DIGITS_SHAPE
from fastprop import reference
from fastprop.data import Inputs, held_out_rows, standardization
from tests import packs
from tests.compare import (
    assert_close,
    assert_refused,
    assert_same_bits,
    assert_trains_as_reference,
    roundings,
    tolerance,
)
from tests.problems import CASES, FEW_SHAPES, LINEAR, MOMENTUM, THREE_LAYERS, problem

OFFSET, DEVIATION = 7.0, 3.0


def raw(X):
    """The same rows before anybody standardized them; the last column is constant."""
    X = OFFSET + DEVIATION * np.arange(1, 1 + X.shape[1]) * X
    X[:, -1] = OFFSET
    return X


def raw_problem(shape, dtype, task=LINEAR):
    network, X, y = problem(shape, task, dtype)
    return network, raw(X).astype(dtype), y


def inputs(X):
    return Inputs.of(X, fp.MLP((X.shape[1], 1)))


def trained(network, X, y, shape, **options):
    options = {"epochs": 2, "batch_size": shape.batch_size, "loss": "mse", "validation": 0.25} | options
    history = fp.train(network, X, y, **options)
    return history.loss, history.validation_loss, history.score, network.parameters, network.predict(X)


# ---- what is fitted ----


@pytest.mark.parametrize("kind", ["float32", "float64", "uint8"])
@pytest.mark.parametrize("rows", [1, 2, 999, 100_000])
def test_mean_and_deviation_are_those_of_the_rows(rows, kind):
    X = (100 + 20 * np.random.default_rng(0).random((100_000, 7))).astype(kind)
    chosen = np.sort(np.random.default_rng(1).permutation(len(X))[:rows])
    mean, scale = standardization(inputs(X), chosen)
    expected = X[chosen].astype(np.float64)
    np.testing.assert_allclose(mean, expected.mean(axis=0), rtol=1e-12)
    deviation = expected.std(axis=0)
    np.testing.assert_allclose(scale, np.where(deviation == 0, 1, deviation), rtol=1e-11)


def test_a_constant_column_has_the_deviation_one(dtype):
    """This holds even if the mean is rounded to another value, and for a column that is constant up to rounding."""
    X = np.column_stack([np.full(90_001, number, dtype) for number in (0.1, -3.3, 0, 1e30, 0.3)])
    X[1, -1] = np.nextafter(X[0, -1], X.dtype.type(1))
    mean, scale = standardization(inputs(X), np.arange(len(X)))
    np.testing.assert_array_equal(scale, 1)
    np.testing.assert_allclose(mean, X[0], rtol=1e-6)


def test_rounding_errors_of_a_large_column_stay_small():
    """As after 0.1 · 3 in place of 0.3, for numbers whose rounding errors are above 1."""
    X = 1e20 * np.where(np.arange(100)[:, None] % 2, 0.3, 0.1 + 0.2)
    assert np.ptp(X) > 1
    mean, scale = standardization(inputs(X), np.arange(len(X)))
    assert np.abs((X - mean) / scale).max() < 1e-15


def test_the_rows_that_are_held_out_do_not_count(dtype):
    network, X, y = raw_problem(DIGITS_SHAPE, dtype)
    other = network.copy()
    fp.train(network, X, y, epochs=1, validation=0.2, standardize=True)
    given = fp.train(other, X, y, epochs=1, validation=(X[:5] + 1e3, y[:5]), standardize=True)
    np.testing.assert_allclose(other.input_mean, X.mean(axis=0), rtol=1e-5)
    assert (network.input_mean != other.input_mean).any()
    X[held_out_rows(len(X), 0.2)] = 1e6
    again, _, _ = raw_problem(DIGITS_SHAPE, dtype)
    fp.train(again, X, y, epochs=1, validation=0.2, standardize=True)
    assert_same_bits([again.input_mean, again.input_scale], [network.input_mean, network.input_scale])
    assert np.isfinite(given.validation_loss).all()


def test_a_network_that_has_a_standardization_keeps_it(dtype):
    network, X, y = raw_problem(DIGITS_SHAPE, dtype)
    fp.train(network, X, y, epochs=1, standardize=True)
    before = network.input_mean.copy(), network.input_scale.copy()
    for options in ({}, {"standardize": True}):
        fp.train(network, X + 50, y, epochs=1, **options)
        assert_same_bits([network.input_mean, network.input_scale], before)
    assert {array.dtype for array in before} == {np.dtype("float64")}
    with pytest.raises(ValueError, match="read-only"):
        network.input_mean[0] = 0


def test_without_it_there_is_none():
    network, X, y = raw_problem(DIGITS_SHAPE, "float32")
    fp.train(network, X, y, epochs=1)
    assert network.input_mean is network.input_scale is None


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"standardize": "yes"}, "standardize must be True or False, not 'yes'"),
        ({"seed": -1}, "seed must be at least 0"),
    ],
)
def test_refused_options_leave_the_network(options, words):
    network, X, y = raw_problem(DIGITS_SHAPE, "float32")
    options = {"epochs": 1, "standardize": True} | options
    assert_refused((TypeError, ValueError), words, fp.train, network, X, y, **options)
    assert network.input_mean is None


# ---- what comes of it ----


def test_training_as_in_the_reference(case, dtype):
    assert_trains_as_reference(*case, dtype, standardize=True, validation=0.25)


def test_training_raw_data_as_in_the_reference(shape, dtype):
    network, X, y = raw_problem(shape, dtype)
    twin, options = network.copy(), {"standardize": True, "optimizer": MOMENTUM}
    found = trained(network, X, y, shape, **options)
    expected = trained(twin, X, y, shape, backend="reference", **options)
    limit = tolerance(dtype, roundings(shape) * (1 + OFFSET))  # an input errs by that of what the mean is taken off
    for actual, wanted, name in zip(found, expected, ("loss", "validation_loss", "score", "parameters", "predicted")):
        assert_close(actual, wanted, 10 * limit if name == "score" else limit, name)
    _, wanted = reference.forward(reference.Network.of(network), X)[-1]
    assert_close(network.predict(X), wanted, tolerance(dtype, (1 + OFFSET) * sum(shape.layer_sizes)), "predicted")


def test_training_standardized_data_gives_the_same(shape):
    network, X, y = raw_problem(shape, "float64")
    twin = network.copy()
    found = trained(network, X, y, shape, standardize=True)
    expected = trained(twin, (X - network.input_mean) / network.input_scale, y, shape)
    for actual, wanted in zip(found, expected):
        np.testing.assert_allclose(actual, wanted, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("shape", FEW_SHAPES, ids=str)
def test_bytes_are_standardized_like_numbers(shape, dtype):
    network, X, y = raw_problem(shape, dtype)
    X, twin = np.random.default_rng(0).integers(0, 256, X.shape, np.uint8), network.copy()
    found = trained(network, X, y, shape, standardize=True)
    assert_same_bits(found, trained(twin, X.astype(dtype), y, shape, standardize=True))


@pytest.mark.usefixtures("threads_always_share")
def test_any_number_of_threads(shape, dtype):
    network, X, y = raw_problem(shape, dtype)
    one, *others = [trained(network.copy(), X, y, shape, standardize=True, threads=threads) for threads in (1, 2, 3, 5)]
    for other in others:
        assert_same_bits(other, one)


@pytest.mark.filterwarnings("ignore::fastprop.DivergenceWarning")
@pytest.mark.parametrize("seeds", [[3] * 5, range(5)], ids=["one order", "orders of their own"])
def test_alone_and_side_by_side(shape, dtype, seeds):
    network, X, y = raw_problem(shape, dtype)
    network.input_mean, network.input_scale = standardization(inputs(X), np.arange(len(X)))
    networks, alone = ([network.copy() for _ in range(5)] for _ in range(2))
    optimizers = [fp.SGD(rate) for rate in (0.1, 0.2, 0.3, 0.4, 0.5)]
    options = {"epochs": 2, "batch_size": shape.batch_size, "loss": "mse", "validation": 0.25}
    histories = packs.train(networks, X, y, optimizers=optimizers, seeds=seeds, **options)
    for one, history, twin, optimizer, seed in zip(networks, histories, alone, optimizers, seeds):
        twin_history = fp.train(twin, X, y, optimizer=optimizer, seed=seed, **options)
        assert_same_bits([history.loss, one.parameters], [twin_history.loss, twin.parameters])
        assert_same_bits([history.validation_loss], [twin_history.validation_loss])


@pytest.mark.parametrize("backend", ["kernels", "reference"])
def test_alone_and_in_a_sweep(dtype, backend):
    _, X, y = raw_problem(THREE_LAYERS, dtype)
    sizes, options = THREE_LAYERS.layer_sizes, {"epochs": 2, "batch_size": 7, "loss": "mse", "validation": 0.25}
    options |= {"standardize": True, "backend": backend}
    network = fp.MLP(sizes, output="identity", dtype=dtype)
    grid = {"seed": range(5), "learning_rate": [0.01, 0.1]}
    result = fp.sweep(network, X, y, grid, **options)
    assert network.input_mean is None
    for row, losses in zip(result.table, result.history):
        seed, optimizer = int(row["seed"]), fp.SGD(row["learning_rate"])
        twin = fp.MLP(sizes, output="identity", seed=seed, dtype=dtype)
        history = fp.train(twin, X, y, seed=seed, optimizer=optimizer, **options)
        np.testing.assert_array_equal(losses, history.validation_loss)
        if row == result.top(1)[0]:
            best = result.best_network
            assert_same_bits([best.parameters, best.input_mean], [twin.parameters, twin.input_mean])
            assert row["score"] == history.score


def test_a_sweep_of_a_network_that_has_one(dtype):
    network, X, y = raw_problem(THREE_LAYERS, dtype)
    fp.train(network, X + 1, y, epochs=1, loss="mse", standardize=True)
    for standardize in (False, True):
        options = {"epochs": 1, "loss": "mse", "standardize": standardize}
        result = fp.sweep(network, X, y, {"learning_rate": [0.1], "seed": [0, 1]}, **options)
        assert_same_bits([result.best_network.input_mean], [network.input_mean])


def test_losses_side_by_side_in_a_sweep():
    """Each loss has a network of its own to begin with; all are standardized alike."""
    _, X, y = raw_problem(THREE_LAYERS, "float32")
    sizes, grid = THREE_LAYERS.layer_sizes, [{"loss": "mse"}, {"loss": "binary_cross_entropy"}]
    options = {"epochs": 2, "validation": 0.25, "standardize": True}
    result = fp.sweep(sizes, X, y, grid, **options)
    for losses, loss, output in zip(result.history, ("mse", "binary_cross_entropy"), ("identity", "sigmoid")):
        history = fp.train(fp.MLP(sizes, output=output), X, y, loss=loss, **options)
        np.testing.assert_array_equal(losses, history.validation_loss)


def test_lbfgs_as_in_the_reference():
    pytest.importorskip("scipy")
    network, X, y = raw_problem(THREE_LAYERS, "float64")
    twin, options = network.copy(), {"epochs": 3, "loss": "mse", "optimizer": fp.LBFGS(), "standardize": True}
    history, expected = fp.train(network, X, y, **options), fp.train(twin, X, y, backend="reference", **options)
    np.testing.assert_allclose(history.loss, expected.loss, rtol=1e-9)
    np.testing.assert_allclose(network.predict(X), twin.predict(X), rtol=1e-7, atol=1e-9)


# ---- columns of any offset and magnitude ----

RANDOM = np.random.default_rng(0)
NORMAL = RANDOM.normal(size=(200, 3))
LABELS = (NORMAL[:, 0] + NORMAL[:, 1] > 0).astype(int)
COLUMNS = {
    "time stamps": 1.7e9 + 17 * NORMAL,
    "whole seconds": (1.7e9 + np.round(1e3 * NORMAL)).astype(np.int64),
    "coordinates": 47.3 + 1e-3 * NORMAL,
    "objects": (1.7e9 + 17 * NORMAL).astype(object),
    "huge": 1e300 * NORMAL,
    "tiny": 1e-42 * NORMAL,
    "below the smallest normal number": 1e-310 * NORMAL,
    "of all sizes": np.array([1e-170, 1e200, 1]) * NORMAL + np.array([0, 0, 1e6]),
    "float32 that is tiny": (1e-36 * NORMAL).astype(np.float32),
}


def by_hand(X):
    """The same rows, standardized in float64 after each column was divided by its largest number."""
    X = X.astype(np.float64)
    X = X / np.abs(X).max(axis=0)
    return (X - X.mean(axis=0)) / X.std(axis=0)


def new_network(dtype="float32"):
    return fp.MLP((3, 8, 2), output="softmax", hidden="tanh", dtype=dtype)


ADAM = {"epochs": 4, "optimizer": fp.Adam(0.01)}


@pytest.mark.parametrize("backend", ["kernels", "reference"])
@pytest.mark.parametrize("X", COLUMNS.values(), ids=COLUMNS)
def test_columns_of_any_offset_and_magnitude_train_as_if_standardized_by_hand(X, dtype, backend):
    network, twin = new_network(dtype), new_network(dtype)
    history = fp.train(network, X, LABELS, standardize=True, backend=backend, **ADAM)
    expected = fp.train(twin, by_hand(X), LABELS, backend=backend, **ADAM)
    limit = 1e-4 if dtype == "float32" else 1e-6
    np.testing.assert_allclose(history.loss, expected.loss, rtol=limit)
    np.testing.assert_allclose(network.predict(X), twin.predict(by_hand(X)), atol=20 * limit)
    np.testing.assert_array_equal(network.predict(X[5:7]), network.predict(X)[5:7])
    with_held_out = fp.train(network.copy(), X, LABELS, validation=(X, LABELS), backend=backend, epochs=1)
    assert with_held_out.validation_loss[0] < history.loss[-1]


@pytest.mark.parametrize("backend", ["kernels", "reference"])
@pytest.mark.parametrize("kind", ["time stamps", "of all sizes"])
def test_moved_columns_have_the_same_bits_in_a_sweep(kind, backend):
    X, options = COLUMNS[kind], ADAM | {"standardize": True, "backend": backend}
    alone = new_network()
    history = fp.train(alone, X, LABELS, validation=0.25, **options)
    result = fp.sweep(new_network(), X, LABELS, {"learning_rate": [0.01, 0.1]}, validation=0.25, keep="all", **options)
    np.testing.assert_array_equal(result.history[0], history.validation_loss)
    assert_same_bits([result.networks[0].predict(X)], [alone.predict(X)])
    in_all = new_network()
    fp.train(in_all, X, LABELS, **options)
    folded = fp.sweep(new_network(), X, LABELS, {"learning_rate": [0.01]}, cv=3, **options)
    assert_same_bits([folded.best_network.parameters], [in_all.parameters])
    by_hand_folded = fp.sweep(
        new_network(), by_hand(X), LABELS, {"learning_rate": [0.01]}, cv=3, **ADAM, backend=backend, standardize=True
    )
    np.testing.assert_allclose(folded.history, by_hand_folded.history, rtol=1e-4)


def test_a_fold_without_the_one_wild_value_keeps_its_digits():
    X = 1.7e9 + 17 * NORMAL
    X[7] = 0
    rows = np.arange(len(X))
    folds = [(rows[8:], rows[:7]), (rows[10:], rows[:7])]
    options = ADAM | {"standardize": True}
    result = fp.sweep(new_network(), X, LABELS, {"learning_rate": [0.01]}, cv=folds, **options)
    losses = [
        fp.train(new_network(), X[rows], LABELS[rows], validation=(X[:7], LABELS[:7]), **options).validation_loss
        for rows, _ in folds
    ]
    np.testing.assert_allclose(result.history[0], np.mean(losses, axis=0), rtol=1e-4)


def test_a_stream_of_time_stamps_is_standardized_as_the_whole(dtype):
    X = COLUMNS["time stamps"]
    network, twin = new_network(dtype), new_network(dtype)
    fp.train(network, X, LABELS, standardize=True, **ADAM)
    twin.parameters[:] = network.parameters
    fp.train_stream(network, zip(np.split(X, 4), np.split(LABELS, 4)))
    fp.train_stream(twin, zip(np.split(by_hand(X), 4), np.split(LABELS, 4)))
    np.testing.assert_allclose(network.predict(X), twin.predict(by_hand(X)), atol=1e-4)


def test_what_cannot_be_standardized_is_refused_with_its_column():
    network, X = new_network("float64"), NORMAL.copy()
    X[3, 1] = 1.7e308
    words = "X holds numbers up to 1.7e+308 in column 1, which are too large to be standardized: divide"
    assert_refused(ValueError, words, fp.train, network, X, LABELS, epochs=1, standardize=True)
    assert network.input_mean is None


# ---- what is kept ----


@pytest.mark.parametrize("duplicate", [fp.MLP.copy, copy.deepcopy, lambda network: pickle.loads(pickle.dumps(network))])
def test_a_copy_standardizes_alike(duplicate):
    network, X, y = raw_problem(*CASES[0][:1], "float32")
    fp.train(network, X, y, epochs=1, loss="mse", standardize=True)
    np.testing.assert_array_equal(duplicate(network).predict(X), network.predict(X))


@pytest.mark.parametrize("standardize", [False, True])
def test_a_saved_network_comes_back_with_it(standardize, dtype, tmp_path):
    safetensors = pytest.importorskip("safetensors")
    network, X, y = raw_problem(THREE_LAYERS, dtype)
    fp.train(network, X, y, epochs=1, loss="mse", standardize=standardize)
    network.save(tmp_path / "network.safetensors")
    with safetensors.safe_open(tmp_path / "network.safetensors", "numpy") as file:
        assert ("input_mean" in file.keys()) == standardize  # noqa: SIM118 (no dict)
    other = fp.load(tmp_path / "network.safetensors")
    np.testing.assert_array_equal(other.predict(X), network.predict(X))
    if standardize:
        assert_same_bits([other.input_mean, other.input_scale], [network.input_mean, network.input_scale])
        assert not other.input_mean.flags.writeable
    else:
        assert other.input_mean is other.input_scale is None


def test_a_network_saved_with_a_standardization_in_float32_is_read(tmp_path):
    """As versions before this one wrote it."""
    safetensors = pytest.importorskip("safetensors.numpy")
    network, X, y = raw_problem(THREE_LAYERS, "float32")
    fp.train(network, X, y, epochs=1, loss="mse", standardize=True)
    path = tmp_path / "network.safetensors"
    network.save(path)
    with safetensors.safe_open(path, "numpy") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        about = {"fastprop": file.metadata()["fastprop"]}  # without a checksum
    for name in ("input_mean", "input_scale"):
        tensors[name] = tensors[name].astype(np.float32)
    safetensors.save_file(tensors, path, about)
    other = fp.load(path)
    assert other.input_mean.dtype == other.input_scale.dtype == np.float64
    np.testing.assert_array_equal(other.predict(X), network.predict(X))
