"""asv: the three passes of a dense layer, as a share of the measured peak."""

import functools

import numpy as np

import fastprop as fp
from fastprop.kernels import compiler, dense, layout
from fastprop.kernels.activations import SIGMOID
from fastprop.reference import ACTIVATIONS
from fastprop.runs import TrainingOptions, kernel_arguments
from fastprop.runs.optimizer_arguments import optimizer_arguments

from .suites import unused_share_of_peak

OPERATIONS = 2e8  # of a call, about: a millisecond's

# Without a cache: the one of fastprop.kernels knows of edits in its own folder only.
compiled = functools.partial(compiler.kernel, cached=False)


@compiled
def forward(times, plan, memory, parameters, optimizer, step, dropout):
    for _ in range(times):
        dense.forward(plan, memory, parameters, 1, SIGMOID, dropout, 0, plan.rows)


@compiled
def backward(times, plan, memory, parameters, optimizer, step, dropout):
    for _ in range(times):
        dense.backward(plan, memory, parameters, 1, SIGMOID, dropout, 0, plan.rows)


@compiled
def gradient(times, plan, memory, parameters, optimizer, step, dropout):
    for _ in range(times):
        dense.gradient(plan, memory, parameters, optimizer, step, 1, plan.rows, -1, False, True, 0, 1)


PASSES = {"forward": forward, "backward": backward, "gradient": gradient}


class Layer:
    """One pass of a layer over as many rows as training takes at once, activation or update included."""

    params = ([(64, 64, 128), (64, 32, 32), (784, 128, 128), (1024, 1024, 1024)], list(PASSES))
    param_names = ("inputs, outputs, batch", "pass")
    unit = "% of peak"

    def setup(self, sizes, name):
        *layer, batch_size = sizes
        network = fp.MLP((1, *layer, 1))  # with a layer below, to which this one sends deltas back, and one above
        (plan,), size = layout.plans(network.layer_sizes, batch_size, network.dtype, storing=(False,) * 3)
        memory = layout.workspace([plan], size, network.dtype)
        options = TrainingOptions(epochs=1, batch_size=batch_size, loss="mse", optimizer=fp.SGD(1), shuffle=False)
        optimizers = [options.optimizer]
        parameters = network.parameters
        optimizer, (step,) = optimizer_arguments(options, optimizers, parameters, parameters, workers=1, batches=1)
        (dropout,) = kernel_arguments.dropout_arguments([0.0], [0], [plan], np.arange(batch_size), network.dtype)
        self.passed = plan, memory, parameters, optimizer, step, dropout
        self.operations = 2 * plan.rows * np.prod(layer)

        x, y = (rows_of(memory, plan, plan.activations[i], plan.line + plan.strides[i], plan.sizes[i]) for i in (1, 2))
        dx, d = (rows_of(memory, plan, plan.deltas[i], plan.strides[i], plan.sizes[i]) for i in (1, 2))
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


def rows_of(memory, plan, start, stride, columns):
    """The matrix that stands at a place of a plan."""
    return memory[start : start + plan.rows * stride].reshape(plan.rows, stride)[:, :columns]
