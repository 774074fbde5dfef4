"""`SweepResult`: what came of a sweep, row by row."""

from __future__ import annotations

import functools
import heapq
import math
import operator
import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastprop import checks
from fastprop.annotations import Path, PlotKind
from fastprop.integrations import pandas_frames
from fastprop.network import MLP
from fastprop.reporting import RankedTable, html, plotting
from fastprop.sweeping import files
from fastprop.sweeping.configurations import HYPERPARAMETERS
from fastprop.sweeping.ensembles import Ensemble

if TYPE_CHECKING:
    import pandas

COLUMNS = {"loss": "loss_function"}
"""Hyperparameters whose column has a name of its own: ``loss`` is what came of a run."""

ENDED_WELL = "finished", "early", "converged"
"""How a run ends that may be the best."""


class Record(NamedTuple):
    """What came of a configuration, in all of its folds."""

    score: float
    score_std: float
    loss: float
    validation_loss: float
    epochs: int
    stopped: str
    seconds: float
    history: np.ndarray  # (epochs,)

    @classmethod
    def of(cls, outcomes, criterion):
        """The record of the outcomes of a configuration's folds; its history is of the `criterion`."""
        folds = [cls._of_fold(outcome.history, outcome.score, criterion) for outcome in outcomes]
        return folds[0] if len(folds) == 1 else cls._mean_of(folds)

    @classmethod
    def _of_fold(cls, history, score, criterion):
        losses, spread = [math.nan, math.nan], score - score  # 0, or NaN as the score
        if history.epochs > 0:
            losses = [each.item(history.best_epoch) for each in (history.loss, history.validation_loss)]
        curve = getattr(history, criterion)
        return cls(score, spread, *losses, history.epochs, history.stopped, history.seconds, curve)

    @classmethod
    def _mean_of(cls, folds):
        scores, _, losses, validation_losses, epochs, stops, seconds, histories = zip(*folds)
        score = _mean(scores)
        return cls(
            score,
            math.sqrt(_mean([(each - score) * (each - score) for each in scores])),
            _mean(losses),
            _mean(validation_losses),
            max(epochs),
            min(stops, key=_WORST_FIRST.index),
            sum(seconds),
            _mean(histories),
        )


def _mean(values):
    # of a few: NumPy's takes 8 µs, of which a large sweep has several for each configuration
    return functools.reduce(operator.add, values) / len(values)


_WORST_FIRST = "interrupted", "diverged", "halved", "early", "converged", "finished"
"""How a configuration ended: as that of its folds which did worst."""


class SweepResult:
    """What came of a sweep.

    Attributes
    ----------
    table : ndarray
        Structured, one row a configuration in the order of the grid: the swept hyperparameters (NaN for a number that
        the row's optimizer does not have; a swept loss as ``loss_function``), ``score`` on the held-out rows (NaN
        without any), with ``cv`` the mean over the folds and ``score_std`` its standard deviation over them, ``loss``
        and ``validation_loss`` after the last epoch (or that whose weights early stopping gave back; with ``cv`` the
        means), ``epochs`` done, ``stopped`` (see `History`; ``"not run"`` after Ctrl-C), ``seconds``.
    history : ndarray
        (configurations, epochs) validation loss, or training loss without validation; NaN past a run's end. With
        ``cv`` the mean over the folds.
    rungs : list of int
        After how many epochs configurations could be stopped, the last one at the end.
    rung_costs : ndarray
        (configurations, rungs) of what ranks, lowest for the best; NaN where a configuration did not come to.
    score_name : str
        What ``score`` is, such as ``"accuracy"`` or ``"r2"``.
    seconds : float
        How long the sweep took, compiling not counted.
    about : dict
        What it ran on, by name: the versions, the date, the numbers of rows and of folds.
    """

    def __init__(self, swept, configurations, epochs, rungs, criterion, score_name, sign, about):
        self.swept, self.hyperparameters = swept, [COLUMNS.get(name, name) for name in swept]
        columns = [(column, HYPERPARAMETERS[name]) for name, column in zip(swept, self.hyperparameters)]
        columns += [(name, float) for name in ("score", "score_std", "loss", "validation_loss")]
        self.table = np.zeros(configurations, [*columns, ("epochs", int), ("stopped", "U11"), ("seconds", float)])
        self.history = np.full((configurations, epochs), np.nan)
        self.rungs, self.rung_costs = rungs, np.full((configurations, len(rungs)), np.nan)
        self._networks, self._kept, self.seconds = {}, [], 0.0  # by number; their heap, see `push_bounded`
        self.criterion, self.score_name, self._sign, self.about = criterion, score_name, sign, about
        self._recording = threading.Lock()
        for name in ("score", "score_std", "loss", "validation_loss"):
            self.table[name] = np.nan
        self.table["stopped"] = "not run"

    @property
    def arguments(self):
        """What it was made of before anything ran, by name."""
        configurations, epochs = self.history.shape
        names = "swept", "rungs", "criterion", "score_name", "about"
        own = {name: getattr(self, name) for name in names}
        return own | {"configurations": configurations, "epochs": epochs, "sign": self._sign}

    @property
    def ranks(self) -> str:
        """The column that ranks: ``"score"``, ``"validation_loss"`` or ``"loss"``."""
        return self.criterion if self._sign is None else "score"

    @property
    def higher_is_better(self) -> bool:
        """Whether what ranks is best where it is highest."""
        return self._sign == -1

    @property
    def done(self) -> int:
        """How many configurations have run."""
        return int((self.table["stopped"] != "not run").sum())

    @property
    def best(self) -> np.void:
        """The best row, the first of equals.

        That of the best score where the sweep was given one by name, or several losses, which cannot be compared; else
        that of the lowest validation loss, or training loss without validation.
        """
        return self.top(1)[0]

    @property
    def best_network(self) -> MLP | None:
        """The trained network of the best row; None if no configuration was finished, or none was to be kept."""
        return self._networks.get(int(self.ranking[0]))

    @property
    def networks(self) -> dict[int, MLP]:
        """The trained networks that were kept (see `sweep`), by the number of their row, best first."""
        return {int(number): self._networks[number] for number in self.ranking if number in self._networks}

    def top(self, count: int) -> NDArray[np.void]:
        """Return the best `count` rows, best first; runs that did not finish come last."""
        return self.table[self.ranking[:count]]

    @property
    def finished(self) -> NDArray[np.bool_]:
        """Which rows may be the best, (configurations,) bool: those that came to an end of their own."""
        return np.isin(self.table["stopped"], ENDED_WELL)

    @property
    def ranking(self) -> NDArray[np.intp]:
        """The numbers of the rows, best first: those that were halved after those that were not."""
        halved = self.table["stopped"] == "halved"
        reached = np.where(self.finished, np.inf, np.where(halved, self.table["epochs"], 0))
        return np.lexsort((np.where(reached > 0, self._costs(self.table), np.nan), -reached))

    def _costs(self, rows):
        """What is lowest for the best."""
        return rows[self.criterion] if self._sign is None else self._sign * rows["score"]

    def enter(self, numbers, candidates):
        """Write what candidates have of the swept hyperparameters into their rows."""
        for name, column in zip(self.swept, self.hyperparameters):
            self.table[column][numbers] = candidates.columns[name][numbers]

    def shorten(self, count):
        """Leave out all but the first `count` rows."""
        self.table, self.history, self.rung_costs = self.table[:count], self.history[:count], self.rung_costs[:count]

    def record(self, numbers, records, rung):
        """Write what came of configurations until a rung into their rows, from any thread; return their costs there."""
        numbers = np.array(numbers)
        columns = {name: np.array(values) for name, values in zip(Record._fields, zip(*records))}
        for values in columns.values():
            if values.dtype == float:
                values[np.isnan(values)] = np.nan  # of the same bits, as in a journal
        self.history[numbers] = columns.pop("history")
        for name, values in columns.items():
            self.table[name][numbers] = values
        known = [record.stopped not in ("diverged", "interrupted") for record in records]
        costs = self.rung_costs[numbers, rung] = np.where(known, self._costs(columns), np.nan)
        return costs

    def keep(self, number, network, count):
        """Keep the network of a recorded row if it is among the best `count`, from any thread; return whether it is."""
        row = self.table[number]
        if row["stopped"] not in ENDED_WELL:
            return False
        with self._recording:
            self._networks[number] = network
            self._networks.pop(push_bounded(self._kept, count, self._costs(row), number), None)
            return number in self._networks

    def ensemble(self, count: int) -> Ensemble:
        """Return the `Ensemble` of the best `count` networks, whose outputs it averages.

        Raises
        ------
        ValueError
            If fewer were kept (see `sweep`), or finished.

        Examples
        --------
        >>> import fastprop as fp
        >>> X, y = fp.datasets.digits()
        >>> rates = {"learning_rate": [0.1, 0.5, 1.0]}
        >>> result = fp.sweep((64, 16, 10), X, y, rates, epochs=3, validation=0.2, keep=2)
        >>> result.ensemble(2).predict(X[:5]).shape
        (5, 10)
        """
        networks = list(self.networks.values())
        return Ensemble(networks[: checks.ensemble_size(count, len(networks), int(self.finished.sum()))])

    def to_pandas(self) -> pandas.DataFrame:
        """Return the table as a ``pandas.DataFrame`` (extra ``pandas``), one row a configuration, in its order."""
        return pandas_frames.frame(self.table)

    def save(self, path: Path) -> None:
        """Write the table, the history, the rungs and the networks that were kept to a file, for `fastprop.load_sweep`.

        A file that was there before is replaced as a whole, or stays as it is.

        Raises
        ------
        OSError
            If the file cannot be written.
        """
        files.write(path, self)

    def plot(
        self, path: Path, kind: PlotKind | None = None, hyperparameters: str | Sequence[str] | None = None
    ) -> None:
        """Draw the result into a picture file (extra ``plot``), whose ending names the format: png, svg, pdf.

        Parameters
        ----------
        path : str or Path
        kind : str, optional
            - ``"score"``: loss and score against one hyperparameter, with the spread over seeds or folds; what is drawn
              of one hyperparameter (seeds not counted) if nobody says;
            - ``"heat_map"``: what ranks, of two hyperparameters; what is drawn of two if nobody says;
            - ``"parallel_coordinates"``: a line for each configuration through its values; what is drawn of more;
            - ``"learning_curves"``: the history of each configuration, colored by a hyperparameter;
            - ``"rungs"``: what ranked at each rung of a halving, colored by a hyperparameter.
        hyperparameters : str or list of str, optional
            Which columns of the table to draw; by default the first that are swept, and ``"seed"`` only if there is no
            other.

        Raises
        ------
        ValueError
            If the kind does not fit what was swept.
        ImportError
            If Matplotlib is not installed.
        """
        ranked = self.ranked_table()
        plotting.draw(path, ranked, *plotting.choose(kind, hyperparameters, ranked))

    def report(self, path: Path) -> None:
        """Write a page about the sweep to an HTML file that needs no other (extra ``plot``).

        It has the best rows, in a table that can be sorted, pictures, and what the sweep ran on.

        Raises
        ------
        ImportError
            If Matplotlib is not installed.
        """
        html.write(path, self.ranked_table())

    def ranked_table(self) -> RankedTable:
        """Return what `fastprop.reporting` draws: the same arrays, by the names that it knows."""
        return RankedTable(
            table=self.table,
            hyperparameters=self.hyperparameters,
            ranking=self.ranking,
            finished=self.finished,
            ranked_by=self.ranks,
            higher_is_better=self.higher_is_better,
            criterion=self.criterion,
            score_name=self.score_name,
            history=self.history,
            rungs=self.rungs,
            rung_costs=self.rung_costs,
            seconds=self.seconds,
            about=self.about,
        )

    def __repr__(self) -> str:
        ranked = self.ranked_table()
        return "\n".join([ranked.summary(), f"{ranked.order()} first:", *ranked.lines(ROWS_SHOWN)])

    def _repr_html_(self) -> str:
        return html.summary(self.ranked_table(), ROWS_SHOWN)


ROWS_SHOWN = 5
"""Where a result is printed."""


def push_bounded(best, capacity, cost, number):
    """Add a configuration to the heap `best` of at most so many; return the number of that which has to go, or None.

    The worst goes: a cost of NaN is worse than any other, and of equal ones the last.
    """
    known = not math.isnan(cost)
    heapq.heappush(best, (known, -cost if known else 0.0, -number))
    return -heapq.heappop(best)[-1] if len(best) > capacity else None


def load_sweep(path: Path) -> SweepResult:
    """Read the result of a sweep that `SweepResult.save` wrote.

    Parameters
    ----------
    path : str or Path

    Returns
    -------
    SweepResult
        With the same table, history, rungs and networks.

    Raises
    ------
    ValueError
        If the file is missing, damaged, or no result of a sweep.
    """
    return files.read(path, SweepResult)
