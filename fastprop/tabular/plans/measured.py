"""The plans of columns whose cells are numbers, booleans or dates, for which a median stands where one is missing."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass, replace

import numpy as np

from fastprop.data import FeatureGroup
from fastprop.tabular.numeric_encodings import NUMERIC_ENCODINGS
from fastprop.tabular.plans.base import LearnedPlan
from fastprop.tabular.written_numbers import is_number

MAX_VALUES_OF_MEDIAN = 100_000
"""From so many numbers of a column its median is computed at most."""

MIN_VALUES_OF_MEDIAN = 1000
"""If fewer of those are there, the others are looked for, too."""

YEAR, WEEK = 365.2425, 7.0
"""Days after which a date's features recur."""

ORIGIN = 10957.0
"""The first day of 2000, in days since 1970: from it on the years of dates are counted."""

CALENDAR = YEAR, WEEK, ORIGIN
"""What dates become features by."""


@dataclass(frozen=True)
class MeasuredPlan(LearnedPlan):
    """The plan of a column whose cells are numbers, booleans or dates."""

    center: float | None = None  # the median of the training rows, once it is fitted
    is_trained: bool = True  # whether a training row has a cell

    @classmethod
    def planned(cls, name, column):
        """Return the plan of a column, which is not fitted to training rows yet."""
        return cls(name, bool(column.missing))

    @property
    def _names_of_cells(self):
        return [self.name]

    @property
    def _described_missing(self):
        center = "of the training rows" if self.center is None else self._shown_center
        return f"the median {center} and a feature"

    @property
    def _shown_center(self):
        return f"{self.center:.6g}"

    def _fitted(self, training, trains_missing):
        if training.missing == len(training.values):
            return replace(self, trains_missing=trains_missing, center=None, is_trained=False)
        center = median(training.values)
        return replace(self, trains_missing=trains_missing, center=center, is_trained=True)

    def fills_new_gaps(self, column):
        return self.center is not None and self._has_new_gaps(column)

    def _has_new_gaps(self, column):
        """Return whether cells are missing in a column of which the table lacked none."""
        return not self.has_missing and column.missing > 0

    def checked_cells(self, column):
        values = self._values(column)
        if not self._has_new_gaps(column):
            return values
        if self.center is None:
            raise ValueError(f"column {self.name!r} has no value in row {int(np.isnan(values).argmax())}: fill it in.")
        return np.where(np.isnan(values), self.center, values)

    def _values(self, column):
        """Return the values of a column, (rows,) float64; ValueError if they do not fit the plan."""
        if column.kind not in (*self.column_kinds, "nothing") and column.missing < len(column.values):
            words = [word for word in column.words if not is_number(word)] or column.words
            example = f", such as {words[0]!r}" if words else ""
            raise ValueError(
                f"column {self.name!r} holds {column.kind}{example}, but held {self.column_kinds[0]} in the training "
                "rows: correct it."
            )
        if column.kind == "words":  # without any
            return np.full(len(column.values), np.nan)
        self._check_values(column)
        return column.values

    def _check_values(self, column):
        """Refuse values that do not fit the plan."""
        self.refuse_infinite(column)

    def refuse_infinite(self, column):
        """Refuse a column of numbers, of which one is infinite."""
        if column.is_finite:
            return
        is_infinite = np.isinf(column.values)
        if is_infinite.any():
            raise ValueError(f"column {self.name!r} holds infinity in row {int(is_infinite.argmax())}: correct it.")

    def groups(self, cells):
        if not self.is_trained:
            width = len(self.feature_names)
            return [FeatureGroup(width, np.full(len(cells), -1), np.broadcast_to(0.0, len(cells)))]
        if not self.has_missing:
            return self._groups_of_numbers(cells)
        is_missing = np.isnan(cells)
        cells = np.where(is_missing, self.center, cells)
        indices = np.where(is_missing & self.trains_missing, 0, -1)
        return [*self._groups_of_numbers(cells), FeatureGroup(1, indices, np.broadcast_to(1.0, len(cells)))]

    @abstractmethod
    def _groups_of_numbers(self, numbers):
        """Return the features of numbers (rows,), of which none is missing, as a list of `FeatureGroup`."""

    @property
    def is_valid(self):
        needs_center = self.has_missing and self.is_trained
        return (
            super().is_valid
            and isinstance(self.is_trained, bool)
            and (not needs_center or (isinstance(self.center, float) and bool(np.isfinite(self.center))))
        )


@dataclass(frozen=True)
class NumberPlan(MeasuredPlan, kind="number"):
    """The plan of a column of numbers."""

    column_kinds = "numbers", "bools"

    encoding: str = "standard"  # one of `NUMERIC_ENCODINGS`
    features: int = 1  # how many features the numbers become by this encoding
    constants: tuple[float, ...] = ()  # those of the encoding, by the training rows

    def in_encoding(self, column, encoding):
        plan = self.planned(self.name, column)
        if encoding == "standard":
            return plan
        features = NUMERIC_ENCODINGS[encoding].features(self._present(column))
        return replace(plan, encoding=encoding, features=features)

    @property
    def leaves_numbers(self):
        return not self.has_missing and self.encoding == "standard"

    @property
    def makes_groups(self):
        return self.features > 1

    @property
    def _names_of_cells(self):
        if self.features == 1:
            return [self.name]
        return [f"{self.name} (bin {index + 1})" for index in range(self.features)]

    @property
    def _described_cells(self):
        return self.kind + NUMERIC_ENCODINGS[self.encoding].note.format(features=self.features)

    def _fitted(self, training, trains_missing):
        plan = super()._fitted(training, trains_missing)
        if not plan.is_trained:
            return replace(plan, constants=())
        if plan.encoding == "standard":
            return plan
        constants = NUMERIC_ENCODINGS[plan.encoding].fit(self._present(training), plan.features)
        if not np.isfinite(constants).all():
            raise ValueError(
                f"column {plan.name!r} holds numbers that are too large for numeric_encoding={plan.encoding!r}: divide "
                "the column by a constant."
            )
        return replace(plan, constants=constants)

    def _present(self, column):
        """Return the numbers of a column without its missing cells; ValueError if one is infinite."""
        self.refuse_infinite(column)
        return column.values[~np.isnan(column.values)] if column.missing else column.values

    def _groups_of_numbers(self, numbers):
        features, values = NUMERIC_ENCODINGS[self.encoding].encode(numbers, self.constants)
        return [FeatureGroup(self.features, features, values, cumulative=self.features > 1)]

    @property
    def is_valid(self):
        encoding = NUMERIC_ENCODINGS.get(self.encoding) if isinstance(self.encoding, str) else None
        return (
            super().is_valid
            and encoding is not None
            and type(self.features) is int
            and isinstance(self.constants, tuple)
            and all(isinstance(each, float) and np.isfinite(each) for each in self.constants)
            and (encoding.is_valid(self.constants, self.features) or not (self.is_trained or self.constants))
        )


@dataclass(frozen=True)
class BooleanPlan(MeasuredPlan, kind="boolean"):
    """The plan of a column of booleans, which are 0 and 1."""

    column_kinds = "bools", "numbers"

    def _check_values(self, column):
        self._refuse_other_than_bools(column.values)
        super()._check_values(column)

    def _groups_of_numbers(self, numbers):
        return [FeatureGroup(1, None, numbers)]


@dataclass(frozen=True)
class DatePlan(MeasuredPlan, kind="date"):
    """The plan of a column of dates, which are numbers of days since 1970."""

    column_kinds = ("dates",)

    @property
    def _names_of_cells(self):
        waves = [(wave, cycle) for cycle in ("year", "week") for wave in ("sine", "cosine")]
        return [self.name, *(f"{self.name} ({wave} of the {cycle})" for wave, cycle in waves)]

    @property
    def _shown_center(self):
        return np.datetime64(int(np.floor(self.center)), "D")

    def _groups_of_numbers(self, numbers):
        angles = [2 * np.pi / cycle * numbers for cycle in (YEAR, WEEK)]
        features = [(numbers - ORIGIN) / YEAR, *(wave(angle) for angle in angles for wave in (np.sin, np.cos))]
        return [FeatureGroup(1, None, values) for values in features]


def median(values):
    """Return the median of numbers (n,), of which NaN are left out; of many, that of evenly spaced ones.

    These are up to 100,000 of all, or of those that are no NaN, if fewer than 1,000 of the former are.

    Examples
    --------
    >>> import numpy as np
    >>> from fastprop.tabular.plans import median
    >>> median(np.array([1, np.nan, 5, 30]))
    5.0
    """
    present = _spaced(values)
    present = present[~np.isnan(present)]
    if len(present) < MIN_VALUES_OF_MEDIAN:
        present = _spaced(values[~np.isnan(values)])
    return float(np.median(present))


def _spaced(values):
    """Return some of many values, which are evenly spaced."""
    return values[:: max(1, -(-len(values) // MAX_VALUES_OF_MEDIAN))]
