"""Numbers far from zero, whose differences float32 loses, are told: the loss looks perfect otherwise."""

import warnings

import numpy as np
import pandas as pd
import pytest

import fastprop as fp

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(60, 3))
SECONDS = 1.76e9 + 100 * X[:, 0]
WORDS = r"y goes from 17599\d{5}\.?\d* to 17600\d{5}\.?\d*, which float32 rounds to steps of 128: subtract its mean"


def network(dtype="float32", outputs=1):
    return fp.MLP((3, outputs), output="identity", dtype=dtype)


def train(y, net=None, inputs=X, **options):
    return fp.train(net or network(), inputs, y, epochs=1, loss="mse", optimizer=fp.SGD(1e-12), **options)


def told(call):
    """Return the messages of the data warnings of a call."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        call()
    assert all(each.filename == __file__ for each in caught)
    return [str(each.message) for each in caught if each.category is fp.DataWarning]


GRID = {"learning_rate": [1e-12, 2e-12]}
CALLS = {
    "train": lambda: train(SECONDS),
    "whole numbers": lambda: train(SECONDS.astype(np.int64)),
    "the reference": lambda: train(SECONDS, backend="reference"),
    "a sweep": lambda: fp.sweep(network(), X, SECONDS, GRID, epochs=1, loss="mse", cv=2),
    "a stream": lambda: fp.train_stream(network(), [(X, SECONDS)] * 3, loss="mse", optimizer=fp.SGD(1e-12)),
    "a rate": lambda: fp.find_learning_rate(network(), X, SECONDS, loss="mse", epochs=1),
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_targets_that_float32_rounds_together_are_told_once(call):
    (message,) = told(call)
    assert message.startswith("y goes from 17599"), message
    assert "which float32 rounds to steps of 128: subtract its mean" in message


def test_the_step_is_the_distance_of_neighbors():
    assert np.nextafter(np.float32(1.76e9), np.float32(np.inf)) - np.float32(1.76e9) == 128


@pytest.mark.parametrize(
    "y",
    [SECONDS - 1.76e9, SECONDS.astype(np.float32), np.full(60, 1.76e9), 1000 + X[:, 0], (SECONDS * 1e-9).round(1)],
    ids=["centered", "rounded by the user", "constant", "near", "few digits"],
)
def test_targets_that_keep_their_differences_are_not_told(y):
    assert told(lambda: train(y)) == []


def test_a_float64_network_keeps_them():
    assert told(lambda: train(SECONDS, network("float64"))) == []


def test_columns_are_named_and_validation_targets_too():
    y = pd.DataFrame({"size": X[:, 1], "end": SECONDS, "start": SECONDS})
    (message,) = told(lambda: train(y, network(outputs=3)))
    assert "in column 'end' and 1 more, which float32" in message
    (message,) = told(lambda: train(X[:, 0], validation=(X, SECONDS)))
    assert message.startswith("validation y goes from")


def test_rows_of_no_weight_do_not_count():
    y = X[:, 0].copy()
    y[0] = 1.76e9
    weight = np.ones(60)
    weight[0] = 0
    assert told(lambda: train(y, sample_weight=weight)) == []


@pytest.mark.parametrize("as_given", [np.asarray, pd.DataFrame], ids=["array", "frame"])
def test_inputs_that_float32_rounds_together_are_told_unless_standardized(as_given):
    inputs = as_given(np.stack([SECONDS, SECONDS, SECONDS], axis=1))
    (message,) = told(lambda: train(X[:, 0], inputs=inputs))
    assert "in column 0 and 2 more, which float32 rounds to steps of 128: standardize the inputs" in message
    assert told(lambda: train(X[:, 0], inputs=inputs, standardize=True)) == []
    assert told(lambda: fp.sweep(network(), inputs, X[:, 0], GRID, epochs=1, loss="mse", standardize=True)) == []


def test_numbers_that_are_refused_are_not_told_before():
    inputs = X.copy()
    inputs[4, 0] = 1e300
    with pytest.raises(ValueError, match="X holds 1e\\+300 at row 4, column 0, which is too large"):
        train(X[:, 0], inputs=inputs)
