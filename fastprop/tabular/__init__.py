"""Tables: their columns, what becomes of these, what the target holds, and models that know all that."""

from fastprop.tabular.column_inputs import ColumnInputs
from fastprop.tabular.column_table import Choice, ColumnTable
from fastprop.tabular.encoder import Encoder
from fastprop.tabular.plans import ColumnPlan
from fastprop.tabular.table import Table
from fastprop.tabular.targets import TASKS, Targets, targets_of

__all__ = [
    "TASKS",
    "Choice",
    "ColumnInputs",
    "ColumnPlan",
    "ColumnTable",
    "Encoder",
    "Table",
    "Targets",
    "targets_of",
]
