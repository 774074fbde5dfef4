"""The reference's optimizers and clipping against formulas written out, and against PyTorch's."""

import dataclasses

import numpy as np
import pytest

from fastprop import SGD, Adagrad, Adam, AdamW, ClipNorm, ClipValue, Lion, RMSprop, reference
from tests.compare import assert_close, tolerance
from tests.reference_problems import make_data, make_network
from tests.torch_twins import ADAMS, ADAPTIVE, SGDS, optimizer_in_torch


@pytest.mark.parametrize("optimizer", SGDS, ids=str)
def test_descent_follows_pytorch(optimizer):
    network = reference.Network([np.array([[0.5]])], [np.array([0.0])], output="identity")
    X, y, state = np.array([[2.0]]), np.array([[3.0]]), {}
    w, b, buffer = 0.5, 0.0, None
    for _ in range(3):
        reference.step(network, X, y, "mse", optimizer, state)
        # torch.optim.SGD: the buffer begins as the first gradient
        gradient = 2 * (2 * w + b - 3) * np.array([2, 1]) + optimizer.weight_decay * np.array([w, b])
        buffer = gradient if buffer is None else optimizer.momentum * buffer + gradient
        step = gradient + optimizer.momentum * buffer if optimizer.nesterov else buffer
        w, b = np.array([w, b]) - optimizer.learning_rate * step
        assert_close([network.weights[0][0, 0], network.biases[0][0]], [w, b], tolerance("float64", 3), "parameters")


def test_adam_begins_with_steps_of_the_learning_rate_against_the_gradient():
    network, (X, y), before = make_network("tanh"), make_data("mse"), make_network("tanh")
    dW, db = reference.gradients(network, X, y, "mse")
    reference.step(network, X, y, "mse", Adam(0.25, epsilon=1e-30), {})
    for now, start, gradient in zip(network.weights + network.biases, before.weights + before.biases, dW + db):
        assert_close(now, start - 0.25 * np.sign(gradient), tolerance("float64", 4), "parameters")


def test_lion_follows_its_paper():
    network = reference.Network([np.array([[0.5]])], [np.array([0.0])], output="identity")
    X, y, state = np.array([[2.0]]), np.array([[3.0]]), {}
    w, m = np.array([0.5, 0.0]), np.zeros(2)
    for _ in range(5):
        reference.step(network, X, y, "mse", Lion(0.25, beta1=0.8, beta2=0.9, weight_decay=0.3), state)
        g = 2 * (2 * w[0] + w[1] - 3) * np.array([2, 1])
        w = w - 0.25 * (np.sign(0.8 * m + 0.2 * g) + 0.3 * w)
        m = 0.9 * m + 0.1 * g
        assert_close([network.weights[0][0, 0], network.biases[0][0]], w, tolerance("float64", 5), "parameters")


@pytest.mark.parametrize("kind", [SGD, Adam, AdamW, RMSprop, Adagrad, Lion])
def test_l1_pulls_toward_zero_and_leaves_zeros_alone(kind):
    network = reference.Network([np.array([[2.0, -3.0, 0.0]])], [np.zeros(3)], output="identity")
    X = np.array([[1.0]])
    reference.step(network, X, np.array([[2.0, -3.0, 0.0]]), "mse", kind(0.1, l1=1.0, weight_decay=0.0), {})
    assert 0 < network.weights[0][0, 0] < 2
    assert -3 < network.weights[0][0, 1] < 0
    assert network.weights[0][0, 2] == 0
    assert not network.biases[0].any()


def test_l1_pulls_toward_zero_from_where_a_weight_is_before_its_decay():
    network = reference.Network([np.array([[1.0]])], [np.array([0.0])], output="identity")
    X, y = np.array([[1.0]]), np.array([[1.0]])  # no gradient
    reference.step(network, X, y, "mse", Lion(2.0, weight_decay=1.0, l1=1.0), {})
    assert network.weights[0][0, 0] == 1 * (1 - 2 * 1) - 2


def test_a_gradient_is_clipped_before_weight_decay_and_l1():
    network = reference.Network([np.array([[2.0]])], [np.array([0.0])], output="identity")
    optimizer = SGD(1.0, weight_decay=0.25, l1=0.125)
    reference.step(network, np.array([[1e6]]), np.array([[0.0]]), "mse", optimizer, {}, clip=ClipValue(0.5))
    assert network.weights[0][0, 0] == 2 - 0.5 - 0.25 * 2 - 0.125
    assert network.biases[0][0] == -0.5


def test_norms_are_of_all_parameters_together():
    first, second = reference.clipped(ClipNorm(1.0), [np.array([[3.0]]), np.array([4.0])])
    assert_close([first[0, 0], second[0]], np.array([3, 4]) / (5 + 1e-6), tolerance("float64", 3), "gradients")


def test_a_gradient_within_the_limit_stays_as_it_is():
    gradients = [np.array([[3.0]]), np.array([4.0])]
    for clip in (None, ClipNorm(5.1), ClipValue(4.0)):
        for ours, given in zip(reference.clipped(clip, gradients), gradients):
            np.testing.assert_array_equal(ours, given)


# ---- PyTorch ----


@pytest.mark.peers
@pytest.mark.parametrize("clip", [None, ClipNorm(0.1), ClipValue(0.01)], ids=str)
@pytest.mark.parametrize("l1", [0.0, 0.05])
@pytest.mark.parametrize("optimizer", SGDS + ADAMS + ADAPTIVE, ids=str)
def test_optimizers_agree_with_torch(optimizer, l1, clip):
    torch = pytest.importorskip("torch")
    network, (X, y), state = make_network("tanh", hidden="tanh"), make_data("mse"), {}
    parameters = [torch.tensor(array, requires_grad=True) for array in network.arrays]
    theirs = optimizer_in_torch(optimizer, parameters)
    for _ in range(20):
        reference.step(network, X, y, "mse", dataclasses.replace(optimizer, l1=l1), state, clip=clip)
        outputs = torch.tensor(X)
        for W, b in zip(parameters[:3], parameters[3:]):
            outputs = torch.tanh(outputs @ W + b)
        theirs.zero_grad()
        torch.nn.functional.mse_loss(outputs, torch.tensor(y)).backward()
        if isinstance(clip, ClipNorm):
            torch.nn.utils.clip_grad_norm_(parameters, clip.limit)
        elif isinstance(clip, ClipValue):
            torch.nn.utils.clip_grad_value_(parameters, clip.limit)
        for array in parameters:
            array.grad += l1 * array.detach().sign()
        theirs.step()
    for index, (ours, array) in enumerate(zip(network.arrays, parameters)):
        assert_close(ours, array.detach().numpy(), 1e-11, f"parameter {index}")


@pytest.mark.peers
@pytest.mark.parametrize("optimizer", [SGD(0.1, momentum=0.9, weight_decay=0.3), AdamW(0.1, weight_decay=0.3)], ids=str)
def test_a_rate_that_changes_does_what_it_does_in_torch(optimizer):
    torch = pytest.importorskip("torch")
    network, (X, y), state = make_network("identity", layer_sizes=(4, 3)), make_data("mse"), {}
    parameters = [torch.tensor(array, requires_grad=True) for array in network.arrays]
    theirs = optimizer_in_torch(optimizer, parameters)
    schedule = torch.optim.lr_scheduler.ExponentialLR(theirs, 0.8)
    for done in range(20):
        reference.step(network, X, y, "mse", optimizer, state, factor=0.8**done)
        theirs.zero_grad()
        torch.nn.functional.mse_loss(torch.tensor(X) @ parameters[0] + parameters[1], torch.tensor(y)).backward()
        theirs.step()
        schedule.step()
    for index, (ours, array) in enumerate(zip(network.arrays, parameters)):
        assert_close(ours, array.detach().numpy(), 1e-12, f"parameter {index}")
