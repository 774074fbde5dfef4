"""Nested cross-validation: a whole sweep in each outer fold, whose choice is tested on the rows that it left out."""

from __future__ import annotations

import math
import os
import time
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastprop import checks, metrics, student_t
from fastprop.annotations import FloatArray
from fastprop.data import cross_validation_folds
from fastprop.metrics.scores import shown_score
from fastprop.options import OptunaSearch
from fastprop.runs import predict
from fastprop.sweeping.fold_networks import mean_of_rows
from fastprop.sweeping.time_limit import MIN_SECONDS


@dataclass(frozen=True, eq=False, repr=False)
class OuterScores:
    """How good the networks are that a sweep chooses, by an outer cross-validation around all of the sweep.

    In each outer fold the sweep is repeated on the training rows alone: its cross-validation, its choice, and the
    training of the best network. This network is then tested on the rows that the fold holds out.

    Attributes
    ----------
    score_name : str
        The name of the score, such as ``"accuracy"``.
    scores : ndarray
        (folds,) float64: the score of each outer fold's network on the rows that it holds out; NaN without a network.
    chosen : tuple of dict
        The hyperparameters that were chosen in each outer fold, by name; empty without a network.
    counts : ndarray
        (folds, 2) int64: how many rows each outer fold trains on and holds out.
    out_of_fold : ndarray
        (n, n_out) of the networks' dtype, read-only: for each row of the data the output of the network whose outer
        fold held it out; the mean, where several did; NaN, where none did.

    References
    ----------
    Varma and Simon, "Bias in error estimation when using cross-validation for model selection", BMC Bioinformatics
    2006.

    Examples
    --------
    >>> import fastprop as fp
    >>> X, y = fp.datasets.digits()
    >>> result = fp.sweep((64, 10), X, y, {"learning_rate": [0.001, 0.1]}, epochs=3, cv=3, outer=5)
    >>> [each["learning_rate"] for each in result.outer.chosen]
    [0.1, 0.1, 0.1, 0.1, 0.1]
    >>> low, high = result.outer.interval()
    >>> bool(low < result.outer.mean < high)
    True
    """

    score_name: str
    scores: NDArray[np.float64]
    chosen: tuple[dict[str, Any], ...]
    counts: NDArray[np.int64]
    out_of_fold: FloatArray

    @property
    def mean(self) -> float:
        """The mean of the scores."""
        return float(self.scores.mean())

    def interval(self, coverage: float = 0.95) -> tuple[float, float]:
        """Return an interval that holds the expected score with about this probability: the corrected resampled t test.

        Its half width is t · √((1 / k + n₂ / n₁) · s²) for k folds with n₁ rows to train on and n₂ held out, s² being
        the variance of the scores, and t the quantile of Student's distribution with k - 1 degrees of freedom. The term
        n₂ / n₁ takes into account that folds share rows to train on. An end beyond what the score can be is this
        limit: no accuracy is above 1.

        Parameters
        ----------
        coverage : float
            Between 0 and 1.

        Returns
        -------
        tuple of float
            The lower and the upper end; NaN with one fold, or if a score is NaN.

        References
        ----------
        Nadeau and Bengio, "Inference for the generalization error", Machine Learning 52, 2003.
        """
        coverage = checks.number(coverage, "coverage", below=1.0)
        folds = len(self.scores)
        if folds < 2 or not np.isfinite(self.scores).all():
            return math.nan, math.nan
        trained, tested = self.counts.mean(axis=0)
        half = math.sqrt((1 / folds + tested / trained) * self.scores.var(ddof=1))
        half *= student_t.quantile((1 + coverage) / 2, folds - 1)
        low, high = self.mean - half, self.mean + half
        score = metrics.SCORES.get(self.score_name)
        return (low, high) if score is None else score.limited(low, high, self.scores)

    def __str__(self) -> str:
        low, high = self.interval()
        return (
            f"{self.score_name} {shown_score(self.mean)} on average over {len(self.scores)} outer folds "
            f"(95 % interval {shown_score(low)} to {shown_score(high)})"
        )

    def __repr__(self) -> str:
        return f"OuterScores({self})"


@dataclass(eq=False)
class OuterFold:
    """An outer fold: which rows it holds out, and what the best network of its sweep gives for them."""

    training: NDArray[np.int64]  # (m,) rows of the data to search on
    tested: NDArray[np.int64]  # (k,) rows of the data to test on
    left_out: NDArray[np.int64]  # all rows that are not trained on
    score: metrics.Score
    measured: float = math.nan
    outputs: FloatArray | None = None  # (k, n_out); None without a network
    chosen: dict[str, Any] = field(default_factory=dict)

    def test(self, result, experiment):
        """Test the best network of a sweep's result on the rows that the fold holds out."""
        network = result.best_network
        if network is None:
            return
        best = result.best
        self.chosen = {name: best[name] for name in result.hyperparameters}
        self.outputs = predict(network, experiment.data.inputs, experiment.all_rows.scored)
        rows = experiment.all_rows.scored
        y, weights = experiment.data.as_given(rows), experiment.data.weights_in_scores(rows)
        self.measured = metrics.measure(self.score, self.outputs, y, self.tested, weights).value


def repeatable(cv, outer):
    """Return folds that can be asked for more than once, if there are outer folds: an iterator becomes a list."""
    is_iterator = outer is not None and hasattr(cv, "__next__")
    return list(cv) if is_iterator else cv


def check(outer, cv, keeps_folds, search):
    """Raise a ValueError if a sweep with these arguments has nothing that `outer` can repeat or test."""
    if outer is None:
        return
    name = checks.argument("outer")
    if cv is None:
        raise ValueError(
            f"{name} repeats a cross-validation in each outer fold, but there is none: give {checks.argument('cv')}, "
            "too."
        )
    if keeps_folds:
        raise ValueError(f"{name} tests the network that is trained once more on all rows: leave out refit=False.")
    if isinstance(search, OptunaSearch):
        raise ValueError(
            f"{name} repeats the search in each fold, and a study knows all results: give samples without search."
        )


def outer_folds(outer, X, y, data, score):
    """Return a list of the `OuterFold`s that `outer` stands for as `cv` does.

    Raises
    ------
    ValueError, TypeError
        If `outer` is not as described, or the score is undefined on the rows that a fold holds out.
    """
    if outer is None:
        return []
    try:
        sides = cross_validation_folds(outer, X, y, data)
    except (ValueError, TypeError) as error:
        raise type(error)(f"{checks.argument('outer')} is taken as {checks.argument('cv')} is: {error}") from None
    for index, (_, _, tested) in enumerate(sides):
        where = f"the rows that outer fold {index} holds out"
        if reason := metrics.why_undefined(score, data.task, data.as_given(tested), where):
            raise ValueError(f"score {score.name!r} {reason}: give other or fewer outer folds, or another score.")
    every = np.arange(len(data.inputs))
    return [OuterFold(training, tested, np.setdiff1d(every, training), score) for training, _, tested in sides]


def nested(search, arguments, folds, result):
    """Repeat a sweep inside each outer fold, and return the `OuterScores`, or None if there are no outer folds.

    Parameters
    ----------
    search : callable
        Takes the arguments of `sweep` and an ``outer_fold``, on whose training rows it searches; returns the result.
    arguments : dict
        The arguments of the sweep on all rows.
    folds : list of OuterFold
    result : SweepResult
        That of the sweep on all rows, whose time becomes that of all sweeps.
    """
    if not folds:
        return None
    seconds = arguments["seconds"]
    is_interrupted = result.is_interrupted
    others = []  # seconds in which the sweep of a fold did not search, but trained its best network once more
    for number, fold in enumerate(folds):
        if is_interrupted:
            break
        changed = {"outer": None, "keep": "best", "journal": _journal(arguments["journal"], number)}
        if seconds is not None:
            # All sweeps, that on all rows included, are taken to need as long for this as those before on average.
            left = seconds - result.seconds - (1 + len(folds)) * float(np.mean(others or [0.0]))
            changed["seconds"] = max(MIN_SECONDS, left / (len(folds) - number))
        begin = time.perf_counter()
        of_fold = search(outer_fold=fold, **arguments | changed)
        others.append(time.perf_counter() - begin - of_fold.seconds)
        result.seconds += of_fold.seconds
        is_interrupted = of_fold.is_interrupted
    return _scores(folds, result.score_name)


def first_seconds(seconds, folds):
    """Return how long the sweep on all rows may take, of the `seconds` of a nested cross-validation, or None."""
    return None if seconds is None else seconds / (1 + len(folds))


def _journal(path, number):
    """Return the path of the journal of an outer fold, beside that of the sweep on all rows."""
    return None if path is None else f"{os.fspath(path)}.outer{number}"


def _scores(folds, score_name):
    rows = len(folds[0].training) + len(folds[0].left_out)
    known = [fold for fold in folds if fold.outputs is not None]
    out_of_fold = checks.read_only(np.full((rows, 0), np.nan))
    if known:
        out_of_fold = mean_of_rows([fold.outputs for fold in known], [fold.tested for fold in known], rows)
    return OuterScores(
        score_name=score_name,
        scores=np.array([fold.measured for fold in folds]),
        chosen=tuple(fold.chosen for fold in folds),
        counts=np.array([[len(fold.training), len(fold.tested)] for fold in folds]),
        out_of_fold=out_of_fold,
    )
