"""`SweepResult`: the results of a sweep, with a row for each configuration."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastprop import checks
from fastprop.annotations import Figure, Path, PlotKind
from fastprop.integrations import pandas_frames
from fastprop.network import MLP
from fastprop.reporting import RankedTable, html, plotting
from fastprop.sweeping import files
from fastprop.sweeping.bounded_heap import push_bounded
from fastprop.sweeping.configurations import HYPERPARAMETERS
from fastprop.sweeping.ensembles import Ensemble
from fastprop.sweeping.outcomes import ConfigurationOutcome, is_finished, survived

if TYPE_CHECKING:
    import pandas

COLUMNS = {"loss": "loss_function"}
"""Hyperparameters whose column has another name, because the column ``loss`` holds the measured loss."""

MEASURED_COLUMNS = "score", "score_std", "loss", "validation_loss"
"""Columns of measured values, which are NaN until they are measured."""

ROWS_SHOWN = 5
"""Rows of a result that are printed."""


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


class SweepResult:
    """The results of a sweep.

    Attributes
    ----------
    table : ndarray
        Structured, one row for each configuration in the order of the grid. Its columns are the swept hyperparameters
        (NaN for one that the row's optimizer does not have; a swept loss is called ``loss_function``); ``score`` on the
        held-out rows, NaN if there are none; ``score_std``, its standard deviation over the folds; ``loss`` and
        ``validation_loss`` after the last epoch, or after the one whose weights early stopping restored; ``epochs``
        done; ``final_epochs``, those of them that led to the weights that are kept, 0 if it diverged and nothing was
        restored; ``stopped`` (see `History`; ``"not run"`` after Ctrl-C or when time was over); and ``seconds``. With
        ``cv``, score and losses are means over the folds, ``seconds`` is a sum, and ``final_epochs`` is the mean over
        the folds, rounded: for so many epochs the networks that are kept are trained once more, on all rows.
    history : ndarray
        (configurations, epochs) float64: the validation loss, or without validation the training loss; NaN past the end
        of training. There are as many columns as the longest training had epochs. With ``cv`` it is the mean over the
        folds.
    rungs : list of int
        The epochs after which configurations could be stopped; the last one is the end.
    rung_costs : ndarray
        (configurations, rungs) float64: the loss that ranks, or the score in a sign that makes the lowest the best; NaN
        at rungs that a configuration did not reach.
    fold_scores : ndarray
        (configurations, rungs, folds) float64: the score of each fold at each rung; NaN where there is none.
    fold_seconds : ndarray
        (configurations, folds) float64: how long each fold has trained, in seconds.
    score_name : str
        The name of ``score``, such as ``"accuracy"`` or ``"r2"``.
    seconds : float
        How long the sweep took, in seconds, without compiling.
    about : dict
        What the sweep ran on, by name: the data, the options, the machine, the versions, the date.

    Examples
    --------
    >>> import fastprop as fp
    >>> X, y = fp.datasets.digits()
    >>> result = fp.sweep((64, 16, 10), X, y, {"learning_rate": [0.01, 0.5]}, epochs=3, validation=0.2)
    >>> result.history.shape, int(result.ranking[0]), result.score_name
    ((2, 3), 1, 'accuracy')
    """

    table: NDArray[np.void]
    rungs: list[int]
    rung_costs: NDArray[np.float64]
    fold_scores: NDArray[np.float64]
    fold_seconds: NDArray[np.float64]
    hyperparameters: list[str]
    criterion: str
    score_name: str
    seconds: float
    about: dict[str, object]

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
        self._history = np.full((rows, 0), np.nan)  # with room for more epochs than are done
        self.rungs = description.rungs
        self.rung_costs = np.full((rows, len(description.rungs)), np.nan)
        self.fold_scores = np.full((*self.rung_costs.shape, description.folds), np.nan)
        self.fold_seconds = np.full((rows, description.folds), np.nan)
        self.criterion = description.criterion
        self.score_name = description.score_name
        self.about = description.about
        self.seconds = 0.0
        self._networks: dict[int, MLP] = {}  # by the index of their row
        self._kept = []  # a heap of their rows, see `push_bounded`

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
        return self._history[:, :done]

    @property
    def done(self) -> int:
        """The number of configurations that have run."""
        return int((self.table["stopped"] != "not run").sum())

    @property
    def best(self) -> dict[str, Any]:
        """The best row, by the names of the columns; of equal ones the first.

        It has the best score if the sweep was given a score, or several losses, which cannot be compared with each
        other. Otherwise it has the lowest validation loss, or without validation the lowest training loss. After Ctrl-C
        in a halving of which nothing has finished, it is the best of those that had survived the most rungs.

        Raises
        ------
        ValueError
            If no configuration finished, or what ranks is NaN for all that did.

        Examples
        --------
        >>> import fastprop as fp
        >>> X, y = fp.datasets.digits()
        >>> result = fp.sweep((64, 16, 10), X, y, {"learning_rate": [0.01, 0.5]}, epochs=3, validation=0.2)
        >>> result.best["learning_rate"], list(result.best)[:4]
        (0.5, ['learning_rate', 'score', 'score_std', 'loss'])
        """
        if not self.can_be_best.any():
            raise ValueError(self._why_none_is_best())
        return dict(zip(self.table.dtype.names, self.top(1)[0].tolist()))

    @property
    def best_network(self) -> MLP | None:
        """The trained network of the best row; None if there is no best row, or no network was to be kept."""
        return self._networks.get(int(self.ranking[0])) if self.can_be_best.any() else None

    @property
    def networks(self) -> dict[int, MLP]:
        """The trained networks that were kept (see `sweep`), by the index of their row, best first."""
        return {int(index): self._networks[index] for index in self.ranking if index in self._networks}

    def top(self, count: int) -> NDArray[np.void]:
        """Return the best `count` rows, best first; those that did not finish, or have no score, come last."""
        return self.table[self.ranking[:count]]

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

    def _why_none_is_best(self):
        counts = self.ranked_table().counts()
        if self.finished.any():
            return (
                f"no configuration is the best, as {self.ranked_table().rank_title} is NaN for all that finished "
                f"({counts}): rank by a score that the held-out rows define."
            )
        return (
            f"no configuration is the best, as none finished ({counts}): look into table for what was measured, and "
            "sweep smaller learning rates where they diverged."
        )

    def _costs(self, rows):
        """Return what ranks rows, lowest for the best; `rows` is anything that has the table's columns by name."""
        sign = self.description.sign
        return rows[self.criterion] if sign is None else sign * rows["score"]

    def enter(self, indices: NDArray[np.intp], columns: Mapping[str, NDArray[Any]]) -> None:
        """Write hyperparameters into rows; `columns` has by name an array with the values of all rows."""
        for name, column in zip(self.description.swept, self.hyperparameters):
            self.table[column][indices] = columns[name][indices]

    def shorten(self, count: int) -> None:
        """Drop all but the first `count` rows."""
        self.table = self.table[:count]
        self._history = self._history[:count]
        self.rung_costs = self.rung_costs[:count]
        self.fold_scores = self.fold_scores[:count]
        self.fold_seconds = self.fold_seconds[:count]

    def record(
        self, indices: Sequence[int], outcomes: Sequence[ConfigurationOutcome], rung: int
    ) -> NDArray[np.float64]:
        """Write the `ConfigurationOutcome` of each of some rows at a rung into the table; return their costs there."""
        indices = np.array(indices)
        columns = dict(zip(ConfigurationOutcome._fields, zip(*outcomes)))
        histories = columns.pop("history")
        columns = {name: np.array(values) for name, values in columns.items()}
        columns["history"] = np.full((len(outcomes), max(map(len, histories))), np.nan)
        for row, history in zip(columns["history"], histories):
            row[: len(history)] = history
        for values in columns.values():
            if values.dtype == float:
                values[np.isnan(values)] = np.nan  # NaN of one bit pattern, which is also that of a journal
        self._write_history(indices, columns.pop("history"))
        self.fold_scores[indices, rung] = columns.pop("fold_scores")
        self.fold_seconds[indices] = columns.pop("fold_seconds")
        for name, values in columns.items():
            self.table[name][indices] = values
        can_rank = is_finished(columns["stopped"], columns["final_epochs"]) | (columns["stopped"] == "halved")
        can_rank &= columns["stopped"] != "out of time"  # between two rungs
        costs = self.rung_costs[indices, rung] = np.where(can_rank, self._costs(columns), np.nan)
        return costs

    def _write_history(self, indices, histories):
        """Write histories (rows, epochs) into some rows, for which room is made, but not for all that were planned."""
        room = self._history.shape[1]
        if (epochs := histories.shape[1]) > room:
            more = max(epochs, min(2 * room, self.description.epochs)) - room
            self._history = np.concatenate([self._history, np.full((len(self._history), more), np.nan)], axis=1)
        self._history[indices, :epochs] = histories

    def keep(self, index: int, network: MLP, count: int) -> bool:
        """Keep the network of a recorded row if the row is among the best `count`; return whether it is."""
        row = dict(zip(self.table.dtype.names, self.table.item(index)))
        if not is_finished(row["stopped"], row["final_epochs"]):
            return False
        self._networks[index] = network
        self._networks.pop(push_bounded(self._kept, count, self._costs(row), index), None)
        return index in self._networks

    def keep_survivors(self, networks: Mapping[int, MLP], count: int) -> None:
        """Keep networks of rows that survived a rung, {index: network}, as far as fewer than `count` are kept."""
        for index in self.ranking:
            if index in networks and self.can_be_best[index] and len(self._networks) < count:
                self._networks[int(index)] = networks[index]

    def ensemble(self, count: int) -> Ensemble:
        """Return the `Ensemble` of the best `count` networks, whose outputs it averages.

        Raises
        ------
        ValueError
            If fewer networks were kept (see `sweep`), or fewer configurations finished.

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
        """Return the table as a ``pandas.DataFrame`` (extra ``pandas``), a row for each configuration.

        Raises
        ------
        ImportError
            If pandas is not installed.
        """
        return pandas_frames.frame(self.table)

    def save(self, path: Path) -> None:
        """Write the table, the history, the rungs and the networks that were kept to a file, for `fastprop.load_sweep`.

        An earlier file is replaced as a whole, or stays unchanged if the new one cannot be written.

        Raises
        ------
        OSError
            If the file cannot be written.
        """
        saved = files.Saved(
            description=self.description._replace(configurations=len(self.table))._asdict(),
            seconds=self.seconds,
            columns={name: self.table[name] for name in self.table.dtype.names},
            history=self.history,
            rung_costs=self.rung_costs,
            fold_scores=self.fold_scores,
            fold_seconds=self.fold_seconds,
            networks=self.networks,
        )
        files.write(path, saved)

    @classmethod
    def restored(cls, saved: files.Saved) -> SweepResult:
        """Return the result from the content of its file, a `files.Saved`."""
        result = cls(SweepDescription(**saved.description))
        for name in result.table.dtype.names:
            column, values = result.table[name], saved.columns[name]
            if column.dtype.hasobject:
                for index, value in enumerate(values):  # one by one, because NumPy would take tuples apart
                    column[index] = value
            else:
                np.copyto(column, values, casting="same_kind")
        result._write_history(np.arange(len(result.table)), saved.history)
        for name in ("rung_costs", "fold_scores", "fold_seconds"):
            getattr(result, name)[...] = getattr(saved, name)
        result.seconds = saved.seconds
        result._networks = dict(saved.networks)
        return result

    def plot(
        self,
        path: Path | None = None,
        kind: PlotKind | None = None,
        hyperparameters: str | Sequence[str] | None = None,
    ) -> Figure | None:
        """Draw the result (extra ``plot``).

        Parameters
        ----------
        path : str or Path, optional
            The picture file to write, whose ending gives the format, such as ``.png``, ``.svg`` or ``.pdf``.
        kind : str, optional
            - ``"score"``: loss and score against one hyperparameter, with the spread over seeds or folds. The default
              for one hyperparameter beside the seed.
            - ``"heat_map"``: what ranks against two hyperparameters. The default for two.
            - ``"parallel_coordinates"``: a line for each configuration through its values. The default for more.
            - ``"learning_curves"``: the history of each configuration, colored by a hyperparameter.
            - ``"rungs"``: what ranked at each rung of a halving, colored by a hyperparameter.
        hyperparameters : str or list of str, optional
            The columns of the table to draw. By default these are the first that were swept, and ``"seed"`` only if
            there are too few others.

        Returns
        -------
        matplotlib.figure.Figure or None
            The figure, which a notebook shows, if there is no path.

        Raises
        ------
        ValueError
            If the kind does not fit what was swept.
        ImportError
            If Matplotlib is not installed.
        """
        ranked = self.ranked_table()
        return plotting.draw(path, ranked, *plotting.choose(kind, hyperparameters, ranked))

    def report(self, path: Path) -> None:
        """Write a page about the sweep to a single HTML file (extra ``plot``).

        The page shows the best rows in a table that can be sorted, pictures, and what the sweep ran on.

        Raises
        ------
        ImportError
            If Matplotlib is not installed.
        """
        html.write(path, self.ranked_table())

    def ranked_table(self) -> RankedTable:
        """Return the arrays and names that `fastprop.reporting` draws."""
        return RankedTable(
            table=self.table,
            hyperparameters=self.hyperparameters,
            ranking=self.ranking,
            can_be_best=self.can_be_best,
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
