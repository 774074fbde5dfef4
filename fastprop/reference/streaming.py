"""A run over chunks of rows that come one after another, each once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .network import Network
from .numpy_errors import ERRORS
from .schedules import step_factors
from .training import Descent, PartFactors, counted_rows


@np.errstate(**ERRORS)
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
    layer_rates: Sequence[float] | None = None,
    bias_rate: float = 1.0,
    bias_decay: float = 1.0,
    precision: str | None = None,
    clip: Any = None,
) -> Iterator[tuple[float, float, float]]:
    """Train in place on chunks (X, y, sample_weight); yield the loss, learning rate and gradient norm of each.

    Schedules and the order of rows count each chunk as an epoch. The optimizer's state and the number of steps carry
    over from chunk to chunk. A run ends when its loss or weights are no longer finite.
    """
    part_factors = PartFactors(layer_rates, bias_rate, bias_decay)
    descent = Descent(network, loss, optimizer, batch_size, shuffle, seed, precision, clip, part_factors=part_factors)
    losses = []
    steps = 0
    for index, chunk in enumerate(chunks):
        X, y, weight = counted_rows(*chunk)
        batches = -(-len(X) // batch_size)
        factors = step_factors(schedule, index, steps, batches, np.inf, losses)
        with np.errstate(over="ignore", invalid="ignore"):
            measured = descent.go_through(X, y, weight, index, [(factor, 1.0, 1.0) for factor in factors])
        steps += batches
        losses.append(measured[0])
        yield measured
        if not (np.isfinite(losses[-1]) and network.is_finite):
            break
