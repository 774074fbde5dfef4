"""What came of a fit, and of a configuration, which has one fit for each fold."""

import functools
import math
import operator
from typing import NamedTuple

import numpy as np

from fastprop.network import MLP
from fastprop.runs import History

ENDED_WELL = "finished", "early", "converged"
"""How a configuration ends that may be the best."""

_WORST_FIRST = "interrupted", "diverged", "halved", "early", "converged", "finished"
"""A configuration ended like that of its fits which is first among these."""


class FitOutcome(NamedTuple):
    """What came of a fit so far."""

    history: History
    score: float  # on the held-out rows; NaN without any
    network: MLP | None
    state: dict | None  # what it can go on from: if it was halved, and its run need not begin anew

    @property
    def is_halved(self):
        """Whether it may go on."""
        return self.history.stopped == "halved"

    def while_waiting(self):
        """Return what is kept of it until it may go on: no network, and no history, which its state has as well."""
        if not self.is_halved:
            return self._replace(network=None)
        none = np.zeros(0)
        return self._replace(network=None, history=History(none, none, none, none, stopped="halved"))


class ConfigurationOutcome(NamedTuple):
    """What came of a configuration so far, of all its folds together.

    A journal holds these fields: change `journal.FORMAT` with them.
    """

    score: float  # mean over the folds
    score_std: float  # standard deviation over the folds; 0 of one
    loss: float  # of training; mean over the folds
    validation_loss: float  # mean over the folds
    epochs: int  # the most of any fold
    stopped: str  # see `History`; the worst of any fold
    seconds: float  # sum over the folds
    history: np.ndarray  # (epochs,), mean over the folds

    @classmethod
    def of(cls, fits, criterion):
        """Return what came of a configuration whose folds have these `FitOutcome`; its history is the `criterion`'s."""
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
            score_std=score - score,  # 0, or NaN like the score
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
    """Return the mean of a few numbers or arrays; NumPy's function takes longer than all the rest of it."""
    return functools.reduce(operator.add, values) / len(values)
