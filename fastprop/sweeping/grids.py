"""Configurations as sequences: what a grid stands for, each made when it is asked for."""

import math
from collections.abc import Sequence

import numpy as np


class Product(Sequence):
    """All combinations of values, {name: list}; the last name runs fastest."""

    def __init__(self, values):
        self._values, self._length = values, math.prod(map(len, values.values()))

    def __len__(self):
        return self._length

    def __getitem__(self, number):
        places = np.unravel_index(range(self._length)[number], [len(values) for values in self._values.values()])
        return {name: values[place] for (name, values), place in zip(self._values.items(), places)}


class Draws(Sequence):
    """Configurations of values drawn from distributions or lists, {name: either}; each depends on its number alone."""

    def __init__(self, values, count, seed):
        self._values, self._length, self._seed = {name: values[name] for name in sorted(values)}, count, seed

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
