"""`ColumnPlan`, what the plans of all kinds have in common, and the plan of a column that is left out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, fields
from typing import Any, ClassVar, Self

import numpy as np

from fastprop.checks import shown

EARLIER_FIELDS = {
    "name": None,
    "kind": None,
    "has_missing": False,
    "levels": (),
    "is_of_words": False,
    "others": (),
    "reason": "",
    "center": None,
    "rare": (),
    "is_trained": True,
    "trains_missing": True,
    "trains_other": True,
    "shared": 1,
    "untrained": (),
    "encoding": "standard",
    "features": 1,
    "constants": (),
}
"""The fields that a plan of every kind had in files and pickles of earlier versions, in their order, and what a field
held that the kind does not use."""


@dataclass(frozen=True)
class ColumnPlan(ABC):
    """What is made of a column: its features follow from all rows of the table, and the rest from the training rows.

    Each kind of plan is a class that names it, ``class NumberPlan(MeasuredPlan, kind="number")``.

    Examples
    --------
    >>> import pandas
    >>> from fastprop.tabular import Encoder
    >>> size, color = Encoder.fit(pandas.DataFrame({"size": [1, None, 9], "color": ["red", "red", "blue"]})).plans
    >>> size.kind, size.has_missing, size.center, color.kind, color.levels
    ('number', True, 5.0, 'category', ('red', 'blue'))
    >>> size.described
    'number; missing cells are the median 5 and a feature'
    """

    kind: ClassVar[str]
    kinds: ClassVar[dict[str, type[ColumnPlan]]] = {}
    """By name, the class of each kind."""

    unused: ClassVar[frozenset[str]] = frozenset()
    """`EARLIER_FIELDS` that the kind does not use, but which earlier versions wrote all the same."""

    name: str

    def __init_subclass__(cls, kind=None):
        super().__init_subclass__()
        if kind is not None:
            cls.kind = kind
            ColumnPlan.kinds[kind] = cls

    def __new__(cls, *values, **_):
        """Return a plan for its constructor, or that of a pickle of an earlier version, whose class is `ColumnPlan`."""
        if cls is ColumnPlan and len(values) == len(EARLIER_FIELDS):
            return cls.restored(dict(zip(EARLIER_FIELDS, values)))
        return super().__new__(cls)

    @property
    @abstractmethod
    def feature_names(self) -> list[str]:
        """The names of the features that the column becomes."""

    @property
    @abstractmethod
    def described(self) -> str:
        """The plan in a few words."""

    @property
    def leaves_numbers(self):
        """Whether the column is a number that is one input as it is."""
        return False

    @property
    def makes_groups(self):
        """Whether the features are too many to be kept as an array."""
        return False

    @abstractmethod
    def fitted_to(self, column, rows=None) -> Self:
        """Return the plan fitted to some rows of its column, by default all.

        Parameters
        ----------
        column : Column
            The one for which the plan was made.
        rows : ndarray, optional
            (m,) int: the indices of the training rows. Where none of them has a cell, all features are 0 in all rows.
        """

    def in_encoding(self, column, encoding):
        """Return the plan, unfitted, with numbers in another of `NUMERIC_ENCODINGS`, or itself where it has none."""
        return self

    def new_levels(self, column):
        """Return the levels of a category that the table had not from which its plan was made, a list."""
        return []

    def fills_new_gaps(self, column):
        """Return whether the median stands for cells that are missing in a column of which the table lacked none."""
        return False

    @property
    def about(self) -> dict[str, Any]:
        """The plan as an object that JSON can hold, from which `restored` makes an equal plan."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return {"kind": self.kind} | {
            name: list(value) if isinstance(value, tuple) else value for name, value in values.items()
        }

    @staticmethod
    def restored(about):
        """Return the plan whose `about` this is, of this or an earlier version; ValueError if it can be none."""
        values = {name: tuple(value) if isinstance(value, list) else value for name, value in about.items()}
        name = values.pop("kind")
        kind = ColumnPlan.kinds.get(name) if isinstance(name, str) else None
        plan = None if kind is None else kind.of_values(values)
        if plan is None or not plan.is_valid:
            raise ValueError(f"the plan of a column is not as it was written: {shown(about)}")
        return plan

    @classmethod
    def of_values(cls, values):
        """Return the plan of this kind by values of fields; None if there are some that no version writes for it."""
        own = {field.name for field in fields(cls)}
        others = {name: value for name, value in values.items() if name not in own | cls.unused}
        if not others.items() <= EARLIER_FIELDS.items():
            return None
        return cls(**{name: value for name, value in values.items() if name in own})

    @property
    def is_valid(self):
        """Whether a plan, which was read, can have been written."""
        return isinstance(self.name, str)


@dataclass(frozen=True)
class LeftOutPlan(ColumnPlan, kind="left out"):
    """The plan of a column that becomes no feature."""

    unused = frozenset({"is_of_words"})

    reason: str = ""

    @property
    def feature_names(self):
        return []

    @property
    def described(self):
        return f"{self.kind}: {self.reason}"

    def fitted_to(self, column, rows=None):
        return self

    @property
    def is_valid(self):
        return super().is_valid and isinstance(self.reason, str)


@dataclass(frozen=True)
class LearnedPlan(ColumnPlan):
    """The plan of a column that becomes features. A feature that no training row has is 0 in all rows.

    A network cannot learn what such a feature means.
    """

    column_kinds: ClassVar[tuple[str, ...]]
    """The kinds of a `Column` whose cells fit, that of the training rows first."""

    has_missing: bool = False  # whether cells are missing in the table, so that a feature says which
    trains_missing: bool = True  # whether cells are missing in training rows, if they are in the table

    @property
    def feature_names(self):
        return self._names_of_cells + [f"{self.name} is missing"] * self.has_missing

    @property
    def described(self):
        missing = f"; missing cells are {self._described_missing}" if self.has_missing else ""
        return self._described_cells + missing

    @property
    @abstractmethod
    def _names_of_cells(self) -> list[str]:
        """The names of the features without that of missing cells."""

    @property
    def _described_cells(self):
        """What the features say of cells that are not missing."""
        return self.kind

    @property
    @abstractmethod
    def _described_missing(self) -> str:
        """What stands for missing cells, where the table has some."""

    def fitted_to(self, column, rows=None):
        training = column if rows is None else column.of_rows(rows)
        return self._fitted(training, bool(training.missing) or not self.has_missing)

    @abstractmethod
    def _fitted(self, training, trains_missing) -> Self:
        """Return the plan fitted to the `training` column, with what `trains_missing` says of it."""

    def encode(self, column, out):
        """Write the features of a column into `out`, (rows, features); ValueError if its cells do not fit the plan."""
        self.write(self.checked_cells(column), out)

    @abstractmethod
    def checked_cells(self, column):
        """Return the cells of a column as `write` takes them, (rows,); ValueError if they do not fit the plan.

        They are numbers, NaN where one is missing; of a category they are the index of each cell's feature, or -1.
        """

    def write(self, cells, out):
        """Write the features of some rows into `out`, (rows, features); `cells` are those of `checked_cells`."""
        begin = 0
        for group in self.groups(cells):
            group.write(out[:, begin : begin + group.width])
            begin += group.width

    @abstractmethod
    def groups(self, cells):
        """Return the features of some rows as a list of `FeatureGroup`; `cells` are those of `checked_cells`."""

    def _refuse_other_than_bools(self, values):
        """Refuse numbers other than 0 and 1 in a column that held booleans; NaN are missing."""
        if not np.isin(values[~np.isnan(values)], (0, 1)).all():
            raise ValueError(
                f"column {self.name!r} holds other numbers than 0 and 1, but held bools before: correct it."
            )

    @property
    def is_valid(self):
        flags = self.has_missing, self.trains_missing
        return super().is_valid and all(isinstance(each, bool) for each in flags)
