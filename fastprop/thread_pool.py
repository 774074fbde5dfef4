"""A pool of threads for jobs: kernels run without the GIL, the calling thread watches, and Ctrl-C ends them all."""

import contextlib
import os
import threading
import time

from tqdm import tqdm


class ProgressBar(tqdm):
    """A bar that starts no thread of its own."""

    monitor_interval = 0


def settle(number):
    """Move this thread to the core with its `number`, counted round among those allowed, and leave it free to move on.

    A new thread and the one that began it may find themselves on one core for tens of milliseconds, each waiting for
    the other: two threads on 8-64-64-1 took 3.4 to 4.6 ms an epoch, settled 3.2.
    """
    if hasattr(os, "sched_setaffinity"):  # not everywhere
        allowed = os.sched_getaffinity(0)
        with contextlib.suppress(OSError):  # not allowed: a hint that is not taken
            os.sched_setaffinity(0, {sorted(allowed)[number % len(allowed)]})
            os.sched_setaffinity(0, allowed)


def run(jobs, threads, watch):
    """Call each of `jobs`, on `threads` threads, each thread taking the next job as soon as it is free.

    Parameters
    ----------
    jobs : iterable
        Of callables with a method ``stop``, which asks a running job to return soon. They are drawn one by one: of a
        generator, only the jobs that are running are in memory.
    threads : int
        How many run at a time.
    watch : callable
        Called from the calling thread, at once and then about twenty times a second.

    Returns
    -------
    bool
        Whether all jobs ran to their end; False after Ctrl-C, when those running were stopped and the rest not begun.

    Raises
    ------
    Exception
        The first that a job raised, after the running jobs were stopped.
    """
    pending, drawing, running, errors, gone = iter(jobs), threading.Lock(), set(), [], []
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
        gone.append(True)
        if errors or len(gone) == threads:
            over.set()

    for _ in range(threads):
        threading.Thread(target=work, daemon=True).start()
    try:
        watch()
        # Not by Thread.join: Ctrl-C in the middle of one has Python 3.11 believe that the thread has ended.
        while not over.wait(0.05):
            watch()
    except KeyboardInterrupt:
        return False
    finally:
        stopping.set()
        while len(gone) < threads:
            for job in list(running):
                job.stop()
            time.sleep(0.001)
        watch()
    if errors:
        raise errors[0]
    return True
