"""Threads: the workers that train a sweep by default, and the adapter of `ThreadPoolExecutor`."""

import threading
from concurrent.futures import ThreadPoolExecutor

from fastprop import thread_pool
from fastprop.sweeping.pack_runs import PackRun, prepare
from fastprop.sweeping.workers.base import Adapter, Ticket, private_attribute


class ThreadWorkers:
    """The workers of a sweep that are `count` threads of this process."""

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
        """Train each of `jobs`; see `ExecutorWorkers.train`."""
        return thread_pool.results(self._runs(experiment, jobs, thread_pool.present_core()), self.count)

    def _runs(self, experiment, jobs, core):
        """Yield the run of each job; a thread that draws its first one goes to a core of its own, counted from `core`.

        The system may start all threads on one core, and leave them there for as long as a sweep takes.
        """
        threads = set()
        for job in jobs:
            if self.count > 1 and (thread := threading.get_ident()) not in threads:
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
        return _LocalTicket(value)

    def renew(self, count):
        return ThreadPoolAdapter(ThreadPoolExecutor(count))


class _LocalTicket(Ticket):
    """A ticket for threads, which holds the shared object itself."""

    def __init__(self, value):
        super().__init__(value)
        self._over = threading.Event()

    def is_over(self):
        return self._over.is_set()

    def close(self):
        self._over.set()
