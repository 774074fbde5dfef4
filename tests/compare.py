"""Compares results, and says by how much they may differ."""

import hashlib
import math
import re
import warnings

import numpy as np
import pytest

import fastprop as fp
from tests.problems import MORE_TASKS, problem

EPOCHS = 2
"""Epochs of training that is compared with the reference, by default."""

# ---- tolerances ----

STEEPER_THAN_SIGMOID = 4
"""How many times larger errors may be: a sigmoid's derivative is at most 1/4, that of most other activations 1."""

CANCELLATION_IN_GELU = 4
"""How many times larger errors of gelu's derivative may be: 1 - tanh² cancels, and a term is that times z³ / 20."""

ROUNDINGS_OF_A_LOSS = 16
"""More than a row's exponential, logarithm and the few operations on them take."""


def tolerance(dtype, length):
    """Return by how much two results may differ if `length` roundings lie between them.

    One rounding errs by up to ε/2. Their signs behave as random signs do, so the sum of `length` of them is about
    √length · ε/2 (Higham and Mary, "A new approach to probabilistic rounding error analysis", 2019). Four times that
    is rare.
    """
    return 2 * np.finfo(dtype).eps * np.sqrt(length)


def steepness(task):
    """Return how many times larger the errors of a task may be than those of networks of sigmoids."""
    return STEEPER_THAN_SIGMOID if task in MORE_TASKS else 1


def roundings(shape, epochs=EPOCHS):
    """Return how many roundings lie between a network and the trained one.

    Each step takes one sum over a layer's inputs and one over a batch's rows.
    """
    steps = epochs * math.ceil(shape.rows / shape.batch_size)
    return steps * (max(shape.layer_sizes) + min(shape.batch_size, shape.rows))


# ---- results ----


def assert_close(actual, expected, tolerance, name):
    """Fail unless all elements differ by at most `tolerance`, relative to the expected ones where these exceed 1.

    Below 1 the absolute difference counts: rounding errors come from the terms of a sum, which are of order 1.
    A failure names the worst element, both values and the tolerance.
    """
    actual, expected = np.asarray(actual, np.float64), np.asarray(expected, np.float64)
    assert actual.shape == expected.shape, f"{name} has shape {actual.shape}, expected {expected.shape}"
    error = np.abs(actual - expected) / np.maximum(1, np.abs(expected))
    worst = np.unravel_index(np.argmax(error), error.shape)  # a NaN is the largest
    assert error[worst] <= tolerance, (
        f"{name}{[int(i) for i in worst]} is {float(actual[worst])!r}, expected {float(expected[worst])!r}: "
        f"off by {error[worst]:.3g}, tolerance {tolerance:.3g}"
    )


def assert_trains_as_reference(shape, task, dtype, **options):
    """Fail unless the kernels and the reference train a network to the same parameters and losses."""
    network, X, y = problem(shape, task, dtype)
    expected = network.copy()
    options = {"epochs": EPOCHS, "batch_size": shape.batch_size, "loss": task.loss, "seed": 1, **options}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", fp.DataWarning)  # there are few rows, and many classes
        history = fp.train(network, X, y, **options)
        expected_history = fp.train(expected, X, y, backend="reference", **options)
    limit = tolerance(dtype, roundings(shape, options["epochs"])) * steepness(task)
    for layer in range(len(network.weights)):
        assert_close(network.weights[layer], expected.weights[layer], limit, f"weights[{layer}]")
        assert_close(network.biases[layer], expected.biases[layer], limit, f"biases[{layer}]")
    assert_close(history.loss, expected_history.loss, limit, "loss")
    if "validation" in options:
        assert_close(history.validation_loss, expected_history.validation_loss, limit, "validation_loss")


def assert_refused(error, words, call, *arguments, **options):
    """Fail unless `call` raises `error` with one sentence that has `words` in it and, after a colon, what to do."""
    with pytest.raises(error, match=re.escape(words)) as caught:
        call(*arguments, **options)
    assert re.fullmatch(r"[^\n]+: [^\n]+\.", str(caught.value))


def assert_same_bits(one, other):
    """Fail unless each array of one equals its counterpart of the other."""
    for array, twin in zip(one, other, strict=True):
        np.testing.assert_array_equal(array, twin)


def digest(*arrays):
    """Return the SHA-256 digest of the bytes of all arrays."""
    return hashlib.sha256(b"".join(np.ascontiguousarray(array).tobytes() for array in arrays)).hexdigest()


def padded(losses, epochs):
    """Return losses (fewer,) as a row of `SweepResult.history` has them: (epochs,), with NaN past the end."""
    return np.pad(losses, (0, epochs - len(losses)), constant_values=np.nan)
