"""Backends, which train the jobs of a sweep: on threads of this process, or on the workers of an executor.

Each kind of `concurrent.futures.Executor` has an adapter (see `base.Adapter`). To add one, write its class in a new
file and name it in `ADAPTERS`.
"""

from concurrent.futures import Executor

from fastprop import checks
from fastprop.sweeping.backends.base import ExecutorBackend
from fastprop.sweeping.backends.dask import DaskAdapter
from fastprop.sweeping.backends.processes import LokyAdapter, ProcessAdapter, ProcessPoolAdapter
from fastprop.sweeping.backends.threads import ThreadBackend, ThreadPoolAdapter

__all__ = ["ADAPTERS", "ExecutorBackend", "ThreadBackend", "new_backend"]

ADAPTERS = ThreadPoolAdapter, DaskAdapter, LokyAdapter, ProcessPoolAdapter, ProcessAdapter
"""The first of these that accepts an executor is its adapter; the last accepts any executor."""


def new_backend(executor, threads):
    """Return the backend for a sweep's arguments `executor` and `threads`, both of which may be None."""
    if executor is None:
        return ThreadBackend(checks.threads(threads))
    checks.instance(executor, "executor", Executor, "loky.get_reusable_executor() or client.get_executor() of Dask")
    count = None if threads is None else checks.threads(threads)
    return ExecutorBackend(new_adapter(executor), count)


def new_adapter(executor):
    """Return the adapter of an executor."""
    adapter = next(each for each in ADAPTERS if each.accepts(executor))
    return adapter(executor)
