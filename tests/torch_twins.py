"""PyTorch's counterparts of activations, losses and optimizers, and which of them are compared.

PyTorch is imported when a function is called: without it, its tests are skipped.
"""

import dataclasses

import pytest

import fastprop as fp
from fastprop import reference

LOSSES = {
    "mse": reference.ACTIVATIONS,
    "mae": reference.ACTIVATIONS,
    fp.Huber(0.5): reference.ACTIVATIONS,
    "poisson": ["exp"],
    "binary_cross_entropy": ["sigmoid"],
    fp.BinaryCrossEntropy(label_smoothing=0.2): ["sigmoid"],
    "cross_entropy": ["softmax"],
    fp.CrossEntropy(label_smoothing=0.2): ["softmax"],
}
"""The output activations with which each loss is used."""

LOSS_OUTPUT_PAIRS = [(loss, output) for loss, outputs in LOSSES.items() for output in outputs]

SGDS = [
    fp.SGD(0.1),
    fp.SGD(0.1, momentum=0.9),
    fp.SGD(0.1, momentum=0.9, nesterov=True),
    fp.SGD(0.1, weight_decay=0.3),
    fp.SGD(0.1, momentum=0.9, weight_decay=0.3),
    fp.SGD(0.1, momentum=0.9, nesterov=True, weight_decay=0.3),
]
ADAMS = [
    fp.Adam(),
    fp.Adam(0.1, beta1=0.0),
    fp.Adam(0.1, beta1=0.8, beta2=0.9, epsilon=1e-3),
    fp.Adam(0.1, weight_decay=0.3),
]

ADAPTIVE = [
    fp.AdamW(),
    fp.AdamW(0.1, beta1=0.8, beta2=0.9, epsilon=1e-3, weight_decay=0.3),
    fp.RMSprop(),
    fp.RMSprop(0.1, smoothing=0.8, epsilon=1e-3, momentum=0.9, weight_decay=0.3),
    fp.Adagrad(),
    fp.Adagrad(0.1, epsilon=1e-3, weight_decay=0.3),
]


def activation_in_torch(activation, z):
    """Return the tensor `z` after an activation, given by name."""
    functional = pytest.importorskip("torch").nn.functional
    functions = {
        "leaky_relu": functional.leaky_relu,
        "elu": functional.elu,
        "softplus": functional.softplus,
        "silu": functional.silu,
        "gelu": lambda z: functional.gelu(z, approximate="tanh"),
        "selu": functional.selu,
        "mish": functional.mish,
        "identity": lambda z: z,
        "softmax": lambda z: z.softmax(dim=1),
    }
    return functions.get(activation, lambda z: getattr(z, activation)())(z)


def loss_in_torch(loss, output, z, t):
    """Return the loss of the logits `z`, which still need the activation `output`, against the targets `t`."""
    nn = pytest.importorskip("torch").nn
    losses = {
        "mse": nn.MSELoss(),
        "mae": nn.L1Loss(),
        "huber": nn.HuberLoss(),
        fp.Huber(0.5): nn.HuberLoss(delta=0.5),
    }
    from_logits = {
        "poisson": nn.PoissonNLLLoss(log_input=True),
        "binary_cross_entropy": nn.BCEWithLogitsLoss(),
        fp.BinaryCrossEntropy(label_smoothing=0.2): lambda z, t: nn.BCEWithLogitsLoss()(z, 0.8 * t + 0.1),
        "cross_entropy": nn.CrossEntropyLoss(),
        fp.CrossEntropy(label_smoothing=0.2): nn.CrossEntropyLoss(label_smoothing=0.2),
    }
    return losses[loss](activation_in_torch(output, z), t) if loss in losses else from_logits[loss](z, t)


def optimizer_in_torch(optimizer, parameters):
    """Return the optimizer of some tensors, but without l1, which PyTorch does not have."""
    torch = pytest.importorskip("torch")
    names = {"learning_rate": "lr", "epsilon": "eps", "smoothing": "alpha"}
    options = {names.get(name, name): value for name, value in dataclasses.asdict(optimizer).items() if name != "l1"}
    if "beta1" in options:
        options["betas"] = options.pop("beta1"), options.pop("beta2")
    return getattr(torch.optim, type(optimizer).__name__)(parameters, **options)
