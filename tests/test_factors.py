"""Factors of layers and biases: by hand, kernels and reference, packs, resumed runs, streams, PyTorch."""

import numpy as np
import pytest

import fastprop as fp
from fastprop.options import DESCENTS
from tests.compare import assert_close, assert_refused, assert_same_bits, tolerance
from tests.torch_twins import optimizer_in_torch

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(50, 4))
Y = RANDOM.normal(size=(50, 3))
EPOCHS = 4
FACTORS = {"layer_rates": (0.5, 2.0), "bias_rate": 0.1, "bias_decay": 0.3}
DECAYING = [each(0.01, weight_decay=0.5) for each in DESCENTS] + [fp.SGD(0.01, momentum=0.9, nesterov=True, l1=0.01)]


def made(dtype="float64", seed=0):
    return fp.MLP((4, 6, 3), hidden="tanh", output="identity", seed=seed, dtype=dtype)


def trained(optimizer=DECAYING[0], dtype="float64", seed=0, **options):
    network = made(dtype, seed)
    options = {"epochs": EPOCHS, "batch_size": 16, "loss": "mse", "seed": seed} | options
    history = fp.train(network, X, Y, optimizer=optimizer, **options)
    return network, history


def test_by_hand_each_layer_and_its_biases_step_by_their_own_rate():
    # two linear layers of one number each, x = 1: y = w₂ (w₁ + b₁) + b₂ and the loss (y - t)²
    network = fp.MLP((1, 1, 1), hidden="identity", output="identity", dtype="float64")
    for array, value in zip((*network.weights, *network.biases), (2.0, 3.0, 0.5, -1.0)):
        array[...] = value
    ones = np.ones((1, 1))
    fp.train(network, ones, 4 * ones, epochs=1, loss="mse", optimizer=fp.SGD(0.1), layer_rates=(10, 0.5), bias_rate=0.2)
    d = 2 * (3 * (2 + 0.5) - 1 - 4)  # dL/dy
    np.testing.assert_allclose(network.weights[0], 2 - 0.1 * 10 * d * 3)
    np.testing.assert_allclose(network.biases[0], 0.5 - 0.1 * 10 * 0.2 * d * 3)
    np.testing.assert_allclose(network.weights[1], 3 - 0.1 * 0.5 * d * 2.5)
    np.testing.assert_allclose(network.biases[1], -1 - 0.1 * 0.5 * 0.2 * d)


@pytest.mark.parametrize("optimizer", [fp.AdamW(0.1, weight_decay=0.4), fp.Lion(0.1, weight_decay=0.4)], ids=str)
def test_by_hand_decoupled_decay_has_the_factor_too(optimizer):
    # with targets that the network gives, the gradient is 0: w ← w (1 - η f λ)
    network = fp.MLP((2, 3), output="identity", seed=1, dtype="float64")
    w, network.biases[0][...] = network.weights[0].copy(), 0
    fp.train(network, np.zeros((4, 2)), np.zeros((4, 3)), epochs=3, loss="mse", optimizer=optimizer, layer_rates=[0.5])
    np.testing.assert_allclose(network.weights[0], w * (1 - 0.1 * 0.5 * 0.4) ** 3, rtol=1e-14)


@pytest.mark.parametrize("kind", [fp.SGD, fp.AdamW], ids=lambda kind: kind.__name__)
def test_by_hand_biases_decay_by_their_own_factor(kind):
    # the loss does not depend on the biases of a hidden layer below weights of 0: b ← b (1 - η μ λ)
    for factor in (0, 0.3, 1, 2):
        network = fp.MLP((2, 3, 1), hidden="identity", output="identity", seed=1, dtype="float64")
        network.weights[1][...], network.biases[0][...] = 0, [1, 2, 3]
        w, zeros, optimizer = network.weights[0].copy(), np.zeros((4, 2)), kind(0.1, weight_decay=0.4)
        fp.train(network, zeros, zeros[:, :1], epochs=3, loss="mse", optimizer=optimizer, bias_decay=factor)
        np.testing.assert_allclose(network.weights[0], w * (1 - 0.1 * 0.4) ** 3, rtol=1e-14)
        np.testing.assert_allclose(network.biases[0], [(1 - 0.1 * factor * 0.4) ** 3 * each for each in (1, 2, 3)])


def test_a_layer_whose_factor_is_0_stays_as_it_is():
    network, _ = trained(fp.AdamW(0.1, weight_decay=0.5), layer_rates=(0, 1))
    assert_same_bits([network.weights[0], network.biases[0]], [made().weights[0], made().biases[0]])
    assert not np.allclose(network.weights[1], made().weights[1])
    network, _ = trained(bias_rate=0)
    assert_same_bits(network.biases, made().biases)


HOW = [
    {},
    {"schedule": fp.CosineDecay(), "weight_decay_schedule": fp.FlatCosine(), "average": fp.EMA(0.9)},
    {"clip": fp.ClipNorm(0.1), "batch_size": 50},
    {"clip": fp.ClipValue(0.05), "batch_size": 1},
]


@pytest.mark.parametrize("optimizer", DECAYING, ids=str)
@pytest.mark.parametrize("how", HOW, ids=lambda how: " ".join(how))
def test_kernels_follow_the_reference(optimizer, how):
    ours, _ = trained(optimizer, **FACTORS, **how)
    theirs, _ = trained(optimizer, backend="reference", **FACTORS, **how)
    plain, _ = trained(optimizer, **how)
    assert_close(ours.parameters, theirs.parameters, 50 * tolerance("float64", EPOCHS * 50 * 6), "parameters")
    assert not np.allclose(ours.parameters, plain.parameters, rtol=1e-6)


@pytest.mark.peers
@pytest.mark.parametrize("optimizer", [each for each in DECAYING if not isinstance(each, fp.Lion)], ids=str)
def test_groups_of_parameters_of_pytorch_learn_the_same(optimizer):
    torch = pytest.importorskip("torch")
    network = made()
    W1, W2, b1, b2 = tensors = [torch.tensor(array, requires_grad=True) for array in network.weights + network.biases]
    optimizer = optimizer.changed(l1=0.0)
    rates = (0.5, 2.0, 0.5 * 0.1, 2.0 * 0.1)
    decays = (0.5, 0.5, 0.3 * 0.5, 0.3 * 0.5) if optimizer.weight_decay else (0,) * 4
    groups = [
        {"params": [each], "lr": optimizer.learning_rate * rate, "weight_decay": decay}
        for each, rate, decay in zip(tensors, rates, decays)
    ]
    theirs = optimizer_in_torch(optimizer, groups)
    fp.train(network, X, Y, epochs=20, batch_size=50, loss="mse", optimizer=optimizer, **FACTORS)
    for _ in range(20):
        theirs.zero_grad()
        outputs = torch.tanh(torch.tensor(X) @ W1 + b1) @ W2 + b2
        torch.nn.functional.mse_loss(outputs, torch.tensor(Y)).backward()
        theirs.step()
    for index, (array, twin) in enumerate(zip(network.weights + network.biases, tensors)):
        assert_close(array, twin.detach().numpy(), 1e-11, f"parameter {index}")


def test_factors_of_1_change_no_bit_not_even_beside_others_in_a_pack(dtype):
    grid = [{"bias_rate": 1.0}, {"bias_rate": 0.5, "bias_decay": 0.1}, {"layer_rates": (1, 1)}]
    for optimizer in (*DECAYING, fp.AdamW(0.5, weight_decay=1.7)):
        plain, _ = trained(optimizer, dtype)
        assert_same_bits([trained(optimizer, dtype, layer_rates=[1, 1])[0].parameters], [plain.parameters])
        options = {"epochs": EPOCHS, "batch_size": 16, "loss": "mse", "optimizer": optimizer, "keep": "all"}
        result = fp.sweep(made(dtype), X, Y, grid, **options)
        for index in (0, 2):
            assert_same_bits([result.networks[index].parameters], [plain.parameters])


@pytest.mark.usefixtures("threads_always_share")
@pytest.mark.parametrize("how", HOW, ids=lambda how: " ".join(how))
def test_any_number_of_threads_gives_the_same_bits(how):
    one, two = (trained(fp.AdamW(0.01), "float32", threads=count, **FACTORS, **how)[0] for count in (1, 2))
    assert_same_bits([two.parameters], [one.parameters])


def test_a_sweep_tries_them_and_each_is_what_it_would_be_alone(tmp_path):
    grid = {"layer_rates": [None, (0.5, 2), np.array([3, 0.1])], "bias_rate": [1, 0.1, 0], "bias_decay": [1, 0]}
    options = {"epochs": EPOCHS, "batch_size": 16, "loss": "mse", "optimizer": DECAYING[2], "keep": "all"}
    result = fp.sweep(made("float32"), X, Y, grid, journal=tmp_path / "a.jsonl", **options)
    for index, row in enumerate(result.table):
        tried = {name: row[name] for name in grid}
        alone, _ = trained(DECAYING[2], "float32", **tried)
        assert_same_bits([result.networks[index].parameters], [alone.parameters])
    assert set(result.table["layer_rates"]) == {None, (0.5, 2.0), (3.0, 0.1)}
    again = fp.sweep(made("float32"), X, Y, grid, journal=tmp_path / "a.jsonl", **options)
    for name in ("loss", "seconds"):
        np.testing.assert_array_equal(again.table[name], result.table[name])
    result.save(tmp_path / "a.npz")
    assert fp.load_sweep(tmp_path / "a.npz").best["layer_rates"] == result.best["layer_rates"]


def test_a_run_goes_on_from_its_checkpoint_with_the_same_factors_alone(tmp_path):
    options = {"optimizer": fp.AdamW(0.01), "checkpoint": tmp_path / "run.checkpoint", **FACTORS}
    whole, _ = trained(fp.AdamW(0.01), **FACTORS)
    trained(**options, callback=lambda epoch, history: epoch == 1)
    words = "layer_rates is (0.5, 2.0) and not (0.5, 1.0)"
    assert_refused(ValueError, words, trained, **options | {"layer_rates": (0.5, 1)}, resume=True)
    part, history = trained(**options, resume=True)
    assert history.epochs == EPOCHS
    assert_same_bits([part.parameters], [whole.parameters])


def test_a_stream_learns_as_one_epoch_does_and_as_on_the_reference():
    chunks = [(X[:32], Y[:32]), (X[32:], Y[32:])]
    options = {"batch_size": 16, "loss": "mse", "optimizer": fp.Adam(0.01), "shuffle": False, **FACTORS}
    streamed, reference = made(), made()
    fp.train_stream(streamed, chunks, **options)
    fp.train_stream(reference, chunks, backend="reference", **options)
    assert_same_bits([streamed.parameters], [trained(**options, epochs=1)[0].parameters])
    assert_close(streamed.parameters, reference.parameters, 50 * tolerance("float64", 200), "parameters")


def test_layers_that_learn_at_a_tenth_of_the_rate_are_suggested_ten_times_the_rate():
    options = {"epochs": 5, "batch_size": 16, "loss": "mse"}
    plain = fp.find_learning_rate(made(), X, Y, min_rate=1e-4, max_rate=1, **options)
    slow = fp.find_learning_rate(made(), X, Y, min_rate=1e-3, max_rate=10, layer_rates=(0.1, 0.1), **options)
    assert slow.suggestion == pytest.approx(10 * plain.suggestion)


def test_a_saved_network_knows_its_factors(tmp_path):
    network, _ = trained(**FACTORS)
    network.save(tmp_path / "net.safetensors")
    training = fp.load(tmp_path / "net.safetensors").training
    assert [training[name] for name in FACTORS] == [[0.5, 2.0], 0.1, 0.3]
    assert "bias_rate" not in trained()[0].training


REFUSED = [
    (
        {"layer_rates": (1,)},
        ValueError,
        "layer_rates must be 2, the number of layers of weights of (4, 6, 3), not 1: give",
    ),
    (
        {"layer_rates": 0.5},
        TypeError,
        "layer_rates must be a tuple such as (0.5, 1.0), not 0.5: give one for each layer",
    ),
    ({"layer_rates": "11"}, TypeError, "layer_rates must be a tuple such as (0.5, 1.0), not '11': give one for each"),
    ({"layer_rates": (1, -1)}, ValueError, "each of layer_rates must be at least 0 and finite, not -1: give a number"),
    ({"layer_rates": (1, np.inf)}, ValueError, "each of layer_rates must be at least 0 and finite, not inf: give"),
    ({"layer_rates": (1, "2")}, TypeError, "each of layer_rates must be a number, not '2': give a float"),
    ({"bias_rate": -0.5}, ValueError, "bias_rate must be at least 0 and finite, not -0.5: give a number in that range"),
    (
        {"bias_decay": -0.5},
        ValueError,
        "bias_decay must be at least 0 and finite, not -0.5: give a number in that range",
    ),
    ({"bias_rate": None}, TypeError, "bias_rate must be a number, not None: give a float"),
    ({"bias_rate": 0.5, "optimizer": fp.LBFGS()}, ValueError, "not bias_rate=0.5: leave bias_rate out"),
    ({"layer_rates": (1, 1), "optimizer": fp.LBFGS()}, ValueError, "leave layer_rates out"),
]


@pytest.mark.parametrize(("options", "error", "words"), REFUSED)
def test_factors_that_mean_nothing_are_refused(options, error, words):
    assert_refused(error, words, fp.train, made(), X, Y, epochs=1, **options)
    if "optimizer" not in options:
        assert_refused(error, words, fp.train_stream, made(), [(X, Y)], **options)
        assert_refused(error, words, fp.find_learning_rate, made(), X, Y, **options)
