"""A pool of threads that call jobs: the calling thread waits while kernels run without the GIL; Ctrl-C ends all."""

import contextlib
import ctypes
import os
import queue
import threading
import time
from collections import deque

from fastprop import interrupts

WATCH_SECONDS = 0.05
"""The longest time that the calling thread waits before it updates, for example, a progress bar, in seconds."""

STOP_SECONDS = 0.001
"""Time between two looks at whether jobs that were asked to stop have returned, in seconds."""

UNREAD_RESULTS = 64
"""The largest number of results that wait for the calling thread.

It takes them together, at the latest after `WATCH_SECONDS`, because waking it for each result would cost about as much
as recording the result. A thread with a further result waits until there is room.
"""


class Interrupted(Exception):  # noqa: N818 (no error: the user asked for it)
    """Ctrl-C has ended a loop over results, after everything that the jobs had returned was yielded."""


def in_calling_thread(function, *arguments):
    """Call a function in the thread that called `run` or `results`, and return what it returns.

    A job calls this for functions of the user, which may depend on the thread or its context. It waits until the
    function has returned. An exception of the function is raised here. Where the present thread is none of a pool, the
    function is called at once.

    Returns
    -------
    object
        What the function returned; None if Ctrl-C interrupted it, after all running jobs were asked to stop.
    """
    workers = getattr(_pool, "workers", None)
    return function(*arguments) if workers is None else workers.call_in_calling_thread(function, arguments)


_pool = threading.local()
"""Each thread of a pool has the `_Workers` to which it belongs in the attribute `workers`."""


def present_core():
    """Return the core on which the calling thread is, or None where the system does not say."""
    return _sched_getcpu() if _sched_getcpu is not None else None


def spread_over_cores(index, first=None):
    """Move the calling thread to the allowed core number `index`, counted from the core `first` on and around.

    Without `first`, the cores are counted from the first allowed one. The system may move the thread again.

    The system may start or wake a thread on a core that another one needs, and leave both there for milliseconds,
    during which the members of a team wait for each other.
    """
    if hasattr(os, "sched_setaffinity"):  # Linux only
        allowed = os.sched_getaffinity(0)
        cores = sorted(allowed)
        begin = cores.index(first) if first in allowed else 0
        with contextlib.suppress(OSError):  # where it is not permitted, the thread stays where it is
            os.sched_setaffinity(0, {cores[(begin + index) % len(cores)]})
            os.sched_setaffinity(0, allowed)


_sched_getcpu = getattr(ctypes.CDLL(None), "sched_getcpu", None) if hasattr(os, "sched_setaffinity") else None
"""The C library's function, which Python does not have; None where threads cannot choose their cores."""


def run(jobs, threads, watch):
    """Call each of `jobs`, on `threads` threads; a thread takes the next job as soon as it is free.

    Parameters
    ----------
    jobs : iterable
        Callables with a method ``stop``, which asks a running job to return soon. They are drawn one by one, so that a
        generator makes each job only when a thread takes it.
    threads : int
        How many jobs run at a time; fewer where the system gives fewer threads.
    watch : callable
        Called in the calling thread, first immediately and then at least about twenty times a second.

    Returns
    -------
    bool
        Whether all jobs ran to their end. It is False after Ctrl-C: the running jobs were stopped, and no other begun.

    Raises
    ------
    Exception
        The first that a job raised, after the running jobs were stopped; RuntimeError if the system gives no thread.
    """
    workers = _Workers(jobs)
    with interrupts.held() as held:
        try:
            workers.start(threads)
            with held.let_through():
                watch()
                # Thread.join is not used: if Ctrl-C interrupts it, Python 3.11 takes the thread for ended.
                # https://github.com/python/cpython/issues/90882
                while not workers.over:
                    workers.wait()
                    watch()
        except KeyboardInterrupt:
            workers.interrupted = True
        finally:
            workers.stop(held)
            watch()
        interrupted = _is_interrupted(held) or workers.interrupted
    if interrupted:
        return False
    workers.raise_error()
    return True


def _is_interrupted(held):
    """Return whether a Ctrl-C that was held back is one that interrupts."""
    try:
        held.deliver()
    except KeyboardInterrupt:
        return True
    return False


def results(jobs, threads):
    """Call each of `jobs` as `run` does, and yield what they return, in the calling thread.

    Close the generator (`contextlib.closing`) to stop the running jobs. Ctrl-C is held back while the caller handles a
    result, so that it never interrupts this. It interrupts a function that a job has called by `in_calling_thread`.
    After Ctrl-C, or once the generator is closed, functions for which jobs wait are not called any more: they may be
    slow.

    Yields
    ------
    list
        What jobs have returned since the last time, about twenty times a second. The list may be empty.

    Raises
    ------
    Interrupted
        After Ctrl-C, when the running jobs were stopped and what they returned was yielded.
    Exception
        The first that a job raised, after what all others returned was yielded.
    """
    workers = _Workers(jobs, queue.Queue(UNREAD_RESULTS))
    with interrupts.held() as held:
        try:
            try:
                workers.start(threads)
                while not workers.over:
                    workers.wait(held)
                    yield workers.returned()
                    held.deliver()
            except KeyboardInterrupt:
                workers.interrupted = True
            yield workers.stop(held)
        finally:
            workers.stop()
        interrupted = _is_interrupted(held) or workers.interrupted
    if interrupted:
        raise Interrupted
    workers.raise_error()


class _Workers:
    """Threads that draw jobs, call them, and put what they return into a queue, if one is given.

    `over` is true once a job has raised an exception or all threads have ended. The calling thread is woken at the same
    time, when the queue is full, and when a job wants a function to be called in the calling thread.
    """

    def __init__(self, jobs, returned=None):
        self._jobs = iter(jobs)
        self._returned = returned
        self._calls = deque()  # of `_Call`, which the calling thread is to do; each is removed when it has ended
        self._drawing = threading.Lock()
        self._threads = 0  # as many have been started, or are to be
        self._running = set()
        self._errors = []
        self._begun = []  # an element for each thread that has begun; see `stop`
        self._ended = []  # an element for each thread that has ended
        self._stopping = False
        self.over = False
        self.interrupted = False  # whether Ctrl-C has come, after which no function of a job is called any more
        # Not an Event: if Ctrl-C came amid its code, which is Python's, its lock could stay locked.
        self._wakes = queue.SimpleQueue()  # an element for each time that the calling thread is to be woken

    def start(self, threads):
        """Start `threads` threads, or as many as the system gives, but at least one.

        Ctrl-C may come amid this: `stop` then finds all that have begun.
        """
        self._threads = threads
        for started in range(threads):
            try:
                threading.Thread(target=self._work, daemon=True).start()
            except RuntimeError as error:
                self._go_on_with(started, error)
                return

    def _go_on_with(self, threads, error):
        """Have those threads do all jobs that were started before the system gave no more, for which see the error."""
        self._threads = threads
        if threads == 0:
            sentence = f"the system starts no thread, {error}: end other programs, or allow more processes (ulimit -u)."
            self._errors.append(RuntimeError(sentence))
        if len(self._ended) >= threads:
            self._end()

    def _work(self):
        """Draw jobs and call them; the last thread that ends says that it is over."""
        _pool.workers = self
        self._begun.append(True)
        try:
            while not self._stopping:
                with self._drawing:
                    job = next(self._jobs, None)
                if job is None:
                    break
                self._running.add(job)
                result = job()
                self._running.discard(job)
                del job  # its memory is free while the result waits
                if self._returned is not None:
                    self._put(result)
        except BaseException as error:
            self._errors.append(error)
        self._ended.append(True)
        if self._errors or len(self._ended) >= self._threads:
            self._end()

    def _end(self):
        """Say that it is over, and wake the calling thread."""
        self.over = True
        self._wakes.put(None)

    def _put(self, result):
        """Put a result into the queue; if it is full, wake the calling thread, and wait until there is room."""
        try:
            self._returned.put_nowait(result)
        except queue.Full:
            self._wakes.put(None)
            self._returned.put(result)

    def call_in_calling_thread(self, function, arguments):
        """Have the calling thread call a function, and return what it returns; see `in_calling_thread`."""
        call = _Call(function, arguments)
        self._calls.append(call)
        self._wakes.put(None)
        call.ended.wait()
        if call.error is not None:
            raise call.error
        return call.value

    def wait(self, held=None):
        """Wait until something wants attention, but not for long; then do the calls that jobs have asked for.

        `held` is `interrupts.held`, which lets Ctrl-C through during the calls.
        """
        with contextlib.suppress(queue.Empty):
            self._wakes.get(timeout=WATCH_SECONDS)
            while True:
                self._wakes.get_nowait()
        self._do_calls(held)

    def _do_calls(self, held=None):
        for _ in range(len(self._calls)):  # those that are asked for meanwhile come after results were yielded
            self._do(self._calls[0], held)
            self._calls.popleft()

    def _do(self, call, held):
        try:
            with contextlib.nullcontext() if held is None else held.let_through():
                call.value = call.function(*call.arguments)
        except KeyboardInterrupt:
            self._stop_running()  # before the job goes on
            raise
        except BaseException as error:
            call.error = error
        finally:
            call.ended.set()

    def returned(self):
        """Return what is in the queue now, and not what threads put there meanwhile: that could be any number."""
        return [self._returned.get_nowait() for _ in range(self._returned.qsize())]

    def _drop_calls(self):
        """End the calls that jobs have asked for, without doing them."""
        while self._calls:
            self._calls.popleft().ended.set()

    def stop(self, held=None):
        """Stop the running jobs, begin no other, and wait for the threads; return what is in the queue, if any.

        Functions that jobs want to be called in the calling thread are called meanwhile if there is `held`, see `wait`,
        and as long as no Ctrl-C has come. Else their value is None.

        A thread that was started but has not begun yet will find that it is to draw nothing.
        """
        self._stopping = True
        rest = []
        while True:
            over = len(self._ended) == len(self._begun)
            if self._returned is not None:
                rest += self.returned()
            if over:
                return rest
            self._stop_running()
            try:
                if held is not None and not self.interrupted:
                    self._do_calls(held)
            except KeyboardInterrupt:
                self.interrupted = True
            if held is None or self.interrupted:
                self._drop_calls()
            time.sleep(STOP_SECONDS)

    def _stop_running(self):
        for job in list(self._running):
            job.stop()

    def raise_error(self):
        """Raise the first exception of a job, if there is one."""
        if self._errors:
            raise self._errors[0]


class _Call:
    """A call of a function of the user, which a job wants to be done in the calling thread."""

    def __init__(self, function, arguments):
        self.function = function
        self.arguments = arguments
        self.value = None
        self.error = None
        self.ended = threading.Event()
