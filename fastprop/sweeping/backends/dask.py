"""Dask: the executor of a client, whose workers are processes or threads, here or on other machines."""

import contextlib
import sys
import warnings
from concurrent.futures import Future

from fastprop.sweeping.backends.base import Adapter, Ticket, private_attribute

SEEN_IN = "distributed 2026.8"


class DaskAdapter(Adapter):
    """Of ``client.get_executor()``.

    Dask starts each worker that dies anew, so that the executor never breaks, and is never renewed.
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

        A future of Dask's own executor never ends where a result is lost on its way here, with the worker that had it,
        and the worker that is to compute it again dies, too: the executor does not hear that fetching the result has
        failed (distributed 2026.8).
        """
        future = Future()
        arguments = [each.promise if isinstance(each, _DaskTicket) else each for each in arguments]
        promise = self._client.submit(function, *arguments, **self._options | {"pure": False})  # never a cached result
        future.add_done_callback(lambda _: promise.release())  # a call that was cancelled need not be done
        self._client.loop.add_callback(_pass_on, self._client, promise, future)
        return future

    def share(self, value):
        # Not scattered: that is lost with the last worker that has it, and whoever waits for it waits for ever.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # of its size
            return _DaskTicket(self._client.submit(Ticket, value, pure=False))

    def context(self):
        """Return the context in which Dask's cluster of this machine gives up no worker.

        The cluster starts each worker that dies anew, but closes for good one that is away 15 s later, having died
        again by then (distributed 2026.8), and without workers Dask waits for ever.
        """
        if isinstance(self._client.cluster, sys.modules["distributed"].LocalCluster):
            return sys.modules["dask"].config.set({"distributed.deploy.lost-worker-timeout": "365 days"})
        return contextlib.nullcontext()


class _DaskTicket(Ticket):
    """A ticket that Dask has, and brings to each worker that is to do a call with it."""

    def __init__(self, promise):
        self.promise = promise


async def _pass_on(client, promise, future):
    """Give `future` what becomes of Dask's promise."""
    try:
        result, error = await client.gather(promise, asynchronous=True), None
    except BaseException as raised:
        result, error = None, raised
    if future.set_running_or_notify_cancel():
        future.set_result(result) if error is None else future.set_exception(error)
