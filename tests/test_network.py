"""Networks: their parameters and views, copies, pickles and files."""

import copy
import pickle

import numpy as np
import pytest

import fastprop as fp
from tests.compare import assert_refused

RANDOM = np.random.default_rng(0)
SHAPES = [(2, 2, 1), (1, 1), (17, 33, 9, 5), (130, 70, 3)]


@pytest.mark.parametrize("sizes", SHAPES)
def test_each_layer_has_weights_and_biases_of_its_size(sizes, dtype):
    network = fp.MLP(sizes, dtype=dtype)
    assert [weights.shape for weights in network.weights] == list(zip(sizes[:-1], sizes[1:]))
    assert [biases.shape for biases in network.biases] == [(size,) for size in sizes[1:]]
    assert {array.dtype for array in network.weights + network.biases} == {np.dtype(dtype)}


def test_each_hidden_layer_may_have_an_activation_of_its_own():
    network = fp.MLP((4, 5, 6, 3), hidden=["relu", "tanh"], output="softmax")
    assert (network.hidden, network.activations) == (("relu", "tanh"), ["relu", "tanh", "softmax"])
    assert fp.MLP((4, 5, 6, 3), hidden="elu").activations == ["elu", "elu", "sigmoid"]
    assert fp.reference.Network.of(network).activations == network.activations


def test_the_seed_alone_chooses_the_weights():
    first, same, other = (fp.MLP((4, 5, 3), seed=seed).parameters for seed in (7, 7, 8))
    np.testing.assert_array_equal(first, same)
    assert (first != other).any()


@pytest.mark.parametrize("sizes", [[4, 5, 3], np.array([4, 5, 3]), range(4, 1, -1)])
def test_layer_sizes_become_a_tuple_of_ints(sizes):
    network = fp.MLP(sizes)
    assert network.layer_sizes == tuple(sizes)
    assert {type(size) for size in network.layer_sizes} == {int}


@pytest.mark.parametrize("dtype", ["float64", np.float64, np.dtype("float64")])
def test_a_dtype_may_be_a_name_or_a_type(dtype):
    assert fp.MLP((2, 1), dtype=dtype).dtype == "float64"


def test_what_is_written_into_weights_and_biases_is_predicted_with():
    network = fp.MLP((2, 2), output="identity")
    network.weights[0][...] = [[1, 2], [3, 4]]
    network.biases[0][:] = [10, 20]
    np.testing.assert_array_equal(network.predict([[1, 1], [2, 0]]), [[14, 26], [12, 24]])


@pytest.mark.parametrize("output", ["identity", "sigmoid", "softmax"])
@pytest.mark.parametrize("rows", [1, 7, 1000])
def test_predict_is_the_references_forward_pass_row_by_row(rows, output):
    network = fp.MLP((17, 33, 9, 5), output=output, dtype="float64")
    X = RANDOM.normal(size=(rows, 17))
    outputs = network.predict(X)
    _, expected = fp.reference.forward(fp.reference.Network.of(network), X)[-1]
    np.testing.assert_allclose(outputs, expected, rtol=1e-12, atol=1e-14)
    np.testing.assert_array_equal(outputs[-1:], network.predict(X[-1:]))


@pytest.mark.parametrize("duplicate", [fp.MLP.copy, copy.deepcopy, lambda network: pickle.loads(pickle.dumps(network))])
def test_a_copy_trains_alike_in_memory_of_its_own(duplicate):
    network = fp.MLP((4, 5, 3), output="softmax", seed=3)
    before, twin = network.parameters.copy(), duplicate(network)
    X, y = RANDOM.random((50, 4)), RANDOM.integers(3, size=50)
    fp.train(twin, X, y, epochs=2)
    np.testing.assert_array_equal(network.parameters, before)
    fp.train(network, X, y, epochs=2)
    np.testing.assert_array_equal(network.parameters, twin.parameters)


def test_repr_says_how_to_make_the_network():
    network = fp.MLP((4, 5, 3), output="softmax", dtype="float64")
    assert repr(eval(repr(network), {"MLP": fp.MLP})) == repr(network)
    assert "(4, 5, 3)" in repr(network)


def test_a_saved_network_comes_back_with_its_activations_and_initialization(tmp_path):
    options = {"hidden": ("relu", "gelu"), "output": "exp", "initialization": "lecun_normal", "dtype": "float64"}
    network = fp.MLP((4, 6, 5, 3), **options, seed=3)
    network.save(tmp_path / "network.safetensors")
    other = fp.load(tmp_path / "network.safetensors")
    assert {name: getattr(other, name) for name in options} == options
    np.testing.assert_array_equal(other.parameters, network.parameters)


# ---- names of inputs and classes ----

NAMES = {"feature_names": ("width", "length"), "class_names": ("ash", "elm", "oak")}


def restored(network, tmp_path):
    network.save(tmp_path / "network.safetensors")
    return fp.load(tmp_path / "network.safetensors")


@pytest.mark.parametrize("duplicate", [fp.MLP.copy, copy.deepcopy, lambda network: pickle.loads(pickle.dumps(network))])
def test_a_copy_has_the_names(duplicate):
    other = duplicate(fp.MLP((2, 4, 3), **NAMES))
    assert {name: getattr(other, name) for name in NAMES} == NAMES


@pytest.mark.parametrize("names", [NAMES, dict.fromkeys(NAMES)])
def test_a_saved_network_comes_back_with_its_names(names, tmp_path):
    other = restored(fp.MLP((2, 4, 3), **names), tmp_path)
    assert {name: getattr(other, name) for name in names} == names


def test_networks_of_a_sweep_have_the_names_of_the_given_one(tmp_path):
    X, y = RANDOM.random((50, 2)), RANDOM.integers(3, size=50)
    result = fp.sweep(fp.MLP((2, 4, 3), output="softmax", **NAMES), X, y, {"seed": [1, 2]}, epochs=1, keep="all")
    result.save(tmp_path / "result")
    for network in (*result.networks.values(), *fp.load_sweep(tmp_path / "result").networks.values()):
        assert {name: getattr(network, name) for name in NAMES} == NAMES


def test_one_output_has_two_classes():
    network = fp.MLP((2, 1))
    network.class_names = ["no", "yes"]
    assert network.class_names == ("no", "yes")


@pytest.mark.parametrize(
    ("names", "error", "words"),
    [
        ("ab", TypeError, "class_names must be a list of 3 names, not 'ab': give one."),
        (3, TypeError, "class_names must be a list of 3 names, not 3: give one."),
        ([1, 2, 3], TypeError, "class_names must hold strings, not 1: convert it, such as by str."),
        (["a", "b"], ValueError, "class_names has 2 names: give 3."),
        (["a", "b", "a"], ValueError, "class_names has 'a' twice: give different names."),
    ],
)
def test_names_that_cannot_be_are_refused(names, error, words):
    network = fp.MLP((2, 4, 3), class_names=NAMES["class_names"])
    assert_refused(error, words, setattr, network, "class_names", names)
    assert network.class_names == NAMES["class_names"]
