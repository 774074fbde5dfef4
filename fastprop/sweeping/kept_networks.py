"""`KeptNetworks`: the rows of a sweep's result with the networks that are kept of the best of them."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from fastprop.annotations import FloatArray
from fastprop.network import MLP
from fastprop.sweeping.bounded_heap import push_bounded, worst_cost
from fastprop.sweeping.endings import is_finished
from fastprop.sweeping.files import Saved
from fastprop.sweeping.recorded_rows import RecordedRows, SweepDescription


class KeptNetworks(RecordedRows):
    """The rows of a sweep, and of the best of them the trained networks, or those of all folds.

    Parameters
    ----------
    description : SweepDescription
    """

    def __init__(self, description: SweepDescription) -> None:
        super().__init__(description)
        self._networks: dict[int, tuple[MLP, ...]] = {}  # by the index of their row, one, or one for each fold
        self._out_of_fold: dict[int, FloatArray] = {}  # by the index of their row, see `out_of_fold`
        self._fold_of_rows: NDArray[np.int64] | None = None  # of the data, see `fold_networks.fold_of_rows`
        self._kept = []  # a heap of their rows, see `push_bounded`

    @property
    def best_network(self) -> MLP | None:
        """The trained network of the best row; None if there is no best row, or no network was to be kept."""
        return self.networks.get(int(self.ranking[0])) if self.can_be_best.any() else None

    @property
    def networks(self) -> dict[int, MLP]:
        """The trained networks that were kept (see `sweep`), by the index of their row, best first.

        There are none where those of the folds were kept in their place, see `fold_networks`.
        """
        return {} if self.description.keeps_folds else {index: each for index, (each,) in self._best_first()}

    @property
    def fold_networks(self) -> dict[int, tuple[MLP, ...]]:
        """The networks of the folds that a sweep with ``refit=False`` kept, by the index of their row, best first.

        Examples
        --------
        >>> import fastprop as fp
        >>> X, y = fp.datasets.digits()
        >>> result = fp.sweep((64, 16, 10), X, y, {"learning_rate": [0.01, 0.5]}, epochs=3, cv=5, refit=False)
        >>> [(index, len(networks)) for index, networks in result.fold_networks.items()]
        [(1, 5)]
        """
        return dict(self._best_first()) if self.description.keeps_folds else {}

    def out_of_fold(self, index: int) -> FloatArray:
        """Return what the networks of the folds of a row give for the rows of the data that they were not trained on.

        A sweep with ``refit=False`` has these outputs of the configurations whose networks it kept.

        Parameters
        ----------
        index : int
            The index of a row of the table that `fold_networks` has.

        Returns
        -------
        ndarray
            (n, n_out) of the networks' dtype, read-only: for each row of the data the output of the network whose fold
            held it out to be scored; the mean, where several did; NaN, where none did.

        Raises
        ------
        ValueError
            If the networks of the row were not kept.

        Examples
        --------
        >>> import fastprop as fp
        >>> X, y = fp.datasets.digits()
        >>> result = fp.sweep((64, 16, 10), X, y, {"learning_rate": [0.01, 0.5]}, epochs=3, cv=5, refit=False)
        >>> outputs = result.out_of_fold(1)
        >>> outputs.shape, bool(abs((outputs.argmax(axis=1) == y).mean() - result.best["score"]) < 1e-3)
        ((1797, 10), True)
        """
        if index not in self._out_of_fold:
            kept = ", ".join(map(str, self.fold_networks)) or "none"
            raise ValueError(
                f"the networks of the folds of row {index} were not kept, but those of rows {kept}: sweep with "
                "refit=False and a larger keep, or give one of these."
            )
        return self._out_of_fold[index]

    def _best_first(self):
        return [(int(index), self._networks[index]) for index in self.ranking if index in self._networks]

    def may_keep(self, cost: float, count: int) -> bool:
        """Return whether a row that has this `cost`, or NaN, may be among the best `count`; `keep` decides it."""
        return count > 0 and (len(self._kept) < count or not cost > worst_cost(self._kept))

    def keep(self, index: int, networks: tuple[MLP, ...], count: int) -> bool:
        """Keep the network of a recorded row, or one for each fold, if it is among the best `count`; return if so."""
        row = {name: self.table[name].item(index) for name in ("stopped", "final_epochs", self.ranks)}
        if not is_finished(row["stopped"], row["final_epochs"]):
            return False
        self._networks[index] = networks
        self._networks.pop(push_bounded(self._kept, count, self._costs(row), index), None)
        return index in self._networks

    def keep_out_of_fold(self, outputs: Mapping[int, FloatArray], fold_of_rows: NDArray[np.int64] | None) -> None:
        """Keep what `out_of_fold` returns, {index: outputs}, and which fold held each row of the data out."""
        self._out_of_fold = dict(outputs)
        self._fold_of_rows = fold_of_rows

    def keep_survivors(self, networks: Mapping[int, tuple[MLP, ...]], count: int) -> None:
        """Keep networks of rows that survived a rung, {index: network}, as far as fewer than `count` are kept."""
        for index in self.ranking:
            if index in networks and self.can_be_best[index] and len(self._networks) < count:
                self._networks[int(index)] = networks[index]

    def restore(self, saved: Saved) -> None:
        """Take over the values of all rows and the networks that a file has, a `files.Saved`."""
        super().restore(saved)
        self._networks = dict(saved.networks)
        self.keep_out_of_fold(saved.out_of_fold, saved.fold_of_rows)
