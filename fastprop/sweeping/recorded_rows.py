"""`RecordedRows`: the rows of a sweep's result, as they are recorded while it runs, and their order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastprop.sweeping.configuration import HYPERPARAMETERS
from fastprop.sweeping.configuration_outcomes import ConfigurationOutcomes
from fastprop.sweeping.endings import is_finished, survived
from fastprop.sweeping.files import Saved
from fastprop.sweeping.lineages import Lineage, Lineages
from fastprop.sweeping.outer_folds import OuterScores

COLUMNS = {"loss": "loss_function"}
"""Hyperparameters whose column has another name, because the column ``loss`` holds the measured loss."""

MEASURED_COLUMNS = "score", "score_std", "loss", "validation_loss"
"""Columns of measured values, which are NaN until they are measured."""


class SweepDescription(NamedTuple):
    """What is known of a sweep's result before anything has run."""

    swept: list[str]  # names of the swept hyperparameters
    configurations: int  # the number of rows
    epochs: int  # the number of epochs of a configuration that is not stopped
    rungs: list[int]  # the epochs of the rungs; the last is the end
    folds: int  # the number of folds; 1 without cross-validation
    criterion: str  # "validation_loss" or "loss": the loss that ranks without a score
    score_name: str  # such as "accuracy"
    sign: int | None  # of a score that ranks: 1 if its lowest is best, else -1; None where the criterion ranks
    about: dict[str, object]  # see `SweepResult`
    keeps_folds: bool = False  # whether the networks of the folds are kept, and none is trained on all rows


class RecordedRows:
    """The rows of a sweep, whose attributes are those of `SweepResult`.

    Parameters
    ----------
    description : SweepDescription
    """

    table: NDArray[np.void]
    rungs: list[int]
    rung_costs: NDArray[np.float64]
    fold_scores: NDArray[np.float64]
    fold_notes: NDArray[np.float64] | None = None  # as `fold_scores`, of a score that gives notes
    fold_seconds: NDArray[np.float64]
    hyperparameters: list[str]
    criterion: str
    score_name: str
    seconds: float
    preparing_seconds: float
    about: dict[str, object]
    lineages: Lineages | None = None  # of a population
    outer: OuterScores | None = None  # of a nested cross-validation
    is_interrupted: bool = False  # whether Ctrl-C has ended the sweep

    def __init__(self, description: SweepDescription) -> None:
        self.description = description
        self.hyperparameters = [COLUMNS.get(name, name) for name in description.swept]
        columns = [(column, HYPERPARAMETERS[name]) for name, column in zip(description.swept, self.hyperparameters)]
        columns += [(name, float) for name in MEASURED_COLUMNS]
        columns += [("epochs", int), ("final_epochs", int), ("stopped", "U11"), ("seconds", float)]
        rows = description.configurations
        self.table = np.zeros(rows, columns)
        for name in MEASURED_COLUMNS:
            self.table[name] = np.nan
        self.table["stopped"] = "not run"
        self._history = np.empty((0, 0))  # of the rows up to the last that has one; with room for more of both
        self.rungs = description.rungs
        self.rung_costs = np.full((rows, len(description.rungs)), np.nan)
        self.fold_scores = np.full((*self.rung_costs.shape, description.folds), np.nan)
        self.fold_seconds = np.full((rows, description.folds), np.nan)
        self.criterion = description.criterion
        self.score_name = description.score_name
        self.about = description.about
        self.seconds = 0.0
        self.preparing_seconds = 0.0  # in which kernels were compiled or loaded; files do not have them

    @property
    def ranks(self) -> str:
        """The column that ranks: ``"score"``, ``"validation_loss"`` or ``"loss"``."""
        return self.criterion if self.description.sign is None else "score"

    @property
    def higher_is_better(self) -> bool:
        """Whether what ranks is best where it is highest."""
        return self.description.sign == -1

    @property
    def history(self) -> NDArray[np.float64]:
        """The loss that ranks after each epoch, (configurations, epochs); see `SweepResult`."""
        done = self.table["epochs"].max(initial=0)
        missing = len(self.table) - len(self._history)
        if missing > 0:
            return np.pad(self._history[:, :done], ((0, missing), (0, 0)), constant_values=np.nan)
        return self._history[: len(self.table), :done]

    @property
    def done(self) -> int:
        """The number of configurations that have run."""
        return int((self.table["stopped"] != "not run").sum())

    @property
    def finished(self) -> NDArray[np.bool_]:
        """Which rows were trained to the end, (configurations,) bool: finished, stopped early or converged ones.

        So are those that ended when time was over, and those that diverged, if early stopping has restored the weights
        of an earlier epoch.
        """
        return is_finished(self.table["stopped"], self.table["final_epochs"])

    @property
    def can_be_best(self) -> NDArray[np.bool_]:
        """Which rows may be the best, (configurations,) bool: those that finished and have what ranks.

        After Ctrl-C in a halving, those may be that have survived a rung.
        """
        known = ~np.isnan(self._costs(self.table))
        return known & (self.finished | survived(self.table["stopped"], self._rungs_reached()))

    @property
    def ranking(self) -> NDArray[np.intp]:
        """The indices of the rows, best first.

        Those that finished are followed by those that were stopped at a rung, or by Ctrl-C after a rung; of these, the
        ones that reached the most rungs come first, and among them those that were to go on. All others come last, and
        so does every row for which what ranks is NaN.
        """
        costs = self._costs(self.table)
        rungs_reached = np.where(self.finished, len(self.rungs) + 1, self._rungs_reached())
        survivors = survived(self.table["stopped"], rungs_reached)
        ranked = ~np.isnan(costs) & (self.finished | survivors | (self.table["stopped"] == "halved"))
        return np.lexsort((np.where(ranked, costs, np.nan), ranked & ~survivors, -rungs_reached * ranked))

    def _rungs_reached(self):
        """Return how many rungs each row has reached with what ranks, (configurations,) int."""
        return (~np.isnan(self.rung_costs)).sum(axis=1)

    def _costs(self, rows):
        """Return what ranks rows, lowest for the best; `rows` is anything that has the table's columns by name."""
        sign = self.description.sign
        return rows[self.criterion] if sign is None else sign * rows["score"]

    def enter(self, indices: NDArray[np.intp], columns: Mapping[str, NDArray[Any]]) -> None:
        """Write hyperparameters into rows; `columns` has by name an array with the values of all rows."""
        for name, column in zip(self.description.swept, self.hyperparameters):
            self.table[column][indices] = columns[name][indices]

    def copy_measured(self, index: int, source: int) -> None:
        """Have a row tell of its network what another row does of its own, which it takes over."""
        for name in self.table.dtype.names:
            if name not in self.hyperparameters:
                self.table[name][index] = self.table[name][source]
        self._make_room(max(index, source) + 1, 0)
        self._history[index] = self._history[source]
        self.fold_seconds[index] = self.fold_seconds[source]

    def lineage(self, index: int) -> Lineage:
        """Return what the network of a row has gone through in a population, see `PopulationBased`.

        Parameters
        ----------
        index : int
            The index of a row of the table.

        Returns
        -------
        Lineage
            ``epochs``, ``rows`` and ``values`` of its stages, each a tuple: how many epochs were done when the stage
            began, in which row the network was, and with which values it was trained, by name. ``first`` has the values
            of the first stage, and ``changes`` those of later ones, as `train` takes them.

        Raises
        ------
        ValueError
            If the sweep had no population.

        Examples
        --------
        >>> import fastprop as fp
        >>> X, y = fp.datasets.digits()
        >>> grid = {"learning_rate": [0.01, 0.1, 0.5, 1.0]}
        >>> search = fp.PopulationBased(share=0.5, epochs=1)
        >>> result = fp.sweep((64, 16, 10), X, y, grid, search=search, epochs=3, validation=0.2)
        >>> result.lineage(0).epochs[0], result.lineage(0).first in ({"learning_rate": rate} for rate in (0.5, 1.0))
        (0, True)
        """
        if self.lineages is None:
            raise ValueError(
                "the sweep had no population whose networks have lineages: give search=fp.PopulationBased()."
            )
        return self.lineages.lineage(range(len(self.table))[index], self.rungs)

    def shorten(self, count: int) -> None:
        """Drop all but the first `count` rows."""
        self.table = self.table[:count]
        self._history = self._history[:count]
        self.rung_costs = self.rung_costs[:count]
        self.fold_scores = self.fold_scores[:count]
        self.fold_seconds = self.fold_seconds[:count]
        if self.fold_notes is not None:
            self.fold_notes = self.fold_notes[:count]

    def record(self, indices: Sequence[int], outcomes: ConfigurationOutcomes, rung: int) -> NDArray[np.float64]:
        """Write the `ConfigurationOutcomes` of some rows at a rung into the table; return their costs there."""
        indices = np.array(indices)
        measured = {name: _canonical(getattr(outcomes, name)) for name in MEASURED_COLUMNS}
        for name in ("epochs", "final_epochs", "stopped", "seconds"):
            self.table[name][indices] = getattr(outcomes, name)
        for name, values in measured.items():
            self.table[name][indices] = values
        self._write_history(indices, _canonical(outcomes.history))
        self.fold_scores[indices, rung] = _canonical(outcomes.fold_scores)
        self.fold_seconds[indices] = _canonical(outcomes.fold_seconds)
        if np.isfinite(outcomes.fold_notes).any():
            self.fold_notes = np.full_like(self.fold_scores, np.nan) if self.fold_notes is None else self.fold_notes
            self.fold_notes[indices, rung] = _canonical(outcomes.fold_notes)
        costs = self.rung_costs[indices, rung] = np.where(outcomes.can_rank, self._costs(measured), np.nan)
        return costs

    def restore(self, saved: Saved) -> None:
        """Write the values that a file has of all rows, a `files.Saved`."""
        for name in self.table.dtype.names:
            column, values = self.table[name], saved.columns[name]
            if column.dtype.hasobject:
                for index, value in enumerate(values):  # one by one, because NumPy makes a row of a tuple
                    column[index] = value
            else:
                np.copyto(column, values, casting="same_kind")
        self._write_history(np.arange(len(self.table)), saved.history)
        for name in ("rung_costs", "fold_scores", "fold_seconds"):
            getattr(self, name)[...] = getattr(saved, name)
        self.seconds = saved.seconds
        self.lineages = saved.lineages
        self.outer = saved.outer

    def _write_history(self, indices, histories):
        """Write histories (rows, epochs) into some rows."""
        self._make_room(indices.max() + 1, histories.shape[1])
        self._history[indices, : histories.shape[1]] = histories

    def _make_room(self, rows, epochs):
        """Make room for histories, twice as much as there was where it grows, but not for all that were planned."""
        planned = len(self.table), self.description.epochs
        rooms = zip((rows, epochs), self._history.shape, planned)
        more = [max(needed, min(2 * room, maximum)) - room if needed > room else 0 for needed, room, maximum in rooms]
        if any(more):
            self._history = np.pad(self._history, [(0, each) for each in more], constant_values=np.nan)


def _canonical(values):
    """Return numbers as an array whose NaN have one bit pattern, which is also that of a journal."""
    array = np.array(values, np.float64)
    array[np.isnan(array)] = np.nan
    return array
