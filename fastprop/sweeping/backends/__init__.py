"""Who trains the jobs of a sweep: threads of this process, or the workers of a `concurrent.futures.Executor`.

Each kind of executor has an adapter (see `base.Adapter`) in a file of its own; to add one is to write that file and to
name its class in `ADAPTERS`.
"""

from concurrent.futures import Executor

from fastprop import checks
from fastprop.sweeping.backends.base import ExecutorBackend
from fastprop.sweeping.backends.dask import DaskAdapter
from fastprop.sweeping.backends.processes import LokyAdapter, ProcessAdapter, ProcessPoolAdapter
from fastprop.sweeping.backends.threads import ThreadBackend, ThreadPoolAdapter

__all__ = ["ADAPTERS", "ExecutorBackend", "ThreadBackend", "new_backend"]

ADAPTERS = ThreadPoolAdapter, DaskAdapter, LokyAdapter, ProcessPoolAdapter, ProcessAdapter
"""The first that accepts an executor is its adapter; the last accepts any."""


def new_backend(executor, threads):
    """Return the backend of a sweep's arguments `executor` and `threads`, both of which may be None."""
    if executor is None:
        return ThreadBackend(checks.threads(threads))
    checks.instance(executor, "executor", Executor, "loky.get_reusable_executor() or client.get_executor() of Dask")
    count = None if threads is None else checks.threads(threads)
    return ExecutorBackend(new_adapter(executor), count)


def new_adapter(executor):
    """Return the adapter of an executor."""
    adapter = next(each for each in ADAPTERS if each.accepts(executor))
    return adapter(executor)
