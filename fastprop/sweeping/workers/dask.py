"""Dask: the executor of a client, whose workers are processes or threads, on this machine or on others."""

import contextlib
import pickle
import sys
import warnings
from concurrent.futures import Future
from typing import NamedTuple

from fastprop.sweeping.fit_states import StoredStates
from fastprop.sweeping.fits import Job, positions_of_stored_states
from fastprop.sweeping.workers.base import Adapter, private_attribute
from fastprop.sweeping.workers.calls import Parcel, call
from fastprop.sweeping.workers.tickets import SharedValue, Ticket

SEEN_IN = "distributed 2026.8"
"""The version in which the private attributes were read."""

SECONDS_TO_FETCH = 60.0
"""The longest time in seconds that the calling process waits for the states of a call, which it rarely needs."""


class DaskAdapter(Adapter):
    """The adapter of ``client.get_executor()``.

    Dask restarts each worker that dies, so that the executor never breaks, and is never renewed.

    The states of a call stay on the cluster, in its result, and a second small task returns the rest of it. A later
    call has as arguments the results of those calls from whose states its fits go on. So Dask sends states from worker
    to worker if need be, and computes those again that died with a worker. The small task has its turn when its worker
    has done the call that it began meanwhile.
    """

    def __init__(self, executor):
        super().__init__(executor)
        # The executor has no public name for its client, nor for the options that it submits calls with.
        self._client = private_attribute(executor, "_client", SEEN_IN)
        self._options = private_attribute(executor, "_kwargs", SEEN_IN)
        self.deaths = *Adapter.deaths, sys.modules["distributed"].KilledWorker

    @classmethod
    def accepts(cls, executor):
        return type(executor).__module__.partition(".")[0] == "distributed"

    def count(self):
        return max(1, sum(self._client.nthreads().values()))

    def submit(self, function, *arguments):
        return self._future(self._promise(function, *arguments))

    def submit_call(self, version, ticket, function, parcel):
        tasks = [task.anew() if isinstance(task, Job) and _is_lost(task) else task for task in parcel.tasks]
        jobs = [task for task in tasks if isinstance(task, Job)]
        stored = list(positions_of_stored_states(jobs))
        promises = [each.promise for each in stored]
        arguments = promises, version, ticket, function, Parcel(tasks, stored)
        if not any(job.goes_on for job in jobs):
            return self._future(self._promise(_call, *arguments))
        left = self._promise(_call_and_leave, *arguments)
        return self._future(self._promise(_answer, left), left)

    def _promise(self, function, *arguments):
        """Submit a call to the client and return Dask's future."""
        return self._client.submit(function, *arguments, **self._options | {"pure": False})  # never a cached result

    def _future(self, promise, left=None):
        """Return a future that always ends with what a `promise` of Dask gives, or with its error.

        `left` is that of the `_Left` whose answer is promised. A future of Dask's executor never ends in the following
        case (distributed 2026.8): a worker dies before its result is fetched, and the worker that should compute it
        again dies, too. The executor does not hear that fetching the result has failed.
        """
        future = Future()
        future.add_done_callback(lambda _: promise.release())  # a call that was cancelled need not be done
        self._client.loop.add_callback(_pass_on, self._client, promise, left, future)
        return future

    def share(self, value):
        # Scattered data would be lost with the last worker that has it, and calls would wait for it forever.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # Dask warns of large arguments
            return SharedValue(self._client.submit(_ClusterTicket, value, pure=False))

    def context(self):
        """Return the context in which a cluster on this machine gives up no worker.

        The cluster restarts each worker that dies. If the worker has died again 15 s later, it closes it for good
        (distributed 2026.8), and without workers Dask waits forever.
        """
        if isinstance(self._client.cluster, sys.modules["distributed"].LocalCluster):
            return sys.modules["dask"].config.set({"distributed.deploy.lost-worker-timeout": "365 days"})
        return contextlib.nullcontext()


class _ClusterTicket(Ticket):
    """The ticket as workers of the cluster have it."""

    def store(self, states):
        return _ClusterStates(states)


class _ClusterStates(StoredStates):
    """States in a `_Left` of the cluster, of which a process has none that gets this object from another.

    Attributes
    ----------
    promise : distributed.Future or None
        In the calling process that of the `_Left`, which is forgotten with the last reference to it.
    """

    promise = None

    def __reduce__(self):
        return _ClusterStates, (None,)

    @property
    def states(self):
        """The states by position, in a worker that has them."""
        return self._states

    def fill(self, states):
        """Have some states here; None for none."""
        self._states = states

    def get(self, position):
        if self._states is None:
            self._states = {}
            if self.promise is not None and self.promise.status == "finished":
                with contextlib.suppress(Exception):  # of the network, or of workers that die: the states are lost
                    self._states = self.promise.result(SECONDS_TO_FETCH).states
        return self._states.get(position)


def _is_lost(job):
    """Return whether some of the states of a job can neither be had nor be computed again."""
    return any(each.promise.status in ("cancelled", "error") for each in positions_of_stored_states([job]))


class _Left(NamedTuple):
    """What a call leaves on the cluster."""

    answer: bytes  # its pickled `Answer`, with handles of the states
    states: dict | None  # the states by position, or None if there are none


def _call(left, version, ticket, function, parcel):
    """Call a function as `call` does, in a worker that has got what earlier calls have `left`."""
    for stored, each in zip(parcel.stored, left):
        stored.fill(each.states)
    try:
        return call(version, ticket, function, parcel)
    finally:
        for stored in parcel.stored:  # Dask keeps the arguments
            stored.fill(None)


def _call_and_leave(*arguments):
    """Call a function as `_call` does, and return what is `_Left`."""
    answer = _call(*arguments)
    states = None if answer.stored is None else answer.stored.states
    return _Left(pickle.dumps(answer, protocol=5), states)


def _answer(left):
    """Return the pickled answer of what is `_Left`."""
    return left.answer


async def _pass_on(client, promise, left, future):
    """Pass the result or the error of Dask's promise on to `future`; see `DaskAdapter._future`."""
    try:
        result, error = await client.gather(promise, asynchronous=True), None
        if left is not None:
            result = pickle.loads(result)
            if result.stored is not None:
                result.stored.promise = left
    except BaseException as raised:
        result, error = None, raised
        if left is not None:
            left.release()
    if future.set_running_or_notify_cancel():
        future.set_result(result) if error is None else future.set_exception(error)
