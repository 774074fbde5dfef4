"""What the adapters of all executors share: jobs that are submitted, workers that die, and errors."""

import contextlib
from collections import deque
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, CancelledError, wait
from typing import NamedTuple

from fastprop import thread_pool
from fastprop.sweeping.fits import train
from fastprop.version import __version__

TRIES = 3
"""Workers that a job may cost before the sweep gives up. The last try is alone, so that no other job is the cause."""

JOBS_PER_WORKER = 2
"""Jobs that are submitted for each worker: one that is trained, and one that waits for the worker to be free."""

SECONDS_TO_END = 1.0
"""How long to wait, after an error or Ctrl-C, for jobs to see that it is over."""


class Adapter:
    """What a sweep asks of a kind of executor: the base of all adapters, and a table of what they may change."""

    deaths = BrokenExecutor, CancelledError, KeyboardInterrupt
    """What a future raises if its worker is gone, or was interrupted: the job did not raise it by itself."""

    def __init__(self, executor):
        self.executor = executor

    @classmethod
    def accepts(cls, executor):
        """Return whether this is the adapter of an executor."""
        raise NotImplementedError

    def count(self):
        """Return how many workers the executor has."""
        raise NotImplementedError

    def submit(self, function, *arguments):
        """Return a future of a call, one that always ends. BrokenExecutor if there are no workers any more."""
        return self.executor.submit(function, *arguments)

    def share(self, value):
        """Return a `Ticket`, or a future of one, by which all workers get `value`, which travels to each only once."""
        raise NotImplementedError

    def renew(self, count):
        """Return the adapter of a new executor of the same kind, with `count` workers.

        It takes the place of one that raised BrokenExecutor.
        """
        raise NotImplementedError

    def context(self):
        """Return the context manager that a sweep holds while it uses the executor."""
        return contextlib.nullcontext()


class Ticket:
    """By what a worker gets what is shared: this one carries it along."""

    def __init__(self, value):
        self._value = value

    def get(self):
        """Return what is shared."""
        return self._value

    def is_over(self):
        """Return whether the sweep has ended, so that nobody waits for what a worker is at."""
        return False

    def close(self):
        """Let all workers know that it is over, and free what the ticket takes."""


class _Submitted(NamedTuple):
    """A task that was submitted."""

    task: object
    deaths: int  # workers that it has cost so far
    adapter: Adapter  # that it was submitted by


class ExecutorBackend:
    """Trains the jobs of a sweep by the workers of an executor, `count` at a time, or as many as it says that it has.

    Where executors break when a worker dies, new ones of the same kind do the rest.
    """

    def __init__(self, adapter, count=None):
        self._adapter = adapter
        self._is_own = False  # whether the executor is one that was made here, to be shut down here
        self.count = adapter.count() if count is None else count
        self._shared = {}  # by identity: what is shared, and its ticket
        self._has_checked_versions = False

    def __enter__(self):
        self._context = self._adapter.context()
        self._context.__enter__()
        return self

    def __exit__(self, *error):
        self._context.__exit__(*error)
        self._close_tickets()
        if self._is_own:
            self._adapter.executor.shutdown()

    def prepare(self, experiment, jobs):
        """Do nothing: the workers compile what they need."""

    def train(self, experiment, jobs):
        """Train each of `jobs`, which are drawn as workers are free; yield what comes of them in the calling thread.

        See `thread_pool.results` for Ctrl-C, and for when it yields.

        Yields
        ------
        list of tuple
            (job, list of the `FitOutcome` of each of its fits) of the jobs that have ended since the last time.

        Raises
        ------
        thread_pool.Interrupted
            After Ctrl-C.
        RuntimeError
            If the workers lack fastprop or have another version, or a job has cost `TRIES` workers.
        Exception
            The first that a job raised.
        """
        return self.results(train, experiment, jobs)

    def results(self, function, shared, tasks):
        """Have workers call ``function(shared, task, is_over)`` for each of `tasks`; see `train`.

        The function is one of a module, and should return None, and soon, once ``is_over()``.
        """
        if not self._has_checked_versions:
            ask = "__import__('fastprop').__version__"
            for answers in self._results(lambda adapter, ask: adapter.submit(eval, ask), [ask]):
                for _, version in answers:
                    _check_version(version, __version__)
            self._has_checked_versions = True
        try:
            self._ticket(shared)
        except KeyboardInterrupt:
            raise thread_pool.Interrupted from None

        def submit(adapter, task):
            return adapter.submit(call, __version__, self._ticket(shared), function, task)

        yield from self._results(submit, tasks)

    def _results(self, submit, tasks):
        submitted, waiting, again = {}, iter(tasks), deque()
        try:
            with thread_pool.held_interrupts() as interrupts:
                while True:
                    self._submit_all(submit, submitted, waiting, again)
                    if not submitted:
                        return
                    ended = wait(submitted, timeout=thread_pool.WATCH_SECONDS, return_when=FIRST_COMPLETED).done
                    yield from self._returned({future: submitted.pop(future) for future in ended}, again)
                    interrupts.deliver()
        except KeyboardInterrupt:
            raise thread_pool.Interrupted from None
        finally:
            if submitted:
                for future in submitted:
                    future.cancel()
                self._close_tickets()
                wait(submitted, timeout=SECONDS_TO_END)

    def _submit_all(self, submit, submitted, waiting, again):
        """Submit tasks until the workers have enough to do: first those `again` whose workers died."""
        while len(submitted) < JOBS_PER_WORKER * self.count:
            task, deaths = again[0] if again else (next(waiting, None), 0)
            is_last_try = deaths == TRIES - 1 or any(each.deaths == TRIES - 1 for each in submitted.values())
            if task is None or (is_last_try and submitted):
                break
            try:
                future = submit(self._adapter, task)
            except BrokenExecutor as error:
                self._renew(self._adapter, error)
                future = submit(self._adapter, task)
            submitted[future] = _Submitted(task, deaths, self._adapter)
            if again:
                again.popleft()

    def _returned(self, ended, again):
        """Yield what the futures that have `ended` returned; put tasks whose workers died into `again`."""
        returned, raised = [], None
        for future, each in ended.items():
            error = None if future.cancelled() else future.exception()
            result = None if error is not None or future.cancelled() else future.result()
            if result is not None:
                returned.append((each.task, result))
                continue
            if raised is not None:
                continue
            if error is not None and not isinstance(error, each.adapter.deaths):
                raised = _explained(error)
            elif each.deaths + 1 == TRIES:
                raised = RuntimeError(
                    f"{each.task} had {TRIES} workers that died: see what they write, and whether they have memory "
                    "enough; leave it out, or run it without an executor."
                )
                raised.__cause__ = error
            else:
                self._renew(each.adapter, error)
                again.append((each.task, each.deaths + 1))
        yield returned
        if raised is not None:
            raise raised

    def _ticket(self, shared):
        """Return what workers get `shared` by; it is made once."""
        if id(shared) not in self._shared:
            self._shared[id(shared)] = shared, self._adapter.share(shared)
        return self._shared[id(shared)][1]

    def _close_tickets(self):
        while self._shared:
            _, (_, ticket) = self._shared.popitem()
            ticket.close()

    def _renew(self, adapter, error):
        """Replace the executor of `adapter` if it is broken, unless that was done already."""
        if adapter is not self._adapter or not isinstance(error, BrokenExecutor):
            return
        if self._is_own:
            adapter.executor.shutdown(wait=False)
        self._adapter = adapter.renew(self.count)
        self._is_own = True


def call(version, ticket, function, task):
    """Call a function with what is shared and a task, in a worker."""
    _check_version(__version__, version)
    return function(ticket.get(), task, ticket.is_over)


def private_attribute(executor, name, package):
    """Return a private attribute that an adapter needs; `package` says in which version it was read."""
    try:
        return getattr(executor, name)
    except AttributeError as error:
        raise RuntimeError(
            f"{type(executor).__name__} has no {name}, which fastprop read in {package}: install that version, or "
            "leave out executor."
        ) from error


def _check_version(theirs, ours):
    if theirs != ours:
        raise RuntimeError(
            f"the executor's workers have fastprop {theirs} but this process has {ours}: install the same there."
        )


def _explained(error):
    """Return what to raise for what a job raised."""
    cause = error
    while cause is not None:
        if isinstance(cause, ModuleNotFoundError) and (cause.name or "").partition(".")[0] == "fastprop":
            lack = RuntimeError(f"the executor's workers have no fastprop: install version {__version__} there.")
            lack.__cause__ = error
            return lack
        cause = cause.__cause__
    return error
