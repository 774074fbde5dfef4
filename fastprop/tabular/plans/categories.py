"""The plan of a column whose cells are levels of a category."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

import numpy as np

from fastprop.checks import shown
from fastprop.data import FeatureGroup
from fastprop.integrations.arrow_columns import word_of
from fastprop.notices import DataWarning, warn
from fastprop.tabular.plans.base import LearnedPlan, LeftOutPlan
from fastprop.tabular.written_numbers import is_dressed_number, level_of

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

MANY = 50
"""A category of more levels than this is not kept as an array, and not standardized."""


@dataclass(frozen=True)
class CategoryPlan(LearnedPlan, kind="category"):
    """The plan of a column of levels."""

    column_kinds = "words", "numbers", "bools"

    levels: tuple[str, ...] = ()  # those with a feature of their own, the most frequent first
    is_of_words: bool = False  # whether the levels are words, and no numbers or booleans
    others: tuple[str, ...] = ()  # the rare levels of the table, which share a feature
    rare: tuple[str, ...] = ()  # the `levels` that are so rare in training rows that they count as another
    trains_other: bool = True  # whether training rows have rare levels, if the table has
    shared: int = 1  # how many features the rare levels share, if there are any
    untrained: tuple[int, ...] = ()  # of several such features, those by their index of which training rows have none

    @classmethod
    def planned(cls, name, column):
        """Return the plan of a column, which is not fitted to training rows yet."""
        is_of_words = column.kind == "words" and any(level_of(word) != word for word in column.words)
        column = as_words(column)
        codes = column.values[column.values >= 0]
        counts = np.bincount(codes, minlength=len(column.words))
        used = np.flatnonzero(counts)
        order = sorted(used.tolist(), key=lambda code: (-counts[code], column.words[code]))
        frequent = [code for code in order if counts[code] * RARE >= len(column.values)]
        levels = tuple(column.words[code] for code in frequent)
        others = sorted({column.words[code] for code in order}.difference(levels))
        rows_of_others = len(codes) - counts[frequent].sum()
        shared = min(MAX_SHARED, len(others) // MIN_SHARING, int(rows_of_others * RARE // len(column.values)))
        shared = max(1, shared) if len(others) >= FEW_OTHERS else 1
        return cls(
            name,
            bool(column.missing),
            levels=levels,
            is_of_words=is_of_words,
            others=tuple(others),
            shared=shared,
        )

    @property
    def makes_groups(self):
        return len(self.levels) > MANY or self.shared > 1

    @property
    def has_other(self):
        """Whether the category has a feature that its rare levels share."""
        return len(self.others) > 0

    @property
    def is_of_bools(self):
        """Whether the levels are booleans."""
        return not self.is_of_words and {*self.levels, *self.others} <= {"False", "True"}

    @property
    def feature_of_others(self):
        """The feature, by its index, of new levels; -1 if they have none.

        It is that of rare levels if these share one; the feature of each rare level is in `feature_of_level`.
        """
        return len(self.levels) if self.has_other and self.trains_other and self.shared == 1 else -1

    @property
    def feature_of_missing(self):
        """The feature, by its index, of missing cells; -1 if they have none."""
        return len(self.levels) + self.has_other * self.shared if self.has_missing and self.trains_missing else -1

    @property
    def feature_of_level(self):
        """By level, the index of its feature, or -1.

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
    def _names_of_cells(self):
        names = [f"{self.name}={level}" for level in self.levels]
        if self.shared > 1:
            return names + [f"{self.name} is another ({index + 1})" for index in range(self.shared)]
        return names + [f"{self.name} is another"] * self.has_other

    @property
    def _described_cells(self):
        first = ", ".join(self.levels[:5]) + (", …" if len(self.levels) > 5 else "")
        return f"{self.kind} of {len(self.levels)} ({first})" + self._described_others

    @property
    def _described_others(self):
        if not self.has_other:
            return ""
        return ", rare ones are one" if self.shared == 1 else f", {len(self.others)} rare ones share {self.shared}"

    @property
    def _described_missing(self):
        return "a level of its own"

    def _fitted(self, training, trains_missing):
        training = as_words(training)
        counts = dict(
            zip(training.words, np.bincount(training.values[training.values >= 0], minlength=len(training.words)))
        )
        rare = tuple(level for level in self.levels if counts.get(level, 0) * RARE < max(1, len(training.values)))
        with_feature = set(self.levels).difference(rare)
        others = sum(count for word, count in counts.items() if word not in with_feature)
        trains_other = bool(others) or not self.has_other
        plan = replace(self, trains_missing=trains_missing, rare=rare, trains_other=trains_other, untrained=())
        if plan.shared == 1:
            return plan
        features = plan.feature_of_level
        trained = {features[word] - len(plan.levels) for word, count in counts.items() if count and word in features}
        return replace(plan, untrained=tuple(index for index in range(plan.shared) if index not in trained))

    def new_levels(self, column):
        if column.kind not in self.column_kinds:
            return []
        column = as_words(self._written_alike(column))
        known = {*self.levels, *self.others}
        if known.issuperset(column.words):
            return []
        used = np.unique(column.values[column.values >= 0])
        return [word for word in (column.words[code] for code in used) if word not in known]

    def _written_alike(self, column):
        """Return a column of bools or of 0 and 1 as its levels are written in the training rows: True or 1."""
        if column.kind == "bools" and not self.is_of_words and not self.is_of_bools:
            return column._replace(kind="numbers")
        if column.kind == "numbers" and self.is_of_bools:
            self._refuse_other_than_bools(column.values)
            return column._replace(kind="bools")
        return column

    def checked_cells(self, column):
        if column.kind not in (*self.column_kinds, "nothing"):
            raise ValueError(
                f"column {self.name!r} holds {column.kind}, but held {self.column_kinds[0]} in the training rows: "
                "correct it."
            )
        if column.kind == "nothing":
            codes, words = np.full(len(column.values), -1), ()
        else:
            column = as_words(self._written_alike(column))
            codes, words = column.values, column.words
        features, other = self.feature_of_level, self.feature_of_others
        feature_of_code = np.array([*(features.get(word, other) for word in words), self.feature_of_missing])
        return feature_of_code[codes]

    def groups(self, cells):
        return [FeatureGroup(len(self.feature_names), cells, np.broadcast_to(1.0, len(cells)))]

    @property
    def is_valid(self):
        words = *self.levels, *self.others, *self.rare
        return (
            super().is_valid
            and all(isinstance(each, str) for each in words)
            and all(isinstance(each, bool) for each in (self.is_of_words, self.trains_other))
            and type(self.shared) is int
            and (self.shared == 1 or 1 < self.shared < max(2, len(self.others)))
            and isinstance(self.untrained, tuple)
            and all(type(each) is int and 0 <= each < self.shared for each in self.untrained)
        )


def left_out_text(name, column):
    """Return the plan that leaves out a column of words of which most rows have one of their own; None for another."""
    codes = column.values[column.values >= 0]
    used = np.flatnonzero(np.bincount(codes, minlength=len(column.words)))
    if len(used) <= max(MAX_LEVELS_OF_TEXT, len(codes) / 2):
        return None
    reason = _misread([column.words[code] for code in used])
    if reason:
        warn(f"column {name!r} is left out, because {reason}.", DataWarning)
    return LeftOutPlan(name, reason or f"its {len(used)} different words in {len(codes)} rows are no levels")


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
