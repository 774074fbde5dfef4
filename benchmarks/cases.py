"""The one case table: what is measured, said once and used by every benchmark."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

# --- layer shapes -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Shape:
    """A network and how its rows are cut into minibatches."""

    layer_sizes: tuple[int, ...]
    rows: int
    batch_size: int

    def __str__(self):
        return f"{'-'.join(map(str, self.layer_sizes))} {self.rows} by {self.batch_size}"


# Seeds and cases are only ever appended: test names and recorded results refer to them.
SHAPES = (
    Shape((2, 2, 1), rows=9, batch_size=1),
    Shape((1, 1, 1), rows=10, batch_size=7),
    Shape((3, 5, 2), rows=20, batch_size=7),
    Shape((5, 3), rows=33, batch_size=7),  # no hidden layer
    Shape((64, 32, 10), rows=100, batch_size=32),
    Shape((17, 33, 9, 5), rows=75, batch_size=32),
    Shape((130, 70, 3), rows=150, batch_size=100),  # more than one block of rows, and of a gradient's columns
    Shape((6, 5, 4, 3, 4, 2), rows=40, batch_size=7),
    Shape((16, 16, 16), rows=48, batch_size=32),  # nothing to pad
    Shape((2, 2, 1), rows=9, batch_size=32),  # full batch
    Shape((17, 33, 9, 5), rows=12, batch_size=1),
    Shape((48, 64, 48), rows=110, batch_size=96),  # whole blocks, and one row of weights more
    Shape((3, 256, 5), rows=20, batch_size=7),  # rows of 1 KB, which are padded by a line
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
    learning_rate: float = 0.1

    @property
    def layers(self):
        """(inputs, outputs) of every layer, first to last."""
        return tuple(pairwise(self.layer_sizes))

    @property
    def flops_per_epoch(self):
        """Useful floating-point operations of one epoch, over all configurations.

        A layer costs three products (forward, weight gradient, deltas passed back), the first layer two.
        """
        products = [n_in * n_out * (2 if layer == 0 else 3) for layer, (n_in, n_out) in enumerate(self.layers)]
        return 2 * self.rows * self.configurations * sum(products)


WORKLOADS = {
    workload.name: workload
    for workload in (
        Workload("T1", (2, 2, 1), rows=4096, batch_size=32),
        Workload("T2", (64, 32, 10), rows=1797, batch_size=32),
        Workload("T3", (8, 64, 64, 1), rows=16_384, batch_size=128),
        Workload("T4", (784, 128, 10), rows=12_800, batch_size=128),
        Workload("T5", (784, 1024, 1024, 10), rows=4096, batch_size=1024),
        Workload("T6", (32, 64, 64, 1), rows=400_000, batch_size=4096),
        Workload("S1", (2, 2, 1), rows=4096, batch_size=32, configurations=1024),
        Workload("S2", (64, 32, 10), rows=1797, batch_size=32, configurations=64),
        Workload("S3", (8, 64, 64, 1), rows=16_384, batch_size=128, configurations=64),
    )
}


def make_data(workload):
    """Draw inputs (rows, n_in) and targets (rows, n_out), float32 in [0, 1)."""
    rng = np.random.default_rng(0)
    inputs = rng.random((workload.rows, workload.layer_sizes[0]), dtype=np.float32)
    targets = rng.random((workload.rows, workload.layer_sizes[-1]), dtype=np.float32)
    return inputs, targets


def make_weights(workload):
    """Draw weights (n_in, n_out) and biases (n_out,) for every layer, uniform in ±1/√n_in, float32."""
    rng = np.random.default_rng(1)

    def draw(n_in, *shape):
        return rng.uniform(-1, 1, shape).astype(np.float32) / np.float32(np.sqrt(n_in))

    return [(draw(n_in, n_in, n_out), draw(n_in, n_out)) for n_in, n_out in workload.layers]


def learning_rates(workload):
    """The learning rate of every configuration: its own for a single network, 0.001 to 1 over a sweep."""
    if workload.configurations == 1:
        return np.array([workload.learning_rate])
    return np.geomspace(1e-3, 1, workload.configurations)
