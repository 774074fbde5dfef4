"""`find_learning_rate`: a short run in which the rate rises from step to step shows which rates a network bears."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastprop import checks, cost_model, thread_pool
from fastprop.annotations import LossName, Path
from fastprop.data import Dataset, Split, row_weights
from fastprop.network import MLP
from fastprop.options import DESCENTS, SGD, Clip, CrossEntropy, Descent, ExponentialDecay, Huber
from fastprop.reporting import plotting
from fastprop.runs import KernelRun, TrainingOptions

SMOOTHING = 0.9
"""What the moving average of the losses keeps in a step."""

LAG = 9
"""By so many steps the average is late: SMOOTHING / (1 - SMOOTHING)."""

UNSETTLED, REACH = 10, 5
"""Slopes are those of the average, from five steps before to five after; the first steps follow single rows.

On 28 pairs of a task and an optimizer, 20 epochs at the rate suggested ended at 1.3 times the loss of the best rate in
the geometric mean; from step to step, and with the lag left in, at 1.9 times, or the first rate was suggested.
"""

DIVERGED = 4
"""Above so many times the least of the average, training counts as diverged."""


@dataclass
class RangeTest:
    """What came of a learning-rate range test.

    Attributes
    ----------
    learning_rates : ndarray
        (steps,) float64: that of each step that was done.
    losses : ndarray
        (steps,) float64: of each step's minibatch, before the step; the last may not be finite.
    smoothed : ndarray
        (steps,) float64: their exponential moving average, freed of the zero it began with.
    suggestion : float
        The learning rate at which the smoothed loss falls most steeply, for equal factors of the rate.
    """

    learning_rates: NDArray[np.float64]
    losses: NDArray[np.float64]
    smoothed: NDArray[np.float64]
    suggestion: float

    def plot(self, path: Path) -> None:
        """Draw the losses against the learning rate into a picture file (extra ``plot``)."""
        plotting.range_test(path, self.learning_rates, self.losses, self.smoothed, self.suggestion)


def find_learning_rate(
    network: MLP,
    X: ArrayLike,
    y: ArrayLike,
    *,
    min_rate: float = 1e-5,
    max_rate: float = 10.0,
    steps: int = 100,
    batch_size: int = 32,
    loss: LossName | Huber | CrossEntropy | None = None,
    optimizer: Descent = SGD(),
    clip: Clip | None = None,
    sample_weight: ArrayLike | None = None,
    class_weight: Mapping[Any, float] | Literal["balanced"] | None = None,
    seed: int = 0,
    threads: int | None = None,
) -> RangeTest:
    """Suggest a learning rate: train a copy of a network with one that rises, and see where the loss falls fastest.

    The rate rises from `min_rate` to `max_rate` in equal factors, a step each. The test ends before that once the
    smoothed loss is above four times its lowest, or a loss is not finite.

    Parameters
    ----------
    network : MLP
        Left as it is.
    X, y : array_like
        See `train`.
    min_rate, max_rate : float
        The first learning rate, at least 1e-30, and the last one, at least twice the first.
    steps : int
        At least 30.
    batch_size : int
        Rows in a step, or all of them where there are fewer.
    optimizer : SGD, Adam, AdamW, RMSprop, Adagrad or Lion
        The one to train with later; its own learning rate does not count.
    loss, clip, sample_weight, class_weight, threads
        See `train`.
    seed : int
        Of the order of the rows.

    Returns
    -------
    RangeTest

    Raises
    ------
    ValueError, TypeError
        If an argument is not as described, or the loss does not fall at any of the rates; the message says what to do.

    References
    ----------
    Smith, "Cyclical learning rates for training neural networks", WACV 2017.

    Examples
    --------
    >>> import fastprop as fp
    >>> X, y = fp.datasets.digits()
    >>> network = fp.MLP((64, 32, 10), output="softmax", seed=0)
    >>> found = fp.find_learning_rate(network, X, y, optimizer=fp.SGD(momentum=0.9))
    >>> 0.01 < found.suggestion < 1
    True
    """
    checks.instance(network, "network", MLP, "fp.MLP((64, 32, 10))")
    checks.instance(optimizer, "optimizer", DESCENTS, "fp.SGD()")
    min_rate = checks.number(min_rate, "min_rate", minimum=1e-30)
    max_rate = checks.number(max_rate, "max_rate", minimum=2 * min_rate)
    steps, threads = checks.whole_number(steps, "steps", minimum=30), checks.threads(threads)
    factor = (max_rate / min_rate) ** (1 / (steps - 1))
    network, loss = network.copy(), checks.loss(loss, network.output)
    options = TrainingOptions(
        epochs=steps,
        batch_size=batch_size,
        loss=loss,
        optimizer=optimizer,
        schedule=ExponentialDecay(factor),
        clip=clip,
        shuffle=False,
        seed=seed,
    ).checked()
    options = options._replace(optimizer=optimizer.changed(learning_rate=min_rate))
    sample_weight = row_weights(class_weight, y, sample_weight)
    data = Dataset.of(X, y, network.layer_sizes[0], network.layer_sizes[-1], loss, network.dtype, sample_weight)
    minibatches = _minibatches(len(data.inputs), options.batch_size, options.seed)
    rows = next(minibatches)

    def after_step(step, history):
        run.replace_rows(next(minibatches))  # an epoch of this run is one minibatch
        smoothed = _smoothed(history.loss[: step + 1])
        return smoothed[-1] - smoothed.min() > (DIVERGED - 1) * abs(smoothed.min())

    threads = cost_model.team_size(network.layer_sizes, len(rows), network.dtype, threads)
    run = KernelRun([network], Split(data, rows, data, rows[:0]), [options._replace(callback=after_step)], threads)
    run.prepare()
    if not thread_pool.run([run], 1, lambda: None):
        run.stop()
        raise KeyboardInterrupt
    losses = run.history.loss[: run.history.epochs]
    rates, smoothed = min_rate * factor ** np.arange(len(losses)), _smoothed(losses)
    return RangeTest(rates, losses, smoothed, _suggestion(rates, smoothed))


def _minibatches(rows, batch_size, seed):
    """Yield the rows of one minibatch after another, all of one size, in a new order for each epoch."""
    random, batch_size = np.random.default_rng(seed), min(batch_size, rows)
    while True:
        order = random.permutation(rows)
        for first in range(0, rows - batch_size + 1, batch_size):
            yield order[first : first + batch_size]


def _smoothed(losses):
    """The moving average of the losses; the zero that it begins with weighs SMOOTHINGᵏ after k of them."""
    average, smoothed = 0.0, np.empty(len(losses))
    for step, loss in enumerate(losses):
        average = SMOOTHING * average + (1 - SMOOTHING) * loss
        smoothed[step] = average / (1 - SMOOTHING ** (step + 1))
    return smoothed


def _suggestion(rates, smoothed):
    """The learning rate at which the loss falls most, for equal factors of the rate, before it is at its lowest."""
    smoothed = smoothed[np.isfinite(smoothed)]
    lowest = int(smoothed.argmin()) if len(smoothed) else 0
    steps = np.arange(UNSETTLED, lowest + 1)
    before, after = steps - REACH, np.minimum(steps + REACH, lowest)
    slopes = (smoothed[after] - smoothed[before]) / (after - before)
    if len(slopes) == 0 or slopes.min() >= 0:
        raise ValueError(
            f"the loss does not fall at learning rates from {rates[0]:g} on, up to {rates[-1]:g}: "
            "look at X and y, or give other min_rate and max_rate."
        )
    return float(rates[steps[slopes.argmin()] - LAG])
