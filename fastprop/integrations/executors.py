"""Workers elsewhere: tasks on any `concurrent.futures.Executor`, such as processes, or Dask's on other machines.

What all tasks share travels once for each worker: threads have it, Dask brings it, and all others map it into memory
from a temporary folder, which is there until the end: a worker that finds it gone has nobody to work for.
"""

import contextlib
import mmap
import os
import pickle
import shutil
import sys
import tempfile
import threading
import warnings
from collections import deque
from concurrent.futures import (
    FIRST_COMPLETED,
    BrokenExecutor,
    CancelledError,
    Future,
    ProcessPoolExecutor,
    ThreadPoolExecutor,
    wait,
)
from pathlib import Path

from fastprop.version import __version__

TRIES = 3
"""How many workers a task may have that die: at the last try it is alone, so that no other can be the cause."""

_DEATHS = BrokenExecutor, CancelledError, KeyboardInterrupt
_ALIGNMENT = 64


class Workers:
    """The workers of an executor, `count` of them, or as many as it says that it has.

    With executors of processes that break when one dies, the rest is done by new ones of the same kind.
    """

    def __init__(self, executor, count=None):
        self._executor, self._kind, self._own = executor, _kind(executor), None
        self.count = count or _count(executor, self._kind)
        self._shared = {}  # by identity: what is shared, and what workers get it by
        self._checked = False

    def __enter__(self):
        self._patience = _patience(self._executor, self._kind)
        self._patience.__enter__()
        return self

    def __exit__(self, *error):
        self._patience.__exit__(*error)
        self._release()
        if self._own is not None:
            self._own.shutdown()

    def run(self, function, shared, tasks, take, watch, name):
        """Have workers call ``function(shared, task, is_over)`` for each of `tasks`, which are drawn as they are free.

        Parameters
        ----------
        function : callable
            Of a module. It should return None, and soon, once ``is_over()``.
        take : callable
            Called from the calling thread with each task and what came of it.
        watch : callable
            Called from the calling thread, at once and then about twenty times a second.
        name : callable
            What to call a task in a message.

        Returns
        -------
        bool
            Whether all tasks were done; False after Ctrl-C.

        Raises
        ------
        RuntimeError
            If the workers lack fastprop or have another version, or a task's workers died `TRIES` times.
        Exception
            The first that a task raised.
        """
        if not self._checked:
            ask = "__import__('fastprop').__version__"
            if not self._run(
                self._submit, [(eval, ask)], lambda _, version: _check(version, __version__), watch, lambda _: ask
            ):
                return False
            self._checked = True

        def submit(task):
            return self._submit((_call, __version__, self._ticket(shared), function, task))

        return self._run(submit, tasks, take, watch, name)

    def _run(self, submit, tasks, take, watch, name):
        running = {}  # futures: their task, how many workers of it have died, and the executor
        waiting, again = iter(tasks), deque()
        try:
            while True:
                while len(running) < 2 * self.count:
                    task, deaths = again[0] if again else (next(waiting, None), 0)
                    alone = deaths == TRIES - 1 or any(each[1] == TRIES - 1 for each in running.values())
                    if task is None or (alone and running):
                        break
                    try:
                        future = submit(task)
                    except BrokenExecutor as error:
                        self._renew(self._executor, error)
                        future = submit(task)
                    running[future] = task, deaths, self._executor
                    if again:
                        again.popleft()
                watch()
                if not running:
                    return True
                for future in wait(running, timeout=0.05, return_when=FIRST_COMPLETED).done:
                    task, deaths, executor = running.pop(future)
                    error = None if future.cancelled() else future.exception()
                    if error is None and not future.cancelled() and (result := future.result()) is not None:
                        take(task, result)
                        continue
                    if not (error is None or _is_death(error)):
                        raise _explained(error)
                    if deaths + 1 == TRIES:
                        raise RuntimeError(
                            f"{name(task)} had {TRIES} workers that died: see what they write, and whether they have "
                            "memory enough; leave it out, or run it without an executor."
                        ) from error
                    self._renew(executor, error)
                    again.append((task, deaths + 1))
        except KeyboardInterrupt:
            return False
        finally:
            if running:
                for future in running:
                    future.cancel()
                self._release()
                wait(running, timeout=1.0)  # for those who see that it is over
            watch()

    def _submit(self, call):
        return _submit_to_dask(self._executor, call) if self._kind == "dask" else self._executor.submit(*call)

    def _ticket(self, shared):
        """What workers get by what is shared; made once."""
        if id(shared) not in self._shared:
            if self._kind == "threads":
                ticket = _Here(shared)
            elif self._kind == "dask":
                # Not scattered: that is lost with the last worker that has it, and whoever waits for it waits for ever.
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore", UserWarning)  # of its size
                    ticket = self._executor._client.submit(_Brought, shared, pure=False)
            else:
                ticket = _Folder(shared)
            self._shared[id(shared)] = shared, ticket
        return self._shared[id(shared)][1]

    def _release(self):
        while self._shared:
            _, (_, ticket) = self._shared.popitem()
            if self._kind != "dask":
                ticket.close()

    def _renew(self, executor, error):
        """Make the executor anew if it is broken, unless that was done already."""
        if executor is not self._executor or not isinstance(error, BrokenExecutor):
            return
        if self._own is not None:
            self._own.shutdown(wait=False)
        self._own = self._executor = _successor(executor, self.count)


def _kind(executor):
    if isinstance(executor, ThreadPoolExecutor):
        return "threads"
    return "dask" if type(executor).__module__.partition(".")[0] == "distributed" else "processes"


def _count(executor, kind):
    if kind == "dask":
        return max(1, sum(executor._client.nthreads().values()))
    for name in ("_max_workers", "num_workers"):
        if isinstance(count := getattr(executor, name, None), int):
            return count
    return os.cpu_count() or 1


def _successor(executor, count):
    """Return a new executor of the kind of a broken one."""
    if isinstance(executor, ProcessPoolExecutor):
        return ProcessPoolExecutor(
            executor._max_workers, executor._mp_context, executor._initializer, executor._initargs
        )
    loky = sys.modules.get("loky")
    if loky is not None and isinstance(executor, loky.ProcessPoolExecutor):
        names = "timeout", "context", "initializer", "initargs", "env"
        options = {name: getattr(executor, f"_{name}") for name in names}
        return loky.ProcessPoolExecutor(executor._max_workers, **options)
    warnings.warn(
        f"a worker of {type(executor).__name__} died, and no new one can be made: the rest is done in this process.",
        RuntimeWarning,
        stacklevel=2,
    )
    return ThreadPoolExecutor(count)


def _patience(executor, kind):
    """Return the context in which Dask's cluster of this machine gives up no worker.

    It starts each that dies anew, but would close for good one that is away 15 s later, having died again by then
    (distributed 2026.8), and without workers Dask waits for ever.
    """
    if kind == "dask" and isinstance(executor._client.cluster, sys.modules["distributed"].LocalCluster):
        return sys.modules["dask"].config.set({"distributed.deploy.lost-worker-timeout": "365 days"})
    return contextlib.nullcontext()


def _submit_to_dask(executor, call):
    """Submit a call to Dask and return a future that always ends.

    That of Dask's own executor does not where a result is lost on its way here, with the worker that had it, and the
    worker that is to do it again dies, too: of what fails in fetching a result it hears nothing (distributed 2026.8).
    """
    client, future = executor._client, Future()
    promise = client.submit(*call, **executor._kwargs | {"pure": False})  # called again, it is to be done again
    future.add_done_callback(lambda _: promise.release())  # canceled, it need not be done
    client.loop.add_callback(_pass_on, client, promise, future)
    return future


async def _pass_on(client, promise, future):
    """Give `future` what becomes of Dask's promise."""
    try:
        result, error = await client.gather(promise, asynchronous=True), None
    except BaseException as raised:
        result, error = None, raised
    if future.set_running_or_notify_cancel():
        future.set_result(result) if error is None else future.set_exception(error)


def _is_death(error):
    """Whether a task raised it not by itself: its worker is gone, or it was interrupted or canceled."""
    return isinstance(error, _DEATHS) or type(error).__name__ == "KilledWorker"


def _explained(error):
    """Return what to raise for what a task raised."""
    cause = error
    while cause is not None:
        if isinstance(cause, ModuleNotFoundError) and (cause.name or "").partition(".")[0] == "fastprop":
            lack = RuntimeError(f"the executor's workers have no fastprop: install version {__version__} there.")
            lack.__cause__ = error
            return lack
        cause = cause.__cause__
    return error


def _check(theirs, ours):
    if theirs != ours:
        raise RuntimeError(
            f"the executor's workers have fastprop {theirs} but this process has {ours}: install the same there."
        )


def _call(version, ticket, function, task):
    """What a worker does."""
    _check(__version__, version)
    return function(ticket.get(), task, ticket.is_over)


class _Here:
    """What threads share."""

    def __init__(self, shared):
        self._shared, self._over = shared, threading.Event()

    def get(self):
        return self._shared

    def is_over(self):
        return self._over.is_set()

    def close(self):
        self._over.set()


class _Brought:
    """What Dask brings to each worker."""

    def __init__(self, shared):
        self._shared = shared

    def get(self):
        return self._shared

    def is_over(self):
        return False


class _Folder:
    """What is shared by processes, in a folder: a pickle, and the bytes of its arrays apart, which they map."""

    def __init__(self, shared):
        self._path = tempfile.mkdtemp(prefix="fastprop-")
        try:
            self._write(shared)
        except BaseException:
            self.close()
            raise

    def _write(self, shared):
        buffers, ends = [], []
        try:
            content = _dumps(shared, buffers.append)
        except Exception as error:  # what cannot be pickled raises whatever it likes
            raise TypeError(
                f"what the workers are to know cannot be sent to them, {error}: give a score that is a function of a "
                "module, or install cloudpickle."
            ) from error
        try:
            with open(Path(self._path, "arrays"), "wb") as file:
                for buffer in buffers:
                    file.write(buffer.raw())
                    ends.append(file.tell())
                    file.write(bytes(-file.tell() % _ALIGNMENT))
                file.write(bytes(_ALIGNMENT))  # of no bytes there is no map
            Path(self._path, "pickle").write_bytes(pickle.dumps((content, ends)))
        except OSError as error:
            raise OSError(
                f"the data for the executor's workers cannot be written to {self._path}, {error.strerror}: make room, "
                "or have TMPDIR name another folder."
            ) from error

    def get(self):
        with _GETTING:
            if self._path not in _GOT:
                _GOT.clear()
                _GOT[self._path] = self._read()
            return _GOT[self._path]

    def _read(self):
        try:
            content, ends = pickle.loads(Path(self._path, "pickle").read_bytes())
            with open(Path(self._path, "arrays"), "rb") as file:
                arrays = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
        except FileNotFoundError:
            raise RuntimeError(
                f"a worker does not see the folder {self._path}: have TMPDIR name one that all machines share."
            ) from None
        starts = [0, *(end + -end % _ALIGNMENT for end in ends)]
        return pickle.loads(content, buffers=[arrays[start:end] for start, end in zip(starts, ends)])

    def is_over(self):
        return not os.path.exists(self._path)

    def close(self):
        shutil.rmtree(self._path, ignore_errors=True)


_GOT, _GETTING = {}, threading.Lock()
"""In a worker: the last that it has got, by folder."""


def _dumps(shared, take_buffer):
    """Pickle it, with cloudpickle where that is: then functions may be those of no module."""
    dumps = pickle.dumps
    with contextlib.suppress(ImportError):
        from cloudpickle import dumps
    return dumps(shared, protocol=5, buffer_callback=take_buffer)
