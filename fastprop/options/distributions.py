"""The values of a hyperparameter that a sweep tries: spaced values, or distributions to draw from.

A value is drawn from a distribution by ``rvs(random_state=…)``, as with SciPy's distributions.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from fastprop import checks

__all__ = ["choice", "geomspace", "integers", "linspace", "loguniform", "uniform"]


def geomspace(first: float, last: float, count: int) -> list[float]:
    """Return `count` values from `first` to `last` with a constant ratio, for example learning rates.

    Parameters
    ----------
    first, last : float
        The first and the last value, which are exact; above 0.
    count : int
        How many values, at least 1; a single value is `first`.

    Returns
    -------
    list of float

    Raises
    ------
    ValueError, TypeError
        If an argument is out of its range.

    Examples
    --------
    >>> import fastprop as fp
    >>> fp.geomspace(0.001, 10, 5)
    [0.001, 0.01, 0.1, 1.0, 10.0]
    """
    first, last = checks.positive(first, "first"), checks.positive(last, "last")
    return np.geomspace(first, last, checks.whole_number(count, "count")).tolist()


def linspace(first: float, last: float, count: int) -> list[float]:
    """Return `count` values from `first` to `last` with a constant difference.

    Parameters
    ----------
    first, last : float
        The first and the last value, which are exact.
    count : int
        How many values, at least 1; a single value is `first`.

    Returns
    -------
    list of float

    Raises
    ------
    ValueError, TypeError
        If an argument is out of its range.

    Examples
    --------
    >>> import fastprop as fp
    >>> fp.linspace(0, 0.9, 4)
    [0.0, 0.3, 0.6, 0.9]
    """
    first, last = (checks.number(value, name, minimum=-np.inf) for value, name in ((first, "first"), (last, "last")))
    return np.linspace(first, last, checks.whole_number(count, "count")).tolist()


@dataclass(frozen=True)
class uniform:
    """The uniform distribution of numbers from `low` to `high`.

    Parameters
    ----------
    low, high : float
        The ends, `low` below `high`.

    Raises
    ------
    ValueError, TypeError
        If a value is out of its range.

    Examples
    --------
    >>> import fastprop as fp
    >>> fp.uniform(0, 0.9)
    uniform(low=0.0, high=0.9)
    """

    low: float
    high: float

    def __post_init__(self):
        checks.number_fields(self, "low", "high", minimum=-np.inf)
        _check_ends(self)

    def rvs(self, random_state: np.random.Generator) -> float:
        """Draw a number by a NumPy `Generator`."""
        return random_state.uniform(self.low, self.high)


@dataclass(frozen=True)
class loguniform:
    """The distribution of numbers from `low` to `high` whose logarithm is uniform.

    Numbers from 0.01 to 0.1 are as likely as numbers from 0.1 to 1.

    Parameters
    ----------
    low, high : float
        The ends, above 0, `low` below `high`.

    Raises
    ------
    ValueError, TypeError
        If a value is out of its range.

    Examples
    --------
    >>> import fastprop as fp
    >>> X, y = fp.datasets.digits()
    >>> grid = {"learning_rate": fp.loguniform(1e-3, 10), "momentum": fp.uniform(0, 0.99), "batch_size": [16, 32]}
    >>> result = fp.sweep((64, 16, 10), X, y, grid, samples=20, epochs=3, validation=0.2)
    >>> len(result.table)
    20
    """

    low: float
    high: float

    def __post_init__(self):
        for name in ("low", "high"):
            object.__setattr__(self, name, checks.positive(getattr(self, name), name))
        _check_ends(self)

    def rvs(self, random_state: np.random.Generator) -> float:
        """Draw a number by a NumPy `Generator`."""
        value = math.exp(random_state.uniform(math.log(self.low), math.log(self.high)))
        return min(max(value, self.low), self.high)


@dataclass(frozen=True)
class integers:
    """The distribution of whole numbers from `low` to `high`, `high` included.

    Parameters
    ----------
    low, high : int
        The ends, `low` below `high`.
    log : bool
        Whether the logarithm is uniform, so that 8 to 16 is as likely as 128 to 256, for example for sizes of layers
        and batches; `low` is then at least 1. Otherwise all numbers are equally likely.

    Raises
    ------
    ValueError, TypeError
        If a value is out of its range.

    Examples
    --------
    >>> import fastprop as fp
    >>> fp.integers(1, 64)
    integers(low=1, high=64, log=False)
    >>> X, y = fp.datasets.digits()
    >>> grid = {"layer_sizes": [(64, fp.integers(8, 64, log=True), 10)], "learning_rate": fp.loguniform(0.1, 1)}
    >>> result = fp.sweep((64, 16, 10), X, y, grid, samples=8, epochs=3, validation=0.2)
    >>> len({sizes[1] for sizes in result.table["layer_sizes"]}) > 1
    True
    """

    low: int
    high: int
    log: bool = False

    def __post_init__(self):
        object.__setattr__(self, "log", checks.flag(self.log, "log"))
        minimum = 1 if self.log else -(2**63)
        for name in ("low", "high"):
            object.__setattr__(self, name, checks.whole_number(getattr(self, name), name, minimum=minimum))
        _check_ends(self)

    def rvs(self, random_state: np.random.Generator) -> int:
        """Draw a number by a NumPy `Generator`."""
        if not self.log:
            return int(random_state.integers(self.low, self.high, endpoint=True))
        value = math.exp(random_state.uniform(math.log(self.low - 0.5), math.log(self.high + 0.5)))
        return min(max(round(value), self.low), self.high)


@dataclass(frozen=True)
class choice:
    """The distribution of some values, such as activations or optimizers, all equally likely.

    Parameters
    ----------
    values : sequence
        At least one. They may be tuples that hold distributions, such as layer sizes.

    Raises
    ------
    ValueError, TypeError
        If it is not a sequence, or empty.

    Examples
    --------
    >>> import fastprop as fp
    >>> fp.choice(["tanh", "relu"])
    choice(values=('tanh', 'relu'))
    """

    values: Sequence[Any]

    def __post_init__(self):
        object.__setattr__(self, "values", tuple(checks.value_list(self.values, "values")))

    def rvs(self, random_state: np.random.Generator) -> Any:
        """Draw a value by a NumPy `Generator`."""
        return self.values[random_state.integers(len(self.values))]


def _check_ends(distribution):
    if not distribution.low < distribution.high:
        raise ValueError(
            f"low must be below high, not {distribution.low} and {distribution.high}: swap them, or give a list."
        )
