"""Searches configurations of networks for a table, keeps the networks of the folds of the best, and weighs these."""

from __future__ import annotations

import time
import warnings
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastprop import checks, interrupts
from fastprop.annotations import FloatArray
from fastprop.calibration import fit_temperature
from fastprop.data import Dataset, ScaledTargets, cross_validation_folds
from fastprop.ensembles import Ensemble
from fastprop.intervals import FoldErrors
from fastprop.metrics import SCORES, Score
from fastprop.network import MLP
from fastprop.notices import DataWarning
from fastprop.options import AdamW, EarlyStopping, Halving
from fastprop.sweeping.greedy_weights import greedy_weights
from fastprop.sweeping.grids import Draws
from fastprop.sweeping.journal import recorded_epochs
from fastprop.sweeping.sweep import sweep
from fastprop.tabular import search_space
from fastprop.tabular.column_inputs import ColumnInputs
from fastprop.tabular.recipe import RECIPE
from fastprop.tabular.rounds import Rounds

MAX_KEPT = 24
"""Configurations whose networks and out-of-fold outputs are kept in memory."""

HALVING = Halving(2, min_epochs=12)
"""Which configurations go on at the rungs of a round."""

TIMED_CONFIGURATIONS = 2
"""Configurations that are trained for a few epochs to see how long these take."""

TIMED_SHARE = 0.03
"""Of all time, what is taken to see how long an epoch takes, if one epoch takes less."""

FEW_CONFIGURATIONS = 6
"""Configurations for which time is to suffice if all of them are trained to the end."""

MIN_EPOCHS = 8
"""Epochs of a configuration that is trained to the end, however short the time."""

DEFAULT_SCORES = {"softmax": "log_loss", "identity": "rmse"}
"""By output activation, the score that ranks if none is named; for others the loss ranks."""


class SearchOptions(NamedTuple):
    """How configurations are searched: until `seconds` are over, or until there were `configurations`."""

    seconds: float | None = None  # for all that `tuned` does
    configurations: int | None = None
    folds: int = 5
    epochs: int = RECIPE.search_epochs  # fewer, where time does not suffice for a few configurations
    score: str | Score | None = None  # what ranks, and chooses the weights
    seed: int = 0
    threads: int | None = None
    journal: Any = None  # a path, or None
    progress: bool = False
    calibrates: bool = False  # whether the ensemble of classes has a temperature


class KeptConfiguration(NamedTuple):
    """A configuration whose networks are kept."""

    index: int  # in the order in which configurations were drawn
    values: dict[str, Any]  # of its hyperparameters, by name
    cost: float  # its score, in the sign that makes the lowest the best
    score: float  # on average over the folds
    networks: tuple[MLP, ...]  # (folds,)
    outputs: FloatArray  # (n, n_out), out-of-fold
    losses: NDArray[np.float64]  # (epochs,) the mean loss of held-out rows over the folds after each epoch


class TunedSearch(NamedTuple):
    """What came of a search."""

    kept: list[KeptConfiguration]  # best first
    weights: NDArray[np.float64]  # (kept,) of the configurations in the ensemble, whose sum is 1
    folds: list[tuple[NDArray[np.int64], NDArray[np.int64]]]  # training rows and held-out rows of each
    score_name: str
    tried: int  # the number of configurations that were begun
    epochs: int  # that a configuration has at most
    seconds: float
    is_interrupted: bool  # whether Ctrl-C ended the search
    y: NDArray[Any]  # the targets
    output: str  # the output activation of the networks
    calibrates: bool  # whether the ensemble has a temperature

    @property
    def ensemble(self) -> Ensemble:
        """The ensemble of the networks of all folds of the configurations that have a weight.

        Where numbers are predicted, it knows the errors of its out-of-fold outputs; where classes are, it may have the
        temperature that these outputs need.
        """
        is_numeric = self.output not in ("softmax", "sigmoid")
        errors = FoldErrors.of(self.outputs, self.y, self.folds) if is_numeric else None
        networks = [each.networks for each in self.kept]
        return Ensemble.of_folds(networks, self.weights, fold_errors=errors, temperature=self.temperature)

    @property
    def temperature(self) -> float:
        """The temperature of the ensemble, which its out-of-fold outputs need; 1 if it has none."""
        return fit_temperature(self.outputs, self.y) if self.calibrates else 1.0

    @property
    def outputs(self) -> NDArray[np.float64]:
        """The out-of-fold outputs of the ensemble, (n, n_out): for each row, of the networks not trained on it."""
        return np.asarray(sum(weight * each.outputs for weight, each in zip(self.weights, self.kept)), np.float64)

    def with_weight(self) -> TunedSearch:
        """Return the same without the configurations whose weight is 0."""
        chosen = [each for each, weight in zip(self.kept, self.weights) if weight > 0]
        return self._replace(kept=chosen, weights=self.weights[self.weights > 0])

    def encoders(self, X: ColumnInputs) -> list[Any]:
        """Return the encoder of the inputs of each network of the ensemble; `X` is what was trained on."""
        of_folds = [X.encoder_of(training) for training, _ in self.folds]
        return of_folds * int(np.count_nonzero(self.weights))


def tuned(prototype: MLP, X: Any, y: NDArray[Any], options: SearchOptions) -> TunedSearch:
    """Search configurations for a table, and return those that make the best ensemble, as `TunedSearch`.

    Configurations are drawn from `search_space.tuned_space`. They are trained by cross-validation and compared at
    rungs, in one sweep if their number is given, or in several one after the other until the time is over. Before them
    that of the recipe is trained to the end. The networks of the folds of the best are kept, and weighed by
    `greedy_weights`.

    Parameters
    ----------
    prototype : MLP
        An untrained network with the inputs, outputs, output activation, dtype and names of all.
    X : ColumnInputs or ndarray
        (n, n_in).
    y : ndarray
        (n,) or (n, n_out): classes from 0 on for a softmax output, else as `sweep` takes them.
    options : SearchOptions

    Raises
    ------
    ValueError
        If no configuration could be trained.
    """
    begin = time.perf_counter()
    if options.calibrates:
        checks.output_of_classes(prototype)
    rounds = Rounds(options.seconds, options.configurations)
    search = _Search(prototype, X, y, options)
    is_interrupted = False
    try:
        if options.seconds is not None:
            rounds.begin(begin + search.fit_epochs(options.seconds))
        while not is_interrupted and (size := rounds.next_size()) > 0:
            seconds, is_interrupted = search.train(size, rounds.seconds_left())
            rounds.ended(size, seconds)
    except KeyboardInterrupt:
        if not search.kept:
            raise
        interrupts.tell(f"the search after {search.tried} configurations")
        is_interrupted = True
    if not search.kept:
        raise ValueError("no configuration was trained to an end: give more seconds, or inputs without outliers.")
    weights = search.weights()
    took = time.perf_counter() - begin
    return TunedSearch(
        kept=search.kept,
        weights=weights,
        folds=search.folds,
        score_name=search.score_name,
        tried=search.tried,
        epochs=search.epochs,
        seconds=took,
        is_interrupted=is_interrupted,
        y=y,
        output=prototype.output,
        calibrates=options.calibrates,
    )


class _Search:
    """Draws and trains configurations, and keeps the best."""

    def __init__(self, prototype, X, y, options):
        self._prototype = prototype
        self._X = X
        self._y = y
        self._options = options
        self._space = search_space.tuned_space(prototype, len(y))
        self._score = options.score or DEFAULT_SCORES.get(prototype.output)
        self.epochs = options.epochs
        self.folds = _folds(prototype, y, options.folds)
        self.kept = []
        self.tried = 0
        self.score_name = "loss" if self._score is None else getattr(self._score, "name", self._score)

    def fit_epochs(self, seconds):
        """Plan fewer epochs where a search would not train a few configurations to the end in so many seconds.

        Returns how many seconds it took to compile or load the kernels.
        """
        begin = time.perf_counter()
        epoch = self._seconds_of_epoch(1, seconds)
        compiling = time.perf_counter() - begin - TIMED_CONFIGURATIONS * epoch
        more = int(TIMED_SHARE * seconds / (TIMED_CONFIGURATIONS * epoch))
        if more > 1:  # the first epoch takes longer than others
            epoch = min(epoch, self._seconds_of_epoch(min(more, self.epochs), seconds))
        fitting = int(seconds / (FEW_CONFIGURATIONS * epoch))
        self.epochs = min(self.epochs, max(MIN_EPOCHS, fitting))
        recorded = None if self._options.journal is None else recorded_epochs(self._options.journal)
        if recorded is not None and MIN_EPOCHS <= recorded <= self._options.epochs:
            self.epochs = recorded  # so that what is recorded counts, though time may be measured otherwise now
        return compiling

    def _seconds_of_epoch(self, epochs, seconds):
        """Return how long a configuration takes for an epoch of all folds, by training a few for some epochs."""
        values = self._drawn(0, TIMED_CONFIGURATIONS)
        result = self._sweep(values, epochs, seconds, keep=0, halving=None, journal=None)
        return max(result.seconds, 1e-6) / (len(values) * epochs)

    def train(self, size, seconds):
        """Train the next `size` configurations; return for how many seconds, and whether Ctrl-C ended this."""
        values = self._drawn(self.tried, size)
        begin = time.perf_counter()
        result = self._sweep(values, self.epochs, seconds, MAX_KEPT, HALVING, self._options.journal)
        stopped = result.table["stopped"].tolist()
        is_in_time = seconds is None or time.perf_counter() - begin < seconds
        self._keep_best(result, values)
        self.tried += size - stopped.count("not run")
        return result.seconds, "interrupted" in stopped or ("not run" in stopped and is_in_time)

    def weights(self):
        """Return the weights (kept,) of the configurations that are kept."""
        score = self._options.score
        score = SCORES.get(score, score) if isinstance(score, str) else score
        outputs = [each.outputs for each in self.kept]
        return greedy_weights(outputs, self._y, self._prototype.output, score=score)

    def _drawn(self, begin, count):
        """Return the values of `count` configurations; the first one is that of the recipe."""
        draws = Draws(self._space, begin + count, self._options.seed)
        drawn = [draws[index] | {"seed": self._options.seed + index} for index in range(begin, begin + count)]
        if begin == 0:
            drawn[0] = search_space.first_configuration(self._prototype, len(self._y)) | {"seed": self._options.seed}
        return drawn

    def _sweep(self, values, epochs, seconds, keep, halving, journal):
        options = self._options
        y = ScaledTargets(self._y) if self._prototype.output == "identity" else self._y
        with warnings.catch_warnings():
            if self.tried:  # the first sweep has warned of the data
                warnings.simplefilter("ignore", DataWarning)
            return sweep(
                self._prototype,
                self._X,
                y,
                values,
                epochs=epochs,
                seconds=seconds,
                optimizer=AdamW(),
                early_stopping=EarlyStopping(epochs),
                cv=self.folds,
                score=self._score,
                halving=halving,
                standardize=True,
                keep=keep,
                refit=False,
                threads=options.threads,
                journal=journal,
                progress=options.progress,
            )

    def _keep_best(self, result, values):
        """Keep the best of the configurations that were kept so far and of those of a sweep."""
        for index, networks in result.fold_networks.items():
            row = result.table[index]
            cost = float(row[result.ranks]) * (-1 if result.higher_is_better else 1)
            self.kept.append(
                KeptConfiguration(
                    index=self.tried + index,
                    values=values[index],
                    cost=cost,
                    score=float(row["validation_loss" if self._score is None else "score"]),
                    networks=networks,
                    outputs=result.out_of_fold(index),
                    losses=result.history[index].copy(),
                )
            )
        self.kept.sort(key=lambda each: each.cost)
        del self.kept[MAX_KEPT:]


def _folds(prototype, y, count):
    """Return training rows and held-out rows of each fold, as `sweep` makes them with ``cv=count``."""
    X = np.zeros((len(y), prototype.layer_sizes[0]), np.float32)
    loss = checks.loss(None, prototype.output, prototype.layer_sizes[-1])
    data = Dataset.of(X, y, prototype, loss)
    return [(training, held_out) for training, held_out, _ in cross_validation_folds(count, X, y, data)]
