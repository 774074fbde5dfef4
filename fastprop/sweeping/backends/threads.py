"""Threads: those of this process that train a sweep by default, and those of a `ThreadPoolExecutor`."""

import threading
from concurrent.futures import ThreadPoolExecutor

from fastprop import thread_pool
from fastprop.sweeping.backends.base import Adapter, Ticket, private_attribute
from fastprop.sweeping.fits import PackRun


class ThreadBackend:
    """Trains the jobs of a sweep on `count` threads of this process."""

    def __init__(self, count):
        self.count = count

    def __enter__(self):
        return self

    def __exit__(self, *error):
        pass

    def prepare(self, experiment, jobs):
        """Have everything compiled that such jobs need."""
        for job in jobs:
            PackRun(experiment, job).prepare()

    def train(self, experiment, jobs):
        """Train each of `jobs`; see `ExecutorBackend.train`."""
        return thread_pool.results((PackRun(experiment, job) for job in jobs), self.count)


class ThreadPoolAdapter(Adapter):
    """Of `ThreadPoolExecutor`, whose workers see what this process sees."""

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
    """By what a thread gets what is shared: the object itself."""

    def __init__(self, value):
        super().__init__(value)
        self._over = threading.Event()

    def is_over(self):
        return self._over.is_set()

    def close(self):
        self._over.set()
