"""Workers, which train the jobs of a sweep: threads of this process, or the workers of an executor.

Each kind of `concurrent.futures.Executor` has an adapter (see `base.Adapter`). To add one, write its class in a new
file and name it in `ADAPTERS`.
"""

from concurrent.futures import Executor

from fastprop import checks
from fastprop.sweeping.workers.base import ExecutorWorkers
from fastprop.sweeping.workers.dask import DaskAdapter
from fastprop.sweeping.workers.processes import LokyAdapter, ProcessAdapter, ProcessPoolAdapter
from fastprop.sweeping.workers.threads import ThreadPoolAdapter, ThreadWorkers

__all__ = ["ADAPTERS", "ExecutorWorkers", "ThreadWorkers", "new_workers"]

ADAPTERS = ThreadPoolAdapter, DaskAdapter, LokyAdapter, ProcessPoolAdapter, ProcessAdapter
"""The first of these that accepts an executor is its adapter; the last accepts any executor."""


def new_workers(executor, threads):
    """Return the workers for a sweep's arguments `executor` and `threads`, both of which may be None."""
    if executor is None:
        return ThreadWorkers(checks.threads(threads))
    checks.instance(executor, "executor", Executor, "loky.get_reusable_executor() or client.get_executor() of Dask")
    count = None if threads is None else checks.threads(threads)
    return ExecutorWorkers(new_adapter(executor), count)


def new_adapter(executor):
    """Return the adapter of an executor."""
    adapter = next(each for each in ADAPTERS if each.accepts(executor))
    return adapter(executor)
