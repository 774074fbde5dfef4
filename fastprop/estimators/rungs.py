"""Halving of a `SweepCV`, whose candidates and folds are one sweep or several: who reaches which rung."""

from dataclasses import dataclass

import numpy as np

from fastprop.options import Halving


@dataclass(frozen=True)
class UntilRung(Halving):
    """A rule for one of several sweeps: all configurations stop at an epoch, at which those of all are compared."""

    epoch: int = 1

    def rungs(self, epochs, configurations):
        """Return the epoch and that of the end, which schedules are for."""
        return sorted({self.epoch, epochs})

    def survivors(self, configurations):
        """Return how many configurations go on from a rung at most."""
        return configurations

    def going_on(self, costs):
        """Return which of the configurations go on, (configurations,) bool: none."""
        return np.zeros(len(costs), bool)


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


def rule_of_all(halving, epochs, candidates):
    """Return the rule by which the candidates of all sweeps are halved, or None, and its rungs; one without halving.

    Parameters
    ----------
    halving : int, Halving, MedianStopping or None
    epochs : list of int
        The epochs of each sweep.
    candidates : int
        How many candidates there are in all.
    """
    if halving is None or not epochs:
        return None, [0]
    if len(set(epochs)) > 1:
        raise ValueError(
            f"halving compares all candidates after the same epochs, and these have max_iter of {min(epochs)} and "
            f"{max(epochs)}: leave out halving, or max_iter in param_grid."
        )
    rule = halving if hasattr(halving, "rungs") else Halving(int(halving))
    return rule, rule.rungs(epochs[0], candidates)


def rounds(rule, rungs, sweeps):
    """Return the calls that each of several sweeps needs: a list of (rule of the call, indices of its rungs).

    Candidates of several sweeps are compared after each call. The next one trains those that go on from the beginning:
    with rungs that are each at f times the epochs of the one before, all of them take at most f / (f - 1) times those
    of the last one.
    The rungs of a `MedianStopping` lie too close for that, and one call trains all candidates to the end.
    """
    if rule is None or sweeps == 1:
        return [(rule, range(len(rungs)))]
    if isinstance(rule, Halving):
        return [(UntilRung(epoch=epoch), [rung]) for rung, epoch in enumerate(rungs)]
    return [(Everybody(of_all=tuple(rungs)), range(len(rungs)))]


def with_ranks(outcome, rule, count):
    """Return the outcome with what a rule makes of the scores at the first `count` rungs.

    This is who reaches which of them, who goes on from the last of them, and who is the best. A candidate that ended
    before a rung, on some folds, has the score there with which it ended.
    """
    costs = np.full(outcome.reached.shape, np.nan)
    scores, reached, best = outcome.scores.copy(), np.zeros_like(outcome.reached), None
    left = np.arange(len(costs))
    for rung in range(count):
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
    return outcome._replace(reached=reached, scores=scores, left=left, best=best)
