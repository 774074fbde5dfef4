"""Runs that go on from each other, each on a chunk of rows of its own, on the kernels or on the reference."""

import time
from dataclasses import replace

import numpy as np

from fastprop import reference
from fastprop.runs.history import History
from fastprop.runs.kernel_run import KernelRun
from fastprop.runs.reference_run import give

MEASURED = reference.Record._fields
"""What a history has a number of for each chunk."""


class KernelStream:
    """On the kernels: each chunk's run takes over from that of the chunk before."""

    def __init__(self, network, options, threads):
        self._network, self._options, self._threads = network, options, threads
        self._last, self._most_rows = None, 0

    def job(self, chunk):
        """Return the run of the next chunk, a job for `jobs.run`."""
        options, rows = self._options._replace(epochs=self.history.epochs + 1), np.arange(len(chunk.inputs))
        self._most_rows = max(self._most_rows, len(rows))
        data = chunk, rows, chunk, rows[:0]
        run = KernelRun([self._network], *data, [options], self._threads, self._most_rows)
        if self._last is None:
            run.prepare()
        else:
            run.take_over(self._last)
        self._last = run
        return run

    @property
    def history(self):
        """Of all chunks so far."""
        if self._last is None:
            return History(*np.zeros((len(MEASURED), 0)))
        history = self._last.history
        return replace(history, **{name: getattr(history, name)[: history.epochs].copy() for name in MEASURED})


class ReferenceStream:
    """In plain NumPy and float64: the stream itself is the job, which goes on with the next chunk."""

    def __init__(self, network, options, threads):
        self._network, self._reference, self._chunk = network, reference.Network.of(network), None
        chunks = iter(lambda: self._chunk, None)
        self._chunks = reference.train_stream(self._reference, chunks, **options.for_reference(stream=True))
        self.history = History(*np.zeros((len(MEASURED), 0)))

    def job(self, chunk):
        """Return what trains on the next chunk, a job for `jobs.run`."""
        self._chunk = chunk.inputs, chunk.y, chunk.weights if len(chunk.weights) else None
        return self

    def __call__(self):
        history, start = self.history, time.perf_counter()
        loss, rate, _ = next(self._chunks)
        for name, number in zip(MEASURED, (loss, np.nan, rate, np.nan)):
            setattr(history, name, np.append(getattr(history, name), number))
        history.best_epoch, history.epochs = history.epochs, history.epochs + 1
        if not (np.isfinite(history.loss[-1]) and self._reference.is_finite):
            history.stopped = "diverged"
        give(self._reference, self._network)
        history.seconds += time.perf_counter() - start

    def stop(self):
        """A chunk is finished."""
