"""L-BFGS on all rows: losses and gradients are compared with the reference, and results with scikit-learn's."""

import sys
import warnings
from dataclasses import replace

import numpy as np
import pytest

import fastprop as fp
from fastprop import checks, reference, runs
from fastprop.data import Dataset, Split
from fastprop.integrations import scipy_minimize
from fastprop.runs.lbfgs_run import OBJECTIVES
from tests.compare import assert_refused, assert_same_bits, padded
from tests.marks import slow_except

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(203, 5))
Y = np.stack([np.sin(X[:, 0]), X[:, 1] * X[:, 2], X[:, 3] ** 2], axis=1) + 0.1 * RANDOM.normal(size=(203, 3))
LABELS = Y.argmax(axis=1)
WEIGHTS = RANDOM.random(203) + 0.5

SIZES = (5, 3), (5, 20, 7, 3), (5, 70, 130, 3)
TASKS = {
    "mse": {"y": Y, "output": "identity"},
    "labels": {"y": LABELS, "output": "softmax"},
    "huber": {"y": np.tanh(Y), "output": "tanh", "loss": fp.Huber(0.5), "hidden": "gelu"},
    "weights": {"y": Y, "output": "identity", "hidden": "relu", "sample_weight": WEIGHTS},
}


def trained(sizes=(5, 20, 7, 3), y=Y, output="identity", hidden="tanh", dtype="float64", **options):
    """Train a network; return the history and the network."""
    network = fp.MLP(sizes, hidden=hidden, output=output, seed=1, dtype=dtype)
    return fp.train(network, X, y, **{"epochs": 12, "validation": 0.2, "optimizer": fp.LBFGS()} | options), network


# ---- losses and gradients ----


@pytest.mark.parametrize("sizes", slow_except(SIZES, SIZES[:2]), ids=str)
@pytest.mark.parametrize("task", TASKS.values(), ids=TASKS)
def test_losses_and_gradients_are_the_references(task, sizes):
    task = {"loss": "mse", "hidden": "sigmoid", "sample_weight": None} | task
    network = fp.MLP(sizes, hidden=task["hidden"], output=task["output"], dtype="float64")
    loss = checks.loss("cross_entropy" if task["output"] == "softmax" else task["loss"], task["output"], 3)
    data = Dataset.of(X, task["y"], network, loss, task["sample_weight"])
    options = runs.TrainingOptions(epochs=1, loss=loss, optimizer=fp.LBFGS())
    split = Split(data, np.arange(150), data, np.arange(150, 203))
    ours, theirs = (OBJECTIVES[name](network, split, options, 1) for name in OBJECTIVES)
    point = np.concatenate([np.vstack([b, W]).ravel() for W, b in zip(network.weights, network.biases)])
    for _ in range(2):
        (losses, gradient), (expected_losses, expected) = ours(point), theirs(point)
        np.testing.assert_allclose(losses, expected_losses, rtol=1e-13)
        np.testing.assert_allclose(gradient, expected, rtol=1e-11, atol=1e-14)


@pytest.mark.parametrize("task", TASKS.values(), ids=TASKS)
def test_a_run_is_that_on_the_reference(task):
    (ours, network), (theirs, expected) = (trained(**task, backend=backend) for backend in ("kernels", "reference"))
    for name in ("loss", "validation_loss"):
        np.testing.assert_allclose(getattr(ours, name), getattr(theirs, name), rtol=1e-9, err_msg=name)
    np.testing.assert_allclose(network.parameters, expected.parameters, rtol=1e-7, atol=1e-9)
    assert (ours.stopped, ours.epochs, ours.best_epoch) == (theirs.stopped, theirs.epochs, theirs.best_epoch)
    assert ours.score == pytest.approx(theirs.score)


@pytest.mark.slow
@pytest.mark.parametrize("sizes", slow_except(SIZES, SIZES[:2]), ids=str)
@pytest.mark.usefixtures("threads_always_share")
def test_any_number_of_threads_ends_alike(sizes, dtype):
    one, *others = (trained(sizes=sizes, dtype=dtype, threads=n) for n in (1, 2, 3))
    for history, network in others:
        assert_same_bits([history.loss, network.parameters], [one[0].loss, one[1].parameters])


def test_an_epochs_losses_are_those_of_its_weights():
    history, network = trained(epochs=3, validation=(X[:50], Y[:50]), backend="kernels")
    assert history.loss[-1] == pytest.approx(((network.predict(X) - Y) ** 2).mean(), rel=1e-12)
    assert history.validation_loss[-1] == pytest.approx(((network.predict(X[:50]) - Y[:50]) ** 2).mean(), rel=1e-12)
    assert (history.stopped, history.epochs, history.best_epoch) == ("finished", 3, 2)


# ---- how good ----


@pytest.mark.slow
@pytest.mark.peers
@pytest.mark.parametrize("alpha", [0.0, 1.0])
@pytest.mark.parametrize("kind", ["MLPClassifier", "MLPRegressor"])
def test_the_loss_is_as_low_as_scikit_learns_from_the_same_weights(kind, alpha):
    neural_network = pytest.importorskip("sklearn.neural_network")
    data = fp.datasets.digits() if kind == "MLPClassifier" else (X, Y[:, 0])
    theirs = getattr(neural_network, kind)(
        hidden_layer_sizes=(16,), activation="tanh", solver="lbfgs", alpha=alpha, max_iter=1, tol=1e-5, random_state=0
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs.fit(*data)
        network = fp.MLP(
            (data[0].shape[1], 16, len(theirs.intercepts_[-1])),
            hidden="tanh",
            output="softmax" if kind == "MLPClassifier" else "identity",
            initialization=[*zip(theirs.coefs_, theirs.intercepts_)],
            dtype="float64",
        )
        theirs.set_params(warm_start=True, max_iter=200).fit(*data)
    history = fp.train(network, *data, epochs=200, optimizer=fp.LBFGS(weight_decay=alpha / len(data[0])))
    # theirs is half the squared error; ours decays biases too, which can only cost
    factor, squares = 1 if kind == "MLPClassifier" else 0.5, sum((W**2).sum() for W in network.weights)
    assert factor * history.loss[history.epochs - 1] + alpha * squares / 2 / len(data[0]) < 1.1 * theirs.loss_ + 1e-4


@pytest.mark.slow
def test_float32_goes_about_as_far_down_as_float64():
    one, other = (trained(dtype=dtype, epochs=200, validation=None)[0] for dtype in ("float32", "float64"))
    assert one.loss[one.epochs - 1] < 2 * other.loss[other.epochs - 1]
    assert other.loss[other.epochs - 1] < 0.02


# ---- its hyperparameters ----


def test_it_has_converged_where_the_gradient_is_within_its_tolerance():
    for tolerance in (1e-2, 1e-5):
        history, network = trained(
            sizes=(5, 3), epochs=500, validation=None, optimizer=fp.LBFGS(tolerance=tolerance, weight_decay=0.01)
        )
        assert history.stopped == "converged"
        assert len(history.loss) == history.epochs
        assert np.isfinite(history.loss[: history.epochs]).all()
        dW, db = reference.gradients(reference.Network.of(network), X, Y, "mse")
        largest = max(np.abs(g + 0.01 * w).max() for g, w in zip(dW + db, network.weights + network.biases))
        assert largest <= tolerance
    assert trained(sizes=(5, 3), epochs=500, optimizer=fp.LBFGS(tolerance=1e-2))[0].epochs < history.epochs


def test_weight_decay_makes_weights_small():
    (_, free), (_, decayed) = (trained(optimizer=fp.LBFGS(weight_decay=decay)) for decay in (0.0, 0.1))
    assert np.linalg.norm(decayed.parameters) < 0.7 * np.linalg.norm(free.parameters)


def test_a_longer_memory_is_another_run():
    one, other = (trained(optimizer=fp.LBFGS(memory=memory), epochs=30)[0] for memory in (1, 20))
    assert other.loss[-1] < one.loss[-1]


# ---- how it ends ----


@pytest.mark.parametrize("backend", runs.BACKENDS)
def test_a_callback_sees_each_iteration_and_may_end_it(backend):
    seen = []

    def callback(epoch, history):
        seen.append((epoch, history.epochs, history.loss[epoch]))
        return epoch == 4

    history, network = trained(callback=callback, backend=backend)
    assert seen == [(epoch, epoch + 1, history.loss[epoch]) for epoch in range(5)]
    assert (history.stopped, history.epochs) == ("callback", 5)
    _, five = trained(epochs=5, backend=backend)
    assert_same_bits([network.parameters], [five.parameters])


@pytest.mark.parametrize("backend", runs.BACKENDS)
def test_a_callback_that_changes_the_weights_and_ends_training_leaves_its_own(backend):
    network = fp.MLP((5, 3), output="identity", dtype="float64")

    def callback(epoch, history):
        network.parameters[:] = 0.25
        return epoch == 1

    history = fp.train(network, X, Y, epochs=9, optimizer=fp.LBFGS(), callback=callback, backend=backend)
    assert (history.stopped, history.epochs) == ("callback", 2)
    assert all((array == 0.25).all() for array in network.weights + network.biases)


def test_weights_too_large_for_float32_are_a_divergence(monkeypatch):
    def leap(evaluate, point, memory, tolerance, epochs, after_iteration):
        after_iteration(point)
        return np.full_like(point, 1e39)

    monkeypatch.setattr(scipy_minimize, "lbfgs", leap)
    network = fp.MLP((5, 3), output="identity", dtype="float32")
    with pytest.warns(fp.DivergenceWarning, match="training diverged"):
        history = fp.train(network, X, Y, epochs=9, optimizer=fp.LBFGS())
    assert (history.stopped, history.best_epoch) == ("diverged", -1)


@pytest.mark.parametrize("restore_best", [True, False])
def test_it_ends_early_and_goes_back_to_the_best_weights(restore_best):
    stopping = fp.EarlyStopping(4, restore_best=restore_best)
    history, network = trained(epochs=500, sizes=(5, 70, 3), validation=(X[:40], -Y[:40]), early_stopping=stopping)
    best = reference.last_improvement(history.validation_loss, 0)
    assert (history.stopped, history.epochs) == ("early", best + 5)
    assert history.best_epoch == (best if restore_best else best + 4)
    loss = ((network.predict(X[:40]) + Y[:40]) ** 2).mean()
    assert loss == pytest.approx(history.validation_loss[history.best_epoch], rel=1e-12)


def test_a_run_that_is_asked_to_stop_ends_after_its_iteration():
    network = fp.MLP((5, 3), output="identity", dtype="float64")
    data = Dataset.of(X, Y, network, "mse")
    options = runs.TrainingOptions(epochs=50, loss="mse", optimizer=fp.LBFGS())
    run = runs.new_run("kernels", [network], Split(data, np.arange(203), data, np.arange(0)), [options])
    run.stop()
    run()
    assert (run.history.stopped, run.history.epochs) == ("interrupted", 1)


@pytest.mark.parametrize("backend", runs.BACKENDS)
def test_a_network_whose_loss_is_not_finite_stays_as_it_is(backend):
    network = fp.MLP((5, 3), output="identity", dtype="float64")
    network.parameters[:] = 1e200
    with pytest.warns(fp.DivergenceWarning, match="training did not begin, because the loss is not finite"):
        history = fp.train(network, X, Y, epochs=5, optimizer=fp.LBFGS(), backend=backend)
    assert (history.stopped, history.epochs, history.best_epoch) == ("diverged", 0, -1)
    assert all((array == 1e200).all() for array in network.weights + network.biases)


# ---- in a sweep ----


@pytest.mark.slow
def test_a_sweep_has_rows_of_it_each_as_alone():
    grid = {"optimizer": [fp.SGD(0.1), fp.LBFGS()], "weight_decay": [0.0, 0.01], "seed": [1, 2]}
    result = fp.sweep((5, 8, 3), X, Y, grid, epochs=10, validation=0.2)
    for index, row in enumerate(result.table):
        network = fp.MLP((5, 8, 3), output="identity", seed=int(row["seed"]))
        options = {"optimizer": replace(row["optimizer"], weight_decay=row["weight_decay"]), "seed": int(row["seed"])}
        history = fp.train(network, X, Y, epochs=10, validation=0.2, **options)
        assert_same_bits([padded(history.validation_loss, result.history.shape[1])], [result.history[index]])
    assert isinstance(result.best["optimizer"], fp.LBFGS)


# ---- bad input ----


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (
            {"schedule": fp.CosineDecay()},
            "LBFGS takes all rows in each step and chooses its length, not schedule=CosineDecay(",
        ),
        ({"clip": fp.ClipNorm(1.0)}, "not clip=ClipNorm(limit=1.0): leave clip out"),
        ({"batch_size": 64}, "not batch_size=64: leave batch_size out"),
        ({"dropout": 0.2}, "not dropout=0.2: leave dropout out"),
        ({"average": fp.EMA(0.9)}, "not average=EMA(decay=0.9, start_epoch=0): leave average out"),
    ],
    ids=str,
)
def test_what_means_nothing_to_it_is_refused(options, words):
    assert_refused(ValueError, words, trained, **options)


def test_a_search_for_its_rate_is_refused():
    network = fp.MLP((5, 3), output="identity")
    assert_refused(TypeError, "not LBFGS(memory=10", fp.find_learning_rate, network, X, Y, optimizer=fp.LBFGS())


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"memory": 0}, ValueError, "memory must be at least 1, not 0"),
        ({"tolerance": -1}, ValueError, "tolerance must be at least 0 and finite, not -1"),
        ({"weight_decay": "much"}, TypeError, "weight_decay must be a number, not 'much'"),
    ],
    ids=str,
)
def test_its_hyperparameters_are_checked(options, error, words):
    assert_refused(error, words, fp.LBFGS, **options)


def test_without_scipy_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "scipy.optimize", None)
    assert_refused(ImportError, "L-BFGS needs SciPy: pip install scipy", trained)
