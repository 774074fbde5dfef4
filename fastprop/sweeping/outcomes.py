"""Outcomes: the results of a fit, and of a configuration, which has one fit for each fold."""

import functools
import math
import operator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

import numpy as np

from fastprop.metrics import INTERRUPTED, Measurement
from fastprop.network import MLP
from fastprop.runs.history import Measured

ENDED_WELL = "finished", "early", "converged", "out of time"
"""The values of `stopped` of configurations that trained until there was no more to gain, or no more time."""

NOT_RECORDED = "interrupted", "out of time"
"""The values of `stopped` of configurations that a journal does not have, because they are to be trained again."""

ENDINGS = "interrupted", "diverged", "out of time", "halved", "early", "converged", "finished"
"""Values of `stopped`, the worst first: that of a configuration is the first of these that one of its fits has."""


def is_finished(stopped, final_epochs):
    """Return which configurations are finished: those that ended well, or diverged after weights to go back to.

    Both arguments are columns of a result's table, (configurations,), or the values of one row.

    Examples
    --------
    >>> import numpy as np
    >>> from fastprop.sweeping.outcomes import is_finished
    >>> is_finished(np.array(["finished", "diverged", "diverged", "halved"]), np.array([10, 0, 7, 5])).tolist()
    [True, False, True, False]
    """
    if isinstance(stopped, str):
        return stopped in ENDED_WELL or (stopped == "diverged" and final_epochs > 0)
    return np.isin(stopped, ENDED_WELL) | ((stopped == "diverged") & (final_epochs > 0))


def survived(stopped, rungs_reached):
    """Return which configurations Ctrl-C has interrupted after they survived a rung, which are better than the others.

    Both arguments are arrays (configurations,): a column of a result's table, and how many rungs each has reached.
    """
    return (stopped == "interrupted") & (rungs_reached > 0)


class LaneState:
    """The state of a fit in a lane of a `PackRun`, which goes on from it in place, or exports it when it moves."""

    def __init__(self, run, lane):
        self.run = run
        self.lane = lane

    @property
    def configuration(self):
        """The configuration of the fit, so that it is not made anew; None where the run does not know it."""
        return self.run.configuration(self.lane)

    @property
    def network(self):
        """A network with which the fit can go on in another run, once it has the parameters of `arrays`."""
        return self.run.network(self.lane)

    @cached_property
    def arrays(self):
        """The arrays by name from which another run goes on; to be asked for before this run goes on."""
        return self.run.export(self.lane)


class ExportedState:
    """The state of a fit that has left the run that trained it."""

    run = None
    configuration = None
    network = None

    def __init__(self, arrays):
        self.arrays = arrays


class TakenState:
    """The state of another fit from which one goes on in the lane of a `PackRun` in which it is, or in another run."""

    configuration = None
    network = None

    def __init__(self, run, lane, arrays):
        self.run = run
        self.lane = lane
        self.arrays = arrays


class FitOutcome:
    """The results of a fit so far, which are made when they are asked for: most fits only go on.

    Parameters
    ----------
    results : PackResults
    lane : int
    run : PackRun, optional
        The run that has trained the fit, if it has not trained it further.

    Attributes
    ----------
    results : PackResults
    loss : float
        The loss that ranks, after the last epoch, or the one whose weights were restored.
    stopped : str
        See `History`.
    state : LaneState, TakenState, ExportedState or None
        The state from which the fit can go on; None unless it was halved and its run can go on.
    """

    def __init__(self, results, lane, run=None):
        self.results = results
        self.lane = lane
        self.loss = results.losses[lane]
        self.stopped = results.stopped[lane]
        self.state = LaneState(run, lane) if self.is_halved and run is not None and run.can_go_on else None

    @property
    def is_halved(self):
        """Whether the fit was stopped at a rung, and may go on."""
        return self.stopped == "halved"

    @property
    def measured(self):
        """What was `Measured` of the fit."""
        return self.results.measured[self.lane]

    @property
    def score(self):
        """The `Measurement` on the held-out rows; NaN if there are none."""
        return self.results.score(self.lane)

    @property
    def network(self):
        """The trained network."""
        return self.results.network(self.lane)

    @property
    def score_is_interrupted(self):
        """Whether Ctrl-C has left the fit without a score."""
        return self.results.scores.get(self.lane) is INTERRUPTED

    def with_state(self, state):
        """Return the outcome as that of another fit, which goes on from a `TakenState` or `ExportedState`, or anew."""
        other = FitOutcome(self.results, self.lane)
        other.state = state
        return other

    def detached(self, with_network=True):
        """Return the outcome with all its results, but without its run: it can be sent to another process."""
        measured = self.measured
        return DetachedOutcome(
            loss=self.loss,
            stopped=self.stopped,
            state=None if self.state is None else ExportedState(self.state.arrays),
            measured=measured._replace(history=measured.history.copy()),
            score=self.score,
            network=self.network if with_network else None,
        )


@dataclass(frozen=True)
class DetachedOutcome:
    """The results of a fit that has left its run; see `FitOutcome`."""

    loss: float
    stopped: str
    state: ExportedState | TakenState | None
    measured: Measured
    score: Measurement
    network: MLP | None  # None where it is not to be kept

    results = None

    @property
    def is_halved(self):
        """Whether the fit was stopped at a rung, and may go on."""
        return self.stopped == "halved"

    @property
    def score_is_interrupted(self):
        """Whether Ctrl-C has left the fit without a score."""
        return self.score is INTERRUPTED

    def with_state(self, state):
        """Return the outcome as that of another fit, see `FitOutcome.with_state`."""
        return replace(self, state=state)


def taken_over(outcome, own):
    """Return the outcome of a fit as that of another one, which goes on from it where it is; `own` is that one's.

    Both may be None: the outcome of a fit that can only begin anew, and that of one that is in no run.
    """
    if outcome is None or outcome.state is None:
        return outcome
    arrays = outcome.state.arrays
    if own is None or own.state is None or own.state.run is None:
        return outcome.with_state(ExportedState(arrays))
    return outcome.with_state(TakenState(own.state.run, own.state.lane, arrays))


def worst_ending(fits):
    """Return the worst of the endings of fits: that of their configuration."""
    return fits[0].stopped if len(fits) == 1 else min((fit.stopped for fit in fits), key=ENDINGS.index)


class ConfigurationOutcome(NamedTuple):
    """The results of a configuration so far, over all its folds.

    A journal holds these fields except the last one: change `journal_header.FORMAT` with them.
    """

    score: float  # mean over the folds
    score_std: float  # standard deviation over the folds; 0 for a single fold
    loss: float  # training loss after the last epoch, or the one whose weights were restored; mean over the folds
    validation_loss: float  # mean over the folds
    epochs: int  # epochs done; maximum over the folds
    final_epochs: int  # epochs to the weights that are kept; mean over the folds, rounded; 0 if there are no such
    stopped: str  # see `History`; the worst of the folds, see `ENDINGS`
    seconds: float  # sum over the folds
    fold_scores: tuple[float, ...]  # the score of each fold
    fold_seconds: tuple[float, ...]  # the seconds of each fold
    history: np.ndarray  # (epochs,) float64, the loss that ranks; mean over the folds, NaN where one has ended
    fold_notes: tuple[float, ...] = ()  # the note of each fold's score, see `metrics.measure`; a journal has none

    @property
    def can_rank(self):
        """Whether it ranks at its rung: not if it ended badly, or because time was over between two rungs."""
        return self.stopped != "out of time" and (
            self.stopped == "halved" or is_finished(self.stopped, self.final_epochs)
        )

    @classmethod
    def of(cls, fits):
        """Return the outcome of a configuration from its `FitOutcome` of each fold."""
        folds = [cls._of_fit(fit.measured, fit.stopped, fit.score) for fit in fits]
        return folds[0] if len(folds) == 1 else cls._mean_of(folds)

    @classmethod
    def _of_fit(cls, measured, stopped, score):
        return cls(
            score=score.value,
            score_std=score.value - score.value,  # 0, or NaN if the score is NaN
            loss=measured.loss,
            validation_loss=measured.validation_loss,
            epochs=measured.epochs,
            final_epochs=measured.final_epochs,
            stopped=stopped,
            seconds=measured.seconds,
            fold_scores=(score.value,),
            fold_seconds=(measured.seconds,),
            history=measured.history,
            fold_notes=(score.note,),
        )

    @classmethod
    def _mean_of(cls, folds):
        score = mean([fold.score for fold in folds])
        return cls(
            score=score,
            score_std=math.sqrt(mean([(fold.score - score) * (fold.score - score) for fold in folds])),
            loss=mean([fold.loss for fold in folds]),
            validation_loss=mean([fold.validation_loss for fold in folds]),
            epochs=max(fold.epochs for fold in folds),
            final_epochs=_rounded_mean([fold.final_epochs for fold in folds]),
            stopped=min((fold.stopped for fold in folds), key=ENDINGS.index),
            seconds=sum(fold.seconds for fold in folds),
            fold_scores=tuple(fold.score for fold in folds),
            fold_seconds=tuple(fold.seconds for fold in folds),
            history=_mean_history([fold.history for fold in folds]),
            fold_notes=tuple(fold.fold_notes[0] for fold in folds),
        )


def _rounded_mean(epochs):
    """Return the mean of the epochs of folds as a whole number, halves rounded up; 0 if one of the folds has none."""
    return math.floor(mean(epochs) + 0.5) if all(epochs) else 0


def _mean_history(histories):
    """Return the mean of the histories of folds, (epochs,) of the longest; NaN past the end of the shortest."""
    shortest, longest = min(map(len, histories)), max(map(len, histories))
    of_all = mean([history[:shortest] for history in histories])
    return np.concatenate([of_all, np.full(longest - shortest, np.nan)]) if longest > shortest else of_all


def mean(values):
    """Return the mean of a few floats or arrays, without `numpy.mean`, whose call takes longer than the addition."""
    return functools.reduce(operator.add, values) / len(values)
