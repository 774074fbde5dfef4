"""All validation and its messages: what was expected, what came, what to do, in one sentence.

Input is checked once, here, before any kernel sees it and before anything is changed.
"""

from fastprop.checks.data import Dataset, class_weight, dataset, inputs, matrix, split, validation
from fastprop.checks.grids import comparable, ends, grid, known_to
from fastprop.checks.networks import (
    DTYPES,
    HIDDEN_ACTIVATIONS,
    LOSS_OF_OUTPUT,
    dtype,
    hidden,
    initialization,
    layer_sizes,
    loss,
    loss_name,
    output,
    output_for,
)
from fastprop.checks.tasks import classifies, metrics
from fastprop.checks.values import (
    checkpoint,
    choice,
    finite,
    flag,
    instance,
    new_file,
    number,
    number_fields,
    numeric,
    seed,
    shown,
    threads,
    whole_number,
)

__all__ = [
    "DTYPES",
    "HIDDEN_ACTIVATIONS",
    "LOSS_OF_OUTPUT",
    "Dataset",
    "checkpoint",
    "choice",
    "class_weight",
    "classifies",
    "comparable",
    "dataset",
    "dtype",
    "ends",
    "finite",
    "flag",
    "grid",
    "hidden",
    "initialization",
    "inputs",
    "instance",
    "known_to",
    "layer_sizes",
    "loss",
    "loss_name",
    "matrix",
    "metrics",
    "new_file",
    "number",
    "number_fields",
    "numeric",
    "output",
    "output_for",
    "seed",
    "shown",
    "split",
    "threads",
    "validation",
    "whole_number",
]
