"""Tables in files: their columns, which of them are the features, and what the target column holds."""

from fastprop.tabular.columns import notes_on_sizes
from fastprop.tabular.csv_files import read_csv, read_csv_inputs
from fastprop.tabular.dialect import detect
from fastprop.tabular.npz_files import read_npz, read_npz_inputs
from fastprop.tabular.table import Table
from fastprop.tabular.targets import TASKS, Targets, targets_of

__all__ = [
    "TASKS",
    "Table",
    "Targets",
    "detect",
    "notes_on_sizes",
    "read_csv",
    "read_csv_inputs",
    "read_npz",
    "read_npz_inputs",
    "targets_of",
]
