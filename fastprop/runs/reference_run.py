"""The same run in plain NumPy and float64."""

import time

import numpy as np

from fastprop import reference
from fastprop.runs import prediction
from fastprop.runs.history import History


class ReferenceRun:
    """The same run in plain NumPy and float64."""

    def __init__(self, networks, data, rows, held_out, held_out_rows, options_list, threads=1):
        ((network,), (options,)), self._stop, self._until = (networks, options_list), False, None
        self.states = [None]  # it goes on from its beginning
        self._network, self._trained, self._options = network, reference.Network.of(network), options
        self._X, self._y, self._weights = rows_of(data, rows)
        self._validation = rows_of(held_out, held_out_rows) if len(held_out_rows) else None
        metrics = {name: np.full(options.epochs, np.nan) for name in options.metrics}
        self.history = History(*np.full((4, options.epochs), np.nan), metrics)
        self.histories = [self.history]

    def __call__(self, until=None):
        """Train to the end, or until so many epochs are done."""
        self._until = until
        options, network, start = self._options, self._trained, time.perf_counter()
        record = reference.train(
            network,
            self._X,
            self._y,
            validation=self._validation,
            sample_weight=self._weights,
            callback=self._after_epoch,
            **options.for_reference(),
        )
        self._take(record)
        finite = np.isfinite(record.loss[-1]) and network.is_finite
        if not finite:
            self.history.stopped = "diverged"
        elif self.history.stopped == "finished" and self.history.epochs < options.epochs:
            self.history.stopped = "early"
        self.history.best_epoch = self.history.epochs - 1
        stopping = options.early_stopping
        if finite and stopping is not None and stopping.restore_best:
            watched = record[0 if self._validation is None else 1]
            improved = reference.last_improvement(watched, stopping.minimum_improvement)
            self.history.best_epoch = improved if improved >= 0 else self.history.best_epoch
        self.history.seconds = time.perf_counter() - start
        give(network, self._network)

    def prepare(self):
        """Nothing is to be compiled."""

    def stop(self):
        """Ask a call in another thread to end after the epoch it is at."""
        self._stop = True

    def _after_epoch(self, epoch, record):
        self._take(record)
        names, (X, y, *_) = self._options.metrics, self._validation or (self._X, self._y)
        if names:
            _, outputs = reference.forward(self._trained, X)[-1]
            for name, score in zip(names, prediction.measure(names, outputs, y)):
                self.history.metrics[name][epoch] = score
        last = epoch + 1 == self._options.epochs
        if self._options.callback is not None and self._options.callback(epoch, self.history):
            self.history.stopped = "callback"
        elif self._stop and not last:
            self.history.stopped = "interrupted"
        elif epoch + 1 == self._until and not last:
            self.history.stopped = "halved"
        return self.history.stopped != "finished"

    def _take(self, record):
        """Write what was measured into the history."""
        self.history.epochs = done = len(record.loss)
        for name, measured in record._asdict().items():
            if name != "gradient_norm" or self._options.measures_norm:
                getattr(self.history, name)[:done] = measured


def give(trained, network):
    """Give a network, in its own precision, what the reference's has learned."""
    with np.errstate(over="ignore"):
        for ours, theirs in zip(network.weights + network.biases, trained.arrays):
            ours[...] = theirs


def rows_of(data, rows):
    """Return inputs, labels or targets, and weights or None, of `rows` of a data set."""
    return data.inputs[rows], data.y[rows], data.weights[rows] if len(data.weights) else None
