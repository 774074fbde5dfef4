"""Runs that wait at a rung until it is decided which of their fits go on, within a limit of memory."""

import numpy as np

from fastprop.kernels.layout import parameter_count
from fastprop.sweeping.fit_states import StoredStates
from fastprop.sweeping.outcomes import DetachedResults
from fastprop.sweeping.pack_runs import BYTES_OF_FIT, PackResults

MAX_LIVE_BYTES = 1 << 28
"""The largest memory of runs that wait for a decision at a rung, in bytes. Fits of others leave their runs."""


class LiveRuns:
    """The runs that wait at one rung of a sweep, whose losses are ranked by this `criterion`."""

    def __init__(self, criterion):
        self._criterion = criterion
        self._nbytes = 0

    def within_memory(self, outcomes):
        """Return a list of the outcomes of a pack; they leave its run if too many runs wait already."""
        outcomes = list(outcomes)
        run = next((outcome.state.run for outcome in outcomes if outcome.state is not None), None)
        if run is None:
            return outcomes
        self._nbytes += run.nbytes
        if self._nbytes <= MAX_LIVE_BYTES:
            return outcomes
        self._nbytes -= run.nbytes
        PackResults.measure(outcomes)
        ended = [position for position, outcome in enumerate(outcomes) if outcome.state is None]
        results = DetachedResults.of(outcomes, self._criterion, ended, StoredStates)
        return [results.outcome(lane) for lane in range(len(outcomes))]


def rungs_within_memory(fits, groups, dtype):
    """Return at how many rungs the results of so many fits of some `PackGroup`s may wait: at one at the least."""
    parameters = max(parameter_count(group.layer_sizes) for group in groups)
    return max(1, MAX_LIVE_BYTES // (fits * (BYTES_OF_FIT + np.dtype(dtype).itemsize * parameters)))
