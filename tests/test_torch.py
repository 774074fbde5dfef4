"""The kernels in float64 are compared with PyTorch: activations, losses, optimizers, dropout, averages."""

import dataclasses

import pytest

import fastprop as fp
from fastprop import checks, reference
from tests.compare import STEEPER_THAN_SIGMOID, assert_close, tolerance
from tests.reference_problems import make_data, make_network
from tests.torch_twins import (
    ADAMS,
    ADAPTIVE,
    LOSS_OUTPUT_PAIRS,
    SGDS,
    activation_in_torch,
    loss_in_torch,
    optimizer_in_torch,
)

pytestmark = pytest.mark.peers

SIZES = (4, 6, 5, 3)
LIMIT = STEEPER_THAN_SIGMOID * tolerance("float64", 3 * max(SIZES) + 7)  # of a step


def make_twins(output, hidden):
    """The same network twice: ours, and theirs as a list of weights and biases."""
    torch, given = pytest.importorskip("torch"), make_network(output, hidden, SIZES)
    initialization = list(zip(given.weights, given.biases))
    network = fp.MLP(SIZES, hidden=hidden, output=output, initialization=initialization, dtype="float64")
    return network, [torch.tensor(array, requires_grad=True) for array in given.arrays]


def forward_in_torch(parameters, hidden, X):
    """Return the values of the last layer before its activation."""
    x, layers = pytest.importorskip("torch").tensor(X), len(SIZES) - 1
    for layer, (W, b) in enumerate(zip(parameters[:layers], parameters[layers:])):
        x = (activation_in_torch(hidden, x) if layer else x) @ W + b
    return x


def assert_step_as_in_torch(hidden, output, loss):
    """Take one step over all rows with a learning rate of 1, which subtracts the gradient."""
    torch, (X, y) = pytest.importorskip("torch"), make_data(loss)
    network, parameters = make_twins(output, hidden)
    z = forward_in_torch(parameters, hidden, X)
    expected = activation_in_torch(output, z).detach().numpy()
    assert_close(network.predict(X), expected, LIMIT * max(1, z.abs().max().item()), "outputs")
    theirs = loss_in_torch(loss, output, z, torch.tensor(y))
    theirs.backward()
    history = fp.train(network, X, y, epochs=1, batch_size=len(X), loss=loss, optimizer=fp.SGD(1))
    steep = LIMIT * max(1, theirs.item())
    assert_close(history.loss, [theirs.item()], steep, "loss")
    for index, (ours, array) in enumerate(zip(network.weights + network.biases, parameters)):
        assert_close(ours, (array - array.grad).detach().numpy(), steep, f"parameter {index}")


@pytest.mark.parametrize("hidden", checks.HIDDEN_ACTIVATIONS)
def test_hidden_activations(hidden):
    assert_step_as_in_torch(hidden, "identity", "mse")


@pytest.mark.parametrize("output", reference.ACTIVATIONS)
def test_output_activations(output):
    assert_step_as_in_torch("tanh", output, "mse")


@pytest.mark.parametrize(("loss", "output"), [*LOSS_OUTPUT_PAIRS, ("huber", "identity")], ids=str)
def test_losses_of_outputs(loss, output):
    assert_step_as_in_torch("tanh", output, loss)


@pytest.mark.parametrize("l1", [0.0, 0.05])
@pytest.mark.parametrize("optimizer", SGDS + ADAMS + ADAPTIVE, ids=str)
def test_optimizers_over_twenty_steps(optimizer, l1):
    torch, (X, y) = pytest.importorskip("torch"), make_data("mse")
    network, parameters = make_twins("identity", "tanh")
    ours, theirs = dataclasses.replace(optimizer, l1=l1), optimizer_in_torch(optimizer, parameters)
    fp.train(network, X, y, epochs=20, batch_size=len(X), loss="mse", optimizer=ours)
    for _ in range(20):
        theirs.zero_grad()
        torch.nn.functional.mse_loss(forward_in_torch(parameters, "tanh", X), torch.tensor(y)).backward()
        for array in parameters:
            array.grad += l1 * array.detach().sign()
        theirs.step()
    for index, (array, twin) in enumerate(zip(network.weights + network.biases, parameters)):
        assert_close(array, twin.detach().numpy(), 1e-11, f"parameter {index}")


@pytest.mark.parametrize("hidden", ["relu", "tanh", "silu", "elu"])
def test_dropout_by_the_same_masks(hidden):
    torch, (X, y) = pytest.importorskip("torch"), make_data("mse")
    network, parameters = make_twins("identity", hidden)
    fp.train(network, X, y, epochs=20, batch_size=len(X), loss="mse", optimizer=fp.SGD(0.05), seed=3, dropout=0.4)
    theirs = torch.optim.SGD(parameters, lr=0.05)
    for epoch in range(20):
        x, layers = torch.tensor(X), len(SIZES) - 1
        for layer, (W, b) in enumerate(zip(parameters[:layers], parameters[layers:])):
            if layer > 0:
                mask = reference.dropout_mask(0.4, 3, epoch, range(len(X)), layer, SIZES[layer])
                x = activation_in_torch(hidden, x) * torch.tensor(mask)
            x = x @ W + b
        theirs.zero_grad()
        torch.nn.functional.mse_loss(x, torch.tensor(y)).backward()
        theirs.step()
    for index, (array, twin) in enumerate(zip(network.weights + network.biases, parameters)):
        assert_close(array, twin.detach().numpy(), 1e-11, f"parameter {index}")


@pytest.mark.parametrize("decay", [0.1, 0.9, 0.999])
def test_averages_over_twenty_steps(decay):
    torch, (X, y) = pytest.importorskip("torch"), make_data("mse")
    network, parameters = make_twins("identity", "tanh")
    model = torch.nn.ParameterList(parameters)
    update = torch.optim.swa_utils.get_ema_multi_avg_fn(decay)
    averaged = torch.optim.swa_utils.AveragedModel(model, multi_avg_fn=update)
    averaged.update_parameters(model)  # the first call copies
    theirs = torch.optim.SGD(model.parameters(), lr=0.1)
    fp.train(
        network, X, y, epochs=20, batch_size=len(X), loss="mse", optimizer=fp.SGD(0.1), average=fp.EMA(decay)
    )  # fmt: skip
    for _ in range(20):
        theirs.zero_grad()
        torch.nn.functional.mse_loss(forward_in_torch(list(model), "tanh", X), torch.tensor(y)).backward()
        theirs.step()
        averaged.update_parameters(model)
    for index, (array, twin) in enumerate(zip(network.weights + network.biases, averaged.module)):
        assert_close(array, twin.detach().numpy(), 1e-12, f"parameter {index}")


def test_a_schedule_over_twenty_steps():
    torch, (X, y) = pytest.importorskip("torch"), make_data("mse")
    network, parameters = make_twins("identity", "gelu")
    optimizer = fp.AdamW(0.05, epsilon=1e-3)
    theirs = optimizer_in_torch(optimizer, parameters)
    schedule = torch.optim.lr_scheduler.OneCycleLR(theirs, 0.05, 20, cycle_momentum=False)
    fp.train(network, X, y, epochs=20, batch_size=len(X), loss="mse", optimizer=optimizer, schedule=fp.OneCycle())
    for step in range(20):
        theirs.zero_grad()
        torch.nn.functional.mse_loss(forward_in_torch(parameters, "gelu", X), torch.tensor(y)).backward()
        theirs.step()
        if step < 19:
            schedule.step()
    for index, (array, twin) in enumerate(zip(network.weights + network.biases, parameters)):
        assert_close(array, twin.detach().numpy(), 1e-11, f"parameter {index}")
