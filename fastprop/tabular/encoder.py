"""`Encoder`: how the columns of a table become the inputs of a network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import DTypeLike, NDArray

from fastprop import checks
from fastprop.annotations import NumericEncodingName
from fastprop.data import EncodedRows
from fastprop.integrations import frame_columns
from fastprop.integrations.arrow_columns import Column
from fastprop.notices import DataWarning, warn
from fastprop.row_blocks import row_blocks
from fastprop.tabular import numeric_encodings
from fastprop.tabular.plans import ColumnPlan, LeftOutPlan, planned

ENCODED_ROWS = 1 << 13
"""Rows whose features are written at a time, so that all columns of them are in the cache."""

MAX_REASONS = 3
"""Columns of which a message says why they are left out."""

SHOWN = 5
"""New levels of a column that a warning names."""


class Encoder:
    """How the columns of a table become the inputs of a network, fitted on training rows.

    - Numbers stay numbers, if `numeric_encoding` is ``"standard"``. They are scaled by median and quartile range and
      smoothly kept between -3 and 3 if it is ``"robust"`` [1]_, and are one feature for each of up to 48 quantile bins
      if it is ``"piecewise"`` [2]_: 1 where a number is above the bin, 0 where it is below, and how far it is in the
      bin, where it is in there. Where a row lacks a number, the median of the training rows stands for it, and a
      further feature says which rows lack it, if the whole table lacked any. If not, a number that is missing later is
      the median, and a `DataWarning` names the column.
    - Booleans are 0 and 1, and likewise.
    - Dates are years since 2000, and where in the year and the week they are, as sine and cosine; likewise.
    - Categories, which are words, or whole numbers if told, have a feature for each level: 1 in rows of that level,
      else 0. Each level that at least one row in 1,000 has has one, and the others share one. If these are 32 or more,
      they share up to 256 in turn, at least 4 levels each, as hashed levels share features [3]_. A level
      that is new belongs to the others, if these share one, and else has 0 in all features; a `DataWarning` names it.
      So does a missing cell, without a warning, unless the table lacked cells: then missing is a level. A cell that is
      an empty word, or one of space alone, is missing.
    - Words of which most rows have one of their own are left out, unless they are told to be categories.

    Which features there are, with the names of levels, follows from all rows of the table, without a look at what is to
    be predicted, so that all folds of a cross-validation have the same. What is measured is that of the training rows:
    the medians, the bins, and which levels are frequent enough. A level that too few training rows have counts as
    another, and a feature that none of them has is 0 in all rows. The median that stands for missing numbers is
    that of up to 100,000 evenly spaced rows.

    Where numbers are in bins or a category has more than 50 levels, training standardizes only what is a single feature
    of its column; the others stay from 0 to 1. In an array, which `transform` returns, it standardizes all.

    Attributes
    ----------
    plans : tuple of ColumnPlan
        The plan of each column, in the order of the table, the left-out columns included.

    Examples
    --------
    >>> import pyarrow
    >>> from fastprop.tabular.encoder import Encoder
    >>> houses = pyarrow.table({"area": [80, None, 100], "roof": ["flat", "hip", "flat"]})
    >>> encoder = Encoder.fit(houses)
    >>> encoder.feature_names
    ('area', 'area is missing', 'roof=flat', 'roof=hip')
    >>> encoder.transform(houses)
    array([[ 80.,   0.,   1.,   0.],
           [ 90.,   1.,   0.,   1.],
           [100.,   0.,   1.,   0.]], dtype=float32)

    References
    ----------
    .. [1] Holzmüller, Grinsztajn and Steinwart, "Better by Default: Strong Pre-Tuned MLPs and Boosted Trees on Tabular
       Data", NeurIPS 2024.
    .. [2] Gorishniy, Rubachev and Babenko, "On Embeddings for Numerical Features in Tabular Deep Learning", NeurIPS
       2022.
    .. [3] Weinberger, Dasgupta, Langford, Smola and Attenberg, "Feature Hashing for Large Scale Multitask Learning",
       ICML 2009.
    """

    plans: tuple[ColumnPlan, ...]

    def __init__(self, plans: Sequence[ColumnPlan]) -> None:
        self.plans = tuple(plans)

    @classmethod
    def fit(
        cls,
        frame: Any,
        *,
        categorical: Sequence[str] = (),
        numeric: Sequence[str] = (),
        drop: Sequence[str] = (),
        rows: NDArray[np.int64] | None = None,
        numeric_encoding: NumericEncodingName = "standard",
    ) -> Self:
        """Return an encoder that is fitted on some rows of a table.

        Parameters
        ----------
        frame : data frame
            Of pandas or polars, an Arrow table, or anything with ``__arrow_c_stream__`` (extra ``tables``).
        categorical, numeric : sequence of str
            Columns that are categories, or numbers, whatever they hold; the others are planned by what they hold.
        drop : sequence of str
            Columns to leave out.
        rows : ndarray, optional
            (m,) int: the indices of the training rows, by default all.
        numeric_encoding : str
            What becomes of numbers: ``"standard"``, ``"robust"`` or ``"piecewise"``.

        Raises
        ------
        ValueError
            If two columns have one name, a named column is missing, a column has no value in any row, or the table has
            no rows.
        TypeError
            If `frame` is no table.
        ImportError
            If pyarrow, which reads all frames but those of pandas, is not installed.
        """
        given = {"categorical": categorical, "numeric": numeric, "drop": drop, "rows": rows}
        return cls.fit_columns(named_columns(frame), numeric_encoding=numeric_encoding, **given)

    @classmethod
    def fit_columns(cls, columns, *, categorical=(), numeric=(), drop=(), rows=None, numeric_encoding="standard"):
        """Return an encoder that is fitted on the columns of a table, a dict of `Column` by name; else as `fit`."""
        if not columns:
            raise ValueError("the table has no columns: give at least one.")
        for name in (*categorical, *numeric, *drop):
            if name not in columns:
                raise ValueError(f"there is no column {name!r}, only {listed_names(columns)}: name one of these.")
        numeric_encodings.checked(numeric_encoding)
        both = set(categorical) & set(numeric)
        if both:
            raise ValueError(f"column {min(both)!r} is named both categorical and numeric: name it once.")
        told = dict.fromkeys(categorical, "category") | dict.fromkeys(numeric, "number")
        made = []
        for name, column in columns.items():
            if len(column.values) == 0:
                raise ValueError("the table has no rows: give at least one.")
            if name in drop:
                made.append(LeftOutPlan(name, reason="as told"))
            else:
                made.append(planned(name, column, told.get(name), numeric_encoding))
        encoder = cls(made)
        if not encoder.feature_names:
            raise ValueError(
                f"the table has no column to learn from, because {_why_left_out(made)}: give one of numbers, "
                "categories or dates."
            )
        return encoder.fitted_to(columns, rows)

    def fitted_to(self, columns, rows=None):
        """Return an encoder of the same features that is fitted to other rows of the same columns."""
        return type(self)([plan.fitted_to(columns[plan.name], rows) for plan in self.plans])

    def with_numeric_encoding(self, columns, name):
        """Return an encoder of the same columns, a dict of `Column` by name, that encodes numbers in another way.

        `name` is that of a numeric encoding. The encoder is fitted to all rows.
        """
        made = [plan.in_encoding(columns[plan.name], name) for plan in self.plans]
        return type(self)(made).fitted_to(columns)

    @property
    def used_plans(self) -> tuple[ColumnPlan, ...]:
        """The plans of the columns that become features."""
        return tuple(plan for plan in self.plans if not isinstance(plan, LeftOutPlan))

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of the columns that a table must have."""
        return tuple(plan.name for plan in self.used_plans)

    @property
    def leaves_numbers(self) -> bool:
        """Whether each column is a number that is one input as it is."""
        used = self.used_plans
        return len(used) > 0 and all(plan.leaves_numbers for plan in used)

    @property
    def makes_groups(self) -> bool:
        """Whether a number becomes several features, or a category many."""
        return any(plan.makes_groups for plan in self.plans)

    @property
    def feature_names(self) -> tuple[str, ...]:
        """The names of the inputs, (n_in,), all different."""
        names: dict[str, None] = {}
        for plan in self.plans:
            for name in plan.feature_names:
                while name in names:
                    name += "'"
                names[name] = None
        return tuple(names)

    def transform(self, frame: Any, dtype: DTypeLike = np.float32) -> NDArray[Any]:
        """Return the inputs of a network for the rows of a table, (n, n_in) of `dtype`.

        Parameters
        ----------
        frame : data frame
            As `fit` takes it. Its columns may have any order, and others may stand among them.
        dtype : dtype
            Where numbers are large and differ in their last digits, float64 keeps these.

        Raises
        ------
        ValueError
            If a column is missing, or holds what its plan does not allow; the message names it.
        """
        return self.transform_columns(named_columns(frame), dtype)

    def transform_columns(self, columns, dtype=np.float32):
        """Return the inputs for the columns of a table, a dict of `Column` by name; else as `transform`."""
        self._check_names(columns)
        if dtype == np.float64 and (matrix := self._matrix(columns)) is not None:
            return matrix
        used, checked = self._checked_cells(columns)
        ends = np.cumsum([0, *(len(plan.feature_names) for plan in used)])
        X = np.empty((len(checked[0]), ends[-1]), dtype)
        for first in range(0, len(X), ENCODED_ROWS):
            rows = slice(first, first + ENCODED_ROWS)
            for plan, some, begin, end in zip(used, checked, ends, ends[1:]):
                plan.write(some[rows], X[rows, begin:end])
        return X

    def inputs_of(self, columns):
        """Return the inputs for the columns of a table, (n, n_in) float64: an array, or `EncodedRows`.

        They are `EncodedRows` where a number becomes several features, or a category many, because an array would be as
        many times larger.
        """
        if not self.makes_groups:
            return self.transform_columns(columns, np.float64)
        self._check_names(columns)
        used, checked = self._checked_cells(columns)
        return EncodedRows.of_groups([group for plan, some in zip(used, checked) for group in plan.groups(some)])

    def inputs_of_array(self, X):
        """Return the inputs for an array (n, columns) of numbers, the columns in their order; else as `inputs_of`.

        Where an encoder leaves all numbers as they are, they are the array.
        """
        X = checks.matrix(X)
        columns = columns_to_encode([self], X)
        return X if columns is None else self.inputs_of(columns)

    def _checked_cells(self, columns):
        """Return the plans of the columns that become features, and the checked cells of each, two sequences."""
        return self.used_plans, [plan.checked_cells(columns[plan.name]) for plan in self.used_plans]

    def _check_names(self, columns):
        """Refuse a table without a column that is needed; warn of levels and gaps that the network did not learn."""
        missing = [name for name in self.columns if name not in columns]
        if missing:
            raise ValueError(
                f"the table has no column {', '.join(map(repr, missing))}, but the training data had: "
                f"give {'it' if len(missing) == 1 else 'them'}."
            )
        self._warn_of_new_cells(columns)

    def _warn_of_new_cells(self, columns):
        """Warn of levels, and of gaps, that the table had not that was learned from, of all columns in one sentence."""
        levels, gaps = [], []
        for plan in self.plans:
            column = columns.get(plan.name)
            if new := plan.new_levels(column):
                levels.append(
                    f"column {plan.name!r} has {', '.join(map(repr, new[:SHOWN]))}{', …' * (len(new) > SHOWN)}"
                )
            if plan.fills_new_gaps(column):
                gaps.append(f"column {plan.name!r} has no value in {column.missing} of {len(column.values)} rows")
        consequences = (
            "which the network did not learn: such rows count as those of a rare level where the column had a few "
            "such, and else have 0 in all features of the column",
            "but had one in each row of the table that was learned from: the median of the training rows stands for it",
        )
        for said, consequence in zip((levels, gaps), consequences):
            if said:
                warn(f"{'; '.join(said)}, {consequence}.", DataWarning)

    def _matrix(self, columns):
        """Return the matrix whose columns are the inputs as they are, (n, n_in) float64, or None.

        It is read-only, because the columns stay those that are encoded later.
        """
        if not self.leaves_numbers:
            return None
        arrays = [columns[name].values for name in self.columns]
        matrix = arrays[0].base
        if matrix is None or matrix.shape != (len(arrays[0]), len(arrays)) or matrix.dtype != np.float64:
            return None
        addresses = [array.ctypes.data - matrix.ctypes.data for array in arrays]
        if any(array.base is not matrix for array in arrays) or addresses != [8 * i for i in range(len(arrays))]:
            return None
        is_finite = all(np.isfinite(matrix[rows]).all() for rows in row_blocks(*matrix.shape))
        return checks.read_only(matrix) if is_finite else None

    @property
    def about(self) -> list[dict[str, Any]]:
        """The plans as objects that JSON can hold, from which `restored` makes an equal encoder."""
        return [plan.about for plan in self.plans]

    @classmethod
    def restored(cls, about: Sequence[Mapping[str, Any]]) -> Self:
        """Return the encoder whose `about` this is."""
        return cls([ColumnPlan.restored(plan) for plan in about])

    def lines(self) -> list[str]:
        """Return the plan of each column as a line of text."""
        width = max(len(plan.name) for plan in self.plans)
        return [f"{plan.name:{width}}  {plan.described}" for plan in self.plans]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Encoder) and self.plans == other.plans

    def __hash__(self) -> int:
        return hash(self.plans)

    def __repr__(self) -> str:
        return f"Encoder of {len(self.columns)} columns, {len(self.feature_names)} features"


def named_columns(frame):
    """Return the columns of a frame, a dict of `Column` by name; ValueError if two have one name."""
    pairs = frame_columns.columns(frame)
    checks.different_columns([name for name, _ in pairs], "the table")
    return dict(pairs)


def columns_to_encode(encoders, X):
    """Return the columns of an array (n, columns), a dict of `Column` by name; None if no encoder changes the array.

    All `encoders` have the same columns.
    """
    names = encoders[0].columns
    if X.shape[1] != len(names):
        raise ValueError(
            f"X has {X.shape[1]} columns, but the training data had {len(names)}, {listed_names(names)}: "
            "give these, in this order."
        )
    if all(encoder.leaves_numbers for encoder in encoders) and not checks.has_nan(X):
        return None
    return array_columns(names, X)


def array_columns(names, X):
    """Return the columns of an array of numbers (n, columns), a dict of `Column` by name."""
    columns = X.astype(np.float64).T
    return {name: Column("numbers", column, (), int(np.isnan(column).sum())) for name, column in zip(names, columns)}


def listed_names(names):
    """Return the first names of a table with commas between, for messages."""
    return ", ".join(list(names)[:20]) + (", …" if len(names) > 20 else "")


def _why_left_out(made):
    """Return why columns are left out: a clause for each of the first plans in a list of those."""
    clauses = [f"column {plan.name!r} is left out ({plan.reason})" for plan in made[:MAX_REASONS]]
    more = len(made) - len(clauses)
    return ", ".join(clauses) + (f" and {more} others likewise" if more > 1 else " and another one likewise" * more)
