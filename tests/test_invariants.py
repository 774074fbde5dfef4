"""The same result to the last bit: for any number of threads, alone or in a sweep, for every width of vectors."""

import json
import warnings
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest

import fastprop as fp
from benchmarks.cases import SHAPES
from fastprop import reference
from tests import diverging, packs
from tests.compare import assert_same_bits, digest, padded
from tests.marks import slow_except
from tests.problems import (
    ADAM_WITH_DECAY,
    CASES,
    DTYPES,
    FEW_SHAPES,
    FIVE_LAYERS,
    HIDDEN_LAYER_SHAPES,
    LINEAR,
    MIXED_HIDDEN,
    THREE_LAYERS,
    problem,
)
from tests.processes import run_python

# Some shapes have more classes than rows that are held out, so that not each of them can be measured.
pytestmark = pytest.mark.filterwarnings("ignore::fastprop.DataWarning")

EPOCHS = 3
TOO_FAST = {"float32": 1e30, "float64": 1e200}  # learning rates that diverge once their first step is made
LANES = ("1", "4", "8", "16")

PLATEAU = fp.ReduceOnPlateau(0.5, patience=0, threshold=0.1)
SCHEDULED = (
    (fp.SGD(0.1, momentum=0.9, l1=0.01), PLATEAU),
    (fp.Adam(0.01), fp.OneCycle()),
    (fp.AdamW(0.01, weight_decay=0.3), fp.Warmup(2, fp.CosineDecay())),
    (fp.RMSprop(0.01, momentum=0.9), fp.StepDecay(2, by="step")),
    (fp.Adagrad(0.1), fp.Warmup(1, PLATEAU)),
    (fp.Lion(0.01, weight_decay=0.3), fp.Warmup(3, fp.InverseScaling(), by="step")),
)


def options_of(shape, task=LINEAR, weighted=True):
    """The options of training, except those that tests vary."""
    weight = np.linspace(0.5, 2, shape.rows) if weighted else None
    options = {"epochs": EPOCHS, "batch_size": shape.batch_size, "loss": task.loss}
    return {**options, "validation": 0.25, "sample_weight": weight}


def outcome(network, history):
    """All that comes of a run."""
    measured = history.learning_rate, history.gradient_norm, *network.weights, *network.biases
    return history.loss, history.validation_loss, history.epochs, history.stopped, *measured


def train(shape, task, dtype, weighted=True, **options):
    network, X, y = problem(shape, task, dtype)
    return outcome(network, diverging.train(network, X, y, **options_of(shape, task, weighted) | options))


def sweep(shape, dtype, grid, **options):
    network, X, y = problem(shape, LINEAR, dtype)
    options = {"optimizer": fp.SGD(0.1, weight_decay=0.01), **options_of(shape), **options}
    return fp.sweep(network, X, y, grid, **options)


def grid_of(shape, dtype):
    """Return more configurations than lanes that one pack may hold, one of which diverges, and some others."""
    n_in, *_, n_out = shape.layer_sizes
    rates = (1e-3, 0.01, 0.05, TOO_FAST[dtype], 0.1, 0.15)
    return [
        *({"learning_rate": rate, "momentum": momentum} for rate in rates for momentum in (0.5, 0.9)),
        *({"seed": seed, "momentum": momentum} for seed in (0, 5, 7) for momentum in (0.5, 0.8, 0.9)),
        {"learning_rate": 0.05},
        {"seed": 5},
        {"batch_size": max(3, shape.batch_size // 3)},
        {"layer_sizes": (n_in, 4, n_out)},
    ]


# ---- threads ----


@pytest.mark.usefixtures("threads_always_share")
@pytest.mark.parametrize("dtype", slow_except(DTYPES, ["float32"]))
def test_any_number_of_threads_for_one_network(descent, dtype):
    shape, optimizer = descent
    one, *others = [train(shape, LINEAR, dtype, optimizer=optimizer, threads=threads) for threads in (1, 2, 3, 5)]
    for other in others:
        assert_same_bits(other, one)


@pytest.mark.usefixtures("threads_always_share")
@pytest.mark.parametrize("shape", slow_except(HIDDEN_LAYER_SHAPES, [FIVE_LAYERS]), ids=str)
@pytest.mark.parametrize(("optimizer", "schedule"), SCHEDULED, ids=str)
@pytest.mark.parametrize("dtype", slow_except(DTYPES, ["float32"]))
def test_any_number_of_threads_for_every_schedule(shape, dtype, optimizer, schedule):
    options = {"optimizer": optimizer, "schedule": schedule, "epochs": 5}
    one, *others = [train(shape, MIXED_HIDDEN, dtype, threads=threads, **options) for threads in (1, 2, 3, 5)]
    for other in others:
        assert_same_bits(other, one)


@pytest.mark.usefixtures("threads_always_share")
@pytest.mark.parametrize("dtype", slow_except(DTYPES, ["float32"]))
def test_any_number_of_threads_for_every_task(case, dtype):
    one, other = (train(*case, dtype, weighted=False, threads=threads) for threads in (1, 3))
    assert_same_bits(other, one)


@pytest.mark.usefixtures("threads_always_share")
@pytest.mark.parametrize("dtype", slow_except(DTYPES, ["float32"]))
def test_any_number_of_threads_for_a_network_that_diverges(shape, dtype):
    """The first step diverges, which shows in the loss of the next one, or with one step an epoch in the parameters."""

    def run(threads):
        network, X, y = problem(shape, LINEAR, dtype)
        network.biases[-1][...] = {"float32": 1e15, "float64": 1e130}[dtype]
        options = options_of(shape) | {"optimizer": fp.SGD(TOO_FAST[dtype]), "threads": threads}
        return outcome(network, diverging.train(network, X, y, **options))

    one, *others = map(run, (1, 2, 3, 5))
    assert one[2:4] == (1, "diverged")
    for other in others:
        assert_same_bits(other, one)


def test_any_number_of_threads_for_a_sweep(shape, dtype):
    def run(threads):
        result = sweep(shape, dtype, grid_of(shape, dtype), threads=threads)
        columns = [result.table[name] for name in ("loss", "validation_loss", "score", "epochs", "stopped")]
        return digest(result.history, result.best_network.parameters, *columns)

    assert run(threads=1) == run(threads=2) == run(threads=3)


def train_and_sweep(number, threads):
    """The digest of what comes of both."""
    shape = SHAPES[number]
    result = sweep(shape, "float32", {"seed": range(5)}, threads=threads)
    return digest(*train(shape, LINEAR, "float32", optimizer=ADAM_WITH_DECAY, threads=threads), result.history)


def print_digests_at_once():
    """What each of the processes below prints."""
    with ThreadPoolExecutor(6) as pool:
        print(json.dumps(list(pool.map(lambda number: train_and_sweep(number, 2 + number % 7), range(len(SHAPES))))))


@pytest.mark.slow
def test_more_threads_than_cores():
    code = "from tests.test_invariants import print_digests_at_once; print_digests_at_once()"
    with ThreadPoolExecutor(3) as pool:
        found = list(pool.map(lambda _: json.loads(run_python(code)), range(3)))
    assert found == [[train_and_sweep(number, 1) for number in range(len(SHAPES))]] * 3


# ---- in one call and epoch by epoch ----


@pytest.mark.usefixtures("threads_always_share")
@pytest.mark.parametrize(("optimizer", "schedule"), SCHEDULED, ids=str)
def test_a_callback_changes_nothing(dtype, optimizer, schedule):
    shape, options = FIVE_LAYERS, {"optimizer": optimizer, "schedule": schedule, "epochs": 5, "threads": 2}
    one = train(shape, LINEAR, dtype, **options)
    other = train(shape, LINEAR, dtype, callback=lambda epoch, history: False, **options)
    assert_same_bits(other, one)


# ---- alone and in a sweep ----


def train_alone(shape, dtype, configuration, row):
    """Train what the row of a sweep's table says, from the network that its configuration begins with."""
    network, X, y = problem(shape, LINEAR, dtype)
    seed = int(row["seed"])
    if {"seed", "layer_sizes"} & set(configuration):
        network = fp.MLP(row["layer_sizes"], output=network.output, seed=seed, dtype=dtype)
    options = options_of(shape) | {"batch_size": int(row["batch_size"]), "seed": seed}
    optimizer = fp.SGD(row["learning_rate"], momentum=row["momentum"], weight_decay=0.01)
    return network, diverging.train(network, X, y, optimizer=optimizer, **options)


def test_alone_and_in_a_sweep(shape, dtype):
    grid = grid_of(shape, dtype)
    result = sweep(shape, dtype, grid, threads=2)
    networks = []
    for configuration, row, losses in zip(grid, result.table, result.history):
        network, history = train_alone(shape, dtype, configuration, row)
        networks.append(network)
        np.testing.assert_array_equal(losses, padded(history.validation_loss, len(losses)), err_msg=str(configuration))
        np.testing.assert_array_equal(row["loss"], history.loss[history.epochs - 1], err_msg=str(configuration))
        assert (row["stopped"], row["epochs"]) == (history.stopped, history.epochs)
        assert row["stopped"] == ("diverged" if row["learning_rate"] == TOO_FAST[dtype] else "finished")
    best = networks[np.nanargmin(result.table["validation_loss"])]
    np.testing.assert_array_equal(result.best_network.parameters, best.parameters)


def test_adam_alone_and_in_a_sweep(shape, dtype):
    rates = np.append(np.geomspace(1e-3, 1, 18), TOO_FAST[dtype])
    result = sweep(shape, dtype, {"learning_rate": rates}, optimizer=fp.Adam())
    for rate, losses in zip(rates, result.history):
        _, validation_loss, *_ = train(shape, LINEAR, dtype, optimizer=fp.Adam(rate))
        np.testing.assert_array_equal(losses, padded(validation_loss, len(losses)), err_msg=f"learning rate {rate}")
    assert result.table["stopped"][-1] == "diverged"


def test_l1_and_weight_decay_beside_each_other_in_a_sweep(dtype):
    shape, grid = THREE_LAYERS, {"l1": [0.0, 0.01, 0.1], "weight_decay": [0.0, 0.1], "learning_rate": [0.01, 0.1]}
    result = sweep(shape, dtype, grid, optimizer=fp.AdamW())
    for row, losses in zip(result.table, result.history):
        optimizer = fp.AdamW(row["learning_rate"], l1=row["l1"], weight_decay=row["weight_decay"])
        _, validation_loss, *_ = train(shape, LINEAR, dtype, optimizer=optimizer)
        np.testing.assert_array_equal(losses, validation_loss, err_msg=str(optimizer))


# ---- side by side: what a sweep may do with networks of one shape ----


def assert_same_alone_and_side_by_side(shape, task, dtype, optimizers, seeds, weighted, **options):
    """Train a network by each of the optimizers; a copy that is not finite is to disturb no other."""
    network, X, y = problem(shape, task, dtype)
    networks, options = [network.copy() for _ in optimizers], options_of(shape, task, weighted) | options
    networks[3].biases[-1][0] = np.nan
    alone = [network.copy() for network in networks]
    histories = packs.train(networks, X, y, optimizers=optimizers, seeds=seeds, **options)
    for network, history, twin, optimizer, seed in zip(networks, histories, alone, optimizers, seeds):
        twin_history = diverging.train(twin, X, y, optimizer=optimizer, seed=seed, **options)
        assert_same_bits(outcome(network, history), outcome(twin, twin_history))
    assert (histories[3].stopped, histories[3].epochs) == ("diverged", 1)
    return histories


SGDS = (
    fp.SGD(0.1, momentum=0.9),
    fp.SGD(1e30, momentum=0.5),
    fp.SGD(0.05, momentum=0.5, weight_decay=0.3),
    fp.SGD(0.2, momentum=0.9),
    fp.SGD(1e-3, momentum=0.99, weight_decay=0.01),
)
ADAMS = (
    fp.Adam(),
    fp.Adam(1e30),
    fp.Adam(0.1, beta1=0.5, beta2=0.9, epsilon=1e-3),
    fp.Adam(0.01),
    fp.Adam(0.01, weight_decay=0.3),
)
MORE = {
    "l1": [fp.SGD(0.1), fp.SGD(0.1, l1=0.01), fp.SGD(0.1, weight_decay=0.1), fp.SGD(), fp.SGD(0.1, l1=0.3)],
    "AdamW": [fp.AdamW(), fp.AdamW(1e30), fp.AdamW(0.1, l1=0.1), fp.AdamW(), fp.AdamW(0.01, weight_decay=0.3)],
    "RMSprop": [
        *(fp.RMSprop(rate, smoothing=smoothing) for rate, smoothing in ((0.01, 0.99), (1e30, 0.9), (0.1, 0.5), (0, 0))),
        fp.RMSprop(l1=0.1, weight_decay=0.3),
    ],
    "RMSprop with momentum": [
        *(fp.RMSprop(rate, momentum=momentum) for rate, momentum in ((0.01, 0.9), (1e30, 0.9), (0.1, 0.5), (0, 0.1))),
        fp.RMSprop(momentum=0.9, l1=0.1, weight_decay=0.3),
    ],
    "Adagrad": [
        *(fp.Adagrad(rate, epsilon=epsilon) for rate, epsilon in ((0.01, 1e-8), (1e30, 1e-8), (0.1, 0.1), (0, 1e-8))),
        fp.Adagrad(l1=0.1, weight_decay=0.3),
    ],
    "Lion": [
        *(fp.Lion(rate, beta1=beta1) for rate, beta1 in ((1e-3, 0.9), (1e30, 0.9), (0.01, 0.5), (0, 0))),
        fp.Lion(l1=0.1, weight_decay=0.3),
    ],
}


def test_alone_and_side_by_side(case, dtype):
    assert_same_alone_and_side_by_side(*case, dtype, SGDS, seeds=range(5), weighted=True)


@pytest.mark.parametrize("weighted", [False, True], ids=["unweighted", "weighted"])
@pytest.mark.parametrize("seeds", [[3] * 5, range(5)], ids=["one order", "orders of their own"])
@pytest.mark.parametrize("optimizers", [SGDS, ADAMS], ids=["SGD", "Adam"])
def test_options_alone_and_side_by_side(shape, dtype, optimizers, seeds, weighted):
    assert_same_alone_and_side_by_side(shape, LINEAR, dtype, optimizers, seeds, weighted)


@pytest.mark.parametrize("shape", [THREE_LAYERS, FIVE_LAYERS], ids=str)
@pytest.mark.parametrize("optimizers", MORE.values(), ids=MORE)
def test_more_options_alone_and_side_by_side(shape, dtype, optimizers):
    assert_same_alone_and_side_by_side(shape, MIXED_HIDDEN, dtype, optimizers, range(5), weighted=True)


@pytest.mark.parametrize("kind", [fp.SGD, fp.Adam, fp.AdamW, fp.RMSprop, fp.Adagrad, fp.Lion])
@pytest.mark.parametrize(
    "schedule", [PLATEAU, fp.Warmup(3, fp.CosineDecay(by="step"), by="step"), fp.StepDecay(1)], ids=str
)
def test_schedules_alone_and_side_by_side(kind, schedule, dtype):
    optimizers, options = [kind(rate) for rate in (1e-4, 0.1, 0.01, 0.3, 1e30)], {"schedule": schedule, "epochs": 5}
    arguments = FIVE_LAYERS, LINEAR, dtype, optimizers, range(5)
    assert_same_alone_and_side_by_side(*arguments, weighted=True, **options)


def test_networks_of_a_pack_lower_their_rates_each_at_epochs_of_its_own(dtype):
    optimizers, epochs = [fp.SGD(rate) for rate in (1e-4, 0.1, 0.5, 1.0, 2.0)], 8
    arguments, options = (FIVE_LAYERS, LINEAR, dtype, optimizers, [3] * 5), {"schedule": PLATEAU, "epochs": epochs}
    histories = assert_same_alone_and_side_by_side(*arguments, weighted=False, **options)
    factors = [
        tuple(reference.factor(PLATEAU, epoch, epochs, history.validation_loss[:epoch]) for epoch in range(epochs))
        for history in histories
        if history.stopped == "finished"
    ]
    assert len(set(factors)) >= 3


# ---- the width of vectors ----


def digest_alone(shape, task, dtype):
    """The digest of all that comes of training and predicting."""
    network, X, y = problem(shape, task, dtype)
    optimizer = fp.SGD(0.1, momentum=0.9, nesterov=True)
    history = diverging.train(network, X, y, optimizer=optimizer, **options_of(shape, task))
    return digest(*outcome(network, history), network.predict(X))


def digest_of_standardized(shape):
    """The digest of all that comes of training on bytes that are standardized, alone and in a sweep."""
    network, X, y = problem(shape, LINEAR, "float32")
    X = np.random.default_rng(0).integers(0, 256, X.shape, np.uint8)
    options = options_of(shape) | {"standardize": True}
    histories = [fp.sweep(network, X, y, {"seed": seeds}, **options).history for seeds in ([1], range(5))]
    history = fp.train(network, X, y, **options)
    return digest(*outcome(network, history), network.input_mean, network.predict(X), *histories)


def digest_of_many(shape, dtype):
    """The digest of all that comes of training in packs, which are as wide as vectors, and in a sweep."""
    network, X, y = problem(shape, LINEAR, dtype)
    networks = [network.copy() for _ in ADAMS]
    histories = packs.train(networks, X, y, optimizers=ADAMS, seeds=range(5), **options_of(shape))
    arrays = [array for each in map(outcome, networks, histories) for array in each]
    return digest(*arrays, sweep(shape, dtype, {"seed": range(5)}).history)


def digest_of_schedule(optimizer, schedule, dtype):
    """The digest of all that comes of training by a schedule, alone and in a pack."""
    shape, task = THREE_LAYERS, MIXED_HIDDEN
    options = {"schedule": schedule, "epochs": 5, "gradient_norm": True}
    alone = train(shape, task, dtype, optimizer=optimizer, **options)
    network, X, y = problem(shape, task, dtype)
    networks, options = [network.copy(), network.copy()], options_of(shape, task) | options
    optimizers = [optimizer, replace(optimizer, learning_rate=1e-3)]
    histories = packs.train(networks, X, y, optimizers=optimizers, seeds=[0, 1], **options)
    return digest(*alone, *(array for each in map(outcome, networks, histories) for array in each))


def digest_of_regularized(shape, dtype):
    """The digest of all that comes of training with dropout and an average, alone and in a pack, half of it without."""
    task, options = MIXED_HIDDEN, {"dropout": 0.3, "average": fp.EMA(0.9, 1), "seed": 2}
    alone = train(shape, task, dtype, **options)
    network, X, y = problem(shape, task, dtype)
    grid = {"dropout": [0.0, 0.1, 0.5], "seed": [0, 1]}
    return digest(*alone, fp.sweep(network, X, y, grid, **options_of(shape, task)).history)


def print_digests():
    """What each of the processes below prints."""
    warnings.simplefilter("ignore", fp.DataWarning)  # as in the tests
    alone = {f"{case} {dtype}": digest_alone(*case, dtype) for case in CASES for dtype in DTYPES}
    standardized = {f"standardized {shape}": digest_of_standardized(shape) for shape in FEW_SHAPES}
    many = {f"many {shape}": digest_of_many(shape, "float32") for shape in SHAPES}
    scheduled = {f"{each} {dtype}": digest_of_schedule(*each, dtype) for each in SCHEDULED for dtype in DTYPES}
    regularized = {
        f"regularized {shape} {dtype}": digest_of_regularized(shape, dtype) for shape in SHAPES for dtype in DTYPES
    }
    print(json.dumps(alone | standardized | many | scheduled | regularized))


def digests(lanes):
    code = "from tests.test_invariants import print_digests; print_digests()"
    return json.loads(run_python(code, FASTPROP_LANES=lanes))


@pytest.mark.slow
def test_any_width_of_vectors():
    with ThreadPoolExecutor(2) as pool:
        scalar, *wider = pool.map(digests, LANES)
    for lanes, found in zip(LANES[1:], wider):
        differing = [case for case in scalar if found[case] != scalar[case]]
        assert not differing, f"{lanes} lanes differ from 1"
