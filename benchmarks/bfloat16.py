"""Whole trainings by products of bfloat16 against those of float32; run ``python -m benchmarks.bfloat16 [--turns N]``.

Each network learns with ``precision=None`` and ``"bfloat16"`` in turn, on one thread. Times are of the processor, as
the machine may have other work: medians, in milliseconds an epoch. The gain is the median of the turns' ratios. Losses
are those at the end, of the training rows and of held-out ones.
"""

import argparse
import time

import numpy as np

import fastprop as fp

from .cases import Shape

HELD_OUT = 2048
"""Rows that are held out."""

EPOCHS = 6
"""Epochs of a training; the first is not timed."""

PRECISIONS = (None, "bfloat16")

OPTIMIZERS = {
    Shape((784, 1024, 1024, 10), rows=8192, batch_size=1024): fp.SGD(0.05, momentum=0.9),
    Shape((2048, 2048, 2048, 2048, 1), rows=8192, batch_size=1024): fp.AdamW(1e-4),
    Shape((784, 128, 10), rows=12_800, batch_size=128): fp.SGD(0.02, momentum=0.9),
    Shape((80, 256, 256, 256, 10), rows=25_600, batch_size=256): fp.AdamW(1e-3),
}
"""By network, rows and minibatch, the optimizer."""


def task(shape):
    """Return inputs and targets, labels or one number, of all rows; a layer of tanh makes them of 64 inputs."""
    random = np.random.default_rng(0)
    outputs = shape.layer_sizes[-1]
    X = random.standard_normal((shape.rows + HELD_OUT, shape.layer_sizes[0]), np.float32)
    hidden = np.tanh(X[:, :64] @ random.normal(size=(64, 32)) / 8)
    y = hidden @ random.normal(size=(32, outputs))
    return X, y.argmax(axis=1) if outputs > 1 else y


def trained(shape, precision, X, y):
    """Return the milliseconds an epoch, the training loss of the last epoch, and the loss of the held-out rows."""
    output = "softmax" if shape.layer_sizes[-1] > 1 else "identity"
    network = fp.MLP(shape.layer_sizes, hidden="relu", output=output, seed=0)
    ends = []  # of epochs, in seconds of the processor
    history = fp.train(
        network, X[: shape.rows], y[: shape.rows], epochs=EPOCHS, batch_size=shape.batch_size,
        optimizer=OPTIMIZERS[shape], precision=precision, threads=1,
        callback=lambda epoch, history: ends.append(time.process_time()),
    )  # fmt: skip
    outputs, wanted = network.predict(X[shape.rows :]).astype(float), y[shape.rows :]
    if output == "softmax":
        held_out = -np.log(outputs[np.arange(HELD_OUT), wanted]).mean()
    else:
        held_out = np.square(outputs - wanted).mean()
    return 1e3 * (ends[-1] - ends[0]) / (EPOCHS - 1), history.loss[-1], held_out


def line(shape, turns):
    """Return the line of the table for a network."""
    data = task(shape)
    measured = np.array([[trained(shape, each, *data) for each in PRECISIONS] for _ in range(turns)])
    times, losses = measured[..., 0], measured[0, :, 1:]  # the losses are those of each turn
    (plain, rounded), gain = np.median(times, axis=0), np.median(times[:, 0] / times[:, 1])
    pairs = " | ".join(f"{ours:.4f}, {theirs:.4f}" for ours, theirs in losses.T)
    optimizer = type(OPTIMIZERS[shape]).__name__
    return f"| {shape}, {optimizer} | {plain:.1f} | {rounded:.1f} | {gain:.2f} | {pairs} |"


def main():
    """Print a line for each network."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--turns", type=int, default=9)
    turns = parser.parse_args().turns
    print(
        "| network, rows by batch | float32 | bfloat16 | gain | training losses | held-out losses |\n"
        + "|---" * 6
        + "|"
    )
    for shape in OPTIMIZERS:
        print(line(shape, turns), flush=True)


if __name__ == "__main__":
    main()
