"""`RankedTable`: everything that tables, pages and pictures show of a sweep, as arrays and names."""

from typing import NamedTuple

import numpy as np

from fastprop.reporting.formatting import ENDINGS, short, table_lines, words

FAR_ABOVE = 100
"""What is more than this multiple of a typical loss is left out of the scales of pictures."""


class RankedTable(NamedTuple):
    """A table with a row for each configuration, and the order of these rows from the best to the worst.

    A sweep's result unpacks itself into one, so that nothing in this package knows that class.
    """

    table: np.ndarray  # (configurations,) structured: hyperparameters, losses, score, epochs, stopped, seconds
    hyperparameters: list[str]  # columns of the table that were swept
    ranking: np.ndarray  # (configurations,) int: row indices, best first
    can_be_best: np.ndarray  # (configurations,) bool: rows that may be the best
    ranked_by: str  # the column that ranks: "score", "validation_loss" or "loss"
    higher_is_better: bool  # whether the highest value of that column is the best
    criterion: str  # what `history` holds: "validation_loss" or "loss"
    score_name: str  # what is measured in the column "score"
    history: np.ndarray  # (configurations, epochs): the criterion after each epoch, NaN past the end of a run
    rungs: list[int]  # the epochs at which configurations were compared
    rung_costs: np.ndarray  # (configurations, rungs): what ranked at each, lowest for the best; NaN if not reached
    seconds: float  # how long the sweep took
    about: dict[str, object]  # what the sweep ran on

    @property
    def best(self):
        """The best row."""
        return self.table[self.ranking[0]]

    @property
    def diverged(self):
        """Which rows diverged, (configurations,) bool."""
        return self.table["stopped"] == "diverged"

    @property
    def halved(self):
        """Which rows were stopped at a rung, (configurations,) bool."""
        return self.table["stopped"] == "halved"

    @property
    def rank_title(self):
        """What the column that ranks is called in a sentence."""
        return self.title(self.ranked_by)

    @property
    def loss_limit(self):
        """The loss above which a run has nearly diverged: scales of pictures leave it out.

        It is far above the lower quartile of the losses after the first epoch. It is infinite where losses of several
        kinds were swept, which cannot be compared.
        """
        first = self.history[:, :1]
        first = first[np.isfinite(first)]
        if len(first) == 0 or "loss_function" in self.hyperparameters:
            return np.inf
        return _far_above(np.quantile(first, 0.25, method="lower"), np.nanmin(self.history))

    @property
    def rank_limit(self):
        """The value above which what ranks is left out of the scales of pictures."""
        if self.ranked_by != "score":
            return self.loss_limit
        scores = self.table["score"][self.can_be_best]
        if self.higher_is_better or len(scores) == 0:
            return np.inf
        return _far_above(np.median(scores), scores.min())

    @property
    def nearly_diverged(self):
        """Which rows have a loss above `loss_limit`, (configurations,) bool."""
        return self.table[self.criterion] > self.loss_limit

    def columns(self):
        """Return the names of the columns to show.

        Columns that are all NaN are left out, and so are deviations that are all 0, and final epochs that are the
        epochs done.
        """
        return [name for name in self.table.dtype.names if name in self.hyperparameters or self._is_informative(name)]

    def _is_informative(self, name):
        column = self.table[name]
        if name == "score_std":
            return bool((column > 0).any())
        if name == "final_epochs":
            return bool((column != self.table["epochs"])[self.can_be_best].any())
        return column.dtype.kind != "f" or not np.isnan(column).all()

    def lines(self, rows):
        """Return the best `rows` as the lines of a table, under a header."""
        return table_lines(self.columns(), self.table[self.ranking[:rows]])

    def title(self, column):
        """Return what a column is called in a sentence: the score by what it measures."""
        return words(self.score_name if column == "score" else column)

    def order(self):
        """Return what makes a configuration the best, such as ``"lowest validation loss"``."""
        return f"{'highest' if self.higher_is_better else 'lowest'} {self.rank_title}"

    def counts(self):
        """Return how many configurations ended in each way, such as ``"250 finished, 6 diverged"``."""
        endings, counts = np.unique(self.table["stopped"], return_counts=True)
        order = np.argsort(-counts, kind="stable")
        return ", ".join(f"{counts[i]:,} {ENDINGS.get(str(endings[i]), endings[i])}" for i in order)

    def duration(self):
        """Return how long the sweep took, and how many configurations it did a second."""
        if not self.seconds:
            return "no time"
        done = (self.table["stopped"] != "not run").sum()
        return f"{self.seconds:.3g} s, {short(done / self.seconds)} a second"

    def summary(self):
        """Return in a line what was swept, how it ended and how long it took."""
        names = words(", ".join(self.hyperparameters))
        return f"{len(self.table):,} configurations of {names}: {self.counts()}, in {self.duration()}"


def _far_above(typical, lowest):
    """Return a value that is a hundred times as high as a typical one, also where values are negative."""
    return typical + (FAR_ABOVE - 1) * max(abs(typical), typical - lowest)
