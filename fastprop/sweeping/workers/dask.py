"""Dask: the executor of a client, whose workers are processes or threads, on this machine or on others."""

import contextlib
import pickle
import sys
import time
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
"""How long a sweep waits, in all, for states that the calling process needs after Ctrl-C, in seconds."""


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
        self._seconds_to_fetch = SECONDS_TO_FETCH  # that are left
        self.deaths = *Adapter.deaths, sys.modules["distributed"].KilledWorker

    @classmethod
    def accepts(cls, executor):
        return type(executor).__module__.partition(".")[0] == "distributed"

    def count(self):
        return max(1, sum(self._client.nthreads().values()))

    def submit(self, function, *arguments):
        return self._future(self._dask_future(function, *arguments))

    def submit_call(self, version, ticket, function, parcel):
        tasks = [task.anew() if isinstance(task, Job) and _is_lost(task) else task for task in parcel.tasks]
        jobs = [task for task in tasks if isinstance(task, Job)]
        handles = list(positions_of_stored_states(jobs))
        earlier = [each.dask_future for each in handles]
        arguments = earlier, version, ticket, function, Parcel(tasks, handles)
        if not any(job.keeps_states for job in jobs):
            return self._future(self._dask_future(_call, *arguments))
        kept = self._dask_future(_call_keeping_states, *arguments)
        return self._future(self._dask_future(_answer, kept), kept)

    def fetch(self, kept, position, is_only):
        """Return the state at a position of a `_CallResult`, or None where it is lost, or the time to fetch is over.

        `kept` is Dask's future of the result. If it has other states, a small task returns this one, so that they are
        not sent. An only state may be that of a large network: the result itself is fetched, because a small task would
        wait for a worker that may be training another one for long.
        """
        if kept.status != "finished" or self._seconds_to_fetch <= 0:
            return None
        begin = time.monotonic()
        try:
            if is_only:
                return _state(kept.result(self._seconds_to_fetch), position)
            return self._dask_future(_state, kept, position).result(self._seconds_to_fetch)
        except Exception:  # of the network, of workers that die, or too late: the state is lost
            return None
        finally:
            self._seconds_to_fetch -= time.monotonic() - begin

    def _dask_future(self, function, *arguments):
        """Submit a call to the client and return Dask's future."""
        return self._client.submit(function, *arguments, **self._options | {"pure": False})  # never a cached result

    def _future(self, dask_future, kept=None):
        """Return a future that always ends with the result of Dask's, or with its error.

        `kept` is that of the `_CallResult` whose answer this is. A future of Dask's executor never ends in the
        following case (distributed 2026.8): a worker dies before its result is fetched, and the worker that should
        compute it again dies, too. The executor does not hear that fetching the result has failed.
        """
        future = Future()
        future.add_done_callback(lambda _: dask_future.release())  # a call that was cancelled need not be done
        self._client.loop.add_callback(_pass_on, self, dask_future, kept, future)
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
        return _ClusterStates(states, len(states))


class _ClusterStates(StoredStates):
    """States in a `_CallResult` of the cluster, of which a process has none that gets this object from another.

    Parameters
    ----------
    states : dict or None
        By position, in the worker that has made them; else None.
    count : int
        How many states there are.

    Attributes
    ----------
    adapter : DaskAdapter or None
        In the calling process that which fetches states.
    dask_future : distributed.Future or None
        In the calling process that of the `_CallResult`, which is forgotten with the last reference to it.
    """

    adapter = None
    dask_future = None

    def __init__(self, states, count):
        super().__init__(states)
        self._count = count

    def __reduce__(self):
        return _ClusterStates, (None, self._count)

    @property
    def states(self):
        """The states by position, in a worker that has them; else None."""
        return self._states

    def fill(self, states):
        """Have some states here; None for none."""
        self._states = states

    def get(self, position):
        if self._states is not None:
            return self._states.get(position)
        return None if self.adapter is None else self.adapter.fetch(self.dask_future, position, self._count == 1)


def _is_lost(job):
    """Return whether some of the states of a job can neither be had nor be computed again."""
    return any(each.dask_future.status in ("cancelled", "error") for each in positions_of_stored_states([job]))


class _CallResult(NamedTuple):
    """The result of a call that keeps its states on the cluster."""

    answer: bytes  # the pickled `Answer`, with handles of the states
    states: dict | None  # the states by position, or None if there are none


def _call(earlier, version, ticket, function, parcel):
    """Call a function as `call` does, in a worker that has got the results of `earlier` calls, each a `_CallResult`."""
    for handle, result in zip(parcel.handles, earlier):
        handle.fill(result.states)
    try:
        return call(version, ticket, function, parcel)
    finally:
        for handle in parcel.handles:  # Dask keeps the arguments
            handle.fill(None)


def _call_keeping_states(*arguments):
    """Call a function as `_call` does, and return a `_CallResult`."""
    answer = _call(*arguments)
    states = None if answer.stored_states is None else answer.stored_states.states
    return _CallResult(pickle.dumps(answer, protocol=5), states)


def _answer(result):
    """Return the pickled answer of a `_CallResult`."""
    return result.answer


def _state(result, position):
    """Return the state at a position of a `_CallResult`."""
    return result.states[position]


async def _pass_on(adapter, dask_future, kept, future):
    """Pass the result or the error of Dask's future on to `future`; see `DaskAdapter._future`."""
    try:
        result, error = await dask_future.client.gather(dask_future, asynchronous=True), None
        if kept is not None:
            result = pickle.loads(result)
            if result.stored_states is not None:
                result.stored_states.adapter = adapter
                result.stored_states.dask_future = kept
    except BaseException as raised:
        result, error = None, raised
        if kept is not None:
            kept.release()
    if future.set_running_or_notify_cancel():
        future.set_result(result) if error is None else future.set_exception(error)
