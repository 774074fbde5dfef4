"""A run over chunks of rows that come one after another, each once."""

import numpy as np

from .network import loss as mean_loss
from .randomness import row_order
from .schedules import factor
from .training import step


def train_stream(network, chunks, *, batch_size, loss, optimizer, shuffle=True, seed=0, schedule=None, clip=None):
    """Train in place on chunks (X, y, sample_weight); yield the loss of each.

    It is as if each chunk were an epoch with rows of its own: so count schedules and the order of rows. What the
    optimizer keeps goes on from chunk to chunk, and so does the number of steps. A run whose loss or weights are no
    longer finite ends there.
    """
    state, losses, steps = {}, [], 0
    for number, (X, y, sample_weight) in enumerate(chunks):
        weight = np.ones(len(X)) if sample_weight is None else np.asarray(sample_weight, np.float64)
        order = row_order(len(X), seed, number) if shuffle else np.arange(len(X))
        total = 0.0
        for first in range(0, len(X), batch_size):
            rows = order[first : first + batch_size]
            position = steps if schedule is not None and schedule.by == "step" else number
            with np.errstate(over="ignore", invalid="ignore"):
                total += weight[rows].sum() * mean_loss(network, X[rows], y[rows], loss, weight[rows])
                rate_factor = factor(schedule, position, np.inf, losses)
                step(network, X[rows], y[rows], loss, optimizer, state, weight[rows], clip=clip, factor=rate_factor)
            steps += 1
            if not np.isfinite(total):
                break
        losses.append(total / weight.sum())
        yield losses[-1]
        if not (np.isfinite(total) and all(np.isfinite(array).all() for array in network.arrays)):
            break
