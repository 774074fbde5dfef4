"""`SweepResult`: the results of a sweep, with a row for each configuration."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fastprop import checks, metrics
from fastprop.annotations import ArrayLike, Figure, Path, PlotKind, ScoreFunction, ScoreName
from fastprop.ensembles import Ensemble
from fastprop.integrations import pandas_frames
from fastprop.reporting import RankedTable, html, plotting
from fastprop.sweeping import files
from fastprop.sweeping.greedy_weights import STEPS
from fastprop.sweeping.kept_networks import KeptNetworks
from fastprop.sweeping.recorded_rows import SweepDescription
from fastprop.sweeping.weighted_ensembles import weighted_ensemble

if TYPE_CHECKING:
    import pandas

ROWS_SHOWN = 5
"""Rows of a result that are printed."""


class SweepResult(KeptNetworks):
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
        (configurations, rungs, folds) float64: the score of each fold at each rung. It is NaN at rungs that a
        configuration did not reach, and unless scores rank, at those from which it went on.
    fold_seconds : ndarray
        (configurations, folds) float64: how long each fold has trained, in seconds.
    score_name : str
        The name of ``score``, such as ``"accuracy"`` or ``"r2"``.
    outer : OuterScores or None
        How good the networks are that the sweep chooses, if it was given ``outer``: ``scores`` of the outer folds,
        their ``mean``, its ``interval(coverage)``, what was ``chosen`` in each, and ``out_of_fold`` outputs.
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

    def top(self, count: int) -> NDArray[np.void]:
        """Return the best `count` rows, best first; those that did not finish, or have no score, come last."""
        return self.table[self.ranking[:count]]

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

    def ensemble(self, count: int) -> Ensemble:
        """Return the `Ensemble` of the best `count` networks, whose outputs it averages.

        With ``refit=False`` it is that of the networks of all folds of the best `count` configurations.

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
        kept = [networks for _, networks in self._best_first()]
        chosen = kept[: checks.ensemble_size(count, len(kept), int(self.finished.sum()))]
        return Ensemble(network for networks in chosen for network in networks)

    def weighted_ensemble(
        self,
        y: ArrayLike,
        *,
        score: ScoreName | ScoreFunction | metrics.Score | None = None,
        steps: int = STEPS,
        calibrate: bool = False,
        sample_weight: ArrayLike | None = None,
    ) -> Ensemble:
        """Return the `Ensemble` of networks of folds whose weights are chosen greedily on out-of-fold outputs.

        A sweep with ``refit=False`` has the networks. Those of the folds of one configuration share its weight alike.
        At each of `steps` steps the configuration is added that makes the mean of all outputs the best, one that was
        added before included; the best of these ensembles is taken. Where numbers are predicted, its
        `Ensemble.predict_interval` gives intervals, unless several folds held out the same rows.

        Parameters
        ----------
        y : array_like
            The targets of the sweep, with which the outputs are compared.
        score : str, callable or Score, optional
            What is best, see `sweep`; by default the log loss of probabilities, the mean pinball loss of quantiles,
            and else the squared error.
        steps : int
            At least 1.
        calibrate : bool
            Whether probabilities of classes have the temperature that the out-of-fold outputs need, see
            `fastprop.calibration.fit_temperature`.
        sample_weight : array_like, optional
            (n,) weights of the rows, of at least 0, such as those of the sweep. They weigh rows in what is best and in
            the temperature, but not in intervals.

        Raises
        ------
        ValueError, TypeError
            If the sweep kept no networks of folds, an argument is not as described, or the score cannot weigh rows.

        References
        ----------
        Caruana, Niculescu-Mizil, Crew and Ksikes, "Ensemble selection from libraries of models", ICML 2004.

        Examples
        --------
        >>> import fastprop as fp
        >>> X, y = fp.datasets.digits()
        >>> rates = {"learning_rate": [0.1, 0.5, 1.0]}
        >>> result = fp.sweep((64, 16, 10), X, y, rates, epochs=3, cv=3, refit=False, keep="all")
        >>> result.weighted_ensemble(y).predict(X[:5]).shape
        (5, 10)
        """
        if not self.fold_networks:
            raise ValueError("no networks of folds were kept: sweep with cv, refit=False and keep.")
        outputs = [self.out_of_fold(index) for index in self.fold_networks]
        return weighted_ensemble(
            self.fold_networks.values(),
            outputs,
            y,
            self._fold_of_rows,
            score=score,
            steps=steps,
            calibrate=calibrate,
            sample_weight=sample_weight,
        )

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
            networks=dict(self._best_first()),
            out_of_fold=self._out_of_fold,
            fold_of_rows=self._fold_of_rows,
            lineages=self.lineages,
            outer=self.outer,
        )
        files.write(path, saved)

    @classmethod
    def restored(cls, saved: files.Saved) -> SweepResult:
        """Return the result from the content of its file, a `files.Saved`."""
        result = cls(SweepDescription(**saved.description))
        result.restore(saved)
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
        lines = [ranked.summary(), f"{ranked.order()} first:", *ranked.lines(ROWS_SHOWN)]
        return "\n".join(lines if self.outer is None else [*lines, f"nested cross-validation: {self.outer}"])

    def _repr_html_(self) -> str:
        return html.summary(self.ranked_table(), ROWS_SHOWN)
