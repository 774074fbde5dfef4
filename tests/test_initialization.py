"""Initial weights: their distributions, and which one a layer has."""

import numpy as np
import pytest

import fastprop as fp
from fastprop import reference
from fastprop.initialization import INITIALIZATIONS, initial_weights
from tests.compare import assert_refused

GAIN = {"relu": np.sqrt(2), "leaky_relu": np.sqrt(2 / 1.0001)}

VARIANCES = {
    "glorot": lambda n_in, n_out, activation: 2 / (n_in + n_out),
    "he": lambda n_in, n_out, activation: GAIN[activation] ** 2 / n_in,
    "lecun": lambda n_in, n_out, activation: 1 / n_in,
}


def draw(name, n_in=300, n_out=200, activation="relu"):
    return initial_weights(np.random.default_rng(0), n_in, n_out, activation, name)


@pytest.mark.parametrize("activation", GAIN)
@pytest.mark.parametrize("name", [name for name in INITIALIZATIONS if name != "orthogonal"])
def test_weights_have_their_variance(name, activation):
    weights, (family, kind) = draw(name, activation=activation), name.split("_")
    variance = VARIANCES[family](300, 200, activation)
    assert weights.shape == (300, 200)
    assert abs(weights.mean()) < 4 * np.sqrt(variance / weights.size)
    # a normal's square has variance 2 σ⁴, a uniform's 4/5 σ⁴
    spread = np.sqrt((2 if kind == "normal" else 0.8) / weights.size)
    assert abs(weights.var() / variance - 1) < 4 * spread
    if kind == "uniform":
        assert np.sqrt(3 * variance) * 0.999 < np.abs(weights).max() <= np.sqrt(3 * variance) * (1 + 1e-15)
    else:
        assert abs((np.abs(weights) < np.sqrt(variance)).mean() - 0.6827) < 0.01


@pytest.mark.parametrize("sizes", [(30, 30), (40, 20), (20, 40), (1, 5), (5, 1)])
def test_orthogonal_weights_keep_lengths(sizes):
    weights = draw("orthogonal", *sizes)
    small = weights.T @ weights if sizes[0] >= sizes[1] else weights @ weights.T
    np.testing.assert_allclose(small, np.eye(min(sizes)), atol=1e-14)


def test_orthogonal_weights_have_no_favorite_sign():
    random = np.random.default_rng(0)
    signs = [np.sign(initial_weights(random, 4, 3, "relu", "orthogonal")) for _ in range(2000)]
    assert np.abs(np.mean(signs, axis=0)).max() < 5 / np.sqrt(2000)


@pytest.mark.peers
@pytest.mark.parametrize(
    ("name", "make"),
    [
        ("glorot_uniform", lambda init, w: init.xavier_uniform_(w)),
        ("glorot_normal", lambda init, w: init.xavier_normal_(w)),
        ("he_uniform", lambda init, w: init.kaiming_uniform_(w, a=0.01)),
        ("he_normal", lambda init, w: init.kaiming_normal_(w, a=0.01)),
        ("orthogonal", lambda init, w: init.orthogonal_(w)),
    ],
)
def test_variances_are_those_of_torch(name, make):
    torch = pytest.importorskip("torch")
    generator = torch.manual_seed(0)
    theirs = make(torch.nn.init, torch.empty(200, 300, dtype=torch.float64))  # (n_out, n_in)
    assert generator is torch.default_generator
    ours = draw(name, activation="leaky_relu")
    np.testing.assert_allclose(ours.std(), theirs.std().item(), rtol=0.02)
    np.testing.assert_allclose(np.abs(ours).mean(), np.abs(theirs.numpy()).mean(), rtol=0.02)


@pytest.mark.parametrize("activation", reference.ACTIVATIONS)
def test_a_layer_has_what_goes_with_its_activation(activation):
    rectifiers = dict.fromkeys(("relu", "leaky_relu", "elu", "silu", "gelu", "mish"), "he_uniform")
    name = {**rectifiers, "selu": "lecun_normal"}.get(activation, "glorot_uniform")
    expected = initial_weights(np.random.default_rng(3), 9, 5, activation, name)
    network = fp.MLP((9, 5), output=activation, seed=3, dtype="float64")
    np.testing.assert_array_equal(network.weights[0], expected)
    assert not network.biases[0].any()


@pytest.mark.parametrize(("hidden", "first"), [("relu", 9), ("sigmoid", 14)])
def test_layers_are_drawn_one_after_the_other_each_as_its_activation_wants(hidden, first):
    network, random = fp.MLP((9, 5, 3), hidden=hidden, output="softmax", seed=3), np.random.default_rng(3)
    for weights, maximum in zip(network.weights, (np.sqrt(6 / first), np.sqrt(6 / 8))):
        np.testing.assert_array_equal(weights, random.uniform(-maximum, maximum, weights.shape).astype(np.float32))


@pytest.mark.parametrize("name", INITIALIZATIONS)
def test_a_network_can_be_started_by_name(name):
    network = fp.MLP((9, 5, 3), hidden="leaky_relu", initialization=name, seed=3)
    random = np.random.default_rng(3)
    for weights, activation in zip(network.weights, network.activations):
        expected = initial_weights(random, *weights.shape, activation, name)
        np.testing.assert_array_equal(weights, expected.astype(np.float32))
    assert network.initialization == name


@pytest.mark.parametrize("biases", [False, True])
def test_a_network_can_be_started_from_arrays(biases):
    other = fp.MLP((4, 5, 3), seed=7)
    for array in other.biases:
        array[...] = 0.5
    given = list(zip(other.weights, other.biases)) if biases else other.weights
    network = fp.MLP((4, 5, 3), initialization=given)
    for ours, theirs in zip(network.weights, other.weights):
        np.testing.assert_array_equal(ours, theirs)
    for array in network.biases:
        assert (array == 0.5 * biases).all()
    network.weights[0][...] = 0
    assert other.weights[0].any()


W, V = np.zeros((4, 5)), np.zeros((5, 3))
NAMES = ", ".join(INITIALIZATIONS)


@pytest.mark.parametrize(
    ("initialization", "error", "words"),
    [
        ("he", ValueError, f"initialization must be one of {NAMES}, not 'he': choose one of these"),
        (0.5, ValueError, f"initialization must be a name or arrays for 2 layers, not 0.5: give one of {NAMES}, or"),
        ([W], ValueError, "initialization must be a name or arrays for 2 layers, not [array("),
        ([W, V.T], ValueError, "initialization's weights[1] has shape (3, 5), not (5, 3): give an array of the"),
        ([W, (V, W)], ValueError, "initialization's biases[1] has shape (4, 5), not (3,): give an array of the"),
        ([W, (V, V[0], V[0])], ValueError, "initialization[1] must be weights or a pair of weights and biases, not 3"),
        ([W, V + np.nan], ValueError, "initialization's weights[1] holds nan at row 0, column 0: remove"),
        ([W, V.astype(str)], TypeError, "initialization's weights[1] must hold numbers, not text: convert it"),
    ],
)
def test_an_initialization_is_refused_where_it_does_not_fit(initialization, error, words):
    assert_refused(error, words, fp.MLP, (4, 5, 3), initialization=initialization)


def test_new_networks_of_a_sweep_start_as_the_sweeps_network_does():
    X, y = fp.datasets.digits()
    network = fp.MLP((64, 8, 10), hidden="tanh", output="softmax", initialization="orthogonal", seed=1)
    result = fp.sweep(network, X[:64], y[:64], {"seed": [4]}, epochs=1, optimizer=fp.SGD(0.0))
    np.testing.assert_array_equal(
        result.best_network.parameters,
        fp.MLP((64, 8, 10), hidden="tanh", output="softmax", initialization="orthogonal", seed=4).parameters,
    )
