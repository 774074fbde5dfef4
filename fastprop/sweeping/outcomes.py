"""Outcomes of fits."""

from __future__ import annotations

from functools import cached_property

from fastprop.metrics import INTERRUPTED, Measurement
from fastprop.sweeping.endings import ENDINGS
from fastprop.sweeping.fit_columns import FitColumns
from fastprop.sweeping.fit_states import StoredState, TakenState


class FitOutcome:
    """The results of a fit so far.

    Attributes
    ----------
    results : PackResults or DetachedResults
        Those of its pack, or of several.
    lane : int
        Where the fit is in these results.
    loss : float
        The loss that ranks, after the last epoch, or the one whose weights were restored.
    stopped : str
        See `History`.
    state : FitState or None
        The state from which the fit can go on; None unless it was halved and its run can go on.
    """

    __slots__ = "lane", "loss", "results", "state", "stopped"

    def __init__(self, results, lane, state=None):
        self.results = results
        self.lane = lane
        self.loss = results.losses[lane]
        self.stopped = results.stopped[lane]
        self.state = state

    @property
    def is_halved(self):
        """Whether the fit was stopped at a rung, and may go on."""
        return self.stopped == "halved"

    @property
    def epochs(self):
        """The number of epochs done."""
        return self.results.columns().epochs.item(self.lane)

    @property
    def final_epochs(self):
        """The number of epochs to the weights that are kept; 0 if there are no such."""
        return self.results.columns().final_epochs.item(self.lane)

    @property
    def score(self):
        """The `Measurement` on the held-out rows; NaN if there are none."""
        return self.results.score(self.lane)

    @property
    def network(self):
        """The trained network; None for one that has left its run and is not to be kept."""
        return self.results.network(self.lane)

    @property
    def is_interrupted(self):
        """Whether Ctrl-C has left the fit without a score."""
        return self.results.is_interrupted(self.lane)

    def with_state(self, state):
        """Return the outcome as that of another fit, which goes on from another state."""
        return FitOutcome(self.results, self.lane, state)


class DetachedResults:
    """The results of fits that have left their runs, which can be sent to another process.

    Parameters
    ----------
    columns : FitColumns
        What was measured of the fits, whose lanes are the positions in these columns.
    criterion : str
        The name of the loss that ranks.
    networks : dict, optional
        By lane, those that are to be kept.
    stored_states : StoredStates, optional
        The states of the fits that may go on, which have their lanes as positions.
    stored_lanes : set, optional
        The lanes of these.
    scores : dict, optional
        By lane, each `Measurement` of which more is known than its value and its note.
    """

    def __init__(self, columns, criterion, networks=None, stored_states=None, stored_lanes=(), scores=None):
        self._columns = columns
        self._criterion = criterion
        self._networks = networks or {}
        self._stored_states = stored_states
        self._stored_lanes = stored_lanes
        self._scores = scores or {}

    @classmethod
    def of(cls, outcomes, criterion, kept, store):
        """Return the results of some `FitOutcome`s, all measured, and the networks of those at the positions `kept`.

        `store` returns `StoredStates` of the states that it is given, by position, if there are any.
        """
        scores = {position: outcome.score for position, outcome in enumerate(outcomes)}
        states = {
            position: outcome.state.arrays for position, outcome in enumerate(outcomes) if outcome.state is not None
        }
        return cls(
            columns=FitColumns.gathered(outcomes),
            criterion=criterion,
            networks={position: outcomes[position].network for position in kept},
            stored_states=store(states) if states else None,
            stored_lanes=set(states),
            scores={position: each for position, each in scores.items() if each.problem or each is INTERRUPTED},
        )

    @property
    def width(self):
        """The number of fits."""
        return len(self._columns.loss)

    @cached_property
    def losses(self):
        """For each fit the loss that ranks, a list."""
        return getattr(self._columns, self._criterion).tolist()

    @cached_property
    def stopped(self):
        """Why each fit ended, a list."""
        return [ENDINGS[code] for code in self._columns.stopped.tolist()]

    def columns(self):
        """Return the `FitColumns`."""
        return self._columns

    def score(self, lane):
        """Return the `Measurement` of a fit's score."""
        if lane in self._scores:
            return self._scores[lane]
        return Measurement(self._columns.score.item(lane), note=self._columns.note.item(lane))

    def lacks_score(self, lane):
        """Return whether a score is still to be measured."""
        return False

    def is_interrupted(self, lane):
        """Return whether Ctrl-C has left a fit without a score."""
        return self._scores.get(lane) is INTERRUPTED

    def network(self, lane):
        """Return the network of a fit, or None."""
        return self._networks.get(lane)

    def outcome(self, lane):
        """Return the `FitOutcome` of a fit."""
        return FitOutcome(self, lane, StoredState(self._stored_states, lane) if lane in self._stored_lanes else None)


class DetachedOutcomes:
    """The `FitOutcome`s at some `lanes`, a range, of `DetachedResults`, which are made when they are asked for."""

    def __init__(self, results, lanes):
        self._results = results
        self._lanes = lanes

    def __iter__(self):
        return map(self._results.outcome, self._lanes)


def taken_over(outcome, own):
    """Return the outcome of a fit as that of another one, which goes on from it where it is; `own` is that one's.

    Both may be None: the outcome of a fit that can only begin anew, and that of one that is in no run.
    """
    if outcome is None or outcome.state is None:
        return outcome
    state = outcome.state
    if own is not None and own.state is not None and own.state.run is not None:
        return outcome.with_state(TakenState(own.state.run, own.state.lane, state.arrays))
    return outcome if state.run is None else outcome.with_state(StoredState.in_memory(state.arrays))


def only_outcome(rungs):
    """Return the `FitOutcome` of a job that has one rung and one fit; `rungs` is what its `PackRun` returns."""
    (of_rung,) = rungs
    (outcome,) = of_rung
    return outcome


def worst_ending(fits):
    """Return the worst of the endings of fits: that of their configuration."""
    return fits[0].stopped if len(fits) == 1 else min((fit.stopped for fit in fits), key=ENDINGS.index)
