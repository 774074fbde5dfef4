"""What is made of each column of a table: the plan of a column, as it is fitted on training rows."""

import re
from typing import NamedTuple

import numpy as np

from fastprop.checks import shown
from fastprop.integrations.arrow_columns import word_of
from fastprop.notices import DataWarning, warn
from fastprop.tabular.numeric_encodings import NUMERIC_ENCODINGS
from fastprop.tabular.written_numbers import is_dressed_number, is_number, level_of

KINDS = "number", "boolean", "date", "category", "left out"
"""What a column may be taken for."""

MAX_LEVELS_OF_TEXT = 50
"""Words with more levels than this are no category if more than half of the rows have one of their own."""

FEW_OTHERS = 32
"""Fewer other levels than this, which have no feature of their own, share one."""

MAX_SHARED = 256
"""Other levels share at most so many features."""

MIN_SHARING = 4
"""At least so many other levels share a feature, where there are several such features."""

RARE = 1000
"""A level that fewer than one in so many training rows have has no feature of its own."""

MAX_VALUES_OF_MEDIAN = 100_000
"""From so many numbers of a column its median is computed at most."""

MIN_VALUES_OF_MEDIAN = 1000
"""If fewer of those are there, the others are looked for, too."""


class ColumnPlan(NamedTuple):
    """What is made of a column: its features follow from all rows of the table, and the rest from the training rows.

    A feature that no training row has is 0 in all rows, because a network cannot learn what it means.

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

    name: str
    kind: str  # one of `KINDS`
    has_missing: bool = False  # whether cells are missing in the table, so that a feature says which
    levels: tuple[str, ...] = ()  # of a category, those with a feature of their own, the most frequent first
    is_of_words: bool = False  # of a category, whether its levels are words, and no numbers or booleans
    others: tuple[str, ...] = ()  # of a category, the rare levels of the table, which share a feature
    reason: str = ""  # why the column is left out
    center: float | None = None  # of numbers, booleans and dates, the median of the training rows once it is fitted
    rare: tuple[str, ...] = ()  # the `levels` that are so rare in training rows that they count as another
    is_trained: bool = True  # whether a training row has one of the numbers, booleans or dates of the column
    trains_missing: bool = True  # whether cells are missing in training rows, if they are in the table
    trains_other: bool = True  # whether training rows have rare levels, if the table has
    shared: int = 1  # of a category, how many features the rare levels share, if there are any
    untrained: tuple[int, ...] = ()  # of several such features, those by their index of which training rows have none
    encoding: str = "standard"  # of numbers, one of `NUMERIC_ENCODINGS`
    features: int = 1  # of numbers, how many features they become by this encoding
    constants: tuple[float, ...] = ()  # of numbers, those of the encoding, by the training rows

    @property
    def has_other(self):
        """Whether a category has a feature that its rare levels share."""
        return len(self.others) > 0

    @property
    def feature_names(self):
        """The names of the features that the column becomes, a list."""
        if self.kind == "left out":
            return []
        names = [self.name]
        if self.features > 1:
            names = [f"{self.name} (bin {index + 1})" for index in range(self.features)]
        if self.kind == "category":
            names = [f"{self.name}={level}" for level in self.levels]
            if self.shared > 1:
                names += [f"{self.name} is another ({index + 1})" for index in range(self.shared)]
            else:
                names += [f"{self.name} is another"] * self.has_other
        elif self.kind == "date":
            names += [
                f"{self.name} ({wave} of the {cycle})" for cycle in ("year", "week") for wave in ("sine", "cosine")
            ]
        return names + [f"{self.name} is missing"] * self.has_missing

    @property
    def is_of_bools(self):
        """Whether the levels of a category are booleans."""
        return not self.is_of_words and {*self.levels, *self.others} <= {"False", "True"}

    @property
    def feature_of_others(self):
        """The feature, by its index, of new levels of a category; -1 if they have none.

        It is that of rare levels if these share one; the feature of each rare level is in `feature_of_level`.
        """
        return len(self.levels) if self.has_other and self.trains_other and self.shared == 1 else -1

    @property
    def feature_of_missing(self):
        """The feature, by its index, of the missing cells of a category; -1 if they have none."""
        return len(self.levels) + self.has_other * self.shared if self.has_missing and self.trains_missing else -1

    @property
    def feature_of_level(self):
        """By level of a category, the index of its feature, or -1.

        Where rare levels share several features, they take these in turn, in alphabetical order.
        """
        features = {level: index for index, level in enumerate(self.levels)}
        if self.shared == 1:
            return features | dict.fromkeys(self.rare, self.feature_of_others)
        for index, level in enumerate((*self.others, *self.rare)):
            turn = index % self.shared
            features[level] = -1 if turn in self.untrained else len(self.levels) + turn
        return features

    @property
    def described(self):
        """The plan in a few words."""
        text = self.kind + NUMERIC_ENCODINGS[self.encoding].note.format(features=self.features)
        if self.kind == "category":
            shown = ", ".join(self.levels[:5]) + (", …" if len(self.levels) > 5 else "")
            text += f" of {len(self.levels)} ({shown})" + self._described_others
        elif self.kind == "left out":
            text += f": {self.reason}"
        if not self.has_missing:
            return text
        stands = "a level of its own" if self.kind == "category" else f"the median {self._shown_center} and a feature"
        return f"{text}; missing cells are {stands}"

    @property
    def _described_others(self):
        if not self.has_other:
            return ""
        return ", rare ones are one" if self.shared == 1 else f", {len(self.others)} rare ones share {self.shared}"

    @property
    def _shown_center(self):
        if self.center is None:
            return "of the training rows"
        if self.kind == "date":
            return np.datetime64(int(np.floor(self.center)), "D")
        return f"{self.center:.6g}"


def planned(name, column, told=None, encoding="standard"):
    """Return the plan of a column, which is not fitted to training rows yet.

    Parameters
    ----------
    name : str
    column : Column
    told : str, optional
        "category" or "number", if the user says what the column is.
    encoding : str
        Of `NUMERIC_ENCODINGS`, what becomes of the column if it holds numbers.

    Raises
    ------
    ValueError
        If no row has a cell, or the cells are not what the user says.
    """
    if column.kind == "other":
        raise ValueError(
            f"column {name!r} holds {column.words[0]}, which is no number, word, boolean or date: drop the column."
        )
    if column.missing == len(column.values):
        raise ValueError(f"column {name!r} has no value in any of the {len(column.values)} rows: drop it.")
    kind = {"numbers": "number", "bools": "boolean", "words": "category", "dates": "date"}[column.kind]
    if told == "category":
        if kind == "date":
            raise ValueError(f"column {name!r} holds dates, which are no categories: leave it out of them.")
        kind = "category"
    elif told == "number" and kind == "category":
        word = next((word for word in column.words if not is_number(word)), column.words[0])
        raise ValueError(f"column {name!r} holds words such as {word!r}, which are no numbers: drop it.")
    elif told == "number" and kind == "date":
        raise ValueError(f"column {name!r} holds dates, which are not plain numbers: leave it out of the numeric ones.")
    elif told == "number" and kind == "boolean":
        kind = "number"
    if kind == "category":
        is_of_words = column.kind == "words" and any(level_of(word) != word for word in column.words)
        return _category(name, as_words(column), told is None)._replace(is_of_words=is_of_words)
    plan = ColumnPlan(name, kind, bool(column.missing))
    if kind != "number" or encoding == "standard":
        return plan
    features = NUMERIC_ENCODINGS[encoding].features(_present(plan, column))
    return plan._replace(encoding=encoding, features=features)


def fitted(plan, column, rows=None):
    """Return a plan that is fitted to some rows of its column, by default all.

    Parameters
    ----------
    plan : ColumnPlan
    column : Column
        The one for which it was `planned`.
    rows : ndarray, optional
        (m,) int: the indices of the training rows. Where none of them has a cell, all features are 0 in all rows.
    """
    if plan.kind == "left out":
        return plan
    training = column if rows is None else column.of_rows(rows)
    plan = plan._replace(trains_missing=bool(training.missing) or not plan.has_missing)
    if plan.kind != "category":
        return _fitted_numbers(plan, training)
    return _fitted_category(plan, as_words(training))


def _fitted_category(plan, training):
    """Return the plan of a category with what the `training` column has of its levels."""
    counts = dict(
        zip(training.words, np.bincount(training.values[training.values >= 0], minlength=len(training.words)))
    )
    rare = tuple(level for level in plan.levels if counts.get(level, 0) * RARE < max(1, len(training.values)))
    with_feature = set(plan.levels).difference(rare)
    others = sum(count for word, count in counts.items() if word not in with_feature)
    plan = plan._replace(rare=rare, trains_other=bool(others) or not plan.has_other, untrained=())
    if plan.shared == 1:
        return plan
    features = plan.feature_of_level
    trained = {features[word] - len(plan.levels) for word, count in counts.items() if count > 0 and word in features}
    return plan._replace(untrained=tuple(index for index in range(plan.shared) if index not in trained))


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


def _fitted_numbers(plan, training):
    """Return a plan of numbers, booleans or dates with the median and the constants of the `training` column."""
    if training.missing == len(training.values):
        return plan._replace(center=None, constants=(), is_trained=False)
    plan = plan._replace(center=median(training.values), is_trained=True)
    if plan.encoding == "standard":
        return plan
    constants = NUMERIC_ENCODINGS[plan.encoding].fit(_present(plan, training), plan.features)
    if not np.isfinite(constants).all():
        raise ValueError(
            f"column {plan.name!r} holds numbers that are too large for numeric_encoding={plan.encoding!r}: divide the "
            "column by a constant."
        )
    return plan._replace(constants=constants)


def _present(plan, column):
    """Return the numbers of a column without its missing cells; ValueError if one is infinite."""
    refuse_infinite(plan, column)
    return column.values[~np.isnan(column.values)] if column.missing else column.values


def refuse_infinite(plan, column):
    """Refuse a column of numbers, of which one is infinite."""
    if column.is_finite:
        return
    is_infinite = np.isinf(column.values)
    if is_infinite.any():
        raise ValueError(f"column {plan.name!r} holds infinity in row {int(is_infinite.argmax())}: correct it.")


def restored(about):
    """Return the plan whose fields, as objects of JSON, these are; ValueError if it is no plan of a fitted column."""
    plan = ColumnPlan(**{name: tuple(value) if isinstance(value, list) else value for name, value in about.items()})
    words = plan.name, plan.reason, *plan.levels, *plan.others, *plan.rare
    flags = plan.has_missing, plan.is_of_words, plan.is_trained, plan.trains_missing, plan.trains_other
    needs_center = plan.has_missing and plan.is_trained and plan.kind not in ("category", "left out")
    is_plan = (
        plan.kind in KINDS
        and all(isinstance(each, str) for each in words)
        and all(isinstance(each, bool) for each in flags)
        and (isinstance(plan.center, float) and np.isfinite(plan.center) if needs_center else True)
        and _has_valid_encoding(plan)
        and _shares_features(plan)
    )
    if not is_plan:
        raise ValueError(f"the plan of a column is not as it was written: {shown(about)}")
    return plan


def _has_valid_encoding(plan):
    """Return whether the encoding of a plan, which was read, can have been written."""
    encoding = NUMERIC_ENCODINGS.get(plan.encoding) if isinstance(plan.encoding, str) else None
    return (
        encoding is not None
        and (plan.encoding == "standard" or plan.kind == "number")
        and type(plan.features) is int
        and isinstance(plan.constants, tuple)
        and all(isinstance(each, float) and np.isfinite(each) for each in plan.constants)
        and (encoding.is_valid(plan.constants, plan.features) or not (plan.is_trained or plan.constants))
    )


def _shares_features(plan):
    """Return whether the features that rare levels share, of a plan which was read, can have been written."""
    return (
        type(plan.shared) is int
        and (plan.shared == 1 or (plan.kind == "category" and 1 < plan.shared < max(2, len(plan.others))))
        and isinstance(plan.untrained, tuple)
        and all(type(each) is int and 0 <= each < plan.shared for each in plan.untrained)
    )


def as_words(column):
    """Return a column of numbers or booleans as one of words."""
    if column.kind == "words":
        return column
    is_missing = np.isnan(column.values)
    different, codes = np.unique(column.values[~is_missing], return_inverse=True)
    made = np.full(len(column.values), -1, np.int64)
    made[~is_missing] = codes.reshape(-1)
    words = tuple(word_of(bool(each) if column.kind == "bools" else each) for each in different)
    return column._replace(kind="words", values=made, words=words)


def _misread(words):
    """Return why words that stand for numbers or dates are none, with what to do; None for other words."""
    if all(map(is_dressed_number, words)):
        return f"its cells, such as {shown(words[0])}, are words: make numbers of them, without signs and units"
    if all(re.match(r"\d{1,2}/\d{1,2}/\d{2,4}\b", word) for word in words):
        return f"its cells, such as {shown(words[0])}, may have the day or the month first: make dates of them"
    return None


def _category(name, column, may_be_text):
    codes = column.values[column.values >= 0]
    counts = np.bincount(codes, minlength=len(column.words))
    used = np.flatnonzero(counts)
    if may_be_text and len(used) > max(MAX_LEVELS_OF_TEXT, len(codes) / 2):
        reason = _misread([column.words[code] for code in used])
        if reason:
            warn(f"column {name!r} is left out, because {reason}.", DataWarning)
        reason = reason or f"its {len(used)} different words in {len(codes)} rows are no levels"
        return ColumnPlan(name, "left out", reason=reason)
    order = sorted(used.tolist(), key=lambda code: (-counts[code], column.words[code]))
    frequent = [code for code in order if counts[code] * RARE >= len(column.values)]
    levels = tuple(column.words[code] for code in frequent)
    others = sorted({column.words[code] for code in order}.difference(levels))
    rows_of_others = len(codes) - counts[frequent].sum()
    shared = min(MAX_SHARED, len(others) // MIN_SHARING, int(rows_of_others * RARE // len(column.values)))
    shared = max(1, shared) if len(others) >= FEW_OTHERS else 1
    return ColumnPlan(name, "category", bool(column.missing), levels, others=tuple(others), shared=shared)
