"""Data frames and arrays of objects as arrays of numbers."""

import numpy as np

from fastprop import checks
from fastprop.integrations import data_frames


def table(X, name="X"):
    """Return inputs as an array of numbers, and the labels of the columns: a tuple, or None where `X` is no frame.

    Values are those of ``X.to_numpy(float)``. Only what is no array of numbers yet is copied.

    Examples
    --------
    >>> from fastprop.data.frames import table
    >>> table([[True, 2.5]])
    (array([[1. , 2.5]]), None)
    """
    if not data_frames.is_frame(X):
        return checks.numeric(X, name), None
    labels = data_frames.labels(X)
    checks.different_columns(labels, name)
    plain = data_frames.plain_array(X)
    return (_columns(X, labels, name) if plain is None else plain), labels


def _columns(X, labels, name):
    """Return the columns of a frame as one array (n, columns) of a dtype that holds the numbers of all."""
    columns = [data_frames.column(X, index) for index in range(len(labels))]
    for kind in (each.kind for each in columns):
        of_kind = [label for label, each in zip(labels, columns) if each.kind == kind]
        checks.column_kind(kind, of_kind, name)
    for label, each in zip(labels, columns):
        if each.missing is not None:
            checks.refuse_missing(name, each.missing, checks.shown(label))
    kinds = {each.numbers or np.dtype(float) for each in columns}
    array = checks.new_array((len(X), len(labels)), np.result_type(*kinds) if kinds else float, name)
    for index, each in enumerate(columns):
        values = data_frames.values(X, index)
        if each.kind == "objects":
            values = checks.numbers_of_objects(values[:, None], name, [labels[index]])[:, 0]
        array[:, index] = values
    return array
