"""Kinds of configurations: those of one kind differ in hyperparameters of `SPECIAL_VALUES` alone.

Each of these has its special value in all configurations of a kind, or in none: all of them have the same update.
"""

import numpy as np

from fastprop.runs.training_options import SPECIAL_VALUES


def rows_of_kinds(columns, lane_values):
    """Return the first row of each kind, (kinds,) int in ascending order, and the kind of each row, (rows,) int.

    Parameters
    ----------
    columns : dict
        By name of a hyperparameter, the `GridColumn` of the rows.
    lane_values : dict
        By name, for columns of `SPECIAL_VALUES`, an array of their checked values.

    Examples
    --------
    >>> import numpy as np
    >>> from fastprop.sweeping.grids import GridColumn
    >>> rates, batch_sizes = [0.1, 0.2, 0.3], [32, 64]
    >>> columns = {
    ...     "learning_rate": GridColumn(rates, np.array([0, 1, 2, 0])),
    ...     "batch_size": GridColumn(batch_sizes, np.array([0, 1, 1, 0])),
    ... }
    >>> [each.tolist() for each in rows_of_kinds(columns, {"learning_rate": np.array(rates)})]
    [[0, 1], [0, 1, 1, 0]]
    """
    kinds = np.zeros(len(next(iter(columns.values())).indices), int)
    for name, column in columns.items():
        is_lane_value = name in lane_values
        of_values = lane_values[name] == SPECIAL_VALUES[name] if is_lane_value else _codes(column.values)
        codes = np.append(of_values, -1)[column.indices] + 1  # 0 for rows that have no value
        if codes.min() < codes.max():
            _, kinds = np.unique(kinds * (codes.max() + 1) + codes, return_inverse=True)
    _, firsts, kinds = np.unique(kinds, return_index=True, return_inverse=True)
    order = np.argsort(firsts)
    ranks = np.empty_like(order)
    ranks[order] = np.arange(len(order))
    return firsts[order], ranks[kinds]


def _codes(values):
    """Return a whole number for each of a list of values; equal values that can be hashed have the same."""
    codes = {}
    return [codes.setdefault(equality_key(value), len(codes)) for value in values]


def equality_key(value):
    """Return what equal values of a type have in common; two that have no hash count as different."""
    try:
        hash(value)
    except TypeError:
        return id(value)
    return type(value), value


def values_of_row(columns, row):
    """Return the values of a row by name, of those hyperparameters that it has."""
    return {name: each.values[each.indices[row]] for name, each in columns.items() if each.indices[row] >= 0}
