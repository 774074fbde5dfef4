"""What the numerical tests share: problems to train on, and how results are compared."""

import hashlib
import os
import re
import subprocess
import sys
from itertools import cycle, islice
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

import fastprop as fp
from benchmarks.cases import SHAPES
from fastprop import checks

ROOT = Path(__file__).parent.parent

DTYPES = ("float32", "float64")


# ---- problems ----


class Task(NamedTuple):
    """What a network is trained for."""

    output: str
    loss: str | fp.Huber | fp.CrossEntropy
    targets: str = "numbers"  # or "labels"
    hidden: str | tuple = "sigmoid"  # of several, each layer has the next

    def __str__(self):
        return " ".join(map(str, self))


TASKS = (
    Task("identity", "mse"),
    Task("sigmoid", "mse"),
    Task("softmax", "mse"),
    Task("sigmoid", "binary_cross_entropy"),
    Task("softmax", "cross_entropy"),
    Task("softmax", "cross_entropy", "labels"),
    Task("tanh", "mse", hidden="tanh"),
)

CASES = [(shape, task) for shape in SHAPES for task in TASKS if task.targets == "numbers" or shape.layer_sizes[-1] > 1]

FEW_SHAPES = tuple(SHAPES[number] for number in (3, 5, 7, 13, 20))
"""No hidden layer; three layers and five; minibatches of several segments, and a narrow last layer; a tiny network."""

MORE_TASKS = (
    Task("relu", "mse", hidden="relu"),
    Task("leaky_relu", "mse", hidden="leaky_relu"),
    Task("elu", "mse", hidden="elu"),
    Task("softplus", "mse", hidden="softplus"),
    Task("silu", "mse", hidden="silu"),
    Task("gelu", "mse", hidden="gelu"),
    Task("identity", "mae", hidden="identity"),
    Task("identity", "huber", hidden=("gelu", "relu", "silu", "elu")),
    Task("silu", fp.Huber(0.25), hidden=("tanh", "silu")),
    Task("exp", "poisson", hidden=("softplus", "gelu", "leaky_relu", "silu")),
    Task("exp", "mae"),
    Task("softmax", fp.CrossEntropy(0.2), hidden=("relu", "sigmoid")),
)


def steepness(task):
    """By how much more a task's errors may grow than behind sigmoids, whose slopes are at most ¼."""
    return 4 if task in MORE_TASKS else 1


CASES += [(shape, task) for shape in FEW_SHAPES for task in MORE_TASKS]


OPTIMIZERS = (
    fp.SGD(0.1),
    fp.SGD(0.1, momentum=0.9),
    fp.SGD(0.1, momentum=0.9, nesterov=True),
    fp.SGD(0.1, weight_decay=0.3),
    fp.SGD(0.1, momentum=0.9, nesterov=True, weight_decay=0.3),
    # Adam divides by the size of a gradient: with a smaller epsilon, by that of a rounding error.
    fp.Adam(0.01, epsilon=1e-3),
    fp.Adam(0.1, beta1=0.8, beta2=0.9, epsilon=1e-1, weight_decay=0.3),
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

DESCENTS = [(shape, optimizer) for shape in SHAPES for optimizer in OPTIMIZERS]
DESCENTS += [(shape, optimizer) for shape in FEW_SHAPES for optimizer in MORE_OPTIMIZERS]

SCHEDULES = (
    fp.StepDecay(2, factor=0.5),
    fp.StepDecay(3, by="step"),
    fp.ExponentialDecay(0.5),
    fp.ExponentialDecay(0.9, by="step"),
    fp.CosineDecay(final=0.1),
    fp.CosineDecay(by="step"),
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
    fp.Warmup(5, fp.ReduceOnPlateau(0.5, patience=0, threshold=0.5), by="step"),
    fp.Warmup(5, fp.OneCycle(rise=0.5), by="step"),
    fp.Warmup(5, fp.CosineDecay(by="step"), by="step"),
)


def problem(shape, task=TASKS[0], dtype="float64"):
    """Return a network, inputs and targets for it."""
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


# ---- results ----


def tolerance(dtype, length):
    """By how much two results may differ that are `length` roundings away from each other.

    One rounding errs by up to ε/2. Their signs are as good as random, so that `length` of them come to about
    √length · ε/2 (Higham and Mary, "A new approach to probabilistic rounding error analysis", 2019); four times that
    is rare.
    """
    return 2 * np.finfo(dtype).eps * np.sqrt(length)


def assert_close(actual, expected, tolerance, name):
    """Fail unless all differ by no more than `tolerance`, relative to what is expected where that is above 1.

    Below 1 the difference counts as it is: rounding errors are those of the terms of a sum, and these are of order 1.
    """
    actual, expected = np.asarray(actual, np.float64), np.asarray(expected, np.float64)
    assert actual.shape == expected.shape, f"{name} has shape {actual.shape}, expected {expected.shape}"
    error = np.abs(actual - expected) / np.maximum(1, np.abs(expected))
    worst = np.unravel_index(np.argmax(error), error.shape)  # a NaN is the largest
    assert error[worst] <= tolerance, (
        f"{name}{[int(i) for i in worst]} is {float(actual[worst])!r}, expected {float(expected[worst])!r}: "
        f"off by {error[worst]:.3g}, tolerance {tolerance:.3g}"
    )


def assert_refused(error, words, call, *arguments, **options):
    """`call` raises `error` with one sentence that holds `words` and, behind a colon, what to do."""
    with pytest.raises(error, match=re.escape(words)) as caught:
        call(*arguments, **options)
    assert re.fullmatch(r"[^\n]+: [^\n]+\.", str(caught.value))


def assert_same_bits(one, other):
    """Fail unless all arrays of one are those of the other."""
    for array, twin in zip(one, other, strict=True):
        np.testing.assert_array_equal(array, twin)


def digest(*arrays):
    """Return one short text for the bytes of all arrays."""
    return hashlib.sha256(b"".join(np.ascontiguousarray(array).tobytes() for array in arrays)).hexdigest()


# ---- other processes ----


def run_python(code, directory=ROOT, **environment):
    """Run `code` in a new Python, started in `directory`, where warnings are errors; return what it printed."""
    command = [sys.executable, "-W", "error", "-c", code]
    done = subprocess.run(command, cwd=directory, env=os.environ | environment, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(done.stderr)
    return done.stdout
