"""Targets that the output activation never gives are told, because training goes on without a word otherwise."""

import re
import warnings

import numpy as np
import pandas as pd
import pytest

import fastprop as fp
from fastprop.reference import ACTIVATIONS

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(40, 3))
Y = np.linspace(-3, 7.5, 40)
WORDS = (
    "y goes from -3 to 7.5, but a sigmoid output is from 0 to 1: make the network with output='identity', or scale y"
)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_each_activation_says_between_which_values_it_is(name):
    row = ACTIVATIONS[name]
    z = np.stack(np.meshgrid(np.linspace(-40, 40, 8001), np.linspace(-40, 40, 3)), axis=-1).reshape(-1, 2)
    a = row.f(z)
    assert row.minimum <= a.min()
    assert row.maximum >= a.max()
    if np.isfinite(row.minimum):
        np.testing.assert_allclose(a.min(), row.minimum, atol=1e-4)
    else:
        assert row.f(np.full((1, 2), -1e4))[0, 0] <= -100
    if np.isfinite(row.maximum):
        np.testing.assert_allclose(a.max(), row.maximum, atol=1e-4)
    else:
        assert a.max() >= 40


def network(output="sigmoid", outputs=1):
    return fp.MLP((3, outputs), output=output)


def train(y, net, **options):
    return fp.train(net, X, y, epochs=1, loss="mse", **options)


CALLS = {
    "train": lambda: train(Y, network()),
    "the reference": lambda: train(Y, network(), backend="reference"),
    "LBFGS": lambda: train(Y, network(), optimizer=fp.LBFGS()),
    "a sweep": lambda: fp.sweep(network(), X, Y, {"learning_rate": [0.1, 0.2]}, epochs=1, loss="mse", cv=2),
    "a rate": lambda: fp.find_learning_rate(network(), X, Y, loss="mse", epochs=1, min_rate=0.1, max_rate=0.2),
    "a stream": lambda: fp.train_stream(network(), [(X, Y)] * 3, loss="mse"),
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_targets_outside_the_range_of_the_output_are_told_once(call):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        call()
    (one,) = [each for each in caught if each.category is fp.DataWarning]
    assert WORDS in str(one.message)
    assert one.filename == __file__


def test_the_column_is_named_and_so_are_validation_targets():
    y = pd.DataFrame({"share": np.linspace(0, 1, 40), "price": Y, "cost": Y})
    with pytest.warns(fp.DataWarning, match=r"y goes from -3 to 7\.5 in column 'price' and 1 more, but a tanh output"):
        train(y, network("tanh", 3))
    with pytest.warns(fp.DataWarning, match=r"in column 1 and 1 more, but a relu output is above 0"):
        train(y.to_numpy(), network("relu", 3))
    given = (X, Y)
    with pytest.warns(fp.DataWarning, match=r"^validation y goes from -3 to 7\.5, but .*, or scale validation y"):
        train(np.full(40, 0.5), network(), validation=given)


def test_targets_that_the_output_gives_are_not_told():
    shares = np.linspace(0, 1, 40)
    for output, y in {
        "sigmoid": shares * (1 + 1e-15),
        "tanh": 2 * shares - 1,
        "identity": Y,
        "elu": shares - 1,
        "exp": shares * 3,
        "leaky_relu": Y,
    }.items():
        train(y, network(output))
    train(np.eye(3)[RANDOM.integers(3, size=40)], network("softmax", 3))
    train(Y, network(), sample_weight=((Y >= 0) & (Y <= 1)).astype(float))  # rows of weight 0 are not trained on
    fp.train(network("softmax", 3), X, RANDOM.integers(3, size=40), epochs=1)


def test_the_message_is_one_sentence():
    with pytest.warns(fp.DataWarning) as caught:
        train(Y, network("softplus"))
    assert re.fullmatch(r"[^.]*(\.\d[^.]*)*\.", str(caught[0].message))
