"""Configurations as sequences: what a grid stands for, each made when it is asked for."""

import math
from collections.abc import Sequence

import numpy as np


class Explicit(Sequence):
    """Configurations as they are given, a list of mappings; `names` are those that later ones may have."""

    def __init__(self, mappings, names=()):
        self._mappings, self.names = mappings, set(names).union(*mappings)

    def __len__(self):
        return len(self._mappings)

    def __getitem__(self, number):
        return dict(self._mappings[number])

    def extend(self, mappings):
        """Append more of them."""
        self._mappings.extend(mappings)


class Product(Sequence):
    """All combinations of values, {name: list}; the last name runs fastest."""

    def __init__(self, values):
        self._values, self._length, self.names = values, math.prod(map(len, values.values())), set(values)

    def __len__(self):
        return self._length

    def __getitem__(self, number):
        place, apart, configuration = range(self._length)[number], self._length, {}
        for name, values in self._values.items():
            apart //= len(values)
            configuration[name] = values[place // apart % len(values)]
        return configuration


class Draws(Sequence):
    """Configurations of values drawn from distributions or lists, {name: either}; each depends on its number alone."""

    def __init__(self, values, count, seed):
        self._values, self._length, self._seed = {name: values[name] for name in sorted(values)}, count, seed
        self.names = set(values)

    def __len__(self):
        return self._length

    def __getitem__(self, number):
        random = np.random.default_rng([self._seed, range(self._length)[number]])
        return {name: _draw(values, random) for name, values in self._values.items()}


def _draw(values, random):
    if isinstance(values, list):
        return values[random.integers(len(values))]
    value = values.rvs(random_state=random)
    return value.item() if isinstance(value, (np.generic, np.ndarray)) and np.ndim(value) == 0 else value
