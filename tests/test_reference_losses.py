"""The reference's activations and losses against calculus, by hand, and against PyTorch's."""

import numpy as np
import pytest

import fastprop as fp
from fastprop import checks, reference
from tests.compare import assert_close, tolerance
from tests.problems import TASKS
from tests.reference_problems import assert_gradients_are_slopes, make_data, make_network
from tests.torch_twins import LOSS_OUTPUT_PAIRS, activation_in_torch, loss_in_torch

# ---- gradients ----


@pytest.mark.parametrize("sample_weight", [None, np.linspace(0.1, 3, 7)], ids=["unweighted", "weighted"])
@pytest.mark.parametrize(("loss", "output"), LOSS_OUTPUT_PAIRS, ids=str)
def test_gradients_are_slopes_of_every_loss(loss, output, sample_weight):
    assert_gradients_are_slopes(make_network(output), *make_data(loss), loss, sample_weight)


@pytest.mark.parametrize("hidden", [*checks.HIDDEN_ACTIVATIONS, ("relu", "tanh"), ("silu", "elu")], ids=str)
def test_gradients_are_slopes_of_every_activation(hidden):
    assert_gradients_are_slopes(make_network("identity", hidden), *make_data("mse"), "mse")


def test_each_layer_has_its_activation():
    network = make_network("exp", ("gelu", "elu"))
    _, (z, a), (z_2, a_2), (z_3, a_3) = reference.forward(network, make_data("mse")[0])
    for name, before, after in (("gelu", z, a), ("elu", z_2, a_2), ("exp", z_3, a_3)):
        np.testing.assert_array_equal(after, reference.ACTIVATIONS[name].f(before))


# ---- losses ----


@pytest.mark.parametrize("task", TASKS, ids=str)
def test_weight_two_counts_as_two_rows(task):
    network, (X, y) = make_network(task.output), make_data(task.loss, task.targets)
    twice = np.r_[np.arange(7), 3]
    weight = np.where(np.arange(7) == 3, 2.0, 1.0)
    assert_close(
        reference.loss(network, X, y, task.loss, weight),
        reference.loss(network, X[twice], y[twice], task.loss),
        tolerance("float64", 8),
        "loss",
    )


@pytest.mark.parametrize(
    ("kind", "output", "expected"),
    [
        ("mse", "identity", ((0.5 - 1) ** 2 + (-1.5 - 0) ** 2) / 2),
        ("mae", "identity", (0.5 + 1.5) / 2),
        ("huber", "identity", (0.5**2 / 2 + 1.5 - 1 / 2) / 2),
        (fp.Huber(0.25), "identity", (0.25 * (0.5 - 0.125) + 0.25 * (1.5 - 0.125)) / 2),
        ("poisson", "exp", (np.exp(0.5) - 0.5 + np.exp(-1.5)) / 2),
        ("binary_cross_entropy", "sigmoid", (np.log1p(np.exp(-0.5)) + np.log1p(np.exp(-1.5))) / 2),
        (
            fp.BinaryCrossEntropy(0.2),
            "sigmoid",
            (np.log1p(np.exp(-0.5)) + 0.1 * 0.5 + np.log1p(np.exp(-1.5)) + 0.1 * 1.5) / 2,
        ),
        ("cross_entropy", "softmax", np.log1p(np.exp(-2))),
        (fp.CrossEntropy(0.2), "softmax", 0.9 * np.log1p(np.exp(-2)) + 0.1 * np.log1p(np.exp(2))),
    ],
)
def test_losses_by_hand(kind, output, expected):
    network = reference.Network([np.eye(2)], [np.zeros(2)], output=output)
    X, y = np.array([[0.5, -1.5]]), np.array([[1.0, 0.0]])
    assert_close(reference.loss(network, X, y, kind), expected, tolerance("float64", 4), "loss")


@pytest.mark.parametrize(("kind", "output"), [("binary_cross_entropy", "sigmoid"), ("cross_entropy", "softmax")])
def test_logits_of_a_thousand_do_not_overflow(kind, output):
    network = reference.Network([np.eye(2)], [np.zeros(2)], output=output)
    X, y = np.array([[1000.0, -1000.0]]), np.array([[0.0, 1.0]])
    assert reference.loss(network, X, y, kind) == {"binary_cross_entropy": 1000, "cross_entropy": 2000}[kind]


# ---- PyTorch ----


@pytest.mark.peers
@pytest.mark.parametrize("name", reference.ACTIVATIONS)
def test_activations_agree_with_torch(name):
    torch = pytest.importorskip("torch")
    z, g = np.linspace(-9, 9, 60).reshape(20, 3), np.random.default_rng(0).normal(size=(20, 3))
    z[0, 0] = 0
    input = torch.tensor(z, requires_grad=True)
    output = activation_in_torch(name, input)
    output.backward(torch.tensor(g))
    assert_close(reference.ACTIVATIONS[name].f(z), output.detach().numpy(), tolerance("float64", 8), name)
    # where tanh is near 1, gelu's slope is z² times what 1 - tanh² cancels to
    steep = tolerance("float64", 8) * np.maximum(1, z**2).max()
    assert_close(reference.ACTIVATIONS[name].gradient(z, g), input.grad.numpy(), steep, f"{name}, back")


@pytest.mark.peers
@pytest.mark.parametrize(("loss", "output"), [*LOSS_OUTPUT_PAIRS, ("huber", "identity")], ids=str)
def test_losses_agree_with_torch(loss, output):
    torch = pytest.importorskip("torch")
    z, (_, t) = 2 * np.random.default_rng(0).normal(size=(7, 3)), make_data(loss)
    input = torch.tensor(z, requires_grad=True)
    expected = loss_in_torch(loss, output, input, torch.tensor(t))
    expected.backward()
    network = reference.Network([np.eye(3)], [np.zeros(3)], output=output)
    assert_close(reference.loss(network, z, t, loss), expected.item(), tolerance("float64", 20), "loss")
    activation = reference.ACTIVATIONS[output]
    _, delta = reference.losses_and_delta(loss, z, activation.f(z), t, lambda g: activation.gradient(z, g))
    assert_close(delta / 7, input.grad.numpy(), tolerance("float64", 20), "delta")
