"""What the adapters of all executors share: jobs that are submitted, workers that die, and errors."""

import contextlib
import itertools
from abc import ABC, abstractmethod
from collections import deque
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, CancelledError, wait
from typing import NamedTuple

from fastprop import interrupts, thread_pool
from fastprop.sweeping.worker_jobs import prepare_worker, train
from fastprop.sweeping.workers.calls import Answer, Parcel, call, check_version
from fastprop.version import __version__

TRIES = 3
"""Workers that may die of a job before the sweep gives up. The last try is alone, so that no other job is the cause."""

CALLS_PER_WORKER = 2
"""Calls that are submitted for each worker: one that it does, and one that waits for the worker to be free."""

CALL_SECONDS = 0.05
"""How long a call takes a worker at the least, in seconds, about: with fewer calls, schedulers have less to pass on."""

CALLS_PER_SECOND = 500
"""Calls that all workers together do in a second, at most: those of many workers take longer than `CALL_SECONDS`."""

GROWTH = 8
"""How many times more tasks a call may have than one before: the first tasks take about as long as the next ones."""

SHORTEST = 0.125
"""The share of the tasks of a call that one of the last calls has at the least, as long as there are tasks."""

RECORDED_AT_ONCE = 64
"""Calls whose results are taken at a time, at most, because those of a thousand would need much memory."""

SECONDS_TO_END = 1.0
"""Seconds to wait, after an error or Ctrl-C, for jobs to see that the sweep is over."""


class Adapter(ABC):
    """The interface of a sweep to one kind of executor, and the base class of all adapters.

    The adapter of executors that may raise BrokenExecutor has a further method, ``renew(count)``. It returns the
    adapter of a new executor of the same kind, with `count` workers, which takes the place of the broken one.
    """

    deaths = BrokenExecutor, CancelledError, KeyboardInterrupt
    """Exceptions of a future whose worker is gone or was interrupted, so that the job is not their cause."""

    def __init__(self, executor):
        self.executor = executor

    @classmethod
    @abstractmethod
    def accepts(cls, executor):
        """Return whether this is the adapter of an executor."""

    @abstractmethod
    def count(self):
        """Return how many workers the executor has."""

    def submit(self, function, *arguments):
        """Submit a call and return its future, which must always end; BrokenExecutor if no workers are left."""
        return self.executor.submit(function, *arguments)

    def submit_call(self, version, ticket, function, parcel):
        """Submit a call of `calls.call` with these arguments; return the future of its `Answer`, as `submit` does.

        `ticket` is that of the `SharedValue`.
        """
        return self.submit(call, version, ticket, function, parcel)

    @abstractmethod
    def share(self, value):
        """Return the `SharedValue` by which all workers get `value`, which is sent to each only once."""

    def context(self):
        """Return the context manager that a sweep holds while it uses the executor."""
        return contextlib.nullcontext()


class _Call(NamedTuple):
    """A call that was submitted."""

    tasks: list  # arguments of the function that workers call, such as a `Job`
    deaths: int  # the number of workers that have died of these tasks so far
    adapter: Adapter  # the adapter that submitted the call


class WorkersDiedError(RuntimeError):
    """A task had `TRIES` workers that died."""


class _WaitingTasks:
    """Tasks that wait to be submitted to so many `workers`, several in a call."""

    def __init__(self, tasks, workers):
        self._tasks = iter(tasks)
        self._calls = CALLS_PER_WORKER * workers  # at a time
        self._call_seconds = max(CALL_SECONDS, workers / CALLS_PER_SECOND)
        self._drawn = deque()
        self._tasks_per_call = 1

    def take(self):
        """Return the tasks of the next call; none if none are left.

        The last calls have fewer, so that all end at about the same time, but at least a share of `SHORTEST`.
        """
        missing = self._calls * self._tasks_per_call - len(self._drawn)
        self._drawn.extend(itertools.islice(self._tasks, max(0, missing)))
        count = max(-(-len(self._drawn) // self._calls), int(SHORTEST * self._tasks_per_call))
        return [self._drawn.popleft() for _ in range(min(count, len(self._drawn)))]

    def learn(self, tasks, seconds):
        """Have the next calls take as long as calls should, as one of so many tasks has taken some seconds."""
        fitting = int(tasks * self._call_seconds / max(seconds, 1e-6))
        self._tasks_per_call = max(1, min(fitting, GROWTH * tasks))


class ExecutorWorkers:
    """The workers of a sweep that are those of an executor; `count` of them, by default as many as it has.

    If an executor breaks when a worker dies, a new one of the same kind does the rest.

    Attributes
    ----------
    train_past_rungs : bool
        Whether jobs may have several rungs.
    """

    train_past_rungs = False

    def __init__(self, adapter, count=None):
        self._adapter = adapter
        self._is_own = False  # whether the executor was made by this class, which must then shut it down
        self.count = adapter.count() if count is None else count
        self._shared = {}  # by id of what is shared: itself and its `SharedValue`
        self._ended = []  # each `SharedValue` that workers take for over
        self._has_checked_versions = False

    def __enter__(self):
        self._context = self._adapter.context()
        self._context.__enter__()
        return self

    def __exit__(self, *error):
        self._context.__exit__(*error)
        self._end_shared()
        while self._ended:
            self._ended.pop().close()
        if self._is_own:
            self._adapter.executor.shutdown()

    def prepare(self, experiment, jobs, is_timed):
        """Have workers start and compile all that such jobs need, if `is_timed`; else they do when the need arises.

        Each job is submitted once for each worker, after short calls that have executors start all of them. A worker
        that starts late may find no call left for it.
        """
        if is_timed:
            self._check_versions(calls=self.count)
            for _ in self.results(prepare_worker, experiment, [job for job in jobs for _ in range(self.count)]):
                pass

    def train(self, experiment, jobs):
        """Train each of `jobs`, which are drawn as workers become free; yield their outcomes in the calling thread.

        See `thread_pool.results` for Ctrl-C, and for when it yields.

        Yields
        ------
        list of tuple
            (job, rungs), as a `PackRun` returns them, of the jobs that have ended since the last time.

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
        """Have workers call ``function(shared, some, this_call)`` for some tasks at a time; yield as `train` does.

        The function must be one of a module, and return a list with the result of each task, or with None for those
        that it has not done. `this_call` is a `WorkerCall`.
        """
        self._check_versions(calls=1)
        try:
            with interrupts.held():  # a `SharedValue` that nobody has is never closed
                self._ticket(shared)
        except KeyboardInterrupt:
            raise thread_pool.Interrupted from None

        def submit(adapter, tasks):
            return adapter.submit_call(__version__, self._ticket(shared), function, Parcel(tasks))

        yield from self._results(submit, tasks)

    def _check_versions(self, calls):
        """Refuse workers that lack fastprop or have another version, unless some were asked; begin so many `calls`."""
        if self._has_checked_versions:
            return
        ask = "[__import__('fastprop').__version__], 0, None"  # what would be an `Answer` there
        try:
            for answers in self._results(lambda adapter, tasks: adapter.submit(eval, *tasks), [ask] * calls):
                for _, version in answers:
                    check_version(version, __version__)
        except WorkersDiedError as error:
            raise WorkersDiedError(
                "the executor's workers die as they start: see what they write; have a script begin the sweep under "
                'if __name__ == "__main__":, and see whether an initializer of the workers fails.'
            ) from error
        self._has_checked_versions = True

    def _results(self, submit, tasks):
        submitted = {}
        waiting = _WaitingTasks(tasks, self.count)
        again = deque()
        try:
            with interrupts.held() as held:
                while True:
                    self._submit_all(submit, submitted, waiting, again)
                    if not submitted:
                        return
                    ended = wait(submitted, timeout=thread_pool.WATCH_SECONDS, return_when=FIRST_COMPLETED).done
                    some = itertools.islice(ended, RECORDED_AT_ONCE)  # the others are found again without waiting
                    yield from self._returned({future: submitted.pop(future) for future in some}, waiting, again)
                    held.deliver()
        except KeyboardInterrupt:
            raise thread_pool.Interrupted from None
        finally:
            if submitted:
                for future in submitted:
                    future.cancel()
                self._end_shared()
                wait(submitted, timeout=SECONDS_TO_END)

    def _submit_all(self, submit, submitted, waiting, again):
        """Submit tasks until the workers have enough to do: first those `again` whose workers died, each by itself."""
        while len(submitted) < CALLS_PER_WORKER * self.count:
            # A call that is the last try is submitted alone, so that it is the first of those that were submitted.
            first = (*itertools.islice(submitted.values(), 1), *itertools.islice(again, 1))
            if submitted and any(each.deaths == TRIES - 1 for each in first):
                break
            next_call = again.popleft() if again else _Call(waiting.take(), 0, None)
            if not next_call.tasks:
                break
            try:
                future = submit(self._adapter, next_call.tasks)
            except BrokenExecutor as error:
                self._renew(self._adapter, error)
                future = submit(self._adapter, next_call.tasks)
            submitted[future] = next_call._replace(adapter=self._adapter)

    def _returned(self, ended, waiting, again):
        """Yield what the futures that have `ended` returned; put tasks whose workers died into `again`."""
        returned = []
        raised = None
        for future, ended_call in ended.items():
            error = None if future.cancelled() else future.exception()
            answer = Answer([None] * len(ended_call.tasks), 0.0, None)
            if not future.cancelled() and error is None:
                answer = Answer(*future.result())
                if answer.stored_states is not None:
                    answer.stored_states.own()
            results = answer.results
            returned += [(task, result) for task, result in zip(ended_call.tasks, results) if result is not None]
            lost = [task for task, result in zip(ended_call.tasks, results) if result is None]
            if not lost:
                waiting.learn(len(results), answer.seconds)
            elif raised is not None:
                continue
            elif error is not None and not isinstance(error, ended_call.adapter.deaths):
                raised = _explained(error)
            elif ended_call.deaths + 1 == TRIES:
                raised = WorkersDiedError(
                    f"{lost[0]} had {TRIES} workers that died: see what they write, and whether they have memory "
                    "enough; leave it out, or run it without an executor."
                )
                raised.__cause__ = error
            else:
                self._renew(ended_call.adapter, error)
                again += [_Call([task], ended_call.deaths + 1, None) for task in lost]
        yield returned
        if raised is not None:
            raise raised

    def _ticket(self, shared):
        """Return the ticket by which workers get `shared`, for which one `SharedValue` is made."""
        if id(shared) not in self._shared:
            self._shared[id(shared)] = shared, self._adapter.share(shared)
        return self._shared[id(shared)][1].ticket

    def _end_shared(self):
        """Let all workers know that the sweep is over; states that they have stored can be had until it is left."""
        with interrupts.held():
            while self._shared:
                _, (_, shared_value) = self._shared.popitem()
                self._ended.append(shared_value)
                shared_value.end()

    def _renew(self, adapter, error):
        """Replace the executor of `adapter` if it is broken, unless that was done already."""
        if adapter is not self._adapter or not isinstance(error, BrokenExecutor):
            return
        if self._is_own:
            adapter.executor.shutdown(wait=False)
        self._adapter = adapter.renew(self.count)
        self._is_own = True


def private_attribute(executor, name, package):
    """Return a private attribute that an adapter needs; `package` says in which version it was read."""
    try:
        return getattr(executor, name)
    except AttributeError as error:
        raise RuntimeError(
            f"{type(executor).__name__} has no {name}, which fastprop read in {package}: install that version, or "
            "leave out executor."
        ) from error


def _explained(error):
    """Return the error to raise for an error that a job raised: a clear one if the worker lacks fastprop."""
    cause = error
    while cause is not None:
        if isinstance(cause, ModuleNotFoundError) and (cause.name or "").partition(".")[0] == "fastprop":
            explained = RuntimeError(f"the executor's workers have no fastprop: install version {__version__} there.")
            explained.__cause__ = error
            return explained
        cause = cause.__cause__
    return error
