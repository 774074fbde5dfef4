"""Halving of a `SweepCV`, whose candidates and folds are one sweep or several: who reaches which rung."""

from dataclasses import dataclass

import numpy as np

from fastprop.options import Halving


@dataclass(frozen=True)
class Everybody(Halving):
    """A rule for one of several sweeps, which cannot be compared before all have ended: all configurations go on."""

    of_all: tuple[int, ...] = ()  # the epochs of the rungs

    def rungs(self, epochs, configurations):
        """Return the epochs of the rungs."""
        return list(self.of_all)

    def survivors(self, configurations):
        """Return how many configurations go on from a rung: all."""
        return configurations

    def going_on(self, costs):
        """Return which of the configurations go on, (configurations,) bool: all."""
        return np.ones(len(costs), bool)


def halving_of_all(how, epochs, candidates):
    """Return how each of several sweeps is trained, and the rungs of all of them; one rung without halving.

    Parameters
    ----------
    how : How
    epochs : list of int
        The epochs of each sweep.
    candidates : int
        How many candidates there are in all.
    """
    if how.halving is None or not epochs:
        return how, [0]
    if len(set(epochs)) > 1:
        raise ValueError(
            f"halving compares all candidates after the same epochs, and these have max_iter of {min(epochs)} and "
            f"{max(epochs)}: leave out halving, or max_iter in param_grid."
        )
    rule = how.halving if hasattr(how.halving, "rungs") else Halving(int(how.halving))
    rungs = rule.rungs(epochs[0], candidates)
    several = Everybody(of_all=tuple(rungs), min_epochs=1)
    return how._replace(halving=rule, in_sweep=several if len(epochs) > 1 else rule), rungs


def with_ranks(outcome, rule):
    """Return the outcome with what a rule makes of its scores: who reaches which rung, and who is the best.

    A candidate that ended before a rung, on some folds, has the score there with which it ended.
    """
    costs = np.full(outcome.reached.shape, np.nan)
    scores, reached, best = outcome.scores.copy(), np.zeros_like(outcome.reached), None
    left = np.arange(len(costs))
    for rung in range(len(outcome.rungs)):
        is_trained = outcome.trained[:, rung]
        if rung > 0:
            left = left[is_trained[left].any(axis=1)]
            scores[left, rung] = np.where(is_trained[left], scores[left, rung], scores[left, rung - 1])
        reached[left, rung] = True
        costs[left, rung] = -scores[left, rung].mean(axis=1)
        if not np.isnan(costs[left, rung]).all():
            best = int(left[np.nanargmin(costs[left, rung])])
        if len(left) > 0:
            left = left[rule.going_on(costs[left, : rung + 1])]
    return outcome._replace(reached=reached, scores=scores, best=best)
