"""The features that the cells of a column become, by the plan of the column."""

import numpy as np

from fastprop.data import FeatureGroup
from fastprop.tabular.numeric_encodings import NUMERIC_ENCODINGS
from fastprop.tabular.plans import as_words, refuse_infinite
from fastprop.tabular.written_numbers import is_number

YEAR, WEEK = 365.2425, 7.0
"""Days after which a date's features recur."""

ORIGIN = 10957.0
"""The first day of 2000, in days since 1970: from it on the years of dates are counted."""

CALENDAR = YEAR, WEEK, ORIGIN
"""What dates become features by."""


def encode(plan, column, out):
    """Write the features of a column into `out`, (rows, features); ValueError if its cells do not fit the plan."""
    write(plan, checked_cells(plan, column), out)


def checked_cells(plan, column):
    """Return the cells of a column as `write` takes them, (rows,); ValueError if they do not fit the plan.

    They are numbers, NaN where one is missing; of a category they are the index of each cell's feature, or -1.
    """
    if plan.kind == "category":
        return _features(plan, column)
    values = _numbers(plan, column)
    if not lacks_new_cells(plan, column):
        return values
    if plan.center is None:
        raise ValueError(f"column {plan.name!r} has no value in row {int(np.isnan(values).argmax())}: fill it in.")
    return np.where(np.isnan(values), plan.center, values)


def write(plan, cells, out):
    """Write the features of some rows into `out`, (rows, features); `cells` are those of `checked_cells`."""
    begin = 0
    for group in groups(plan, cells):
        group.write(out[:, begin : begin + group.width])
        begin += group.width


def groups(plan, cells):
    """Return the features of some rows as a list of `FeatureGroup`; `cells` are those of `checked_cells`."""
    if plan.kind == "category":
        return [FeatureGroup(len(plan.feature_names), cells, np.broadcast_to(1.0, len(cells)))]
    if not plan.is_trained:
        return [FeatureGroup(len(plan.feature_names), np.full(len(cells), -1), np.broadcast_to(0.0, len(cells)))]
    indicators = []
    if plan.has_missing:
        is_missing = np.isnan(cells)
        cells = np.where(is_missing, plan.center, cells)
        indicators = [
            FeatureGroup(1, np.where(is_missing & plan.trains_missing, 0, -1), np.broadcast_to(1.0, len(cells)))
        ]
    if plan.kind != "date":
        features, values = NUMERIC_ENCODINGS[plan.encoding].encode(cells, plan.constants)
        return [FeatureGroup(plan.features, features, values, cumulative=plan.features > 1), *indicators]
    angles = [2 * np.pi / cycle * cells for cycle in (YEAR, WEEK)]
    numbers = [(cells - ORIGIN) / YEAR, *(wave(angle) for angle in angles for wave in (np.sin, np.cos))]
    return [*(FeatureGroup(1, None, values) for values in numbers), *indicators]


def lacks_new_cells(plan, column):
    """Return whether numbers, booleans or dates are missing in a column of which the table lacked none."""
    return plan.kind not in ("category", "left out") and not plan.has_missing and column.missing > 0


def new_levels(plan, column):
    """Return the levels of a category that the table had not from which its plan was made, a list."""
    if plan.kind != "category" or column.kind in ("dates", "other", "nothing"):
        return []
    column = as_words(_written_as(plan, column))
    known = {*plan.levels, *plan.others}
    if known.issuperset(column.words):
        return []
    used = np.unique(column.values[column.values >= 0])
    return [word for word in (column.words[code] for code in used) if word not in known]


def _numbers(plan, column):
    """Return the values of a column that is planned as numbers, booleans or dates, (rows,) float64."""
    fits = {"number": ("numbers", "bools"), "boolean": ("bools", "numbers"), "date": ("dates",)}[plan.kind]
    if column.kind not in (*fits, "nothing") and column.missing < len(column.values):
        words = [word for word in column.words if not is_number(word)] or column.words
        example = f", such as {words[0]!r}" if words else ""
        raise ValueError(
            f"column {plan.name!r} holds {column.kind}{example}, but held {fits[0]} in the training rows: correct it."
        )
    if column.kind == "words":  # without any
        return np.full(len(column.values), np.nan)
    values = column.values
    if plan.kind == "boolean":
        _refuse_other_than_bools(plan, values)
    refuse_infinite(plan, column)
    return values


def _refuse_other_than_bools(plan, values):
    """Refuse numbers other than 0 and 1 in a column that held booleans; NaN are missing."""
    if not np.isin(values[~np.isnan(values)], (0, 1)).all():
        raise ValueError(f"column {plan.name!r} holds other numbers than 0 and 1, but held bools before: correct it.")


def _written_as(plan, column):
    """Return a column of bools or of 0 and 1 as its levels are written in the training rows: True or 1."""
    if column.kind == "bools" and not plan.is_of_words and not plan.is_of_bools:
        return column._replace(kind="numbers")
    if column.kind == "numbers" and plan.is_of_bools:
        _refuse_other_than_bools(plan, column.values)
        return column._replace(kind="bools")
    return column


def _features(plan, column):
    """Return the index of the feature of each cell of a category, (rows,), -1 where it has none."""
    if column.kind in ("dates", "other"):
        raise ValueError(f"column {plan.name!r} holds {column.kind}, but held words in the training rows: correct it.")
    if column.kind == "nothing":
        codes, words = np.full(len(column.values), -1), ()
    else:
        column = as_words(_written_as(plan, column))
        codes, words = column.values, column.words
    features, other = plan.feature_of_level, plan.feature_of_others
    feature_of_code = np.array([*(features.get(word, other) for word in words), plan.feature_of_missing])
    return feature_of_code[codes]
