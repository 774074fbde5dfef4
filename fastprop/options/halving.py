"""How a sweep stops its worse configurations on the way: at rungs, after so many epochs."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fastprop import checks

__all__ = ["Halving", "MedianStopping"]


@dataclass(frozen=True)
class Halving:
    """Successive halving: at each rung only the best 1 / factor of the configurations go on, from where they are.

    How many that are is rounded up, and of all that came to the rung, those that diverged or ended there by themselves
    as well.

    Parameters
    ----------
    factor : int
        At least 2. Rungs are at epochs / factor, epochs / factor² and so on.
    min_epochs : int, optional
        How many epochs the first rung must have at least; by default so many that one configuration is left in the end.

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
    [1, 3, 9, 27]
    """

    factor: int = 3
    min_epochs: int | None = None

    def __post_init__(self):
        object.__setattr__(self, "factor", checks.whole_number(self.factor, "factor", minimum=2))
        if self.min_epochs is not None:
            object.__setattr__(self, "min_epochs", checks.whole_number(self.min_epochs, "min_epochs"))

    def rungs(self, epochs: int, configurations: int) -> list[int]:
        """Return after how many epochs there is a rung, the last one at the end."""
        rungs, left, minimum = [epochs], configurations, 1 if self.min_epochs is None else self.min_epochs
        while epochs // self.factor ** len(rungs) >= minimum and (left > 1 or self.min_epochs is not None):
            rungs.append(epochs // self.factor ** len(rungs))
            left = math.ceil(left / self.factor)
        return rungs[::-1]

    def survivors(self, configurations: int) -> int:
        """Return how many of so many configurations go on from a rung at most: the best."""
        return math.ceil(configurations / self.factor)

    def going_on(self, costs: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Return which of the configurations go on.

        Parameters
        ----------
        costs : ndarray
            (configurations, rungs) that came so far; the lowest is best, NaN and infinity the worst.

        Returns
        -------
        ndarray
            (configurations,) bool.
        """
        order = np.argsort(costs[:, -1], kind="stable")
        chosen = np.zeros(len(costs), bool)
        chosen[order[: self.survivors(len(costs))]] = True
        return chosen


@dataclass(frozen=True)
class MedianStopping:
    """Stop a configuration whose best result so far is worse than the median of the others' means so far.

    Results are those at the rungs, and the others those that came as far.

    Parameters
    ----------
    epochs : int
        At least 1: there is a rung after each so many.
    min_epochs : int
        How many epochs the first rung must have at least.

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
        """Return after how many epochs there is a rung, the last one at the end."""
        return [*(rung for rung in range(self.epochs, epochs, self.epochs) if rung >= self.min_epochs), epochs]

    def survivors(self, configurations: int) -> int:
        """Return how many of so many configurations go on from a rung at most: the best."""
        return configurations

    def going_on(self, costs: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Return which of the configurations go on; see `Halving.going_on`."""
        if len(costs) == 1:
            return np.ones(1, bool)
        costs = np.where(np.isnan(costs), np.inf, costs)
        means = costs.mean(axis=1)
        order = np.argsort(means, kind="stable")
        own = np.empty(len(means), np.int64)
        own[order] = np.arange(len(means))
        # Of the others, sorted, number k is k of all while that is before one's own place, else k + 1.
        lower, upper = (means[order[k + (own <= k)]] for k in ((len(means) - 2) // 2, (len(means) - 1) // 2))
        return costs.min(axis=1) <= (lower + upper) / 2


HALVINGS = Halving, MedianStopping
