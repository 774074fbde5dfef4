"""A warning of columns of very different size that nothing standardizes."""

import numpy as np
import pandas
import pytest

import fastprop as fp

RANDOM = np.random.default_rng(0)
SMALL = RANDOM.uniform(-1, 1, (60, 3))
MIXED = SMALL * [1, 1, 5000]
Y = (SMALL[:, 0] > 0).astype(float)


def train(X, **options):
    return fp.train(fp.MLP((X.shape[1], 2, 1), dtype="float64"), X, Y, epochs=1, **options)


def sweep(X, **options):
    return fp.sweep((X.shape[1], 2, 1), X, Y, {"learning_rate": [0.01]}, epochs=1, **options)


def stream(X, standardize=False):
    network = fp.MLP((X.shape[1], 2, 1), dtype="float64")
    if standardize:
        network.input_mean, network.input_scale = X.mean(axis=0), X.std(axis=0)
    return fp.train_stream(network, [(X, Y), (X, Y)])


def find(X, **options):
    return fp.find_learning_rate(fp.MLP((X.shape[1], 2, 1)), X, Y, epochs=1, **options)


WAYS = [train, sweep, stream, find]


@pytest.mark.parametrize("way", WAYS)
def test_columns_that_differ_by_1000_times_are_told_unless_they_are_standardized(way):
    with pytest.warns(fp.DataWarning, match=r"^X has columns of very different size, from column \d \(up to") as caught:
        way(MIXED)
    assert [str(each.message).endswith("): standardize them.") for each in caught] == [True]
    assert caught[0].filename == __file__
    way(MIXED, standardize=True)


@pytest.mark.parametrize("way", WAYS)
def test_columns_of_one_size_constant_columns_and_one_hot_columns_are_not_told(way):
    rare = np.zeros((60, 2))
    rare[7, 0] = rare[9, 1] = 1
    constant = np.ones((60, 2)) * [1e6, 0]
    way(np.hstack([SMALL * 100, rare]))
    way(np.hstack([SMALL * [1, 999, 1], constant]))


@pytest.mark.parametrize("backend", ["kernels", "reference"])
@pytest.mark.parametrize("options", [{"cv": 3}, {"validation": 0.2}])
def test_a_sweep_tells_once_whatever_it_holds_out(backend, options):
    with pytest.warns(fp.DataWarning, match="very different size") as caught:
        sweep(MIXED, backend=backend, **options)
    assert len(caught) == 1


def test_rows_of_weight_0_are_not_looked_at():
    network = fp.MLP((3, 2, 1), dtype="float64")
    fp.train_stream(network, [(MIXED, Y, np.zeros(60)), (SMALL, Y)])
    with pytest.warns(fp.DataWarning, match="very different size"):
        fp.train_stream(network, [(SMALL, Y, np.zeros(60)), (MIXED, Y)])


def test_columns_are_named_as_in_the_frame():
    with pytest.warns(fp.DataWarning, match=r"from 'hue' \(up to [\d.]+\) to 'price' \(up to"):
        train(pandas.DataFrame(MIXED[:, 1:], columns=["hue", "price"]))


def test_a_network_that_is_standardized_already_is_not_told_of():
    network = fp.MLP((3, 2, 1))
    fp.train(network, MIXED, Y, epochs=1, standardize=True)
    fp.train(network, MIXED, Y, epochs=1)


def test_the_docstrings_say_that_defaults_are_plain():
    assert "The defaults are plain" in fp.train.__doc__
    assert "The defaults are plain" in fp.MLP.__doc__
