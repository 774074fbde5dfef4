"""Population-based training: a sweep's worst configurations go on from networks of the best ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fastprop import checks
from fastprop.options.halving import rungs_every

__all__ = ["PopulationBased"]

RUNGS = 10
"""The largest number of rungs by default, the end included."""


@dataclass(frozen=True)
class PopulationBased:
    """Population-based training: at each rung the worst configurations take over the networks of the best ones.

    All configurations of the sweep, the population, train side by side. At each rung, the worst `share` of them go on
    from the parameters and the moments of networks of the best `share`, each from one that is drawn (exploit), and with
    changed values of the hyperparameters that the grid names (explore): a number of a distribution is multiplied by one
    of the `factors`, and a value of a list gives way to the one before or after it; or a value is drawn anew. They stay
    within the grid. A configuration that diverged, or has no finite score, counts among the worst.

    The grid names what may change in training: hyperparameters of the optimizer, dropout, bias_rate and bias_decay. It
    may also name seed, which each row keeps. `SweepResult.lineage` has what each network has gone through, with which
    `train` trains it again to the same bits.

    Parameters
    ----------
    share : float
        Above 0, at most 0.5: the share of the configurations that are worst, and that are best; at least one of each.
    factors : sequence of float
        Above 0: each changed number is multiplied by one of them, which is drawn.
    resample : float
        From 0 to 1: the probability with which a value is drawn anew instead.
    epochs : int, optional
        At least 1: there is a rung after every `epochs` epochs. By default there are at most 10 in the
        training: it is a tenth of its epochs, rounded up.
    min_epochs : int
        The lowest epoch of a rung.

    Raises
    ------
    ValueError, TypeError
        If a value is out of its range.

    References
    ----------
    Jaderberg et al., "Population based training of neural networks", arXiv:1711.09846, 2017. The shares and factors are
    those of its section 4.1, with truncation selection.

    Examples
    --------
    >>> import fastprop as fp
    >>> X, y = fp.datasets.digits()
    >>> grid = {"learning_rate": fp.loguniform(1e-3, 1), "momentum": fp.uniform(0.1, 0.95), "seed": fp.integers(0, 999)}
    >>> search = fp.PopulationBased(epochs=2)
    >>> result = fp.sweep((64, 16, 10), X, y, grid, samples=16, search=search, epochs=8, validation=0.2)
    >>> result.rungs
    [2, 4, 6, 8]
    >>> lineage = result.lineage(int(result.ranking[0]))
    >>> first = dict(lineage.first)
    >>> seed = first.pop("seed")
    >>> network = fp.MLP((64, 16, 10), output="softmax", seed=seed)
    >>> options = {"optimizer": fp.SGD(**first), "changes": lineage.changes, "seed": seed}
    >>> history = fp.train(network, X, y, epochs=8, validation=0.2, **options)
    >>> bool((network.parameters == result.best_network.parameters).all())
    True
    """

    share: float = 0.2
    factors: Sequence[float] = (0.8, 1.2)
    resample: float = 0.25
    epochs: int | None = None
    min_epochs: int = 1

    def __post_init__(self):
        share = checks.positive(self.share, "share")
        if share > 0.5:
            raise ValueError(f"share must be at most 0.5, not {share}: the worst cannot be among the best, give 0.2.")
        resample = checks.number(self.resample, "resample")
        if resample > 1:
            raise ValueError(f"resample must be a probability, at most 1, not {resample}: give one such as 0.25.")
        factors = tuple(checks.positive(each, "factors") for each in checks.value_list(self.factors, "factors"))
        epochs = None if self.epochs is None else checks.whole_number(self.epochs, "epochs")
        fields = {"share": share, "factors": factors, "resample": resample, "epochs": epochs}
        fields["min_epochs"] = checks.whole_number(self.min_epochs, "min_epochs")
        for name, value in fields.items():
            object.__setattr__(self, name, value)

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
            If there are more rungs than `MedianStopping` may have.
        """
        every = -(-epochs // RUNGS) if self.epochs is None else self.epochs
        return rungs_every(every, self.min_epochs, epochs, "PopulationBased")

    def survivors(self, configurations: int) -> int:
        """Return how many configurations go on from a rung.

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
        """Return which of the configurations go on: all, each with its own network or with that of its parent.

        Parameters
        ----------
        costs : ndarray
            See `Halving.going_on`.

        Returns
        -------
        ndarray
            (configurations,) bool.
        """
        return np.ones(len(costs), bool)

    def parents(self, costs: NDArray[np.float64], random: np.random.Generator) -> NDArray[np.int64]:
        """Return from whose network each configuration goes on.

        Parameters
        ----------
        costs : ndarray
            See `Halving.going_on`.
        random : numpy.random.Generator
            Draws the parents.

        Returns
        -------
        ndarray
            (configurations,) int64: the index of the configuration whose network each takes over; its own for most.

        Examples
        --------
        >>> import numpy as np
        >>> import fastprop as fp
        >>> costs = np.array([[0.3], [0.1], [np.nan], [0.2], [0.4]])
        >>> fp.PopulationBased().parents(costs, np.random.default_rng(0))
        array([0, 1, 1, 3, 4])
        """
        last = costs[:, -1]
        parents = np.arange(len(last))
        finite = int(np.isfinite(last).sum())
        count = max(1, int(self.share * len(last)))
        order = np.argsort(np.where(np.isfinite(last), last, np.inf), kind="stable")
        best = order[: min(count, finite)]
        others_begin = min(finite, len(last) - count)  # the worst are `count`, or more if more have no finite cost
        worst = np.sort(order[max(len(best), others_begin) :])
        if len(best):
            parents[worst] = best[random.integers(len(best), size=len(worst))]
        return parents
