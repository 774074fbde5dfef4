"""Checks the grid of a sweep."""

import math
from collections.abc import Mapping

import numpy as np

from fastprop.checks import argument, argument_value, sequence, shown, value_list, whole_number
from fastprop.sweeping import spaces
from fastprop.sweeping.configuration import HYPERPARAMETERS

MAX_CONFIGURATIONS = 10_000_000
"""The largest number of configurations of a sweep, each of which has a row of the result in memory."""


def checked_grid(grid, samples=None, searched=False):
    """Return the checked grid of a sweep.

    Parameters
    ----------
    grid : mapping or list of mappings
        The argument of `sweep`.
    samples : int, optional
        How many configurations are drawn from a mapping.
    searched : bool
        Whether a study chooses them.

    Returns
    -------
    dict or list of dict
        A mapping as {name: list of values, or distribution}; a list of mappings as a list of their copies.
    """
    known = ", ".join(HYPERPARAMETERS)
    is_mapping = isinstance(grid, Mapping)
    if not is_mapping and (isinstance(grid, (str, bytes)) or not np.iterable(grid)):
        raise TypeError(f"grid must map hyperparameters to values, not be {shown(grid)}: known are {known}.")
    mappings = [grid] if is_mapping else list(grid)
    for index, mapping in enumerate(mappings or [{}]):
        name = "grid" if is_mapping or not mappings else f"grid[{index}]"
        if not isinstance(mapping, Mapping):
            raise TypeError(f"{name} must map hyperparameters to values, not be {shown(mapping)}: known are {known}.")
        if not mapping:
            raise ValueError(f"{name} has no hyperparameters: give values for at least one of {known}.")
        for each in mapping:
            if each not in HYPERPARAMETERS:
                raise ValueError(f"{name} has an unknown hyperparameter {shown(each)}: known are {known}.")
    if is_mapping:
        return _checked_values(grid, samples, searched)
    if samples is not None or searched:
        raise ValueError(
            "samples are of a mapping of names to distributions, and grid is a list of configurations: leave samples "
            "and search out, or give a mapping."
        )
    return [dict(mapping) for mapping in mappings]


def _checked_values(mapping, samples, searched):
    """Return the checked values of a mapping; combinations are counted before any value is listed."""
    is_list = {name: not spaces.is_distribution(values) for name, values in mapping.items()}
    lists = {name: sequence(values, f"grid[{name!r}]") for name, values in mapping.items() if is_list[name]}
    if samples is None and searched:
        raise ValueError("search needs to know how many configurations to try: give it, such as samples=100.")
    distributions = [_check_distributions(name, lists.get(name, values), samples) for name, values in mapping.items()]
    if samples is not None and not any(distributions) and not searched:
        raise ValueError(
            f"{argument('samples')} must have a distribution to draw from, and there is none: give one, such as "
            f"{argument('learning_rate', 'fp.loguniform(1e-4, 1)')}, or leave {argument('samples')} out."
        )
    count = math.prod(map(len, lists.values())) if samples is None else whole_number(samples, "samples")
    if count > MAX_CONFIGURATIONS:
        raise ValueError(
            f"there would be {count:,} configurations; {MAX_CONFIGURATIONS:,} are the most: give fewer values, or "
            "draw samples from distributions."
        )
    return {name: value_list(lists[name], name) if is_list[name] else values for name, values in mapping.items()}


def _check_distributions(name, values, samples):
    """Refuse a distribution without parameters, and distributions without `samples`; return whether there are any."""
    if isinstance(values, (range, np.ndarray)):  # of numbers, and maybe long
        return False
    found = False
    for distribution in spaces.distributions_in(values):
        found = True
        if callable(distribution):
            raise TypeError(
                f"grid[{name!r}] is a kind of distribution, {shown(distribution)}: give it numbers, such as "
                "fp.loguniform(1e-4, 1)."
            )
        if samples is None:
            verb = "is" if distribution is values else "has"
            text = argument_value(name, repr(distribution))
            raise ValueError(
                f"{argument(f'grid[{name!r}]')} {verb} a distribution, {text}: say how many configurations to draw, "
                f"such as {argument('samples', '100')}."
            )
    return found
