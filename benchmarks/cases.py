"""The shapes and workloads that all benchmarks, and many tests, use."""

import math
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from fastprop import datasets

# --- layer shapes -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Shape:
    """A network and how its rows are cut into minibatches."""

    layer_sizes: tuple[int, ...]
    rows: int
    batch_size: int

    def __str__(self):
        return f"{'-'.join(map(str, self.layer_sizes))} {self.rows} by {self.batch_size}"


# Shapes that tests use one by one have names.
DIGITS_SHAPE = Shape((64, 32, 10), rows=100, batch_size=32)
NO_HIDDEN_LAYER = Shape((5, 3), rows=33, batch_size=7)
THREE_LAYERS = Shape((17, 33, 9, 5), rows=75, batch_size=32)
FIVE_LAYERS = Shape((6, 5, 4, 3, 4, 2), rows=40, batch_size=7)
NARROW_OUTPUT = Shape((8, 24, 24, 1), rows=300, batch_size=200)  # three segments, and two for the last rows
CHUNKS_IN_SEGMENTS = Shape((950, 5, 3), rows=190, batch_size=140)  # two segments of several chunks
DELTAS_IN_PANELS = Shape((260, 256, 20), rows=40, batch_size=20)
UNROLLED = Shape((3, 4, 2, 2), rows=300, batch_size=200)  # few enough parameters for unrolled kernels; three segments

# Shapes are only ever appended: test names and recorded results refer to them.
SHAPES = (
    Shape((2, 2, 1), rows=9, batch_size=1),
    Shape((1, 1, 1), rows=10, batch_size=7),
    Shape((3, 5, 2), rows=20, batch_size=7),
    NO_HIDDEN_LAYER,
    DIGITS_SHAPE,
    THREE_LAYERS,
    Shape((130, 70, 3), rows=150, batch_size=100),  # more than one block of rows, and of a gradient's columns
    FIVE_LAYERS,
    Shape((16, 16, 16), rows=48, batch_size=32),  # nothing to pad
    Shape((2, 2, 1), rows=9, batch_size=32),  # full batch
    Shape((17, 33, 9, 5), rows=12, batch_size=1),
    Shape((48, 64, 48), rows=110, batch_size=96),  # whole blocks, and one row of weights more
    Shape((3, 256, 5), rows=20, batch_size=7),  # rows of 1 KB, which are padded by a line
    NARROW_OUTPUT,
    Shape((4, 32, 16, 4), rows=1400, batch_size=1400),  # as many segments as there may be
    CHUNKS_IN_SEGMENTS,
    Shape((64, 256, 20), rows=1450, batch_size=1060),  # one segment of two chunks, whose weights go into panels
    DELTAS_IN_PANELS,
    Shape((440, 34, 34, 1), rows=250, batch_size=191),  # a narrow last layer, in segments of two chunks
    Shape((490, 34, 3), rows=1100, batch_size=1060),  # a narrow last layer, in two chunks that a team shares
    UNROLLED,
    Shape((560, 20, 3), rows=270, batch_size=270),  # more inputs than are transposed at a time
)


# --- workloads ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Workload:
    """One training task: a network, its data and how it is trained.

    With `configurations` > 1 it is a sweep: that many copies of the network, each with its own learning rate.
    """

    name: str
    layer_sizes: tuple[int, ...]
    rows: int
    batch_size: int
    configurations: int = 1
    hidden: str = "sigmoid"
    output: str = "sigmoid"
    loss: str = "mse"
    optimizer: str = "SGD"
    learning_rate: float = 0.1
    schedule: str | None = None
    checked_steps: int = 20  # because Adam's first steps hardly depend on the size of the gradient
    timed_epochs: int = 1  # of a timed call, at least: a part of a call does not depend on its epochs

    @property
    def layers(self):
        """(inputs, outputs) of every layer, first to last."""
        return tuple(pairwise(self.layer_sizes))

    @property
    def activations(self):
        """The name of each layer's activation."""
        return (self.hidden,) * (len(self.layers) - 1) + (self.output,)

    @property
    def full_batch(self):
        """Whether all rows make one step, so that their order does not matter."""
        return self.batch_size >= self.rows

    @property
    def steps(self):
        """The number of steps of an epoch."""
        return math.ceil(self.rows / self.batch_size)

    @property
    def checked_epochs(self):
        """The number of epochs after which all must have the same parameters: at least `checked_steps`."""
        return math.ceil(self.checked_steps / self.steps)

    @property
    def flops_per_epoch(self):
        """Useful floating-point operations of one epoch, over all configurations.

        A layer costs three products (forward, weight gradient, deltas passed back), the first layer two.
        """
        products = [n_in * n_out * (2 if layer == 0 else 3) for layer, (n_in, n_out) in enumerate(self.layers)]
        return 2 * self.rows * self.configurations * sum(products)

    @property
    def task(self):
        """A description of the workload in a few words."""
        sizes = "-".join(map(str, self.layer_sizes))
        steps = "at once" if self.full_batch else f"by {self.batch_size:,}"
        schedule = f" with {self.schedule}" if self.schedule else ""
        words = f"{sizes} {self.hidden}, {self.rows:,} rows {steps}, {self.optimizer}{schedule}"
        return words if self.configurations == 1 else f"{words}, {self.configurations:,} learning rates"


@dataclass(frozen=True)
class GridSearch(Workload):
    """A cross-validated grid search on the digits, the whole of which is timed as one epoch.

    Every configuration is trained for `search_epochs` epochs on all folds but one, and scored on that one, in turn.
    """

    folds: int = 5
    search_epochs: int = 20

    @property
    def flops_per_epoch(self):
        """Useful floating-point operations of the whole search, without the scores."""
        return super().flops_per_epoch * (self.folds - 1) * self.search_epochs

    @property
    def task(self):
        """See `Workload`."""
        return f"{super().task} × {self.folds} folds × {self.search_epochs} epochs"


@dataclass(frozen=True)
class StudySearch(Workload):
    """A study on the digits, the whole of which is timed as one epoch.

    Each of its trials is trained for `search_epochs` epochs on four fifths of the rows.
    """

    trials: int = 128
    search_epochs: int = 20

    @property
    def flops_per_epoch(self):
        """Useful floating-point operations of the whole study, without the scores."""
        return super().flops_per_epoch * self.trials * self.search_epochs * 4 / 5

    @property
    def task(self):
        """See `Workload`."""
        return f"{super().task}, a study of {self.trials} trials × {self.search_epochs} epochs"


T8 = Workload(  # a table for a classifier
    "T8",
    (80, 256, 256, 256, 10),
    rows=875,
    batch_size=256,
    hidden="relu",
    output="softmax",
    loss="cross_entropy",
    optimizer="AdamW",
    learning_rate=1e-3,
    schedule="CosineDecay",
    checked_steps=4,  # because Adam makes large differences of small ones, which begin where rounding switches a relu
)

WIDE = {"batch_size": 1024, "hidden": "relu", "output": "identity", "learning_rate": 0.01}
"""How the networks with wide layers are trained, T9 to T12."""

WORKLOADS = {
    workload.name: workload
    for workload in (
        Workload("T1", (2, 2, 1), rows=4096, batch_size=32),
        Workload("T2", (64, 32, 10), rows=1797, batch_size=32),
        Workload("T3", (8, 64, 64, 1), rows=16_384, batch_size=128),
        Workload("T4", (784, 128, 10), rows=12_800, batch_size=128),
        Workload("T5", (784, 1024, 1024, 10), rows=4096, batch_size=1024),
        Workload("T6", (32, 64, 64, 1), rows=400_000, batch_size=4096),
        Workload(  # as in SimpleChains.jl's example of a small network, which trains without minibatches
            "T7",
            (4, 32, 16, 4),
            rows=10_000,
            batch_size=10_000,
            hidden="tanh",
            output="identity",
            optimizer="Adam",
            learning_rate=1e-3,
        ),
        T8,
        Workload("T9", (784, 4096, 4096, 10), rows=4096, **WIDE),
        Workload("T10", (2048, 2048, 2048, 2048, 1), rows=4096, **WIDE),
        Workload("T11", (28, 300, 300, 300, 1), rows=32_768, **WIDE),
        Workload("T12", (100, 512, 512, 512, 1), rows=32_768, **WIDE),
        Workload("S1", (2, 2, 1), rows=4096, batch_size=32, configurations=1024),
        Workload("S2", (64, 32, 10), rows=1797, batch_size=32, configurations=64),
        Workload("S3", (8, 64, 64, 1), rows=16_384, batch_size=128, configurations=64),
        GridSearch(
            "S4", (64, 32, 10), rows=1797, batch_size=32, configurations=16, output="softmax", loss="cross_entropy"
        ),
        StudySearch("S5", (64, 32, 10), rows=1797, batch_size=32, output="softmax", loss="cross_entropy"),
        replace(T8, name="S8", configurations=64, timed_epochs=8),
    )
}


def make_data(workload):
    """Draw inputs (rows, n_in) and targets (rows, n_out), float32 in [0, 1); for a search take the digits.

    The targets of the cross-entropy are the classes (rows,), integers below n_out.
    """
    if isinstance(workload, (GridSearch, StudySearch)):
        return datasets.digits()
    rng = np.random.default_rng(0)
    inputs = rng.random((workload.rows, workload.layer_sizes[0]), dtype=np.float32)
    if workload.loss == "cross_entropy":
        return inputs, rng.integers(workload.layer_sizes[-1], size=workload.rows)
    return inputs, rng.random((workload.rows, workload.layer_sizes[-1]), dtype=np.float32)


def make_weights(workload):
    """Draw weights (n_in, n_out) and biases (n_out,) for every layer, uniform in ±1/√n_in, float32."""
    rng = np.random.default_rng(1)

    def draw(n_in, *shape):
        return rng.uniform(-1, 1, shape).astype(np.float32) / np.float32(np.sqrt(n_in))

    return [(draw(n_in, n_in, n_out), draw(n_in, n_out)) for n_in, n_out in workload.layers]


def learning_rates(workload):
    """Return the learning rate of each configuration; those of a sweep are 0.01 to 10 times the workload's."""
    if workload.configurations == 1:
        return np.array([workload.learning_rate])
    return np.geomspace(workload.learning_rate / 100, workload.learning_rate * 10, workload.configurations)


SCHEDULES = {  # class of fastprop, which counts steps: the factor of the learning rate where a share of them is done
    "CosineDecay": lambda done: (1 + np.cos(np.pi * done)) / 2,
}


def schedule_factors(workload, epochs):
    """Return for each epoch of a call the factors of the learning rate in its steps, or None without a schedule."""
    if workload.schedule is None:
        return [None] * epochs
    done = np.arange(epochs * workload.steps) / (epochs * workload.steps)
    return SCHEDULES[workload.schedule](done).reshape(epochs, workload.steps).tolist()
