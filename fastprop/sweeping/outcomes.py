"""Outcomes: the results of a fit, and of a configuration, which has one fit for each fold."""

import functools
import math
import operator
from typing import NamedTuple

import numpy as np

from fastprop.metrics import Measurement
from fastprop.network import MLP
from fastprop.runs import History

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
    restored = (stopped == "diverged") & (final_epochs > 0)
    return functools.reduce(operator.or_, [stopped == each for each in ENDED_WELL], restored)


def survived(stopped, rungs_reached):
    """Return which configurations Ctrl-C has interrupted after they survived a rung, which are better than the others.

    Both arguments are arrays (configurations,): a column of a result's table, and how many rungs each has reached.
    """
    return (stopped == "interrupted") & (rungs_reached > 0)


class FitOutcome(NamedTuple):
    """The results of a fit so far."""

    history: History  # of the epochs that were done
    score: Measurement  # on the held-out rows; NaN if there are none
    network: MLP | None  # the trained network, where it may be kept
    state: dict | None  # the state from which it can go on; None unless it was halved and its run exports a state

    @property
    def is_halved(self):
        """Whether the fit was stopped at a rung, and may go on."""
        return self.history.stopped == "halved"

    def while_waiting(self, keeps_folds=False):
        """Return what is kept until the fit may go on: no network and no history where its state has both.

        A fit that has ended, while other folds of its configuration go on, keeps its network only with `keeps_folds`.
        """
        if not self.is_halved:
            return self if keeps_folds else self._replace(network=None)
        none = np.zeros(0)
        network = self.network if self.state is None else None
        return self._replace(network=network, history=History(none, none, none, none, stopped="halved"))


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

    @classmethod
    def of(cls, fits, criterion):
        """Return the outcome of a configuration from its `FitOutcome` of each fold; `criterion` names the history."""
        folds = [cls._of_fit(fit.history, fit.score.value, criterion) for fit in fits]
        outcome = folds[0] if len(folds) == 1 else cls._mean_of(folds)
        return outcome._replace(fold_notes=tuple(fit.score.note for fit in fits))

    @classmethod
    def _of_fit(cls, history, score, criterion):
        loss = validation_loss = math.nan
        if history.epochs > 0:
            measured = history.best_epoch if history.best_epoch >= 0 else history.epochs - 1
            loss = history.loss.item(measured)
            validation_loss = history.validation_loss.item(measured)
        return cls(
            score=score,
            score_std=score - score,  # 0, or NaN if the score is NaN
            loss=loss,
            validation_loss=validation_loss,
            epochs=history.epochs,
            final_epochs=history.best_epoch + 1,
            stopped=history.stopped,
            seconds=history.seconds,
            fold_scores=(score,),
            fold_seconds=(history.seconds,),
            history=getattr(history, criterion),
        )

    @classmethod
    def _mean_of(cls, folds):
        score = _mean([fold.score for fold in folds])
        return cls(
            score=score,
            score_std=math.sqrt(_mean([(fold.score - score) * (fold.score - score) for fold in folds])),
            loss=_mean([fold.loss for fold in folds]),
            validation_loss=_mean([fold.validation_loss for fold in folds]),
            epochs=max(fold.epochs for fold in folds),
            final_epochs=_rounded_mean([fold.final_epochs for fold in folds]),
            stopped=min((fold.stopped for fold in folds), key=ENDINGS.index),
            seconds=sum(fold.seconds for fold in folds),
            fold_scores=tuple(fold.score for fold in folds),
            fold_seconds=tuple(fold.seconds for fold in folds),
            history=_mean_history([fold.history for fold in folds]),
        )


def _rounded_mean(epochs):
    """Return the mean of the epochs of folds as a whole number, halves rounded up; 0 if one of the folds has none."""
    return math.floor(_mean(epochs) + 0.5) if all(epochs) else 0


def _mean_history(histories):
    """Return the mean of the histories of folds, (epochs,) of the longest; NaN past the end of the shortest."""
    shortest, longest = min(map(len, histories)), max(map(len, histories))
    mean = _mean([history[:shortest] for history in histories])
    return np.concatenate([mean, np.full(longest - shortest, np.nan)]) if longest > shortest else mean


def _mean(values):
    """Return the mean of a few floats or arrays, without `numpy.mean`, whose call takes longer than the addition."""
    return functools.reduce(operator.add, values) / len(values)
