"""Grids: sequences of the hyperparameter values of configurations, {name: value} each.

An element is made when it is asked for. The attribute `names` has all names that an element may have, and `is_listed`
says whether the user has listed all elements, so that messages can name one by its index. The method
``blocks(begin)`` yields all elements from one on in blocks: for each the index of its first element, and `GridColumn`s.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from fastprop.options import choice
from fastprop.sweeping import spaces


def grid_of(space, samples, has_study, seed):
    """Return the sequence of configurations that a checked grid stands for; it is empty where a study chooses them."""
    if has_study:
        return Explicit([], is_listed=False, names=space)
    if samples is not None:
        return Draws(space, samples, seed)
    return Product(space) if isinstance(space, dict) else Explicit(space, is_listed=True)


BLOCK = 1 << 16
"""Elements of a block of a grid that has to make each of them."""


class GridColumn(NamedTuple):
    """The values of a hyperparameter in the elements of a block."""

    values: list
    indices: np.ndarray  # (elements,) int: the index in `values` of each one's value; -1 where it has none


class Explicit(Sequence):
    """Configurations of a list, which can be extended; `names` has the names of configurations that are to come."""

    def __init__(self, mappings, is_listed, names=()):
        self._mappings = mappings
        self.is_listed = is_listed
        self.names = set(names).union(*mappings)

    def __len__(self):
        return len(self._mappings)

    def __getitem__(self, index):
        return dict(self._mappings[index])

    def extend(self, mappings):
        """Append more configurations."""
        self._mappings.extend(mappings)

    def blocks(self, begin):
        """Yield the blocks of elements, see above."""
        return _blocks(self, self.names, begin)


class Product(Sequence):
    """All combinations of values, {name: list}; the values of the last name change fastest."""

    is_listed = False

    def __init__(self, values):
        self._values = values
        self._length = math.prod(map(len, values.values()))
        self.names = set(values)

    def __len__(self):
        return self._length

    def __getitem__(self, index):
        index = range(self._length)[index]
        period = self._length
        configuration = {}
        for name, values in self._values.items():
            period //= len(values)  # configurations for which this value stays
            configuration[name] = values[index // period % len(values)]
        return configuration

    def blocks(self, begin):
        """Yield the blocks of elements, see above: there is one, in which no element is made."""
        elements = np.arange(begin, self._length, dtype=np.int32)
        period = self._length
        columns = {}
        for name, values in self._values.items():
            period //= len(values)
            columns[name] = GridColumn(values, elements // period % len(values))
        yield begin, columns


class Draws(Sequence):
    """Configurations drawn from distributions or lists, {name: either}; each depends on seed and index alone."""

    is_listed = False

    def __init__(self, values, count, seed):
        self._values = {
            name: choice(each) if isinstance(each := values[name], list) else each for name in sorted(values)
        }
        self._length = count
        self._seed = seed
        self.names = set(values)

    def __len__(self):
        return self._length

    def __getitem__(self, index):
        choose = spaces.by_chance(np.random.default_rng([self._seed, range(self._length)[index]]))
        return {name: spaces.resolved(values, name, choose) for name, values in self._values.items()}

    def blocks(self, begin):
        """Yield the blocks of elements, see above."""
        return _blocks(self, self.names, begin)


def _blocks(grid, names, begin):
    for first in range(begin, len(grid), BLOCK):
        elements = [grid[index] for index in range(first, min(first + BLOCK, len(grid)))]
        columns = {}
        for name in sorted(names):
            is_named = np.array([name in each for each in elements])
            values = [each[name] for each in elements if name in each]
            columns[name] = GridColumn(values, np.where(is_named, np.cumsum(is_named) - 1, -1))
        yield first, columns
