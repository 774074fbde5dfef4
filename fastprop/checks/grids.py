"""Checks of a sweep's grid."""

import math
import numbers
from collections.abc import Mapping

import numpy as np

from fastprop.checks.networks import layer_sizes
from fastprop.checks.values import shown, whole_number

MOST_CONFIGURATIONS = 10_000_000
"""How many a sweep may have: each has a row of its results in memory."""


def ends(sizes, expected):
    """Return `sizes`, layer sizes in a grid, whose inputs and outputs must be the sweep's."""
    sizes = layer_sizes(sizes)
    if (sizes[0], sizes[-1]) != expected:
        raise ValueError(
            f"layer_sizes {sizes} in the grid must begin with {expected[0]} inputs and end with {expected[1]} outputs "
            "like the sweep's network: change the first and last size."
        )
    return sizes


def known_to(optimizer, names):
    """Refuse a grid's hyperparameters that its optimizer does not have."""
    for name in names:
        if not hasattr(optimizer, name):
            raise ValueError(
                f"grid has {name!r}, which {type(optimizer).__name__} does not have: known to it are "
                f"{', '.join(vars(optimizer))}."
            )


def held_out(validation, cv, score, losses):
    """Refuse a sweep that holds out rows twice, or none where it is ranked by a score on them."""
    if validation is not None and cv is not None:
        raise ValueError(
            "cv holds out each fold's rows, and validation others: give one of them, and leave out the other."
        )
    if validation is not None or cv is not None:
        return
    if score is not None:
        raise ValueError(
            f"score={shown(score)} is measured on held-out rows, but there are none: give validation or cv."
        )
    if len(losses) > 1:
        raise ValueError(
            f"losses of different kinds cannot be ranked, such as {shown(losses[0])} and {shown(losses[1])}, "
            "but scores on held-out rows can: give validation or cv."
        )


def grid(value, known, samples=None, searched=False):
    """Return what is swept: {name: list of values, or distribution} of a mapping, or a list of mappings as it is."""
    names = ", ".join(known)
    explicit = not isinstance(value, Mapping)
    if explicit and (isinstance(value, (str, bytes)) or not np.iterable(value)):
        raise TypeError(f"grid must map hyperparameters to values, not be {shown(value)}: known are {names}.")
    mappings = list(value) if explicit else [value]
    if not mappings or not all(isinstance(mapping, Mapping) and mapping for mapping in mappings):
        raise ValueError(f"grid has no hyperparameters: give values for at least one of {names}.")
    for name in [name for mapping in mappings for name in mapping]:
        if name not in known:
            raise ValueError(f"grid has an unknown hyperparameter {shown(name)}: known are {names}.")
    if not explicit:
        return _values(value, samples, searched)
    if samples is not None or searched:
        raise ValueError(
            "samples are of a mapping of names to distributions, and grid is a list of configurations: leave samples "
            "and search out, or give a mapping."
        )
    return [dict(mapping) for mapping in mappings]


def _values(mapping, samples, searched):
    """Check the values of a mapping, counting them before any are listed."""
    drawn = {name: values for name, values in mapping.items() if hasattr(values, "rvs")}
    sized = {name: _sized(values, f"grid[{name!r}]") for name, values in mapping.items() if name not in drawn}
    if samples is None and searched:
        raise ValueError("search needs to know how many configurations to try: give it, such as samples=100.")
    for name, distribution in drawn.items():
        if callable(distribution):
            raise TypeError(
                f"grid[{name!r}] is a kind of distribution, {shown(distribution)}: give it numbers, such as "
                "fp.loguniform(1e-4, 1)."
            )
        if samples is None:
            raise ValueError(
                f"grid[{name!r}] is a distribution, {shown(distribution)}: say how many configurations to draw, such "
                "as samples=100."
            )
    if samples is not None and not drawn and not searched:
        raise ValueError(
            "samples are drawn from distributions, of which grid has none: give one, such as "
            "fp.loguniform(1e-4, 1), or leave samples out."
        )
    count = math.prod(map(len, sized.values())) if samples is None else whole_number(samples, "samples")
    if count > MOST_CONFIGURATIONS:
        raise ValueError(
            f"grid would be {count:,} configurations; {MOST_CONFIGURATIONS:,} are the most: give fewer values, or "
            "draw samples from distributions."
        )
    return {name: drawn[name] if name in drawn else value_list(sized[name], name) for name in mapping}


def value_list(values, name):
    """Return values to choose from as a list, NumPy's numbers as Python's."""
    return [value.item() if isinstance(value, np.generic) else value for value in _sized(values, name)]


def _sized(values, name):
    if isinstance(values, (str, bytes)) or not np.iterable(values):
        raise TypeError(f"{name} must be a list of values, not {shown(values)}: put a single value into a list.")
    values = values if hasattr(values, "__len__") else list(values)
    if len(values) == 0:
        raise ValueError(f"{name} has no values: give at least one.")
    return values


def kept(value, configurations):
    """Return how many networks to keep."""
    if isinstance(value, str) and value in ("best", "all"):
        return 1 if value == "best" else configurations
    if isinstance(value, bool) or not isinstance(value, numbers.Integral) or value < 0:
        raise ValueError(f"keep must be 'best', 'all' or a number of networks, not {shown(value)}: give one of these.")
    return int(value)
