"""Runs over a stream, on the kernels or on the reference: each call trains on another chunk of rows."""

import time
from dataclasses import replace

import numpy as np

from fastprop import reference
from fastprop.data import Split, warn_of_targets
from fastprop.runs.history import HistoryLog
from fastprop.runs.kernel_run import KernelRun
from fastprop.runs.reference_run import copy_parameters, rows_of
from fastprop.runs.run import Run


class StreamRun(Run):
    """A training run of one network in which each chunk is an epoch; call it once after each `take`.

    Attributes
    ----------
    split : Split
        The rows of the last chunk, none of which is held out; None before the first chunk.
    """

    def __init__(self, network, options):
        super().__init__(options, [network])
        self._network = network
        self.split = None
        self._has_warned = False
        self.histories = [HistoryLog().history]

    def take(self, chunk):
        """Train on the rows of `chunk`, a `Dataset`, in the next call."""
        self.split = Split(chunk, chunk.rows, chunk, chunk.rows[:0])
        self._has_warned = self._has_warned or warn_of_targets(chunk, self._network.dtype)


class KernelStream(StreamRun):
    """A run over a stream on the kernels: for each chunk a `KernelRun`, which goes on from the previous one."""

    def __init__(self, network, options, threads):
        super().__init__(network, options)
        self._threads = threads
        self._run = None

    def take(self, chunk):
        """Train on the rows of `chunk`, a `Dataset`, in the next call."""
        super().take(chunk)
        options = self._options._replace(epochs=self.history.epochs + 1)
        self._run = KernelRun([self._network], self.split, [options], self._threads, self._run)

    def prepare(self):
        """Compile the kernel, or load it from the disk; say so if that takes long."""
        self._run.prepare()

    def __call__(self, until=None):
        """Train on the chunk."""
        self._run(until)
        self.histories = [self._run.history]

    def stop(self):
        """Ask a call in another thread to return after its current minibatch."""
        self._run.stop()


class ReferenceStream(StreamRun):
    """A run over a stream on the reference; a chunk that was begun is finished."""

    def __init__(self, network, options, threads):
        super().__init__(network, options)
        self._trained = reference.Network.of(network)
        self._log = HistoryLog()
        self._chunk = None
        chunks = iter(lambda: self._chunk, None)
        self._measured = reference.train_stream(self._trained, chunks, **options.for_reference(stream=True))

    def take(self, chunk):
        super().take(chunk)
        self._chunk = rows_of(chunk, chunk.rows)

    def __call__(self, until=None):
        """Train on the chunk."""
        start = time.perf_counter()
        loss, rate, norm = next(self._measured)
        self._log.append((loss, np.nan, rate, norm if self._options.measures_norm else np.nan))
        history = self._log.history
        if np.isfinite(loss) and self._trained.is_finite:
            history.best_epoch = history.epochs - 1
        else:
            history.stopped = "diverged"
            history.best_epoch = -1
        copy_parameters(self._trained, self._network)
        history.seconds += time.perf_counter() - start
        self.histories = [replace(history)]  # a copy, whose arrays never change
