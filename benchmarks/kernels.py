"""asv suite: the three passes of a dense layer, as a share of the measured peak."""

import functools

import numpy as np

import fastprop as fp
from fastprop.data import Dataset, Origin, Split
from fastprop.kernels import compiler, dense
from fastprop.reference import ACTIVATIONS
from fastprop.runs import TrainingOptions, kernel_arguments
from fastprop.runs.packed_state import PackedState

from .suites import unused_share_of_peak

OPERATIONS = 2e8
"""Floating-point operations of a timed call, about; they take a millisecond."""

# The cache of fastprop.kernels sees edits in its own folder only, so that these kernels are not cached.
compiled = functools.partial(compiler.kernel, cached=False)


@compiled
def forward(times, network, optimizer, plan, memory, member):
    for _ in range(times):
        dense.forward(network, plan, memory, member.dropout, 1, 0, plan.strategy.chunk_rows)


@compiled
def backward(times, network, optimizer, plan, memory, member):
    for _ in range(times):
        dense.backward(network, plan, memory, member.dropout, 1, 0, plan.strategy.chunk_rows)


@compiled
def gradient(times, network, optimizer, plan, memory, member):
    target = dense.Target(dense.BLOCK_ONLY, False, True)
    for _ in range(times):
        dense.gradient(network, optimizer, plan, memory, member, 1, plan.strategy.chunk_rows, target)


PASSES = {"forward": forward, "backward": backward, "gradient": gradient}


class Layer:
    """One pass of a layer over a chunk of rows, with the activation or the update."""

    params = ([(64, 64, 128), (64, 32, 32), (784, 128, 128), (1024, 1024, 1024)], list(PASSES))
    param_names = ("inputs, outputs, batch", "pass")
    unit = "% of peak"

    def setup(self, sizes, name):
        *layer, batch_size = sizes
        network = fp.MLP(
            (1, *layer, 1), output="identity"
        )  # with a layer below, to which this one sends deltas back, and one above
        options = TrainingOptions(epochs=1, batch_size=batch_size, loss="mse", optimizer=fp.SGD(1), shuffle=False)
        data = Dataset.of(np.zeros((batch_size, 1)), np.zeros((batch_size, 1)), network, "mse")
        split = Split.of(None, data.readable(network.dtype, Origin.of_network(network)), network, "mse")
        state = PackedState([network], [options], steps_per_epoch=1)
        (training,) = kernel_arguments.training(state, split, [options], batch_size)
        plan, memory = training.plan, training.memory
        self.passed = training.network, training.optimizer, plan, memory, training.member
        self.operations = 2 * plan.strategy.chunk_rows * np.prod(layer)

        line = plan.sizes.line
        x, y = (rows_of(memory, plan, plan.workspace.activations[i], i, line) for i in (1, 2))
        dx, d = (rows_of(memory, plan, plan.workspace.deltas[i], i) for i in (1, 2))
        random = np.random.default_rng(0)
        x[...], d[...] = random.random(x.shape), random.normal(size=d.shape)
        results = {"forward": y, "backward": dx, "gradient": network.weights[1]}
        w, b = network.weights[1].astype(float), network.biases[1].astype(float)
        y = ACTIVATIONS["sigmoid"].f(x @ w + b)
        expected = {"forward": y, "backward": d @ w.T * x * (1 - x), "gradient": w - x.T @ d}
        PASSES[name](1, *self.passed)
        np.testing.assert_allclose(results[name], expected[name], rtol=1e-4, atol=1e-4)

    def track_unused_share_of_peak(self, sizes, name):
        times = max(1, round(OPERATIONS / self.operations))
        return unused_share_of_peak(lambda: PASSES[name](times, *self.passed), times * self.operations)


def rows_of(memory, plan, offset, layer, front=0):
    """Return the matrix of a layer's neurons at an offset, with `front` elements between two rows."""
    rows = plan.strategy.chunk_rows
    stride = plan.sizes.strides[layer] + front
    return memory[offset : offset + rows * stride].reshape(rows, stride)[:, : plan.sizes.layers[layer]]
