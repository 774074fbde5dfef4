"""The recipe of defaults with which the estimators and the command line train on a table."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fastprop.options import AdamW, CosineDecay, Descent, Schedule


@dataclass(frozen=True)
class Recipe:
    """Options of a training that suit most tables whose inputs and targets are standardized.

    They were found on six tables of 100 to 4,000 rows that scikit-learn generates: ``make_classification``,
    ``make_moons``, ``make_gaussian_quantiles``, ``make_friedman1``, ``make_friedman2`` and ``make_regression``.
    `benchmarks.estimators` judges them on others.

    Attributes
    ----------
    hidden_layer_sizes : tuple of int
    hidden : str
        The activation of the hidden layers.
    optimizer, schedule
        Options of `fastprop.train`.
    epochs : int
        The number of epochs, unless the training ends early.
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
    (0.01, 32, 128)
    """

    hidden_layer_sizes: tuple[int, ...]
    hidden: str
    optimizer: Descent
    schedule: Schedule
    epochs: int
    patience: int
    validation: float
    validation_rows: int
    smallest_batch: int
    largest_batch: int

    def batch_size(self, rows: int) -> int:
        """Return the batch size for a number of rows: a power of two, if the limits are."""
        wanted = 2 ** int(np.log2(max(1, rows / 100)))
        return min(self.largest_batch, max(self.smallest_batch, wanted))

    def holds_out(self, rows: int) -> bool:
        """Return whether a part of so many rows is held out."""
        return rows >= self.validation_rows


RECIPE = Recipe(
    hidden_layer_sizes=(64,),
    hidden="relu",
    optimizer=AdamW(1e-2, weight_decay=0.1),
    schedule=CosineDecay(),
    epochs=100,
    patience=15,
    validation=0.1,
    validation_rows=1000,
    smallest_batch=32,
    largest_batch=256,
)
"""The recipe in use."""
