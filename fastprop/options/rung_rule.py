"""`RungRule`: what a sweep asks of an option that compares its configurations at rungs."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray


class RungRule(Protocol):
    """A rule by which a sweep compares its configurations at rungs: `Halving`, `MedianStopping`, `PopulationBased`."""

    def rungs(self, epochs: int, configurations: int) -> list[int]:
        """Return the epochs of the rungs of a sweep.

        Parameters
        ----------
        epochs : int
            For how many epochs a configuration trains that is not stopped.
        configurations : int
            How many configurations there are.

        Returns
        -------
        list of int
            The epochs, in order; the last one is the end.
        """

    def survivors(self, configurations: int) -> int:
        """Return how many of `configurations` that reach a rung go on from it at most."""

    def going_on(self, costs: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Return which of the configurations that reached a rung go on from it.

        Parameters
        ----------
        costs : ndarray
            (configurations, rungs so far) float64: what each configuration had at each of these rungs; the lowest is
            the best, NaN and infinity are the worst.

        Returns
        -------
        ndarray
            (configurations,) bool.
        """
