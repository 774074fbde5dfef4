"""A run over chunks of rows that come one after another, each once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .network import Network
from .randomness import row_order
from .schedules import factor
from .training import go_through


def train_stream(
    network: Network,
    chunks: Iterable[tuple[NDArray[Any], NDArray[Any], ArrayLike | None]],
    *,
    batch_size: int,
    loss: Any,
    optimizer: Any,
    shuffle: bool = True,
    seed: int = 0,
    schedule: Any = None,
    clip: Any = None,
) -> Iterator[tuple[float, float, float]]:
    """Train in place on chunks (X, y, sample_weight); yield what was measured of each: its loss, its rate, its norm.

    It is as if each chunk were an epoch with rows of its own: so count schedules and the order of rows. What the
    optimizer keeps goes on from chunk to chunk, and so does the number of steps. A run whose loss or weights are no
    longer finite ends there.
    """
    state, losses, steps = {}, [], 0
    for number, (X, y, sample_weight) in enumerate(chunks):
        weight = np.ones(len(X)) if sample_weight is None else np.asarray(sample_weight, np.float64)
        order = row_order(len(X), seed, number) if shuffle else np.arange(len(X))

        def factor_of(batch, number=number, steps=steps):
            by_step = schedule is not None and schedule.by == "step"
            return factor(schedule, steps + batch if by_step else number, np.inf, losses)

        with np.errstate(over="ignore", invalid="ignore"):
            measured = go_through(network, X, y, weight, order, batch_size, loss, optimizer, state, clip, factor_of)
        steps += -(-len(X) // batch_size)
        losses.append(measured[0])
        yield measured
        if not (np.isfinite(losses[-1]) and network.is_finite):
            break
