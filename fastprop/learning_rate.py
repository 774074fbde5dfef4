"""`find_learning_rate`: finds a learning rate by training for a short while at many, side by side."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastprop import checks, interrupts, numpy_settings
from fastprop.annotations import ArrayLike, Backend, ClassWeight, Figure, LossName, Path, Precision, Validation
from fastprop.data import Dataset, Split, cross_validation_folds, warn_of_sizes
from fastprop.network import MLP
from fastprop.notices import DataWarning, DivergenceWarning
from fastprop.options import DESCENTS, EMA, SGD, Clip, Descent, Halving, LossOption, Schedule
from fastprop.reporting import html, plotting
from fastprop.sweeping import sweep

# The choices below were made by `benchmarks/learning_rates.py`, and `benchmarks/NOTES.md` has what others gave.

MIN_RATE, MAX_RATE = 1e-7, 50.0
"""The rates between which a search begins."""

TINIEST_RATE = 1e-30
"""Below this rate no search goes: about where steps become too small for float32."""

SPACING = 0.63
"""Decades between two rates that are tried, at most."""

WIDTH = 0.3
"""Decades: the standard deviation of the weights with which the rates around one count for it."""

ROWS = 1200
"""The largest number of rows that a search looks at. Of so many a third is held out, of fewer a fifth."""

FOLDS = 3
"""The largest number of folds."""

ROWS_OF_FOLDS = 1500
"""The largest number of rows of all folds together, if there are several."""

EPOCHS = 20
"""The largest number of epochs for which a rate is tried."""

FIRST_RUNG = 2
"""The lowest epoch at which rates are compared: in the first, the loss may be measured before any step."""

SHRINKAGE = 0.35
"""The power of the ratio of numbers of steps by which the best rate of a short training is above that of a long one."""

RATES_SHOWN = 5
"""Rates that a notebook shows, those around the suggestion."""


@dataclass(repr=False)
class RateSearch:
    """The result of a search for a learning rate.

    Attributes
    ----------
    suggestion : float
        The learning rate to train with.
    rates : ndarray
        (rates,) float64: the rates that were tried, ascending.
    epochs : list of int
        The epochs of the rungs. At each but the last, only the better half of the rates went on.
    losses : ndarray
        (rungs, rates) float64: the loss of the held-out rows at each rung, as a mean over the folds; NaN where a rate
        did not reach the rung or diverged. Where the loss of the held-out rows falls at no rate, they are those of the
        training rows.
    untrained_loss : float
        The loss of the same rows before training.

    See `find_learning_rate` for an example.
    """

    suggestion: float
    rates: NDArray[np.float64]
    epochs: list[int]
    losses: NDArray[np.float64]
    untrained_loss: float

    def plot(self, path: Path | None = None) -> Figure | None:
        """Draw the losses at each rung against the learning rate (extra ``plot``).

        Parameters
        ----------
        path : str or Path, optional
            The picture file to write, whose ending gives the format, such as ``.png``, ``.svg`` or ``.pdf``.

        Returns
        -------
        matplotlib.figure.Figure or None
            The figure, which a notebook shows, if there is no path.

        Raises
        ------
        ImportError
            If Matplotlib is not installed.
        """
        measured = self.rates, self.epochs, self.losses, self.untrained_loss, self.suggestion
        return plotting.rate_search(path, *measured)

    def __repr__(self) -> str:
        rates = f"{len(self.rates)} rates from {self.rates[0]:.3g} to {self.rates[-1]:.3g}"
        return f"RateSearch: suggestion {self.suggestion:.4g}, of {rates}"

    def _repr_html_(self) -> str:
        near = np.argsort(np.abs(np.log(self.rates / self.suggestion)), kind="stable")[:RATES_SHOWN]
        columns = ["learning rate", *(f"loss after {epochs}" for epochs in self.epochs)]
        return html.table(repr(self), columns, [[self.rates[index], *self.losses[:, index]] for index in sorted(near)])


@numpy_settings.own
def find_learning_rate(
    network: MLP,
    X: ArrayLike,
    y: ArrayLike,
    *,
    epochs: int = EPOCHS,
    min_rate: float | None = None,
    max_rate: float = MAX_RATE,
    batch_size: int = 32,
    loss: LossName | LossOption | None = None,
    optimizer: Descent = SGD(),
    schedule: Schedule | None = None,
    layer_rates: Sequence[float] | None = None,
    bias_rate: float = 1.0,
    bias_decay: float = 1.0,
    precision: Precision | None = None,
    clip: Clip | None = None,
    dropout: float = 0.0,
    average: EMA | None = None,
    validation: Validation | None = None,
    sample_weight: ArrayLike | None = None,
    class_weight: ClassWeight | None = None,
    standardize: bool = False,
    seed: int = 0,
    threads: int | None = None,
    backend: Backend = "kernels",
) -> RateSearch:
    """Find a learning rate: train copies of a network at many rates side by side, and go on with the better ones.

    15 rates, each 4.2 times the one before, are tried on at most 1,200 rows, of which at most 960 are trained on. After
    2, 5 and 10 of 20 epochs the better half of the rates goes on. The suggestion is not the very best rate, which may
    be next to those that diverge, but the one around which rates are best. As longer trainings need lower rates, it is
    lowered the more, the more steps the whole training takes.

    On 30 pairs of a task and an optimizer, 20 epochs at the suggestion end with 1.21 times the held-out loss of the
    best of 57 rates (geometric mean; at most 1.2 times on 73 %), as ``python -m benchmarks.learning_rates`` measures.
    The work is that of 96 epochs of 800 rows where there are 1,200 rows or more, whatever their number: four epochs of
    20,000 rows. Of 500 rows, on three folds, it is that of 96 epochs of 1,200 rows. Such small trainings cost more for
    each row than large ones: see `benchmarks/NOTES.md` for processor times.

    Parameters
    ----------
    network : MLP
        The network, which is not changed.
    X, y : array_like
        See `train`.
    epochs : int
        For how long the network is to be trained at the rate. A search tries no rate for more than 20 epochs.
    min_rate : float, optional
        The lowest rate to try, at least 1e-30. By default it is 1e-7, and lower ones are tried if that is too high.
    max_rate : float
        The highest rate to try, at least twice the lowest.
    optimizer : one of `fastprop.options.optimizers`, but not LBFGS
        The optimizer to train with later; its own learning rate is ignored.
    schedule : one of `fastprop.options.schedules`, optional
        See `train`; it is passed through in the epochs of the search.
    validation : float or (X, y), optional
        The rows on which rates are measured, see `train`. By default they are a fifth of the rows, and where these are
        few, two or three fifths in turn.
    batch_size, loss, layer_rates, bias_rate, bias_decay, precision, clip, dropout, average
        See `train`.
    sample_weight, class_weight, standardize, threads, backend
        See `train`.
    seed : int
        The seed of the order of the rows and of dropout, and of which rows of a large data set are looked at.

    Returns
    -------
    RateSearch

    Raises
    ------
    ValueError, TypeError
        If an argument is not as described, or the loss falls at none of the rates; the message says what to do.

    References
    ----------
    Jamieson and Talwalkar, "Non-stochastic best arm identification and hyperparameter optimization", AISTATS 2016.

    Examples
    --------
    >>> import fastprop as fp
    >>> X, y = fp.datasets.digits()
    >>> network = fp.MLP((64, 32, 10), output="softmax", seed=0)
    >>> found = fp.find_learning_rate(network, X, y, optimizer=fp.SGD(momentum=0.9))
    >>> 0.1 < found.suggestion < 1
    True
    >>> repr(found).split(", ")[1]
    'of 15 rates from 1e-07 to 50'
    """
    checks.instance(network, "network", MLP, "fp.MLP((64, 32, 10))")
    checks.instance(optimizer, "optimizer", DESCENTS, "fp.SGD()")
    epochs = checks.whole_number(epochs, "epochs")
    batch_size = checks.whole_number(batch_size, "batch_size")
    seed = checks.seed(seed)
    lowest = checks.number(MIN_RATE if min_rate is None else min_rate, "min_rate", minimum=TINIEST_RATE)
    highest = checks.number(max_rate, "max_rate", minimum=2 * lowest)
    loss = checks.loss(loss, network.output, network.layer_sizes[-1])
    data = Dataset.of(X, y, network, loss, sample_weight)
    split = Split.of(validation, data, network, loss).fitted()
    if network.input_mean is None and not checks.flag(standardize, "standardize"):
        warn_of_sizes(split.data.inputs, split.rows, network.dtype)
    sample = _Sample.of(split, seed)
    options = {
        "epochs": min(epochs, EPOCHS),
        "batch_size": batch_size,
        "loss": loss,
        "optimizer": optimizer,
        "schedule": schedule,
        "layer_rates": layer_rates,
        "bias_rate": bias_rate,
        "bias_decay": bias_decay,
        "precision": precision,
        "clip": clip,
        "dropout": dropout,
        "average": average,
        "class_weight": _by_index(class_weight, data.task),
        "standardize": standardize,
        "seed": seed,
        "threads": threads,
        "backend": backend,
    }
    found = _search(network, sample, lowest, highest, options)
    while min_rate is None and found.wants_lower_rates and lowest > TINIEST_RATE:
        lowest, highest = max(TINIEST_RATE, lowest * MIN_RATE / MAX_RATE), lowest
        found = _search(network, sample, lowest, highest, options)
    if not found.learns:
        found = _search(network, sample.without_held_out(), lowest, highest, options)
    if not found.learns:
        raise ValueError(
            f"the loss falls at none of the learning rates from {lowest:g} to {highest:g}: "
            f"look at X and y, or give other {checks.argument('min_rate')} and {checks.argument('max_rate')}."
        )
    steps = min(epochs, EPOCHS) * -(-sample.training_rows // batch_size)
    steps_of_training = epochs * -(-len(split.rows) // batch_size)
    suggestion = found.best_rate() * min(1.0, steps / steps_of_training) ** SHRINKAGE
    return RateSearch(suggestion, found.rates, found.epochs, found.losses, found.untrained_loss)


def _by_index(class_weight, task):
    """Return a `class_weight` that needs no names of classes, because a `_Sample` has none."""
    weights = None if class_weight is None else checks.class_weights(class_weight, task)
    return class_weight if weights is None else weights


class _Sample(NamedTuple):
    """The rows that a search looks at."""

    X: np.ndarray  # (m, n_in)
    y: np.ndarray  # (m,), (m, 1) or (m, n_out)
    weights: np.ndarray | None  # (m,) float64
    folds: list | None  # a `cv` of `sweep`, training rows first; None: train on all rows and hold none out

    @property
    def training_rows(self):
        """The number of rows that are trained on in a fold."""
        return len(self.X if self.folds is None else self.folds[0][0])

    def without_held_out(self):
        """Return the rows that are trained on in any fold, of which none are held out."""
        if self.folds is None:
            return self
        rows = np.unique(np.concatenate([training for training, *_ in self.folds]))
        weights = None if self.weights is None else self.weights[rows]
        return _Sample(self.X[rows], self.y[rows], weights, folds=None)

    @classmethod
    def of(cls, split, seed):
        """Return at most `ROWS` rows of each side of a split; if none are held out, folds of the rows."""
        random = np.random.default_rng(seed)
        training = _some(split.rows, random)
        X, y, weights = _of_rows(split.data, training)
        if len(split.held_out_rows) == 0:
            return cls(X, y, weights, _folds(X, y, split.data, training))
        held_out = _some(split.held_out_rows, random)
        others = _of_rows(split.held_out, held_out)
        folds = [(np.arange(len(X)), np.arange(len(X), len(X) + len(held_out)))]
        if (weights is None) != (others[2] is None):
            weights = np.ones(len(X)) if weights is None else weights
            others = *others[:2], np.ones(len(held_out)) if others[2] is None else others[2]
        pairs = zip((X, y, weights), others)
        return cls(*(None if mine is None else np.concatenate([mine, other]) for mine, other in pairs), folds)


def _some(rows, random):
    """Return `ROWS` of some row indices, drawn by chance, in their order; all if there are no more."""
    return rows if len(rows) <= ROWS else np.sort(random.permutation(rows)[:ROWS])


def _of_rows(data, rows):
    """Return inputs, y as it was given, and weights or None, of some rows of a data set."""
    return data.inputs.numbers(rows), data.given[rows], data.weights[rows] if len(data.weights) else None


def _folds(X, y, data, rows):
    """Return up to `FOLDS` folds of these rows, with no more than `ROWS_OF_FOLDS` rows in all, but at least one.

    A single row is in no fold.
    """
    if len(rows) == 1:
        return None
    of_rows = data._replace(inputs=data.inputs[rows], given=y, weights=np.zeros(0))
    with _without_warnings():
        folds = cross_validation_folds(3 if len(rows) >= ROWS else min(5, len(rows)), X, y, of_rows)
    return folds[: max(1, min(FOLDS, ROWS_OF_FOLDS // len(rows)))]


class _Found(NamedTuple):
    """What a search has measured; see `RateSearch`."""

    rates: np.ndarray  # (rates,)
    epochs: list  # (rungs,)
    losses: np.ndarray  # (rungs, rates)
    untrained_loss: float
    diverged: np.ndarray  # (rates,) bool

    @property
    def learns(self):
        """Whether the loss falls at any of the rates at which training does not diverge later."""
        return bool((self.losses[:, ~self.diverged] < self.untrained_loss).any())

    @property
    def wants_lower_rates(self):
        """Whether the best rate is, or could be, lower than those that were tried."""
        if not self.learns:
            return bool(self.diverged[0])
        return self.best_rate() < self.rates[1]

    def best_rate(self):
        """Return the rate whose surroundings cost the least."""
        costs = self._costs()
        positions = np.log10(self.rates)
        points = np.linspace(positions[0], positions[-1], 10 * len(positions))
        weights = np.exp(-0.5 * ((points[:, None] - points) / WIDTH) ** 2)
        means = weights @ np.interp(points, positions, costs) / weights.sum(axis=1)
        return float(10 ** points[np.argmin(means)])

    def _costs(self):
        """Return what each rate costs, (rates,), at the last rung that it reached.

        The best rate of the rung costs 0. One that diverges, or ends no better than untrained, costs 1. Between them,
        the cost is the square root of the share of the way to the best loss that is left, because losses near the best
        are to be told apart.
        """
        costs = np.ones(len(self.rates))
        for losses in self.losses:
            reached = np.isfinite(losses)
            if not reached.any():
                break
            best = losses[reached].min()
            way = self.untrained_loss - best
            left = (losses[reached] - best) / way if way > 0 else np.ones(reached.sum())
            costs[reached] = np.sqrt(np.minimum(left, 1))
        costs[self.diverged] = 1
        return costs


@contextmanager
def _without_warnings():
    """Silence warnings of rates that diverge, which are to be found, and of data, of which training will warn."""
    with warnings.catch_warnings():
        for category in (DivergenceWarning, DataWarning):
            warnings.simplefilter("ignore", category)
        yield


def _search(network, sample, lowest, highest, options):
    """Train at the rates from `lowest` to `highest`, and return the `_Found`."""
    count = 2 + int(np.log10(highest / lowest) / SPACING)
    rates = np.geomspace(lowest, highest, count)
    with _without_warnings(), interrupts.raised():
        result = sweep(
            network,
            sample.X,
            sample.y,
            {"learning_rate": [0.0, *rates]},  # at the rate 0 the network stays untrained
            sample_weight=sample.weights,
            cv=sample.folds,
            halving=Halving(2, min_epochs=FIRST_RUNG),
            keep=0,
            **options,
        )
    stopped = result.table["stopped"]
    history = np.full((len(stopped), result.rungs[-1]), np.nan)  # the sweep's is shorter if all end before
    history[:, : result.history.shape[1]] = np.where(np.isfinite(result.history), result.history, np.nan)
    losses = history[:, np.array(result.rungs) - 1].T
    untrained_loss = losses[0, 0]
    if np.isnan(untrained_loss):
        untrained_loss = np.inf
    return _Found(rates, result.rungs, losses[:, 1:], float(untrained_loss), stopped[1:] == "diverged")
