"""Dask: the executor of a client, whose workers are processes or threads, on this machine or on others."""

import contextlib
import sys
import warnings
from concurrent.futures import Future

from fastprop.sweeping.workers.base import Adapter, Ticket, private_attribute

SEEN_IN = "distributed 2026.8"
"""The version in which the private attributes were read."""


class DaskAdapter(Adapter):
    """The adapter of ``client.get_executor()``.

    Dask restarts each worker that dies, so that the executor never breaks, and is never renewed.
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
        """Submit a call to the client and return a future that always ends.

        A future of Dask's executor never ends in the following case (distributed 2026.8): a worker dies before its
        result is fetched, and the worker that should compute it again dies, too. The executor does not hear that
        fetching the result has failed.
        """
        future = Future()
        arguments = [each.promise if isinstance(each, _DaskTicket) else each for each in arguments]
        promise = self._client.submit(function, *arguments, **self._options | {"pure": False})  # never a cached result
        future.add_done_callback(lambda _: promise.release())  # a call that was cancelled need not be done
        self._client.loop.add_callback(_pass_on, self._client, promise, future)
        return future

    def share(self, value):
        # Scattered data would be lost with the last worker that has it, and calls would wait for it forever.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # Dask warns of large arguments
            return _DaskTicket(self._client.submit(Ticket, value, pure=False))

    def context(self):
        """Return the context in which a cluster on this machine gives up no worker.

        The cluster restarts each worker that dies. If the worker has died again 15 s later, it closes it for good
        (distributed 2026.8), and without workers Dask waits forever.
        """
        if isinstance(self._client.cluster, sys.modules["distributed"].LocalCluster):
            return sys.modules["dask"].config.set({"distributed.deploy.lost-worker-timeout": "365 days"})
        return contextlib.nullcontext()


class _DaskTicket(Ticket):
    """A ticket that Dask holds, and sends to each worker that does a call with it."""

    def __init__(self, promise):
        self.promise = promise


async def _pass_on(client, promise, future):
    """Pass the result or the error of Dask's promise on to `future`."""
    try:
        result, error = await client.gather(promise, asynchronous=True), None
    except BaseException as raised:
        result, error = None, raised
    if future.set_running_or_notify_cancel():
        future.set_result(result) if error is None else future.set_exception(error)
