"""Grids: sequences of the hyperparameter values of configurations, {name: value} each.

An element is made when it is asked for. The attribute `names` has all names that an element may have.
"""

import math
from collections.abc import Sequence

import numpy as np

from fastprop.options import choice
from fastprop.sweeping import spaces


def grid_of(space, samples, has_study, seed):
    """Return the sequence of configurations that a checked grid stands for; it is empty where a study chooses them."""
    if has_study:
        return Explicit([], space)
    if samples is not None:
        return Draws(space, samples, seed)
    return Product(space) if isinstance(space, dict) else Explicit(space)


class Explicit(Sequence):
    """Configurations of a list, which can be extended; `names` has the names of configurations that are to come."""

    def __init__(self, mappings, names=()):
        self._mappings = mappings
        self.names = set(names).union(*mappings)

    def __len__(self):
        return len(self._mappings)

    def __getitem__(self, index):
        return dict(self._mappings[index])

    def extend(self, mappings):
        """Append more configurations."""
        self._mappings.extend(mappings)


class Product(Sequence):
    """All combinations of values, {name: list}; the values of the last name change fastest."""

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


class Draws(Sequence):
    """Configurations drawn from distributions or lists, {name: either}; each depends on seed and index alone."""

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
