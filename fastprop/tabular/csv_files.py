"""Reads CSV files as tables of features and targets."""

from fastprop.notices import DataWarning, warn
from fastprop.tabular import columns, dialect
from fastprop.tabular.csv_columns import read_columns
from fastprop.tabular.table import Table, classes_of_numbers


def read_csv(path, target=None, drop=(), features=None):
    """Return the `Table` of a CSV file; `fastprop.datasets.read` describes the parameters."""
    written = dialect.detect(path)
    feature_names, target = columns.chosen(path, written.columns, target, drop, features)
    X, targets = read_columns(path, written, written.indices(feature_names), written.index(target))
    _tell([*written.notes, *columns.notes_on_counters(path, X, feature_names)])
    y = targets.values if targets.class_names else classes_of_numbers(targets.values)
    return Table(X, y, feature_names, target, targets.class_names)


def read_csv_inputs(path, names=None):
    """Return the columns `names` of a CSV file, by default all, (n, names) float64 in this order."""
    written = dialect.detect(path)
    if names is None:
        names = written.columns
        _tell(written.notes)
    names = columns.checked(path, written.columns, names)
    X, _ = read_columns(path, written, written.indices(names))
    return X


def _tell(notes):
    for note in notes:
        warn(note, DataWarning)
