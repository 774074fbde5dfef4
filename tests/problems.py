"""Shapes, tasks, optimizers, schedules and data that tests train with."""

from itertools import cycle, islice, product
from typing import NamedTuple

import numpy as np

import fastprop as fp
from benchmarks.cases import (
    FIVE_LAYERS,
    NARROW_OUTPUT,
    NO_HIDDEN_LAYER,
    SHAPES,
    THREE_LAYERS,
    UNROLLED,
)
from fastprop import checks
from fastprop.options import LossOption

DTYPES = ("float32", "float64")


class Task(NamedTuple):
    """The output, loss, targets and hidden layers of a network that a test trains."""

    output: str  # activation of the last layer
    loss: str | LossOption
    targets: str = "numbers"  # or "labels"
    hidden: str | tuple = "sigmoid"  # activation of the hidden layers, or several that take turns

    def __str__(self):
        return " ".join(map(str, self))


LINEAR = Task("identity", "mse")
BINARY_CROSS_ENTROPY = Task("sigmoid", "binary_cross_entropy")
CROSS_ENTROPY = Task("softmax", "cross_entropy")
MIXED_HIDDEN = Task("identity", "huber", hidden=("gelu", "relu", "silu", "elu"))

TASKS = (
    LINEAR,
    Task("sigmoid", "mse"),
    Task("softmax", "mse"),
    BINARY_CROSS_ENTROPY,
    CROSS_ENTROPY,
    Task("softmax", "cross_entropy", "labels"),
    Task("tanh", "mse", hidden="tanh"),
)
"""Tasks of networks of sigmoids or tanhs, which are tried on every shape."""


def cases(shapes, tasks):
    """Return all pairs of a shape and a task, without a softmax of one output, which is always 1."""
    pairs = product(shapes, tasks)
    return [(shape, task) for shape, task in pairs if task.output != "softmax" or shape.layer_sizes[-1] > 1]


CASES = cases(SHAPES, TASKS)

HIDDEN_LAYER_SHAPES = (THREE_LAYERS, FIVE_LAYERS, NARROW_OUTPUT, UNROLLED)
FEW_SHAPES = (NO_HIDDEN_LAYER, *HIDDEN_LAYER_SHAPES)
"""Shapes that differ most, for tests that do not try every shape."""

MORE_TASKS = (
    Task("relu", "mse", hidden="relu"),
    Task("leaky_relu", "mse", hidden="leaky_relu"),
    Task("elu", "mse", hidden="elu"),
    Task("softplus", "mse", hidden="softplus"),
    Task("silu", "mse", hidden="silu"),
    Task("gelu", "mse", hidden="gelu"),
    Task("selu", "mse", hidden="selu"),
    Task("mish", "mse", hidden="mish"),
    Task("identity", "mae", hidden="identity"),
    MIXED_HIDDEN,
    Task("silu", fp.Huber(0.25), hidden=("tanh", "silu")),
    Task("exp", "poisson", hidden=("softplus", "gelu", "leaky_relu", "silu")),
    Task("exp", "mae"),
    Task("softmax", fp.CrossEntropy(0.2), hidden=("relu", "sigmoid")),
    Task("sigmoid", fp.BinaryCrossEntropy(0.2), hidden="relu"),
)
"""Tasks with the other activations and losses, which are tried on `FEW_SHAPES`."""


CASES += cases(FEW_SHAPES, MORE_TASKS)


MOMENTUM = fp.SGD(0.1, momentum=0.9)
NESTEROV = fp.SGD(0.1, momentum=0.9, nesterov=True)
# Adam divides by the size of a gradient: with a smaller epsilon, by that of a rounding error.
ADAM_WITH_DECAY = fp.Adam(0.1, beta1=0.8, beta2=0.9, epsilon=1e-1, weight_decay=0.3)

OPTIMIZERS = (
    fp.SGD(0.1),
    MOMENTUM,
    NESTEROV,
    fp.SGD(0.1, weight_decay=0.3),
    fp.SGD(0.1, momentum=0.9, nesterov=True, weight_decay=0.3),
    fp.Adam(0.01, epsilon=1e-3),
    ADAM_WITH_DECAY,
)

MORE_OPTIMIZERS = (
    fp.SGD(0.1, l1=0.05),
    fp.SGD(0.1, momentum=0.9, nesterov=True, weight_decay=0.3, l1=0.05),
    fp.Adam(0.01, epsilon=1e-2, weight_decay=0.3, l1=0.05),
    fp.AdamW(0.01, epsilon=1e-2),
    fp.AdamW(0.1, beta1=0.8, beta2=0.9, epsilon=1e-1, weight_decay=0.3, l1=0.05),
    fp.RMSprop(0.01, epsilon=1e-2),
    fp.RMSprop(0.01, smoothing=0.8, epsilon=1e-1, momentum=0.9, weight_decay=0.3, l1=0.05),
    fp.Adagrad(0.01, epsilon=1e-2),
    fp.Adagrad(0.1, epsilon=1e-1, weight_decay=0.3, l1=0.05),
    fp.Lion(1e-3),
    fp.Lion(0.01, beta1=0.8, beta2=0.9, weight_decay=0.3, l1=0.05),
)

FAST_CASES = cases([FIVE_LAYERS], TASKS + MORE_TASKS)
FAST_CASES += [(shape, MIXED_HIDDEN) for shape in FEW_SHAPES if shape != FIVE_LAYERS]
"""Cases of the fast subset: every task, and every shape that differs much."""

DESCENTS = [(shape, optimizer) for shape in SHAPES for optimizer in OPTIMIZERS]
DESCENTS += [(shape, optimizer) for shape in FEW_SHAPES for optimizer in MORE_OPTIMIZERS]

FAST_DESCENTS = [(FIVE_LAYERS, optimizer) for optimizer in OPTIMIZERS + MORE_OPTIMIZERS]
FAST_DESCENTS += [(shape, NESTEROV) for shape in FEW_SHAPES if shape != FIVE_LAYERS]

SCHEDULES = (
    fp.StepDecay(2, factor=0.5),
    fp.StepDecay(3, by="step"),
    fp.ExponentialDecay(0.5),
    fp.ExponentialDecay(0.9, by="step"),
    fp.CosineDecay(final=0.1),
    fp.CosineDecay(by="step"),
    fp.FlatCosine(0.4, final=0.1),
    fp.FlatCosine(by="epoch"),
    fp.CosineLog(),
    fp.CosineLog(2, by="epoch"),
    fp.OneCycle(),
    fp.OneCycle(start=0.2, final=0.1, rise=0.6),
    fp.InverseScaling(),
    fp.InverseScaling(0.25, by="epoch"),
    fp.ReduceOnPlateau(0.5, patience=0, threshold=0.5),
    fp.ReduceOnPlateau(0.1, patience=1, threshold=0.9, minimum=0.05),
    fp.Warmup(3),
    fp.Warmup(5, by="step"),
    fp.Warmup(99, fp.CosineDecay()),
    fp.Warmup(2, fp.CosineDecay()),
    fp.Warmup(2, fp.StepDecay(2)),
    fp.Warmup(2, fp.ExponentialDecay(0.5)),
    fp.Warmup(2, fp.InverseScaling(by="epoch")),
    fp.Warmup(2, fp.ReduceOnPlateau(0.5, patience=0, threshold=0.5)),
    fp.Warmup(4, fp.ReduceOnPlateau(0.5, patience=0, threshold=0.9)),
    fp.Warmup(5, fp.ReduceOnPlateau(0.5, patience=0, threshold=0.5), by="step"),
    fp.Warmup(20, fp.ReduceOnPlateau(0.5, patience=0, threshold=0.9), by="step"),
    fp.Warmup(5, fp.OneCycle(rise=0.5), by="step"),
    fp.Warmup(5, fp.CosineDecay(by="step"), by="step"),
    fp.Warmup(5, fp.CosineLog(), by="step"),
)


def problem(shape, task=LINEAR, dtype="float64"):
    """Return a network with random biases, and inputs and targets of the shape's rows."""
    random = np.random.default_rng(0)
    hidden = task.hidden
    if isinstance(hidden, tuple):
        hidden = tuple(islice(cycle(hidden), len(shape.layer_sizes) - 2))
    network = fp.MLP(shape.layer_sizes, hidden=hidden, output=task.output, dtype=dtype)
    for biases in network.biases:
        biases[...] = random.normal(size=biases.shape)
    X = random.normal(size=(shape.rows, shape.layer_sizes[0])).astype(dtype)
    y = random.random((shape.rows, shape.layer_sizes[-1])).astype(dtype)
    if task.targets == "labels":
        return network, X, y.argmax(axis=1)
    return network, X, y / y.sum(axis=1, keepdims=True) if checks.loss_name(task.loss) == "cross_entropy" else y


def noise(rows=203, inputs=5, outputs=3):
    """Return inputs, targets and labels that have nothing to do with each other, as a run that is compared may have."""
    random = np.random.default_rng(0)
    return random.normal(size=(rows, inputs)), random.normal(size=(rows, outputs)), random.integers(outputs, size=rows)


def three_classes(rows=90):
    """Return four inputs and labels that follow from two of them, which a network can learn."""
    X = np.random.default_rng(0).normal(size=(rows, 4))
    return X, (X[:, 0] > 0.3).astype(int) + (X[:, 1] > 0)
