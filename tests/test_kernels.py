"""The kernels are compared with the reference, for every shape, task and option, in float32 and float64."""

import numpy as np
import pytest

import fastprop as fp
from fastprop import reference
from tests import diverging
from tests.compare import assert_close, assert_trains_as_reference, steepness, tolerance
from tests.problems import (
    BINARY_CROSS_ENTROPY,
    CASES,
    CROSS_ENTROPY,
    FIVE_LAYERS,
    LINEAR,
    MOMENTUM,
    MORE_TASKS,
    NESTEROV,
    SCHEDULES,
    TASKS,
    THREE_LAYERS,
    UNROLLED,
    Task,
    problem,
)

# ---- training ----


@pytest.mark.filterwarnings("ignore::fastprop.DivergenceWarning")
def test_training(case, dtype):
    assert_trains_as_reference(*case, dtype)


@pytest.mark.filterwarnings("ignore::fastprop.DivergenceWarning")
def test_optimizers(descent, dtype):
    shape, optimizer = descent
    assert_trains_as_reference(shape, LINEAR, dtype, optimizer=optimizer)


@pytest.mark.parametrize("optimizer", [MOMENTUM, fp.AdamW(0.1, epsilon=1e-1, weight_decay=0.3)], ids=str)
@pytest.mark.parametrize("schedule", SCHEDULES, ids=str)
def test_schedules(schedule, optimizer, dtype):
    options = {"epochs": 6, "optimizer": optimizer, "schedule": schedule}
    assert_trains_as_reference(THREE_LAYERS, LINEAR, dtype, **options)


@pytest.mark.parametrize(
    "optimizer", [fp.SGD(0.1), fp.RMSprop(0.01, epsilon=1e-1, momentum=0.9), fp.Lion(0.01)], ids=str
)
def test_an_optimizer_goes_by_its_schedule(optimizer, dtype):
    options = {"epochs": 6, "optimizer": optimizer, "schedule": fp.Warmup(3, fp.CosineDecay(by="step"), by="step")}
    assert_trains_as_reference(UNROLLED, LINEAR, dtype, **options)


@pytest.mark.parametrize("validation", [{}, {"validation": 0.25}], ids=["without", "validation"])
def test_a_plateau_lowers_rates_as_in_the_reference(validation, dtype):
    shape, plateau = FIVE_LAYERS, fp.ReduceOnPlateau(0.5, patience=0, threshold=0.1)
    options = {"epochs": 9, "schedule": plateau, **validation}
    assert_trains_as_reference(shape, LINEAR, dtype, **options)
    network, X, y = problem(shape, LINEAR, dtype)
    history = fp.train(network, X, y, batch_size=shape.batch_size, loss="mse", seed=1, **options)
    losses = history.validation_loss if validation else history.loss
    factors = [reference.factor(plateau, epoch, 9, losses[:epoch]) for epoch in range(9)]
    assert 0 < factors[-1] < factors[3] <= 1  # it falls, and not all at once


def test_sample_weight_and_a_held_out_fraction(case, dtype):
    shape, task = case
    sample_weight = np.random.default_rng(3).uniform(0.1, 3, shape.rows)
    assert_trains_as_reference(shape, task, dtype, sample_weight=sample_weight, validation=0.25)


@pytest.mark.filterwarnings("ignore::fastprop.DivergenceWarning")
def test_given_validation_rows_in_order(case, dtype):
    shape, task = case
    _, X, y = problem(shape, task, dtype)
    assert_trains_as_reference(shape, task, dtype, validation=(X[::-2] / 2, y[::-2]), shuffle=False)


def test_one_step_takes_the_gradient(case):
    shape, task = case
    network, X, y = problem(shape, task, "float64")
    before = reference.Network.of(network)
    fp.train(network, X, y, epochs=1, batch_size=shape.rows, loss=task.loss, optimizer=fp.SGD(1))
    dW, db = reference.gradients(before, X, y, task.loss)
    limit = tolerance("float64", max(shape.layer_sizes) + shape.rows) * steepness(task)
    for layer in range(len(dW)):
        assert_close(before.weights[layer] - network.weights[layer], dW[layer], limit, f"dW[{layer}]")
        assert_close(before.biases[layer] - network.biases[layer], db[layer], limit, f"db[{layer}]")


@pytest.mark.parametrize("task", [BINARY_CROSS_ENTROPY, CROSS_ENTROPY], ids=str)
def test_logits_of_a_thousand(task, dtype):
    network = fp.MLP((2, 2), output=task.output, dtype=dtype)
    network.weights[0][...] = np.eye(2)
    X, y = np.array([[1000, -1000], [-1000, 1000], [0, 0]]), np.array([[0, 1], [0, 1], [0, 1]])
    before = reference.Network.of(network)
    history = fp.train(network, X, y, epochs=1, batch_size=3, loss=task.loss, optimizer=fp.SGD(1))
    assert_close(history.loss[0], reference.loss(before, X, y, task.loss), tolerance(dtype, 3), "loss")
    (dW,), (db,) = reference.gradients(before, X, y, task.loss)
    assert_close(before.weights[0] - network.weights[0], dW, tolerance(dtype, 3), "dW")
    assert_close(before.biases[0] - network.biases[0], db, tolerance(dtype, 3), "db")


@pytest.mark.filterwarnings("ignore::fastprop.DivergenceWarning")
@pytest.mark.parametrize("loss", ["poisson", "mse", "mae", fp.Huber(0.5)], ids=str)
def test_losses_of_exp_outputs_up_to_the_largest_numbers_are_the_references(loss, dtype):
    largest = np.log(np.finfo(dtype).max)
    for z in np.array([-1.1, -0.9, 0.9, 0.99]) * largest * (0.5 if loss == "mse" else 1):
        network = fp.MLP((1, 1), output="exp", initialization=[np.zeros((1, 1))], dtype=dtype)
        network.biases[0][...] = z
        expected = network.copy()
        losses = [
            fp.train(
                each, np.ones((4, 1)), np.full(4, 2.0), epochs=1, loss=loss, optimizer=fp.SGD(0.0), backend=backend
            ).loss[0]
            for each, backend in ((network, "kernels"), (expected, "reference"))
        ]
        np.testing.assert_allclose(*losses, rtol=2 * largest * np.finfo(dtype).eps)


@pytest.mark.filterwarnings("ignore::fastprop.DivergenceWarning")
@pytest.mark.parametrize("loss", ["poisson", "mse", "mae", fp.Huber(0.5)], ids=str)
def test_an_exp_output_beyond_the_largest_number_is_infinite_and_its_run_diverges(loss, dtype):
    network = fp.MLP((1, 1), output="exp", initialization=[np.zeros((1, 1))], dtype=dtype)
    network.biases[0][...] = 1.01 * np.log(np.finfo(dtype).max)
    assert np.isposinf(network.predict(np.ones((4, 1)))).all()
    history = fp.train(network, np.ones((4, 1)), np.full(4, 2.0), epochs=3, loss=loss)
    assert (history.stopped, history.epochs) == ("diverged", 1)


DIVERGING = (
    *(
        Task(name, "mse", hidden=name)
        for name in ("relu", "leaky_relu", "elu", "softplus", "silu", "gelu", "selu", "mish")
    ),
    Task("identity", "mae", hidden="relu"),
    Task("identity", "huber", hidden="relu"),
    Task("exp", "poisson", hidden="relu"),
    Task("softmax", fp.CrossEntropy(0.2), hidden="relu"),
)


@pytest.mark.parametrize("task", DIVERGING, ids=str)
def test_a_nan_among_the_weights_ends_a_run_whatever_compares_it(task, dtype):
    """The NaN is in the first layer, between two layers whose activation compares it, or in the last layer."""
    for choice in range(3):
        network, X, y = problem(FIVE_LAYERS, task, dtype)
        (network.weights[0][0], network.biases[1], network.biases[-1])[choice][0] = np.nan
        history = diverging.train(network, X, y, epochs=3, batch_size=7, loss=task.loss)
        assert (history.stopped, history.epochs) == ("diverged", 1)
        assert np.isnan(history.loss).all()
        assert np.isnan(network.predict(X)[:, 0]).all()


def test_digits_are_learned():
    X, y = fp.datasets.digits()
    grid, optimizer = {"learning_rate": [0.5]}, fp.SGD(momentum=0.9)
    result = fp.sweep((64, 32, 10), X, y, grid, epochs=30, loss="cross_entropy", optimizer=optimizer, validation=0.2)
    assert result.best["score"] >= 0.95


def test_dropout_and_averages(shape, dtype):
    options = {"dropout": 0.3, "average": fp.EMA(0.9, 1), "validation": 0.25, "epochs": 3}
    assert_trains_as_reference(shape, LINEAR, dtype, **options)


# ---- prediction ----


@pytest.mark.parametrize("rows", [1, 47, 500])
def test_predictions(shape, dtype, rows):
    for task in TASKS + MORE_TASKS:
        network, *_ = problem(shape, task, dtype)
        X = np.random.default_rng(4).normal(size=(rows, shape.layer_sizes[0])).astype(dtype)
        _, expected = reference.forward(reference.Network.of(network), X)[-1]
        limit = tolerance(dtype, sum(shape.layer_sizes)) * steepness(task)
        assert_close(network.predict(X), expected, limit, str(task))


# ---- what is left alone ----


@pytest.mark.parametrize("bias", [0.5, np.nan], ids=["finite", "diverging"])
def test_padding_stays_zero(case, dtype, bias):
    shape, task = case
    network, X, y = problem(shape, task, dtype)
    network.biases[-1][0] = bias
    diverging.train(network, X, y, epochs=2, batch_size=shape.batch_size, loss=task.loss, optimizer=NESTEROV)
    for array in network.weights + network.biases:
        array[...] = 0
    assert not network.parameters.any()


def test_data_is_not_written(case, dtype):
    shape, task = case
    network, *data = problem(shape, task, dtype)
    sample_weight = np.linspace(1, 2, shape.rows, dtype=dtype)
    arrays = [*data, sample_weight]
    before = [array.copy() for array in arrays]
    diverging.train(network, *data, epochs=1, loss=task.loss, sample_weight=sample_weight, validation=tuple(data))
    network.predict(data[0])
    for array, copy in zip(arrays, before):
        np.testing.assert_array_equal(array, copy)
        assert array.flags.writeable


def test_refused_data_leaves_the_network(dtype):
    network = fp.MLP((3, 4, 2), dtype=dtype)
    before, X, y = network.parameters.copy(), np.ones((5, 3)), np.ones((5, 2))
    X[4, 2] = np.nan
    with pytest.raises(ValueError, match="row 4, column 2"):
        fp.train(network, X, y, epochs=1)
    np.testing.assert_array_equal(network.parameters, before)


def test_denormals_are_the_callers_own():
    tiny = np.full(4, np.finfo(np.float32).tiny)
    network, X, y = problem(*CASES[0])
    fp.train(network, X, y, epochs=1)
    network.predict(X)
    assert (tiny / 2 > 0).all()
