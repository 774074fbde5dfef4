"""Outcomes: the results of a fit, and of a configuration, which has one fit for each fold."""

import functools
import math
import operator
from typing import NamedTuple

import numpy as np

from fastprop.network import MLP
from fastprop.runs import History

ENDED_WELL = "finished", "early", "converged"
"""The values of `stopped` of configurations that may be the best."""

_WORST_FIRST = "interrupted", "diverged", "halved", "early", "converged", "finished"
"""Values of `stopped`: that of a configuration is the first of these that one of its fits has."""


class FitOutcome(NamedTuple):
    """The results of a fit so far."""

    history: History  # of the epochs that were done
    score: float  # on the held-out rows; NaN if there are none
    network: MLP | None  # the trained network, where it may be kept
    state: dict | None  # the state from which it can go on; None unless it was halved and its run exports a state

    @property
    def is_halved(self):
        """Whether the fit was stopped at a rung, and may go on."""
        return self.history.stopped == "halved"

    def while_waiting(self):
        """Return what is kept until the fit may go on: no network, and no history, because its state has both."""
        if not self.is_halved:
            return self._replace(network=None)
        none = np.zeros(0)
        return self._replace(network=None, history=History(none, none, none, none, stopped="halved"))


class ConfigurationOutcome(NamedTuple):
    """The results of a configuration so far, over all its folds.

    A journal holds these fields: change `journal.FORMAT` with them.
    """

    score: float  # mean over the folds
    score_std: float  # standard deviation over the folds; 0 for a single fold
    loss: float  # training loss; mean over the folds
    validation_loss: float  # mean over the folds
    epochs: int  # epochs done; maximum over the folds
    stopped: str  # see `History`; the worst of the folds, see `_WORST_FIRST`
    seconds: float  # sum over the folds
    history: np.ndarray  # (epochs,) float64, the loss that ranks; mean over the folds

    @classmethod
    def of(cls, fits, criterion):
        """Return the outcome of a configuration from its `FitOutcome` of each fold; `criterion` names the history."""
        folds = [cls._of_fit(fit.history, fit.score, criterion) for fit in fits]
        return folds[0] if len(folds) == 1 else cls._mean_of(folds)

    @classmethod
    def _of_fit(cls, history, score, criterion):
        loss = validation_loss = math.nan
        if history.epochs > 0:
            loss = history.loss.item(history.best_epoch)
            validation_loss = history.validation_loss.item(history.best_epoch)
        return cls(
            score=score,
            score_std=score - score,  # 0, or NaN if the score is NaN
            loss=loss,
            validation_loss=validation_loss,
            epochs=history.epochs,
            stopped=history.stopped,
            seconds=history.seconds,
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
            stopped=min((fold.stopped for fold in folds), key=_WORST_FIRST.index),
            seconds=sum(fold.seconds for fold in folds),
            history=_mean([fold.history for fold in folds]),
        )


def _mean(values):
    """Return the mean of a few floats or arrays, without `numpy.mean`, whose call takes longer than the addition."""
    return functools.reduce(operator.add, values) / len(values)
