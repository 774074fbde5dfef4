"""Outcomes of configurations: means over their folds, in columns of many configurations or as a row of one."""

from __future__ import annotations

import functools
import operator
from typing import NamedTuple

import numpy as np

from fastprop.sweeping.endings import is_finished
from fastprop.sweeping.fit_columns import FitColumns


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


_COLUMNS = [(name, np.ndarray) for name in ConfigurationOutcome._fields]


class ConfigurationOutcomes(NamedTuple("_ConfigurationOutcomes", _COLUMNS)):
    """The results of some configurations: the fields of a `ConfigurationOutcome`, as arrays with an element for each.

    Those of the folds have a second axis, and the histories another one, which ends with the longest.
    """

    __slots__ = ()

    @classmethod
    def of(cls, columns, folds, stopped):
        """Return the outcomes of configurations from the `FitColumns` of all folds of the first, of the second, ….

        All of them ended as `stopped` says, see `worst_ending`.
        """
        of_folds = FitColumns(*(column.reshape(-1, folds, *column.shape[1:]) for column in columns))
        score = _mean_of_folds(of_folds.score)
        deviations = of_folds.score - score[:, None]
        return cls(
            score=score,
            score_std=np.sqrt(_mean_of_folds(deviations * deviations)),
            loss=_mean_of_folds(of_folds.loss),
            validation_loss=_mean_of_folds(of_folds.validation_loss),
            epochs=of_folds.epochs.max(axis=1),
            final_epochs=_rounded_mean(of_folds.final_epochs),
            stopped=np.full(len(score), stopped),
            seconds=_sum_of_folds(of_folds.seconds),
            fold_scores=of_folds.score,
            fold_seconds=of_folds.seconds,
            history=_mean_of_folds(of_folds.history),
            fold_notes=of_folds.note,
        )

    @classmethod
    def of_one(cls, outcome):
        """Return what a `ConfigurationOutcome` has."""
        return cls(*(np.array([value]) for value in outcome))

    def row(self, position):
        """Return the `ConfigurationOutcome` at a position."""
        values = {name: column[position] for name, column in zip(self._fields, self)}
        values |= {name: tuple(values[name].tolist()) for name in ("fold_scores", "fold_seconds", "fold_notes")}
        values["history"] = values["history"][: values["epochs"]]
        plain = {name: value.item() for name, value in values.items() if isinstance(value, np.generic)}
        return ConfigurationOutcome(**values | plain)

    @property
    def can_rank(self):
        """Which rank at their rung: not those that ended badly, or because time was over between two rungs."""
        ended_well = (self.stopped == "halved") | is_finished(self.stopped, self.final_epochs)
        return (self.stopped != "out of time") & ended_well


def mean(values):
    """Return the mean of some floats or arrays, added in their order, so that it has the same bits for both.

    For a few floats this takes less time than the call of `numpy.mean`.
    """
    return _sum(values) / len(values)


def _sum(values):
    return functools.reduce(operator.add, values)


def _sum_of_folds(values):
    """Return the sum over the second axis, that of the folds, in their order."""
    return _sum(np.moveaxis(values, 1, 0))


def _mean_of_folds(values):
    return mean(np.moveaxis(values, 1, 0))


def _rounded_mean(epochs):
    """Return the mean of the epochs of folds as a whole number, halves rounded up; 0 if one of the folds has none."""
    return np.where((epochs > 0).all(axis=1), np.floor(_mean_of_folds(epochs) + 0.5).astype(int), 0)
