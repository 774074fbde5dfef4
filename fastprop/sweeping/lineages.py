"""Lineages: from which configurations the networks of a population have come, and with which values they trained."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray


class Lineage(NamedTuple):
    """What a network of a population has gone through: stages, each in one row of the table.

    Attributes
    ----------
    epochs : tuple of int
        The number of epochs that were done when each stage began; 0 for the first.
    rows : tuple of int
        The row of the table in which the network was in each stage.
    values : tuple of dict
        The values with which it was trained in each stage, by the names of the grid.
    """

    epochs: tuple[int, ...]
    rows: tuple[int, ...]
    values: tuple[dict[str, Any], ...]

    @property
    def first(self) -> dict[str, Any]:
        """The values at first, by name; empty if the row has not run."""
        return self.values[0] if self.values else {}

    @property
    def changes(self) -> dict[int, dict[str, Any]]:
        """The values of later stages, by the number of epochs that were done: the ``changes`` of `fastprop.train`."""
        return dict(zip(self.epochs[1:], self.values[1:]))


class Lineages:
    """The lineages of all rows of a sweep.

    Attributes
    ----------
    parents : ndarray
        (configurations, rungs) int64: the row whose network each row went on from at each rung; its own for most.
    values : dict
        By the names of the grid, arrays (configurations, rungs): the values with which each row trained up to each
        rung; NaN, or for whole numbers -1, where it did not.
    """

    def __init__(self, parents: NDArray[np.int64], values: Mapping[str, NDArray[Any]]) -> None:
        self.parents = parents
        self.values = dict(values)

    @classmethod
    def of(cls, rungs: int, columns: Mapping[str, NDArray[Any]]) -> Lineages:
        """Return the lineages of rows that have not run; `columns` has by name the values of all rows at first."""
        rows = len(next(iter(columns.values())))
        values = {name: np.full((rows, rungs), _missing(each), each.dtype) for name, each in columns.items()}
        return cls(np.repeat(np.arange(rows)[:, None], rungs, axis=1), values)

    def enter(self, rung: int, indices: NDArray[np.int64], columns: Mapping[str, NDArray[Any]]) -> None:
        """Note the values with which rows go on to a rung; `columns` has by name those of all rows."""
        for name, values in self.values.items():
            values[indices, rung] = columns[name][indices]

    def leave(self, rung: int, indices: NDArray[np.int64]) -> None:
        """Forget the values with which rows were to go on to a rung, because they have not."""
        for values in self.values.values():
            values[indices, rung] = _missing(values)

    def lineage(self, index: int, rungs: list[int]) -> Lineage:
        """Return the `Lineage` of a row's network; it is empty if the row has not run.

        `rungs` are the epochs of the rungs.
        """
        begins = [0, *rungs[:-1]]
        # All that a population changes are floats, of which NaN stands for rungs to which the row did not train.
        floats = next(each for each in self.values.values() if each.dtype == float)
        reached = int((~np.isnan(floats[index])).sum())
        stages = []  # from the last one back to the first
        row = index
        for rung in reversed(range(reached)):
            row = int(self.parents[row, rung])  # at the last rung another row if it has not trained its network on
            values = {name: each.item(row, rung) for name, each in self.values.items()}
            stages.append((begins[rung], row, values))
        stages.reverse()
        # A stage goes on past a rung at which neither the row nor a value changes.
        begun = [stage for before, stage in zip([None, *stages], stages) if before is None or before[1:] != stage[1:]]
        return Lineage(*zip(*begun)) if begun else Lineage((), (), ())


def _missing(values):
    """Return what stands for no value in an array: NaN, or for whole numbers -1."""
    return np.nan if values.dtype == float else -1
