"""`find_learning_rate`: suggests a learning rate by a short run in which the rate rises from step to step."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastprop import checks, cost_model, thread_pool
from fastprop.annotations import ClassWeight, LossName, Path
from fastprop.data import Dataset, Split, balanced
from fastprop.network import MLP
from fastprop.options import DESCENTS, SGD, Clip, CrossEntropy, Descent, ExponentialDecay, Huber
from fastprop.reporting import plotting
from fastprop.runs import KernelRun, TrainingOptions

SMOOTHING = 0.9
"""The share of the moving average of the losses that is kept in a step."""

LAG = 9
"""Steps by which the average is behind the losses: SMOOTHING / (1 - SMOOTHING)."""

FIRST_STEP = 10
"""The first step at which a slope is taken, because until then the average depends on a few minibatches."""

REACH = 5
"""Steps before and after a step between which its slope is taken. `benchmarks/NOTES.md` compares choices."""

DIVERGED = 4
"""Training counts as diverged once the average is more than this many times its lowest value."""


@dataclass
class RangeTest:
    """The result of a learning-rate range test.

    Attributes
    ----------
    learning_rates : ndarray
        (steps,) float64: the learning rate of each step that was done.
    losses : ndarray
        (steps,) float64: the loss of each step's minibatch before the step; the last one may not be finite.
    smoothed : ndarray
        (steps,) float64: the exponential moving average of the losses, without the bias toward its start at zero.
    suggestion : float
        The learning rate at which the smoothed loss falls most steeply over the logarithm of the rate.

    See `find_learning_rate` for an example.
    """

    learning_rates: NDArray[np.float64]
    losses: NDArray[np.float64]
    smoothed: NDArray[np.float64]
    suggestion: float

    def plot(self, path: Path) -> None:
        """Draw the losses against the learning rate into a picture file (extra ``plot``).

        Parameters
        ----------
        path : str or Path
            Its ending, such as ``.png``, ``.svg`` or ``.pdf``, gives the format.

        Raises
        ------
        ImportError
            If Matplotlib is not installed.
        """
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
    class_weight: ClassWeight | None = None,
    seed: int = 0,
    threads: int | None = None,
) -> RangeTest:
    """Suggest a learning rate: train a copy of a network while the rate rises, and see where the loss falls fastest.

    The rate rises from `min_rate` to `max_rate` by the same factor in each step. The test ends before `max_rate` once
    the smoothed loss is above four times its lowest value or a loss is not finite.

    Parameters
    ----------
    network : MLP
        The network, which is not changed.
    X, y : array_like
        See `train`.
    min_rate, max_rate : float
        The first learning rate, at least 1e-30, and the last one, at least twice the first.
    steps : int
        At least 30.
    batch_size : int
        Rows in a step, or all rows where there are fewer.
    optimizer : one of `fastprop.options.optimizers`, but not LBFGS
        The optimizer to train with later; its own learning rate is ignored.
    loss, clip, sample_weight, class_weight, threads
        See `train`.
    seed : int
        The seed of the order of the rows.

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
    steps = checks.whole_number(steps, "steps", minimum=30)
    threads = checks.threads(threads)
    factor = (max_rate / min_rate) ** (1 / (steps - 1))
    network = network.copy()
    loss = checks.loss(loss, network.output, network.layer_sizes[-1])
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
    split = Split.of(None, Dataset.of(X, y, network, loss, sample_weight), network, loss, class_weight)
    if isinstance(class_weight, str):  # "balanced"
        split = balanced(split)
    losses = _losses(network, split, options, threads)
    rates = min_rate * factor ** np.arange(len(losses))
    smoothed = _smoothed(losses)
    return RangeTest(rates, losses, smoothed, _suggestion(rates, smoothed))


def _losses(network, split, options, threads):
    """Train a network and return the loss of each step's minibatch.

    Each epoch of the run is one step, after which the next minibatch takes the place of the run's rows.
    """
    minibatches = _minibatches(split.rows, options.batch_size, options.seed)
    rows = next(minibatches)

    def after_step(step, history):
        run.replace_rows(next(minibatches))
        smoothed = _smoothed(history.loss[: step + 1])
        return smoothed[-1] - smoothed.min() > (DIVERGED - 1) * abs(smoothed.min())

    threads = cost_model.team_size(network.layer_sizes, len(rows), network.dtype, threads)
    run = KernelRun([network], split._replace(rows=rows), [options._replace(callback=after_step)], threads)
    run.prepare()
    if not thread_pool.run([run], 1, lambda: None):
        run.stop()
        raise KeyboardInterrupt
    return run.history.loss[: run.history.epochs]


def _minibatches(rows, batch_size, seed):
    """Yield the row indices of one minibatch after another, all of one size; `rows` are in a new order in each pass."""
    random = np.random.default_rng(seed)
    batch_size = min(batch_size, len(rows))
    while True:
        order = random.permutation(rows)
        for first in range(0, len(rows) - batch_size + 1, batch_size):
            yield order[first : first + batch_size]


def _smoothed(losses):
    """Return the moving average of the losses, corrected for its start at zero of weight SMOOTHINGᵏ in step k."""
    average = 0.0
    smoothed = np.empty(len(losses))
    for step, loss in enumerate(losses):
        average = SMOOTHING * average + (1 - SMOOTHING) * loss
        smoothed[step] = average / (1 - SMOOTHING ** (step + 1))
    return smoothed


def _suggestion(rates, smoothed):
    """Return the learning rate at which the smoothed loss falls fastest from step to step, before its lowest value."""
    smoothed = smoothed[np.isfinite(smoothed)]
    lowest = int(smoothed.argmin()) if len(smoothed) else 0
    steps = np.arange(FIRST_STEP, lowest + 1)
    before = steps - REACH
    after = np.minimum(steps + REACH, lowest)
    slopes = (smoothed[after] - smoothed[before]) / (after - before)
    if len(slopes) == 0 or slopes.min() >= 0:
        raise ValueError(
            f"the loss does not fall at learning rates from {rates[0]:g} on, up to {rates[-1]:g}: "
            "look at X and y, or give other min_rate and max_rate."
        )
    return float(rates[steps[slopes.argmin()] - LAG])
