"""Searches configurations of networks for a table, keeps the networks of the folds of the best, and weighs these."""

from __future__ import annotations

import os
import time
import warnings
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastprop import checks, interrupts
from fastprop.annotations import ArrayLike, ClassWeight
from fastprop.data import Dataset, ScaledTargets, Split, balanced, cross_validation_folds, weighted
from fastprop.metrics import SCORES, Score
from fastprop.network import MLP
from fastprop.notices import DataWarning
from fastprop.options import AdamW, EarlyStopping, Halving
from fastprop.sweeping.greedy_weights import cross_fitted, greedy_weights
from fastprop.sweeping.grids import Draws
from fastprop.sweeping.journal import recorded_epochs
from fastprop.sweeping.sweep import sweep
from fastprop.tabular import search_space
from fastprop.tabular.recipe import RECIPE
from fastprop.tabular.rounds import CountedRounds, TimedRounds
from fastprop.tabular.time_plan import MIN_EPOCHS, planned
from fastprop.tabular.tuned_search import KeptConfiguration, TunedSearch

SECONDS = 60.0
"""How long a search takes if neither seconds nor configurations are given."""

MAX_KEPT = 24
"""Configurations whose networks and out-of-fold outputs are kept in memory."""

HALVING = Halving(2, min_epochs=12)
"""Which configurations go on at the rungs of a round."""

TIMED_SHARE = 0.03
"""Of all time, what is taken to see how long an epoch takes, if one epoch takes less."""

OTHERS_EVERY = 3
"""Of so many rounds, one has another encoding of numbers than that of the best configuration."""

SEED_STEP = 2**32
"""The difference between the seeds of a configuration, by which each differs from those of all others."""

DEFAULT_SCORES = {"softmax": "log_loss", "identity": "rmse"}
"""By output activation, the score that ranks if none is named; for others the loss ranks."""


class SearchOptions(NamedTuple):
    """How configurations are searched: until `seconds` are over, or until there were `configurations`."""

    seconds: float | None = None  # for all that `tuned` does
    configurations: int | None = None
    seeds: int = 1  # with so many each configuration is trained
    folds: int = 5
    epochs: int = RECIPE.search_epochs  # fewer, where time does not suffice for a few configurations
    score: str | Score | None = None  # what ranks, and chooses the weights
    seed: int = 0
    threads: int | None = None
    journal: Any = None  # a path, or None
    progress: bool = False
    calibrates: bool = False  # whether the ensemble of classes has a temperature
    precision: str | None = None  # of the products of wide layers, see `fastprop.train`


def needs_temperature(score: str | None) -> bool:
    """Return whether classes need a temperature if a score of this name ranks configurations and chooses the weights.

    The log loss, which does so by default, itself makes probabilities about as sure as they are right; others, such as
    the accuracy, do not look at how sure they are.
    """
    return score not in (None, DEFAULT_SCORES["softmax"])


def tuned(
    prototype: MLP,
    X: Mapping[str, Any],
    y: NDArray[Any],
    options: SearchOptions,
    *,
    sample_weight: ArrayLike | None = None,
    class_weight: ClassWeight | None = None,
    begin: float | None = None,
) -> TunedSearch:
    """Search configurations for a table, and return those that make the best ensemble, as `TunedSearch`.

    Configurations are drawn from `search_space.tuned_space`. They are trained by cross-validation and compared at
    rungs, in one sweep if their number is given, or in several one after the other until the time is over. Before them
    that of the recipe is trained to the end, with each encoding of the inputs. Each sweep has one encoding: mostly that
    of the best configuration so far, and one in `OTHERS_EVERY` another. The networks of the folds of the best are kept,
    and weighed by `greedy_weights`. With a journal, each encoding but the first has a file of its own, with the
    encoding's name at the end.

    Parameters
    ----------
    prototype : MLP
        An untrained network with the outputs, output activation, dtype and names of classes of all.
    X : mapping
        The inputs (n, n_in), as `ColumnInputs` or an array, by the name of their encoding; at least one.
    y : ndarray
        (n,) or (n, n_out): classes from 0 on for a softmax output, else as `sweep` takes them.
    options : SearchOptions
    sample_weight, class_weight
        See `fastprop.train`. They weigh rows in the loss, in the score, in the choice of the ensemble's weights and in
        its temperature. A score that is named weighs rows by `sample_weight` alone.
    begin : float, optional
        When the time of the search began, by ``time.perf_counter``; by default now.

    Raises
    ------
    ValueError
        If no configuration could be trained, or the score cannot weigh rows.
    KeyboardInterrupt
        After Ctrl-C, if none was trained so far.
    """
    begin = time.perf_counter() if begin is None else begin
    if options.calibrates:
        checks.output_of_classes(prototype)
    if options.score is None and class_weight is not None:
        sample_weight, class_weight = _targets(prototype, y, sample_weight, class_weight).weights, None
    targets = _targets(prototype, y, sample_weight, class_weight)
    search = _Search(prototype, X, targets, class_weight, options)
    is_interrupted = False
    try:
        rounds = _rounds(search, options, begin)
        while not is_interrupted and (size := rounds.next_size()) > 0:
            seconds, is_interrupted = search.train(size, rounds.seconds_left())
            rounds.ended(size, seconds)
    except KeyboardInterrupt:
        if search.kept:
            interrupts.tell(f"the search after {search.tried} configurations")
        is_interrupted = True
    if not search.kept:
        if is_interrupted:
            raise KeyboardInterrupt
        raise ValueError("no configuration was trained to an end: give more seconds, or inputs without outliers.")
    weights, outputs = search.weights()
    took = time.perf_counter() - begin
    return TunedSearch(
        kept=search.kept,
        weights=weights,
        cross_fitted=outputs,
        folds=search.folds,
        score_name=search.score_name,
        tried=search.tried,
        epochs=search.epochs,
        seconds=took,
        is_interrupted=is_interrupted,
        y=y,
        score_weights=targets.score_weights,
        output=prototype.output,
        calibrates=options.calibrates,
    )


def _rounds(search, options, begin):
    """Return the rounds of a `_Search`; one with a time is fitted to it, whose compiling does not count."""
    if options.seconds is None:
        return CountedRounds(options.configurations, search.encodings)
    begin += search.fit_to_time(options.seconds)
    return TimedRounds(begin, options.seconds, options.configurations, search.encodings)


class _Search:
    """Draws and trains configurations, and keeps the best."""

    def __init__(self, prototype, X, targets, class_weight, options):
        self._prototype = prototype
        self._X = X
        self._tells_encoding = len(X) > 1
        self._y = targets.given
        self._options = options
        self._rounds_begun = 0
        self._space = search_space.tuned_space(prototype, len(targets.given))
        self._row_weights = targets.score_weights
        self._class_weight = class_weight
        ranks = options.score or DEFAULT_SCORES.get(prototype.output)
        self._score = self._score_of(ranks)  # that ranks configurations; None for the loss
        self._score_of_weights = self._score_of(options.score)  # by which the ensemble's weights are chosen
        self.epochs = options.epochs
        folds = cross_validation_folds(options.folds, targets.inputs, targets.given, targets)
        self.folds = [(training, held_out) for training, held_out, _ in folds]
        self.kept = []
        self.tried = 0
        self.score_name = "loss" if self._score is None else self._score.name

    def _score_of(self, score):
        """Return the `Score` of a name or a score, which weighs rows if they have weights; None of None."""
        found = SCORES.get(score, score) if isinstance(score, str) else score
        return found if found is None or self._row_weights is None else found.weighted()

    def fit_to_time(self, seconds):
        """Plan fewer epochs, encodings and widths where not even a few configurations could be trained to the end.

        Returns how many seconds it took to compile or load the kernels.
        """
        begin = time.perf_counter()
        from fastprop import runs  # noqa: F401 (that Numba is imported)

        imported = time.perf_counter() - begin
        epoch, compiled = self._seconds_of_epoch(1, seconds)
        more = int(TIMED_SHARE * seconds / epoch)
        if more > 1:  # the first epoch takes longer than others
            epoch = min(epoch, self._seconds_of_epoch(min(more, self.epochs), seconds)[0])
        costs = {name: search_space.recipe_cost(X.shape[1], self._prototype) for name, X in self._X.items()}
        plan = planned(seconds, epoch, costs, self.epochs)
        self.epochs = plan.epochs
        if self._options.journal is None:
            self._X = {name: self._X[name] for name in plan.encodings}
            self._space = search_space.tuned_space(self._prototype, len(self._y), plan.max_cost)
        else:  # what is recorded is to count, though time may be measured otherwise now
            recorded = recorded_epochs(self._options.journal)
            if recorded is not None and MIN_EPOCHS <= recorded <= self._options.epochs:
                self.epochs = recorded
        return imported + compiled

    def _seconds_of_epoch(self, epochs, seconds):
        """Return how long the recipe's configuration takes for an epoch of all folds, by training it for some epochs.

        What a sweep does beside the training does not count, because it takes longer than these epochs of few rows. The
        second number that is returned is how long it took to compile or load the kernels, in seconds.
        """
        encoding = next(iter(self._X))
        result = self._sweep(encoding, self._drawn(0, 1, encoding), epochs, seconds, 0)
        trained = min(result.seconds, float(result.table["seconds"].sum()))  # the latter of all threads
        return max(trained, 1e-6) / epochs, result.preparing_seconds

    def train(self, size, seconds):
        """Train the next `size` configurations; return for how many seconds, and whether Ctrl-C ended this."""
        encoding = self._encoding_of_round(self._rounds_begun)
        self._rounds_begun += 1
        values = self._drawn(self.tried, size, encoding)
        begin = time.perf_counter()
        result = self._sweep(encoding, values, self.epochs, seconds, MAX_KEPT)
        stopped = result.table["stopped"].tolist()
        is_in_time = seconds is None or time.perf_counter() - begin < seconds
        self._keep_best(result, values, encoding)
        seeds = self._options.seeds
        self.tried += sum(set(stopped[first : first + seeds]) != {"not run"} for first in range(0, len(stopped), seeds))
        return result.seconds, "interrupted" in stopped or ("not run" in stopped and is_in_time)

    def weights(self):
        """Return the weights (kept,) of the configurations that are kept, and the `cross_fitted` outputs."""
        outputs = [each.outputs for each in self.kept]
        given = outputs, self._y, self._prototype.output
        options = {"score": self._score_of_weights, "sample_weight": self._row_weights}
        held_out = [rows for _, rows in self.folds]
        return greedy_weights(*given, **options), cross_fitted(*given, held_out, **options)

    @property
    def encodings(self):
        """The number of encodings that are tried."""
        return len(self._X)

    def _encoding_of_round(self, index):
        """Return the name of a round's encoding: at first each in turn, and then mostly that of the best configuration.

        Of `OTHERS_EVERY` rounds the last one has another encoding, again each in turn.
        """
        names = list(self._X)
        if index < len(names) or not self.kept:
            return names[index % len(names)]
        best = self.kept[0].encoding
        others = [name for name in names if name != best]
        turn, offset = divmod(index - len(names), OTHERS_EVERY)
        return others[turn % len(others)] if others and offset == OTHERS_EVERY - 1 else best

    def _drawn(self, begin, count, encoding):
        """Return the values of `count` configurations, from the one of index `begin` on, each with all of its seeds.

        The first of each encoding is that of the recipe; the first rounds have one configuration and one encoding each.
        """
        n_in = self._X[encoding].shape[1]
        draws = Draws(self._space, begin + count, self._options.seed)
        drawn = [draws[index] for index in range(begin, begin + count)]
        if begin < len(self._X):
            drawn[0] = search_space.first_configuration(self._prototype, len(self._y))
        first_seed = self._options.seed + begin
        return [
            values | {"seed": seed + turn * SEED_STEP, "layer_sizes": (n_in, *values["layer_sizes"][1:])}
            for seed, values in enumerate(drawn, first_seed)
            for turn in range(self._options.seeds)
        ]

    def _journal(self, encoding):
        """Return the path of the journal of an encoding, or None."""
        path = self._options.journal
        return path if path is None or encoding == next(iter(self._X)) else f"{os.fspath(path)}.{encoding}"

    def _sweep(self, encoding, values, epochs, seconds, keep):
        """Train configurations; with `keep` of 0 all of them, and for their time alone."""
        options, X, given = self._options, self._X[encoding], self._prototype
        sizes = X.shape[1], given.layer_sizes[-1]
        prototype = MLP(sizes, output=given.output, dtype=given.dtype, class_names=given.class_names)
        y = ScaledTargets(self._y) if self._prototype.output == "identity" else self._y
        with warnings.catch_warnings():
            if self.tried:  # the first sweep has warned of the data
                warnings.simplefilter("ignore", DataWarning)
            return sweep(
                prototype,
                X,
                y,
                values,
                epochs=epochs,
                seconds=seconds,
                optimizer=AdamW(),
                early_stopping=EarlyStopping(epochs),
                cv=self.folds,
                score=self._score,
                sample_weight=self._row_weights,
                class_weight=self._class_weight,
                halving=HALVING if keep else None,
                standardize=True,
                keep=keep,
                refit=False,
                precision=options.precision,
                threads=options.threads,
                journal=self._journal(encoding) if keep else None,
                progress=options.progress,
            )

    def _keep_best(self, result, values, encoding):
        """Keep the best of the configurations that were kept so far and of those of a sweep."""
        told = {"numeric_encoding": encoding} if self._tells_encoding else {}
        for index, networks in result.fold_networks.items():
            row = result.table[index]
            cost = float(row[result.ranks]) * (-1 if result.higher_is_better else 1)
            self.kept.append(
                KeptConfiguration(
                    index=self.tried + index // self._options.seeds,
                    values=values[index] | told,
                    encoding=encoding,
                    cost=cost,
                    score=float(row["validation_loss" if self._score is None else "score"]),
                    networks=networks,
                    outputs=result.out_of_fold(index),
                    losses=result.history[index].copy(),
                )
            )
        self.kept.sort(key=lambda each: each.cost)
        del self.kept[MAX_KEPT:]


def _targets(prototype, y, sample_weight, class_weight):
    """Return a `Dataset` of targets, without inputs, in which rows have their weights times those of their classes."""
    X = np.zeros((len(y), prototype.layer_sizes[0]), np.float32)
    loss = checks.loss(None, prototype.output, prototype.layer_sizes[-1])
    data = weighted(Dataset.of(X, y, prototype, loss, sample_weight), class_weight)
    return balanced(Split.of(None, data, prototype, loss)).data if checks.is_balanced(class_weight) else data
