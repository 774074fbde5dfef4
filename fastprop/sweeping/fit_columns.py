"""Results of many fits as columns, because there may be millions of fits."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from fastprop.sweeping.endings import CODES


class FitColumns(NamedTuple):
    """What was measured of some fits, in arrays with an element for each of them."""

    loss: np.ndarray  # float64: training loss after the last epoch, or after the one whose weights were restored
    validation_loss: np.ndarray  # float64: likewise
    epochs: np.ndarray  # int: epochs done
    final_epochs: np.ndarray  # int: epochs to the weights that are kept; 0 if there are no such
    seconds: np.ndarray  # float64
    history: np.ndarray  # (fits, epochs) float64, the loss that ranks; NaN past the end of a fit
    stopped: np.ndarray  # int: the index in `ENDINGS` of why each ended
    score: np.ndarray  # float64
    note: np.ndarray  # float64: see `metrics.measure`
    has_problem: np.ndarray  # bool: whether the score failed

    @classmethod
    def of(cls, measured, stopped, scores):
        """Return the columns of what was `Measured`, why each fit ended, and `scores`, `Measurement`s by position."""
        score, note = np.full((2, len(stopped)), np.nan)
        has_problem = np.zeros(len(stopped), bool)
        for position, each in scores.items():
            score[position], note[position], has_problem[position] = each.value, each.note, bool(each.problem)
        return cls(*measured, np.array([CODES[each] for each in stopped]), score, note, has_problem)

    @classmethod
    def gathered(cls, outcomes):
        """Return the columns of some `FitOutcome`s, in their order."""
        first_rows = {}  # by results: where their columns begin among those of all
        rows = []
        count = 0
        for outcome in outcomes:
            first = first_rows.get(outcome.results)
            if first is None:
                first = first_rows[outcome.results] = count
                count += outcome.results.width
            rows.append(first + outcome.lane)
        return cls._joined([results.columns() for results in first_rows]).some(rows)

    @classmethod
    def _joined(cls, several):
        if len(several) == 1:
            return several[0]
        epochs = max(each.history.shape[1] for each in several)
        longer = [each._replace(history=_lengthened(each.history, epochs)) for each in several]
        return cls(*map(np.concatenate, zip(*longer)))

    def some(self, rows):
        """Return the columns of some of the fits, (fits,) int, in this order."""
        return FitColumns(*(column[rows] for column in self))


def _lengthened(history, epochs):
    missing = epochs - history.shape[1]
    return np.pad(history, ((0, 0), (0, missing)), constant_values=np.nan) if missing else history
