"""The one case table: what is measured, said once and used by every benchmark."""

from dataclasses import dataclass

import numpy as np

# --- layer shapes -------------------------------------------------------------------------------------------


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
        return tuple(zip(self.layer_sizes, self.layer_sizes[1:]))

    @property
    def flops_per_epoch(self):
        """Useful floating-point operations of one epoch, over all configurations.

        A layer costs three products (forward, weight gradient, deltas passed back), the first layer two.
        """
        products = [n_in * n_out * (2 if l == 0 else 3) for l, (n_in, n_out) in enumerate(self.layers)]
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
