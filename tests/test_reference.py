"""The reference gives the values of the hand-worked exercise, trains as it should, and imports nothing of fastprop."""

from pathlib import Path

import numpy as np
import pytest

from fastprop import SGD, exercise, reference
from tests.compare import assert_close, tolerance
from tests.processes import run_python

# ---- the seed exercise: design.md, section 1 ----


def assert_printed(actual, *printed):
    """Compare with values as NumPy prints them, to 8 digits after the point."""
    np.testing.assert_array_equal(np.round(np.ravel(actual), 8), printed)


def test_exercise_forward():
    network = exercise.network()
    _, (_, hidden), (_, output) = reference.forward(network, exercise.X)
    assert_printed(hidden, 0.55724785, 0.62010643)
    assert_printed(output, 0.67932855)
    assert_printed(reference.loss(network, exercise.X, exercise.TARGET, "mse"), 0.00042731)


def test_exercise_gradients():
    dW, _ = reference.gradients(exercise.network(), exercise.X, exercise.TARGET, "mse")
    stale = 4e-8  # the seed's gradients were printed from weights that had been changed before
    assert_close(dW[0], [[-0.00055551, -0.00063649], [-0.00033331, -0.0003819]], stale, "dW[0]")
    assert_close(dW[1], [[-0.00501868], [-0.0055848]], stale, "dW[1]")


def test_exercise_step():
    network = exercise.network()
    reference.step(network, exercise.X, exercise.TARGET, "mse", SGD(0.1), {})
    assert_printed(network.weights[0], 0.20005555, 0.40006365, 0.10003333, 0.30003819)
    assert_printed(network.weights[1], 0.50050187, 0.60055848)
    assert_printed(network.biases[0], 0.1001111, 0.2001273)
    assert_printed(network.biases[1], 0.10090062)


# ---- runs ----


def test_last_batch_is_averaged_over_its_own_rows():
    network = reference.Network([np.array([[0.0]])], [np.array([0.0])], output="identity")
    X, y = np.array([[1.0], [1.0], [1.0]]), np.array([[1.0], [1.0], [5.0]])
    options = {"batch_size": 2, "loss": "mse", "optimizer": SGD(0.25), "shuffle": False}
    record = reference.train(network, X, y, epochs=1, **options)
    # w and b go to 0.5 each, so that the last row is off by 4, and its step is 0.25 · 2 · 4
    assert (network.weights[0][0, 0], network.biases[0][0]) == (2.5, 2.5)
    np.testing.assert_array_equal(record.loss, [(1 + 1 + 16) / 3])
    np.testing.assert_array_equal(record.validation_loss, [np.nan])
    # the gradients of w and b are 2 · -1 each, then 2 · -4
    np.testing.assert_allclose(record.gradient_norm, [(2 + 8) / 2 * np.sqrt(2)], rtol=tolerance("float64", 4))


@pytest.mark.parametrize(
    ("target", "learning_rate", "expected"),
    [
        (1e160, 1e-160, [np.inf, np.nan]),  # the loss overflows, the weights go to 2 and 2: validation would give 16
        (1e150, 1e200, [1e300, np.inf]),  # the weights overflow, the loss of the row that led there does not
    ],
    ids=["loss", "weights"],
)
def test_validation_is_not_evaluated_once_the_training_loss_is_not_finite(target, learning_rate, expected):
    network = reference.Network([np.array([[0.0]])], [np.array([0.0])], output="identity")
    X = np.array([[1.0]])
    options = {"batch_size": 1, "loss": "mse", "optimizer": SGD(learning_rate), "validation": (X, np.array([[0.0]]))}
    record = reference.train(network, X, np.array([[target]]), epochs=5, **options)
    measured = [record.loss, record.validation_loss]
    np.testing.assert_allclose(measured, np.transpose([expected]), rtol=tolerance("float64", 1))


# ---- independence ----


def test_reference_stands_alone():
    folder = Path(reference.__file__).parent
    alone = f"'alone', {str(folder / '__init__.py')!r}, submodule_search_locations=[{str(folder)!r}]"
    code = f"""
import sys, importlib.util
spec = importlib.util.spec_from_file_location({alone})
sys.modules["alone"] = module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
print(*sys.modules)
"""
    loaded = {name.split(".")[0] for name in run_python(code).split()}
    assert {"numpy", "alone"} <= loaded
    assert not loaded & {"fastprop", "numba", "llvmlite"}


@pytest.mark.slow
def test_reference_is_imported_without_numba():
    loaded = run_python("import fastprop.reference, sys; print(*sys.modules)").split()
    assert "fastprop.reference" in loaded
    assert not {"numba", "llvmlite", "fastprop.kernels.compiler"} & set(loaded)


# ---- streams ----


def test_a_stream_goes_on_from_each_chunk_with_the_moments_of_the_last():
    network = reference.Network([np.array([[0.0]])], [np.array([0.0])], output="identity")
    one = np.array([[1.0]])
    options = {"batch_size": 1, "loss": "mse", "optimizer": SGD(0.25, momentum=0.5)}
    measured = list(reference.train_stream(network, [(one, one, None), (one, 2 * one, None)], **options))
    # w and b go by 0.25 · 2 each, so that the output is 1 and off by 1 again; then by half of that and 0.25 · 2 each
    assert (network.weights[0][0, 0], network.biases[0][0]) == (1.25, 1.25)
    assert [loss for loss, *_ in measured] == [1, 1]
    assert [rate for _, rate, _ in measured] == [0.25, 0.25]
    np.testing.assert_allclose([norm for *_, norm in measured], [2 * np.sqrt(2)] * 2, rtol=tolerance("float64", 4))


def test_a_stream_ends_after_the_chunk_in_which_it_diverges():
    network = reference.Network([np.array([[0.0]])], [np.array([0.0])], output="identity")
    chunks = iter([(np.array([[1.0]]), np.array([[y]]), None) for y in (1.0, 1e300, 1.0)])
    measured = list(reference.train_stream(network, chunks, batch_size=1, loss="mse", optimizer=SGD(0.25)))
    assert [np.isfinite(loss) for loss, *_ in measured] == [True, False]
    assert next(chunks)[1] == 1
