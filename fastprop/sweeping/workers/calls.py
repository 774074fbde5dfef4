"""Calls of workers: what is sent to a worker, what it does, and what comes back."""

import time
from typing import NamedTuple

from fastprop.sweeping.fit_states import StoredStates
from fastprop.version import __version__


class Parcel:
    """Tasks on their way to a worker. Dask, which looks for its futures in lists and tuples, does not open it.

    Attributes
    ----------
    tasks : list
        Those of the call, such as a `Job`.
    handles : sequence of StoredStates
        Those whose states Dask brings to the worker before the call; the states of the tasks refer to them.
    """

    def __init__(self, tasks, handles=()):
        self.tasks = tasks
        self.handles = handles


class Answer(NamedTuple):
    """What a call returns."""

    results: list  # what became of each task; None for those that were not done
    seconds: float  # how long the call took in the worker
    stored_states: StoredStates | None  # the states that the call has stored


class WorkerCall:
    """A call as the function knows it that a worker calls.

    Attributes
    ----------
    stored_states : StoredStates or None
        What the function has stored.
    """

    def __init__(self, ticket):
        self._ticket = ticket
        self.stored_states = None

    def is_over(self):
        """Return whether the sweep is over, so that the function should soon return."""
        return self._ticket.is_over()

    def store(self, states):
        """Return `StoredStates` of the states, {position: arrays}, from which fits of this call can go on."""
        self.stored_states = self._ticket.store(states)
        return self.stored_states


def call(version, ticket, function, parcel):
    """Call a function with the shared value and some tasks, in a worker; return the `Answer`."""
    check_version(__version__, version)
    shared = ticket.get()
    this_call = WorkerCall(ticket)
    begin = time.perf_counter()
    results = function(shared, parcel.tasks, this_call)
    return Answer(results, time.perf_counter() - begin, this_call.stored_states)


def check_version(theirs, ours):
    """Refuse a worker that has another version of fastprop than the calling process."""
    if theirs != ours:
        raise RuntimeError(
            f"the executor's workers have fastprop {theirs} but this process has {ours}: install the same there."
        )
