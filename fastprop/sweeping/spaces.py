"""Search spaces: values of a grid that are distributions, or tuples and lists that hold some, such as layer sizes.

Whoever chooses, by chance or by the results of earlier choices, is a function of a name and a distribution. It returns
the index of the chosen value for a `choice`, and a number for any other distribution. The name is that of the
hyperparameter, with indices: ``layer_sizes[1][2]`` is in the value 1 of layer_sizes, there in the element 2.
"""

import itertools
import math

import numpy as np

from fastprop.options import choice, integers


def is_distribution(value):
    """Return whether numbers can be drawn from a value."""
    return hasattr(value, "rvs")


def distributions_in(value):
    """Yield the distributions that a value consists of, or holds in tuples or lists; those in a `choice` after it."""
    if is_distribution(value):
        yield value
    if isinstance(value, (choice, tuple, list)):
        for each in value.values if isinstance(value, choice) else value:
            yield from distributions_in(each)


def resolved(value, name, choose):
    """Return a value with what `choose` chooses in place of each distribution."""
    if isinstance(value, choice):
        index = choose(name, value)
        return resolved(value.values[index], f"{name}[{index}]", choose)
    if is_distribution(value):
        return choose(name, value)
    if next(distributions_in(value), None) is None:
        return value
    return tuple(resolved(each, f"{name}[{index}]", choose) for index, each in enumerate(value))


def by_chance(random):
    """Return a function that chooses for `resolved` by a NumPy `Generator`."""

    def choose(name, distribution):
        if isinstance(distribution, choice):
            return int(random.integers(len(distribution.values)))
        value = distribution.rvs(random_state=random)
        return value.item() if isinstance(value, (np.generic, np.ndarray)) and np.ndim(value) == 0 else value

    return choose


def named_distributions(value, name):
    """Yield the name and the distribution of all that may have to be chosen in a value."""
    if is_distribution(value):
        yield name, value
    if isinstance(value, (choice, tuple, list)):
        for index, each in enumerate(value.values if isinstance(value, choice) else value):
            yield from named_distributions(each, f"{name}[{index}]")


def extremes(value):
    """Return values that are valid only if all are: with each value of a `choice`, and both ends of other ranges."""
    if isinstance(value, choice):
        return [extreme for each in value.values for extreme in extremes(each)]
    if is_distribution(value):
        return [value.low, value.high]
    if next(distributions_in(value), None) is None:
        return [value]
    return list(zip(*repeated_to_equal_length([extremes(each) for each in value])))


def extreme_configurations(space):
    """Return configurations of a space, {name: distribution or value}, that together have the `extremes` of each."""
    of_names = repeated_to_equal_length([extremes(each) for each in space.values()])
    return [dict(zip(space, values)) for values in zip(*of_names)]


def repeated_to_equal_length(lists):
    """Return lists of the length of the longest, the last value of each repeated.

    Examples
    --------
    >>> from fastprop.sweeping.spaces import repeated_to_equal_length
    >>> repeated_to_equal_length([[1, 2, 3], [4]])
    [[1, 2, 3], [4, 4, 4]]
    """
    count = max(map(len, lists))
    return [list(itertools.islice(itertools.chain(each, itertools.repeat(each[-1])), count)) for each in lists]


def combinations(value):
    """Return how many values may come of a value: a whole number, or infinity."""
    if isinstance(value, choice):
        return sum(map(combinations, value.values))
    if isinstance(value, integers):
        return value.high - value.low + 1
    if is_distribution(value):
        return math.inf
    if next(distributions_in(value), None) is None:
        return 1
    return math.prod(map(combinations, value))
