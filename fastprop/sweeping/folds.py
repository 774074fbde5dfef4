"""The rows of a sweep: those of the data, those of each fold, and how inputs and targets are scaled on them."""

from typing import NamedTuple

import numpy as np

from fastprop import checks
from fastprop.data import (
    Dataset,
    Origin,
    ScaledTargets,
    Split,
    TargetScaling,
    cross_validation_folds,
    standardization,
)
from fastprop.task import most_special


class Fold(NamedTuple):
    """The rows to train on and those to hold out, and how the inputs are standardized.

    What is held out is scored, unless other rows are.
    """

    rows: np.ndarray  # (m,) int64: indices of the training rows
    held_out: np.ndarray  # (k,) int64: indices of the held-out rows, whose loss may end a training
    scored: np.ndarray  # (s,) int64: indices of the held-out rows on which the score is measured
    mean: np.ndarray | None  # (n_in,) of each input; None where inputs are not standardized
    scale: np.ndarray | None  # (n_in,) standard deviation of each input; None where inputs are not standardized
    scaling: TargetScaling | None  # of the targets; None where these are trained on as they are

    @classmethod
    def of(cls, data, triple, standardizes, scales_targets):
        """Return the fold of a triple of rows of a data set: those to train on, those to hold out, those to score.

        Mean and scale of inputs and targets are those of the training rows, if they are asked for.
        """
        rows = triple[0]
        fitted = standardization(data.inputs, rows) if standardizes else (None, None)
        scaling = None
        if scales_targets:
            scaling = TargetScaling.fit(data.given[rows].reshape(len(rows), -1), data.task.loss)
        return cls(*triple, *fitted, scaling)


def common_origin(prototype, folds):
    """Return the origin to which data is converted once for all `folds`, of which the first has all training rows."""
    if folds[0].mean is None:
        return Origin.of_network(prototype)
    return Origin.common([(fold.mean, fold.scale) for fold in folds], prototype.dtype)


def split_of(prototypes, X, y, sample_weight, class_weight, validation, left_out=None):
    """Check the data for all losses, converting it once; return the `Split` by `validation`, and the task of each.

    `left_out` are rows that do not count, see `Dataset`, or None.
    """
    (first_loss, first), *others = prototypes.items()
    data = Dataset.of(X, y, first, first_loss, sample_weight)._replace(left_out=left_out)
    tasks = [data.task, *(data.for_loss(prototype, loss).task for loss, prototype in others)]
    task = most_special(tasks)
    split = Split.of(validation, data._replace(task=task), prototypes[task.loss], task.loss, class_weight)
    if split.held_out is not split.data:
        for loss, prototype in prototypes.items():
            split.held_out.for_loss(prototype, loss, "validation y")
    return split, tasks


def folds_of(split, cv, X, y, prototypes, standardize, tested=None):
    """Return the split with inputs that are made for the folds, the folds, and all training rows as a fold.

    The folds are those of a cross-validation, or without one the rows of the split. The last that is returned has for
    each fold the rows to score, as indices of the rows that were given, which those of the split may repeat. All
    training rows have as rows to score those that are `tested`, by default none.
    """
    none = split.held_out_rows[:0]
    triples = [(split.rows, none, none if tested is None else tested)]
    if cv is None:
        triples = [(split.rows, split.held_out_rows, split.held_out_rows)]
    else:
        triples += cross_validation_folds(cv, X, y, split.data)
    scored = [triple[2] for triple in triples[1:]]
    data, triples = split.data.fitted_to(triples)
    split = split._replace(data=data, held_out=data if split.held_out is split.data else split.held_out)
    is_standardized = next(iter(prototypes.values())).input_mean is not None
    fits_columns = checks.flag(standardize, "standardize") and not is_standardized
    all_rows, *folds = [Fold.of(data, triple, fits_columns, isinstance(y, ScaledTargets)) for triple in triples]
    return split, tuple(folds) or (all_rows,), all_rows, scored
