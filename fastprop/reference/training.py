"""One step, and a run of many."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .network import Network, gradients
from .network import loss as mean_loss
from .optimizers import clipped, norm, update
from .randomness import dropout_mask, row_order
from .schedules import factor


def step(
    network: Network,
    X: ArrayLike,
    y: ArrayLike,
    kind: Any,
    optimizer: Any,
    state: dict[int, Any],
    sample_weight: ArrayLike | None = None,
    masks: Sequence[NDArray[Any]] | None = None,
    *,
    clip: Any = None,
    factor: float = 1.0,
) -> tuple[float, float]:
    """Do one step in place, with PyTorch's formulas.

    `optimizer` is an object with the name and the attributes of one in `fastprop.options`. `state` is a dict, empty
    before the first step, in which it keeps what it needs for the next: velocities, moments, the number of steps.
    `masks` are those of dropout, see `forward`. `clip` limits the gradients before weight decay and l1 are added to
    them; `factor` is that on the learning rate.

    Return the learning rate, and the norm of the gradient before it was limited.
    """
    rate = optimizer.learning_rate * factor
    dW, db = gradients(network, X, y, kind, sample_weight, masks)
    for number, (w, g) in enumerate(zip(network.arrays, clipped(clip, dW + db))):
        state[number] = update(optimizer, rate, w, g, state.get(number, ()))
    return rate, norm(dW + db)


class Record(NamedTuple):
    """What was measured in each epoch of a run: arrays (epochs,)."""

    loss: NDArray[np.float64]  # the mean of what each row's loss was when its minibatch came up, before the step
    validation_loss: NDArray[np.float64]  # after the epoch; NaN without validation, and if the loss is not finite
    learning_rate: NDArray[np.float64]  # of the last step
    gradient_norm: NDArray[np.float64]  # the mean over the steps


@np.errstate(over="ignore", invalid="ignore")
def train(
    network: Network,
    X: ArrayLike,
    y: ArrayLike,
    *,
    epochs: int,
    batch_size: int,
    loss: Any,
    optimizer: Any,
    validation: Sequence[ArrayLike] | None = None,
    sample_weight: ArrayLike | None = None,
    shuffle: bool = True,
    seed: int = 0,
    schedule: Any = None,
    clip: Any = None,
    dropout: float = 0.0,
    average: Any = None,
    early_stopping: Any = None,
    callback: Callable[[int, Record], object] = lambda epoch, record: False,
) -> Record:
    """Train in place; return the `Record` of the epochs that were done.

    `validation` is (X, y) or (X, y, sample_weight). `schedule`, `clip`, `average` and `early_stopping` are options, or
    None. `dropout` is the probability with which an activation of a hidden layer is dropped.

    A run whose loss or weights are no longer finite ends there; so does one whose callback returns true.
    """
    X, y = np.asarray(X, np.float64), np.asarray(y)
    weight = np.ones(len(X)) if sample_weight is None else np.asarray(sample_weight, np.float64)
    state, measured, record, batches = {}, [], Record(*np.empty((4, 0))), -(-len(X) // batch_size)
    learned, best = network if average is None else Network.of(network), None
    watched = 0 if validation is None else 1  # the loss that says how well the network does
    for epoch in range(epochs):
        order = row_order(len(X), seed, epoch) if shuffle else np.arange(len(X))

        def factor_of(batch, epoch=epoch, record=record):
            by_step = schedule is not None and schedule.by == "step"
            position = (epoch * batches + batch, epochs * batches) if by_step else (epoch, epochs)
            return factor(schedule, *position, record[watched])

        def masks_of(rows, epoch=epoch):
            sizes = enumerate(map(len, network.biases[:-1]), start=1)
            return [dropout_mask(dropout, seed, epoch, rows, *size) for size in sizes] if dropout > 0 else None

        def after_step(epoch=epoch):
            if average is not None:
                rest = 1 - average.decay if epoch >= average.start_epoch else 1.0
                for mean, w in zip(network.arrays, learned.arrays):
                    mean += rest * (w - mean)

        training_loss, rate, length = go_through(
            learned, X, y, weight, order, batch_size, loss, optimizer, state, clip, factor_of, masks_of, after_step
        )
        validates = validation is not None and np.isfinite(training_loss)
        held_out = mean_loss(network, *validation[:2], loss, *validation[2:]) if validates else np.nan
        measured.append((training_loss, held_out, rate, length))
        record = Record(*np.transpose(measured))
        if not (np.isfinite(training_loss) and learned.is_finite):
            best = None
            break
        over = callback(epoch, record)
        if early_stopping is not None:
            waited = epoch - last_improvement(record[watched], early_stopping.minimum_improvement)
            if waited == 0 and early_stopping.restore_best:
                best = Network.of(network)
            over = over or waited >= early_stopping.patience
        if over:
            break
    for w, ended in zip(network.arrays, (best or network).arrays):
        w[...] = ended
    return record


def go_through(
    network,
    X,
    y,
    weight,
    order,
    batch_size,
    loss,
    optimizer,
    state,
    clip,
    factor_of,
    masks_of=lambda rows: None,
    after_step=lambda: None,
):
    """Go once through the rows in their order, step by step, until the loss is no longer finite.

    Return the mean loss, the learning rate of the last step and the mean norm of the gradients. `factor_of` a batch's
    number is that on the learning rate; `masks_of` its rows are those of dropout.
    """
    total, norms = 0.0, []
    for batch, first in enumerate(range(0, len(order), batch_size)):
        rows = order[first : first + batch_size]
        masks, limits = masks_of(rows), {"clip": clip, "factor": factor_of(batch)}
        total += weight[rows].sum() * mean_loss(network, X[rows], y[rows], loss, weight[rows], masks)
        rate, length = step(network, X[rows], y[rows], loss, optimizer, state, weight[rows], masks, **limits)
        norms.append(length)
        after_step()
        if not np.isfinite(total):
            break
    return total / weight.sum(), rate, np.mean(norms)


def last_improvement(losses: Iterable[float], minimum_improvement: float) -> int:
    """Return the last epoch whose loss was below that of the improvement before by more than so much, or -1."""
    best, last = np.inf, -1
    for epoch, loss in enumerate(losses):
        if loss < best - minimum_improvement:
            best, last = loss, epoch
    return last
