"""Data frames and arrays of objects as arrays of numbers."""

import numpy as np

from fastprop import checks
from fastprop.integrations import frame_columns


def table(X, name="X"):
    """Return inputs as an array of numbers, and the labels of the columns: a tuple, or None where `X` is no frame.

    Values are those of ``X.to_numpy(float)``. Only what is no array of numbers yet is copied.

    Examples
    --------
    >>> from fastprop.data.frames import table
    >>> table([[True, 2.5]])
    (array([[1. , 2.5]]), None)
    """
    if not frame_columns.is_frame(X):
        return checks.numeric(X, name), None
    plain = frame_columns.plain_array(X)
    if plain is not None:
        checks.different_columns(tuple(X.columns), name)
        return plain, tuple(X.columns)
    pairs = frame_columns.number_columns(X)
    labels = tuple(label for label, _ in pairs)
    checks.different_columns(labels, name)
    return _array(pairs, name), labels


def _array(pairs, name):
    """Return columns, pairs of label and `Column`, as one array (n, columns) of a dtype that holds all numbers."""
    for kind in (each.kind for _, each in pairs):
        checks.column_kind(kind, [label for label, each in pairs if each.kind == kind], name)
    for label, each in pairs:
        if each.missing:
            checks.refuse_missing(name, int(np.isnan(each.values).argmax()), checks.shown(label))
    arrays = [
        checks.numbers_of_objects(each.values[:, None], name, [label])[:, 0] if each.kind == "objects" else each.values
        for label, each in pairs
    ]
    rows = len(arrays[0]) if arrays else 0
    dtype = np.result_type(*{each.dtype for each in arrays}) if arrays else float
    array = checks.new_array((rows, len(arrays)), dtype, name)
    for index, values in enumerate(arrays):
        array[:, index] = values
    return array
