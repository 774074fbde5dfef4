"""Checks the cost model's choice of a team against forced choices; run ``python -m benchmarks.teams [--turns N]``.

Each network is trained by one thread, by a team of all threads, and as `cost_model.team_size` chooses, in turn. Times
are medians, in milliseconds an epoch; "gain" is the time of one thread as a multiple of the team's. A team that
proves slower than one thread is given up for a while, as in any call.
"""

import argparse
import time
from contextlib import contextmanager

import numpy as np

import fastprop as fp
from fastprop import cost_model

from .cases import Shape

SHAPES = (
    Shape((2, 2, 1), rows=4096, batch_size=32),
    Shape((64, 32, 10), rows=1797, batch_size=32),
    Shape((64, 32, 10), rows=1797, batch_size=128),
    Shape((8, 64, 64, 1), rows=16384, batch_size=32),
    Shape((8, 64, 64, 1), rows=16384, batch_size=64),
    Shape((8, 64, 64, 1), rows=16384, batch_size=128),
    Shape((4, 32, 16, 4), rows=10000, batch_size=128),
    Shape((4, 32, 16, 4), rows=10000, batch_size=10000),
    Shape((30, 64, 64, 2), rows=4096, batch_size=32),
    Shape((80, 256, 256, 10), rows=2048, batch_size=32),
    Shape((784, 128, 10), rows=6400, batch_size=32),
    Shape((784, 128, 10), rows=6400, batch_size=128),
    Shape((32, 64, 64, 1), rows=65536, batch_size=4096),
)

CALL_SECONDS = 0.1
"""Seconds of a timed call, about."""


@contextmanager
def forced_team():
    """Have all threads share each network."""
    cycles, cost_model.MEMBER_CYCLES = cost_model.MEMBER_CYCLES, 1
    try:
        yield
    finally:
        cost_model.MEMBER_CYCLES = cycles


def train(shape, data, epochs, threads):
    """Train a new network of a shape; return the milliseconds that an epoch took."""
    network = fp.MLP(shape.layer_sizes, output="identity", seed=0)
    begin = time.perf_counter()
    fp.train(network, *data, epochs=epochs, batch_size=shape.batch_size, loss="mse", threads=threads)
    return 1e3 * (time.perf_counter() - begin) / epochs


def measured(shape, threads, turns):
    """Return the median milliseconds an epoch of one thread, of a team of all threads, and as the model chooses."""
    random = np.random.default_rng(0)
    data = (
        random.random((shape.rows, shape.layer_sizes[0]), np.float32),
        random.random((shape.rows, shape.layer_sizes[-1])),
    )
    train(shape, data, 1, 1)
    epochs = max(1, round(1e3 * CALL_SECONDS / train(shape, data, 10, 1)))
    times = []
    for _ in range(turns):
        alone = train(shape, data, epochs, 1)
        with forced_team():
            together = train(shape, data, epochs, threads)
        times.append((alone, together, train(shape, data, epochs, threads)))
    return np.median(times, axis=0)


def main():
    """Print a line for each shape."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--turns", type=int, default=9)
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    print("| network, rows by batch | one thread | team | gain | the model chooses | it takes |\n" + "|---" * 6 + "|")
    for shape in SHAPES:
        alone, together, chosen = measured(shape, arguments.threads, arguments.turns)
        size = cost_model.team_size(shape.layer_sizes, shape.batch_size, "float32", arguments.threads)
        print(
            f"| {shape} | {alone:.3f} | {together:.3f} | {alone / together:.2f} | {size} | {chosen:.3f} |", flush=True
        )


if __name__ == "__main__":
    main()
