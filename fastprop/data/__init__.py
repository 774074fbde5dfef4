"""The data of a run: the checked arrays, which rows are trained on and which are held out, and what rows weigh."""

from fastprop.data.class_coverage import OneClass
from fastprop.data.class_weights import balanced, weighted
from fastprop.data.column_sizes import warn_of_sizes
from fastprop.data.column_statistics import ColumnStatistics
from fastprop.data.dataset import Dataset, scaled_weights
from fastprop.data.encoded_rows import EncodedRows, FeatureGroup
from fastprop.data.folds import cross_validation_folds
from fastprop.data.inputs import Inputs, order_of_columns, position_names
from fastprop.data.output_range import warn_of_targets
from fastprop.data.rounding import warn_of_rounded_targets
from fastprop.data.sparse_rows import SparseRows, stacked
from fastprop.data.splits import Split, held_out_rows
from fastprop.data.standardization import UNCHANGED, Origin, standardization
from fastprop.data.target_scaling import ScaledTargets, TargetScaling
from fastprop.data.unfitted import UnfittedInputs

__all__ = [
    "UNCHANGED",
    "ColumnStatistics",
    "Dataset",
    "EncodedRows",
    "FeatureGroup",
    "Inputs",
    "OneClass",
    "Origin",
    "ScaledTargets",
    "SparseRows",
    "Split",
    "TargetScaling",
    "UnfittedInputs",
    "balanced",
    "cross_validation_folds",
    "held_out_rows",
    "order_of_columns",
    "position_names",
    "scaled_weights",
    "stacked",
    "standardization",
    "warn_of_rounded_targets",
    "warn_of_sizes",
    "warn_of_targets",
    "weighted",
]
