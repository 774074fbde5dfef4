"""Tables in files: their columns, which of them are the features, and what the target column holds."""

from fastprop.tabular.csv_files import read_csv, read_csv_inputs
from fastprop.tabular.npz_files import read_npz, read_npz_inputs
from fastprop.tabular.table import Table

__all__ = ["Table", "read_csv", "read_csv_inputs", "read_npz", "read_npz_inputs"]
