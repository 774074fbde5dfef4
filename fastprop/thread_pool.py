"""A pool of threads for jobs: kernels run without the GIL, the calling thread watches, and Ctrl-C ends them all."""

import contextlib
import os
import threading
import time

from tqdm import tqdm

WATCH_SECONDS = 0.05
"""Time between two calls of `watch`, in seconds."""

STOP_SECONDS = 0.001
"""Time between two looks at whether jobs that were asked to stop have returned, in seconds."""


class ProgressBar(tqdm):
    """A progress bar that starts no thread of its own."""

    monitor_interval = 0


def spread_over_cores(index):
    """Move the calling thread to the allowed core with this index, counted round, and leave it free to move on.

    The system may start a thread on the core of the thread that began it, and leave both there for tens of
    milliseconds, in which members of a team wait for each other.
    """
    if hasattr(os, "sched_setaffinity"):  # Linux only
        allowed = os.sched_getaffinity(0)
        with contextlib.suppress(OSError):  # where it is not permitted, the thread stays where it is
            os.sched_setaffinity(0, {sorted(allowed)[index % len(allowed)]})
            os.sched_setaffinity(0, allowed)


def run(jobs, threads, watch):
    """Call each of `jobs`, on `threads` threads; a thread takes the next job as soon as it is free.

    Parameters
    ----------
    jobs : iterable
        Callables with a method ``stop``, which asks a running job to return soon. They are drawn one by one: a
        generator makes each job only when a thread takes it.
    threads : int
        How many jobs run at a time.
    watch : callable
        Called in the calling thread, at once and then about twenty times a second.

    Returns
    -------
    bool
        Whether all jobs ran to their end. False after Ctrl-C: then the running jobs were stopped, and no other begun.

    Raises
    ------
    Exception
        The first that a job raised, after the running jobs were stopped.
    """
    pending = iter(jobs)
    drawing = threading.Lock()
    running = set()
    errors = []
    returned = []  # one element for each thread that has
    stopping, over = threading.Event(), threading.Event()

    def work():
        try:
            while not stopping.is_set():
                with drawing:
                    job = next(pending, None)
                if job is None:
                    break
                running.add(job)
                job()
                running.discard(job)
        except BaseException as error:
            errors.append(error)
        returned.append(True)
        if errors or len(returned) == threads:
            over.set()

    for _ in range(threads):
        threading.Thread(target=work, daemon=True).start()
    try:
        watch()
        # Thread.join is not used: if Ctrl-C interrupts it, Python 3.11 takes the thread for ended.
        # https://github.com/python/cpython/issues/90882
        while not over.wait(WATCH_SECONDS):
            watch()
    except KeyboardInterrupt:
        return False
    finally:
        stopping.set()
        while len(returned) < threads:
            for job in list(running):
                job.stop()
            time.sleep(STOP_SECONDS)
        watch()
    if errors:
        raise errors[0]
    return True
