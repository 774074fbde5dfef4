"""How a sweep stops its worse configurations early: at rungs, which are epochs at which configurations are compared."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fastprop import checks

__all__ = ["Halving", "MedianStopping"]

FIRST_RUNG = 13
"""The first rung is after a thirteenth of the epochs, unless it is given: benchmarks/NOTES.md has what others lose."""

MAX_RUNGS = 100_000
"""The largest number of rungs, each of which takes 8 bytes for each configuration and 8 for each of its folds."""


@dataclass(frozen=True)
class Halving:
    """Successive halving: at each rung only the best 1 / factor of the configurations go on, from where they are.

    ceil(n / factor) configurations go on, n being all that reached the rung, diverged and finished ones included.

    Parameters
    ----------
    factor : int
        At least 2. By default the first rung is after a thirteenth of the epochs, because the losses of earlier ones
        say little of the end, and each later one is at factor times as many. Of these there are the last ones, as many
        as leave one configuration in the end.
    min_epochs : int, optional
        The lowest epoch of a rung. Rungs then are at epochs / factor, epochs / factor² and so on.

    Raises
    ------
    ValueError, TypeError
        If a value is out of its range.

    References
    ----------
    Jamieson and Talwalkar, "Non-stochastic best arm identification and hyperparameter optimization", AISTATS 2016; the
    rungs are those of Li et al., "A system for massively parallel hyperparameter tuning" (ASHA), MLSys 2020.

    Examples
    --------
    >>> import fastprop as fp
    >>> fp.Halving(3).rungs(27, configurations=100)
    [2, 6, 18, 27]
    """

    factor: int = 3
    min_epochs: int | None = None

    def __post_init__(self):
        object.__setattr__(self, "factor", checks.whole_number(self.factor, "factor", minimum=2))
        if self.min_epochs is not None:
            object.__setattr__(self, "min_epochs", checks.whole_number(self.min_epochs, "min_epochs"))

    def rungs(self, epochs: int, configurations: int) -> list[int]:
        """Return the epochs of the rungs of a sweep.

        Parameters
        ----------
        epochs : int
            For how many epochs a configuration trains that is not stopped.
        configurations : int
            How many configurations there are. With few, there are only the last of the rungs.

        Returns
        -------
        list of int
            The epochs, in order; the last one is the end.
        """
        if self.min_epochs is not None:
            rungs = [epochs]
            while epochs // self.factor ** len(rungs) >= self.min_epochs:
                rungs.append(epochs // self.factor ** len(rungs))
            return rungs[::-1]
        rungs = [max(1, epochs // FIRST_RUNG)]
        while rungs[-1] * self.factor < epochs:
            rungs.append(rungs[-1] * self.factor)
        needed = 0
        while configurations > 1:
            configurations = self.survivors(configurations)
            needed += 1
        return [*(rung for rung in rungs[len(rungs) - min(needed, len(rungs)) :] if rung < epochs), epochs]

    def survivors(self, configurations: int) -> int:
        """Return how many configurations go on from a rung at most.

        Parameters
        ----------
        configurations : int
            How many configurations reach the rung.

        Returns
        -------
        int
            ceil(configurations / factor).
        """
        return math.ceil(configurations / self.factor)

    def going_on(self, costs: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Return which of the configurations go on.

        Parameters
        ----------
        costs : ndarray
            (configurations, rungs so far) float64: what each configuration that reached the last of these rungs had at
            each; the lowest is the best, NaN and infinity are the worst.

        Returns
        -------
        ndarray
            (configurations,) bool.

        Examples
        --------
        >>> import numpy as np
        >>> import fastprop as fp
        >>> fp.Halving(2).going_on(np.array([[0.3], [0.1], [np.nan]]))
        array([ True,  True, False])
        """
        order = np.argsort(costs[:, -1], kind="stable")
        chosen = np.zeros(len(costs), bool)
        chosen[order[: self.survivors(len(costs))]] = True
        return chosen


@dataclass(frozen=True)
class MedianStopping:
    """Stop a configuration whose best cost so far is worse than the median of the mean costs so far of the others.

    The costs are those at the rungs; the others are the configurations that reached the same rung.

    Parameters
    ----------
    epochs : int
        At least 1: there is a rung after every `epochs` epochs.
    min_epochs : int
        The lowest epoch of a rung.

    Raises
    ------
    ValueError, TypeError
        If a value is out of its range.

    References
    ----------
    Golovin et al., "Google Vizier: a service for black-box optimization", KDD 2017, section 3.2.2.

    Examples
    --------
    >>> import fastprop as fp
    >>> fp.MedianStopping(epochs=5, min_epochs=10).rungs(30, configurations=100)
    [10, 15, 20, 25, 30]
    """

    epochs: int = 1
    min_epochs: int = 1

    def __post_init__(self):
        for name in ("epochs", "min_epochs"):
            object.__setattr__(self, name, checks.whole_number(getattr(self, name), name))

    def rungs(self, epochs: int, configurations: int) -> list[int]:
        """Return the epochs of the rungs of a sweep.

        Parameters
        ----------
        epochs : int
            For how many epochs a configuration trains that is not stopped.
        configurations : int
            How many configurations there are. The rungs do not depend on it.

        Returns
        -------
        list of int
            The epochs, in order; the last one is the end.

        Raises
        ------
        ValueError
            If there are more than `MAX_RUNGS`.
        """
        return rungs_every(self.epochs, self.min_epochs, epochs, "MedianStopping")

    def survivors(self, configurations: int) -> int:
        """Return how many configurations go on from a rung at most.

        Parameters
        ----------
        configurations : int
            How many configurations reach the rung.

        Returns
        -------
        int
            All of them.
        """
        return configurations

    def going_on(self, costs: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Return which of the configurations go on.

        Parameters
        ----------
        costs : ndarray
            See `Halving.going_on`.

        Returns
        -------
        ndarray
            (configurations,) bool.
        """
        if len(costs) == 1:
            return np.ones(1, bool)
        costs = np.where(np.isnan(costs), np.inf, costs)
        means = costs.mean(axis=1)
        order = np.argsort(means, kind="stable")
        rank = np.empty(len(means), np.int64)
        rank[order] = np.arange(len(means))
        # The k-th of the other means, sorted, is the k-th of all means if a configuration ranks after it, else the
        # next one. The two middle ones of the others give their median.
        lower, upper = (means[order[k + (rank <= k)]] for k in ((len(means) - 2) // 2, (len(means) - 1) // 2))
        return costs.min(axis=1) <= (lower + upper) / 2


def rungs_every(every: int, min_epochs: int, epochs: int, name: str) -> list[int]:
    """Return the epochs of rungs after each `every` epochs, from `min_epochs` on; the last one is the end.

    Raises
    ------
    ValueError
        If there are more than `MAX_RUNGS`; `name` is that of the option which has them.
    """
    first = every * max(1, -(-min_epochs // every))
    before_end = range(first, epochs, every)
    count = len(before_end) + 1
    if count > MAX_RUNGS:
        raise ValueError(f"{name} has {count} rungs in {epochs} epochs, {MAX_RUNGS} at most: give it larger epochs.")
    return [*before_end, epochs]


HALVINGS = Halving, MedianStopping
"""All rules by which a sweep stops configurations at rungs."""
