"""Early stopping and averaging of weights in the reference, and what their options refuse."""

import numpy as np
import pytest

import fastprop as fp
from fastprop import reference
from tests.compare import assert_close, assert_refused, tolerance
from tests.reference_problems import make_data, make_network

EPOCHS = 16


def run(epochs=EPOCHS, optimizer=fp.SGD(0.02), validation=True, **options):
    """Train from 0 to 1, past the 0.6 that validation asks for: its loss falls and rises again."""
    network = reference.Network([np.array([[0.0]])], [np.array([0.0])], output="identity")
    X = np.ones((6, 1))
    options = {"batch_size": 3, "loss": "mse", "validation": (X, 0.6 * X) if validation else None} | options
    return network, reference.train(network, X, X, epochs=epochs, optimizer=optimizer, **options)


def assert_same_arrays(one, other):
    for ours, theirs in zip(one.arrays, other.arrays):
        np.testing.assert_array_equal(ours, theirs)


# ---- early stopping ----


@pytest.mark.parametrize(
    ("losses", "minimum", "expected"),
    [
        ([], 0, -1),
        ([3], 0, 0),
        ([3, 2, 2, 1, 1.5], 0, 3),
        ([3, 2.5, 2.25, 1.75], 1, 3),
        ([3, 2.5, 2, 2], 1, 0),
        ([np.nan, np.inf], 0, -1),
        ([np.nan, 3, np.nan], 0, 1),
        ([-1, -2, -2], 0, 1),
    ],
)
def test_an_improvement_is_on_the_last_improvement(losses, minimum, expected):
    assert reference.last_improvement(losses, minimum) == expected


@pytest.mark.parametrize("patience", [1, 2, 4])
def test_a_run_ends_when_patience_does_and_has_the_best_weights(patience):
    full = run()[1].validation_loss
    best = int(full.argmin())
    assert 0 < best < EPOCHS - 5  # the task is as is said
    network, record = run(early_stopping=fp.EarlyStopping(patience))
    np.testing.assert_array_equal(record.validation_loss, full[: best + patience + 1])
    assert_same_arrays(network, run(epochs=best + 1)[0])


def test_the_last_weights_stay_where_the_best_are_not_asked_for():
    network, record = run(early_stopping=fp.EarlyStopping(2, restore_best=False))
    assert len(record.loss) < EPOCHS
    assert_same_arrays(network, run(epochs=len(record.loss))[0])


def test_the_best_weights_are_restored_when_patience_outlives_the_run():
    network, record = run(early_stopping=fp.EarlyStopping(100))
    assert len(record.loss) == EPOCHS
    assert_same_arrays(network, run(epochs=int(record.validation_loss.argmin()) + 1)[0])


def test_without_patience_a_run_goes_to_its_end_and_has_the_best_weights():
    network, record = run(early_stopping=fp.EarlyStopping(None))
    assert len(record.loss) == EPOCHS
    assert_same_arrays(network, run(epochs=int(record.validation_loss.argmin()) + 1)[0])


def test_without_validation_the_training_loss_is_watched():
    _, record = run(validation=False, early_stopping=fp.EarlyStopping(1, minimum_improvement=0.01))
    assert 1 < len(record.loss) < EPOCHS
    *falls, last = np.diff(record.loss)
    assert (np.array(falls) < -0.01).all()
    assert last >= -0.01


def test_a_diverged_run_has_the_best_weights():
    network, record = run(schedule=fp.StepDecay(1, factor=1e200), early_stopping=fp.EarlyStopping(100))
    assert 1 < len(record.loss) < EPOCHS
    assert_same_arrays(network, run(epochs=int(np.nanargmin(record.validation_loss)) + 1)[0])


def test_a_run_that_its_callback_ends_has_the_best_weights():
    network, record = run(early_stopping=fp.EarlyStopping(100), callback=lambda epoch, record: epoch == 9)
    assert len(record.loss) == 10
    assert_same_arrays(network, run(epochs=int(record.validation_loss.argmin()) + 1)[0])


# ---- averages ----


@pytest.mark.parametrize("start_epoch", [0, 2, 3, 9])
def test_a_run_ends_with_the_average_of_its_weights(start_epoch):
    network, (X, y) = make_network("tanh"), make_data("mse")
    options = {"batch_size": 7, "loss": "mse", "optimizer": fp.SGD(0.2), "shuffle": False}
    average = fp.EMA(0.9, start_epoch)
    record = reference.train(network, X, y, epochs=4, average=average, validation=(X, y), **options)
    twin, state, mean = make_network("tanh"), {}, None
    for epoch in range(4):
        if epoch == start_epoch:
            mean = [array.copy() for array in twin.arrays]
        reference.step(twin, X, y, "mse", fp.SGD(0.2), state)
        if mean is not None:
            mean = [0.9 * before + 0.1 * array for before, array in zip(mean, twin.arrays)]
    for ours, theirs in zip(network.arrays, mean or twin.arrays):
        assert_close(ours, theirs, tolerance("float64", 12), "parameters")
    assert_close(record.validation_loss[-1], reference.loss(network, X, y, "mse"), tolerance("float64", 1), "loss")


def test_an_average_changes_no_step():
    _, plain = run()
    _, averaged = run(average=fp.EMA(0.9))
    np.testing.assert_array_equal(averaged.loss, plain.loss)
    assert (averaged.validation_loss != plain.validation_loss).all()


def test_the_best_average_is_restored():
    network, record = run(average=fp.EMA(0.9), early_stopping=fp.EarlyStopping(100))
    best = int(record.validation_loss.argmin())
    assert_same_arrays(network, run(average=fp.EMA(0.9), epochs=best + 1)[0])


@pytest.mark.peers
def test_averages_agree_with_torch():
    torch = pytest.importorskip("torch")
    network, (X, y) = make_network("tanh", "tanh"), make_data("mse")
    model = torch.nn.ParameterList([torch.tensor(array) for array in network.arrays])
    averaged = torch.optim.swa_utils.AveragedModel(
        model, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(0.9), use_buffers=True
    )
    averaged.update_parameters(model)  # the first call copies
    theirs = torch.optim.SGD(model.parameters(), lr=0.2)
    for _ in range(20):
        outputs = torch.tensor(X)
        for W, b in zip(list(model)[:3], list(model)[3:]):
            outputs = torch.tanh(outputs @ W + b)
        theirs.zero_grad()
        torch.nn.functional.mse_loss(outputs, torch.tensor(y)).backward()
        theirs.step()
        averaged.update_parameters(model)
    options = {"batch_size": 7, "loss": "mse", "optimizer": fp.SGD(0.2), "shuffle": False}
    reference.train(network, X, y, epochs=20, average=fp.EMA(0.9), **options)
    for index, (ours, array) in enumerate(zip(network.arrays, averaged.module)):
        assert_close(ours, array.detach().numpy(), 1e-13, f"parameter {index}")


# ---- options ----


@pytest.mark.parametrize(
    ("kind", "options", "error", "words"),
    [
        (fp.EarlyStopping, {"patience": 0}, ValueError, "patience must be at least 1, not 0: give a larger number"),
        (
            fp.EarlyStopping,
            {"patience": None, "restore_best": False},
            ValueError,
            "restore_best must be True where patience is None: give a patience, or leave both out",
        ),
        (fp.EarlyStopping, {"patience": 1.5}, TypeError, "patience must be a whole number, not 1.5: give an int"),
        (
            fp.EarlyStopping,
            {"minimum_improvement": -1},
            ValueError,
            "minimum_improvement must be at least 0 and finite, not -1: give a number",
        ),
        (fp.EarlyStopping, {"restore_best": 1}, TypeError, "restore_best must be True or False, not 1: give one"),
        (fp.EMA, {"decay": 1.0}, ValueError, "decay must be at least 0 and below 1, not 1.0: give a number"),
        (fp.EMA, {"decay": None}, TypeError, "decay must be a number, not None: give a float"),
        (fp.EMA, {"start_epoch": -1}, ValueError, "start_epoch must be at least 0, not -1: give a larger number"),
        (fp.EMA, {"start_epoch": 0.5}, TypeError, "start_epoch must be a whole number, not 0.5: give an int"),
    ],
)
def test_an_ending_is_refused_where_a_value_is_out_of_its_range(kind, options, error, words):
    assert_refused(error, words, kind, **options)
