"""Threads: the workers that train a sweep by default, and the adapter of `ThreadPoolExecutor`."""

import itertools
import threading
from concurrent.futures import ThreadPoolExecutor

from fastprop import thread_pool
from fastprop.sweeping.fits import kernel_cycles
from fastprop.sweeping.pack_runs import PackRun
from fastprop.sweeping.preparation import prepare
from fastprop.sweeping.workers.base import Adapter, private_attribute
from fastprop.sweeping.workers.tickets import SharedValue, Ticket

PYTHON_CYCLES = 8e5
"""Cycles that a pack takes beside its kernels, about: in Python, which threads do one at a time.

Threads that wait for it do not only idle: each time that one hands it to another takes about half as long again.
"""


class ThreadWorkers:
    """The workers of a sweep that are threads of this process: `count` of them, or as many as kernels keep busy."""

    train_past_rungs = True

    def __init__(self, count):
        self.count = count

    def __enter__(self):
        return self

    def __exit__(self, *error):
        pass

    def prepare(self, experiment, jobs, is_timed):
        """Compile all that such jobs need, whether or not the time of the sweep begins afterward."""
        for job in jobs:
            prepare(experiment, job)

    def train(self, experiment, jobs):
        """Train each of `jobs`, of which the first takes the longest; see `ExecutorWorkers.train`."""
        jobs = iter(jobs)
        first = list(itertools.islice(jobs, 1))
        threads = int(min([self.count, *(1 + kernel_cycles(experiment, job) / PYTHON_CYCLES for job in first)]))
        core = thread_pool.present_core() if threads > 1 else None
        return thread_pool.results(_runs(experiment, itertools.chain(first, jobs), core), threads)


def _runs(experiment, jobs, core):
    """Yield the run of each job; a thread that draws its first one goes to a core of its own, counted from `core`.

    The system may start all threads on one core, and leave them there for as long as a sweep takes. Without a core to
    count from, there is one thread, which stays where it is.
    """
    threads = set()
    for job in jobs:
        if core is not None and (thread := threading.get_ident()) not in threads:
            thread_pool.spread_over_cores(len(threads), core)
            threads.add(thread)
        yield PackRun.of(experiment, job)


class ThreadPoolAdapter(Adapter):
    """The adapter of `ThreadPoolExecutor`, whose workers share the memory of this process."""

    @classmethod
    def accepts(cls, executor):
        return isinstance(executor, ThreadPoolExecutor)

    def count(self):
        # Nothing public says how many workers there may be.
        return private_attribute(self.executor, "_max_workers", "Python 3.11 to 3.14")

    def share(self, value):
        return _LocalValue(value)

    def renew(self, count):
        return ThreadPoolAdapter(ThreadPoolExecutor(count))


class _LocalValue(SharedValue):
    """A value that threads share."""

    def __init__(self, value):
        super().__init__(_LocalTicket(value))

    def end(self):
        self.ticket.over.set()


class _LocalTicket(Ticket):
    """A ticket for threads, which holds the shared object itself, and is `over` when the sweep is."""

    def __init__(self, value):
        super().__init__(value)
        self.over = threading.Event()

    def is_over(self):
        return self.over.is_set()
