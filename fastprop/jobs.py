"""A pool of threads for jobs: kernels run without the GIL, the calling thread watches, and Ctrl-C ends them all."""

import threading


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
        Called from the calling thread, about twenty times a second.

    Returns
    -------
    bool
        Whether all jobs ran to their end; False after Ctrl-C, when those running were stopped and the rest not begun.

    Raises
    ------
    Exception
        The first that a job raised, after the running jobs were stopped.
    """
    pending, drawing, running, errors, stopping = iter(jobs), threading.Lock(), set(), [], threading.Event()

    def work():
        while not stopping.is_set():
            try:
                with drawing:
                    job = next(pending, None)
                if job is None:
                    return
                running.add(job)
                job()
                running.discard(job)
            except BaseException as error:
                errors.append(error)
                stopping.set()

    workers = [threading.Thread(target=work, daemon=True) for _ in range(threads)]
    for worker in workers:
        worker.start()

    def wait(meanwhile):
        for worker in workers:
            while worker.is_alive():
                worker.join(0.05)
                meanwhile()

    def stop_running():
        for job in list(running):
            job.stop()

    try:
        wait(watch)
    except KeyboardInterrupt:
        return False
    finally:
        stopping.set()
        wait(stop_running)
        watch()
    if errors:
        raise errors[0]
    return True
