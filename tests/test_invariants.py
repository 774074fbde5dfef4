"""The same result to the last bit: for any number of threads, alone or in a sweep, for every width of vectors."""

import json
from concurrent.futures import ThreadPoolExecutor

import numpy as np

import fastprop as fp
from tests.compare import CASES, DTYPES, TASKS, digest, problem, run_python

EPOCHS = 3
TOO_FAST = 1e200  # a learning rate that diverges in both dtypes
LANES = ("1", "4", "8", "16")


def sweep(shape, dtype, grid, **options):
    network, X, y = problem(shape, TASKS[0], dtype)
    return fp.sweep(network, X, y, grid, epochs=EPOCHS, batch_size=shape.batch_size, validation=0.25, **options)


def grid_of(shape):
    """One configuration for each hyperparameter, and one that diverges beside them."""
    n_in, *_, n_out = shape.layer_sizes
    return [
        {"learning_rate": 0.05},
        {"learning_rate": TOO_FAST},
        {"momentum": 0.9},
        {"batch_size": 3},
        {"seed": 5},
        {"layer_sizes": (n_in, 4, n_out)},
    ]


# ---- threads ----


def test_any_number_of_threads(shape, dtype):
    def run(threads):
        result = sweep(shape, dtype, grid_of(shape), threads=threads)
        columns = [result.table[name] for name in ("loss", "validation_loss", "score", "epochs", "stopped")]
        return digest(result.history, result.best_network.parameters, *columns)

    assert run(threads=1) == run(threads=2) == run(threads=3)


# ---- alone and in a sweep ----


def train_alone(shape, dtype, configuration, row):
    """Train what the row of a sweep's table says, from the network that its configuration begins with."""
    network, X, y = problem(shape, TASKS[0], dtype)
    seed = int(row["seed"])
    if {"seed", "layer_sizes"} & set(configuration):
        network = fp.MLP(row["layer_sizes"], output=network.output, seed=seed, dtype=dtype)
    optimizer = fp.SGD(row["learning_rate"], momentum=row["momentum"])
    options = {"batch_size": int(row["batch_size"]), "optimizer": optimizer, "seed": seed, "validation": 0.25}
    return network, fp.train(network, X, y, epochs=EPOCHS, **options)


def test_alone_and_in_a_sweep(shape, dtype):
    grid = grid_of(shape)
    result = sweep(shape, dtype, grid, threads=2)
    networks = []
    for configuration, row, losses in zip(grid, result.table, result.history):
        network, history = train_alone(shape, dtype, configuration, row)
        networks.append(network)
        np.testing.assert_array_equal(losses, history.validation_loss, err_msg=str(configuration))
        np.testing.assert_array_equal(row["loss"], history.loss[history.epochs - 1], err_msg=str(configuration))
        assert row["stopped"] == history.stopped
        assert row["stopped"] == ("diverged" if row["learning_rate"] == TOO_FAST else "finished")
    best = networks[np.nanargmin(result.table["validation_loss"])]
    np.testing.assert_array_equal(result.best_network.parameters, best.parameters)


# ---- the width of vectors ----


def result_digest(shape, task, dtype):
    """The digest of all that comes of training and predicting."""
    network, X, y = problem(shape, task, dtype)
    weight = np.linspace(0.5, 2, shape.rows)
    options = {"batch_size": shape.batch_size, "sample_weight": weight, "validation": 0.25, "loss": task.loss}
    history = fp.train(network, X, y, epochs=EPOCHS, optimizer=fp.SGD(0.1, momentum=0.9, nesterov=True), **options)
    return digest(network.parameters, history.loss, history.validation_loss, network.predict(X))


def print_digests():
    """What each of the processes below prints."""
    print(json.dumps({f"{case} {dtype}": result_digest(*case, dtype) for case in CASES for dtype in DTYPES}))


def digests(lanes):
    code = "from tests.test_invariants import print_digests; print_digests()"
    return json.loads(run_python(code, FASTPROP_LANES=lanes))


def test_any_width_of_vectors():
    with ThreadPoolExecutor(2) as pool:
        scalar, *wider = pool.map(digests, LANES)
    for lanes, found in zip(LANES[1:], wider):
        differing = [case for case in scalar if found[case] != scalar[case]]
        assert not differing, f"{lanes} lanes differ from 1"
