"""What a search in a short time leaves out: epochs, encodings of numbers, and wide layers."""

from collections.abc import Mapping
from typing import NamedTuple

MIN_EPOCHS = 8
"""Epochs of a configuration that is trained to the end, however short the time."""

FEW_CONFIGURATIONS = 6
"""Configurations like the recipe's for which time is to suffice if all of them are trained to the end."""

FIRST_ROUNDS_SHARE = 0.6
"""The share of all time that the recipe may take with all encodings, each trained to the end."""

MAX_ENCODING_SHARE = 0.5
"""An encoding with which the recipe would take more than this share of all time for `MIN_EPOCHS` is not tried."""

CONFIGURATION_SHARE = 0.2
"""Hidden layers with which a configuration would take more than this share of all time are not drawn."""


class TimePlan(NamedTuple):
    """What is searched in some seconds."""

    epochs: int  # that a configuration has at most
    encodings: tuple[str, ...]  # the names of those that are tried
    max_cost: float  # of the hidden layers that are drawn, in units of the cost of the recipe's


def planned(seconds: float, epoch_seconds: float, costs: Mapping[str, float], max_epochs: int) -> TimePlan:
    """Return the `TimePlan` of a search.

    Parameters
    ----------
    seconds : float
        How long the search may take.
    epoch_seconds : float
        How long the recipe's configuration takes for an epoch of all folds with the first encoding.
    costs : mapping
        By the name of each encoding, the cost of the recipe's network, in any unit. The first one is always tried.
    max_epochs : int
        Epochs that a configuration has where there is time enough.

    Examples
    --------
    >>> from fastprop.tabular.time_plan import planned
    >>> planned(60.0, 0.005, {"standard": 1.0, "piecewise": 10.0}, 100)
    TimePlan(epochs=100, encodings=('standard', 'piecewise'), max_cost=24.0)
    >>> planned(1.0, 0.005, {"standard": 1.0, "piecewise": 10.0}, 100)
    TimePlan(epochs=10, encodings=('standard', 'piecewise'), max_cost=4.0)
    >>> planned(0.5, 0.005, {"standard": 1.0, "piecewise": 10.0}, 100).encodings
    ('standard',)
    """
    first = next(iter(costs))
    times = {name: cost / costs[first] * epoch_seconds for name, cost in costs.items()}  # seconds of an epoch
    affordable = MAX_ENCODING_SHARE * seconds / MIN_EPOCHS
    encodings = tuple(name for name, each in times.items() if name == first or each <= affordable)
    of_first_rounds = sum(times[name] for name in encodings) / FIRST_ROUNDS_SHARE
    fitting = int(seconds / max(FEW_CONFIGURATIONS * epoch_seconds, of_first_rounds))
    epochs = min(max_epochs, max(MIN_EPOCHS, fitting))
    return TimePlan(epochs, encodings, CONFIGURATION_SHARE * seconds / (epoch_seconds * epochs))
