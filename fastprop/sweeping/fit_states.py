"""States from which fits go on: in the run that trained them, or stored outside it, where a worker has left them."""

from __future__ import annotations

from functools import cached_property


class FitState:
    """The state from which a fit goes on; the base class of all such states.

    Attributes
    ----------
    arrays : dict or None
        By name, the arrays from which another run goes on; None if they were lost with a machine, so that the fit
        begins anew.
    """

    run = None
    """The `PackRun` that can go on with the fit in place; None if it has left the run that trained it."""

    lane = None
    """The index of the fit's lane in this run; None without a run."""

    configuration = None
    """The configuration that the fit goes on with, if a run has it; None for one that is to be made."""

    network = None
    """A network that another run can give the parameters of `arrays`; None for one that is to be made."""

    stored_states = None
    """The `StoredStates` of which this is one; None if a run has it."""


class LaneState(FitState):
    """The state of a fit in a lane of a `PackRun`, which goes on from it in place, or exports it when it moves."""

    def __init__(self, run, lane):
        self.run = run
        self.lane = lane

    @property
    def configuration(self):
        """The configuration of the fit, which the run has."""
        return self.run.configuration(self.lane)

    @property
    def network(self):
        """A network with which the fit can go on in another run, once it has the parameters of `arrays`."""
        return self.run.network(self.lane)

    @cached_property
    def arrays(self):
        """The arrays by name from which another run goes on; to be asked for before this run goes on."""
        return self.run.export(self.lane)


class TakenState(FitState):
    """The state of another fit from which one goes on in the lane of a `PackRun` in which it is, or in another run.

    The configuration is not the one that the run has in this lane, because it has other values now.
    """

    def __init__(self, run, lane, arrays):
        self.run = run
        self.lane = lane
        self.arrays = arrays


class StoredState(FitState):
    """The state of a fit that has left the run that trained it: that at a position of `StoredStates`."""

    def __init__(self, stored_states, position):
        self.stored_states = stored_states
        self.position = position

    @classmethod
    def in_memory(cls, arrays):
        """Return the state that has these arrays."""
        return cls(StoredStates({0: arrays}), 0)

    @property
    def arrays(self):
        """The arrays by name, which are loaded each time that they are asked for; None if they were lost."""
        return self.stored_states.get(self.position)


class StoredStates:
    """States of several fits that have left their runs; these are in the memory of this process.

    Subclasses are handles: small objects that are sent from process to process, while the states stay where the worker
    has left them.

    Parameters
    ----------
    states : dict
        By position of a fit, its arrays by name.
    """

    def __init__(self, states):
        self._states = states

    def load(self, positions):
        """Prepare for `get` to be called with some positions, once for each, in a worker."""

    def get(self, position):
        """Return the state at a position, arrays by name; None if it was lost."""
        return self._states[position]

    def own(self):
        """Have the states exist no longer than this object, which the calling process has got from a worker."""
