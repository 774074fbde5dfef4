"""`ReferenceRun`: a run on the reference, in plain NumPy and float64."""

import time

import numpy as np

from fastprop import reference
from fastprop.runs import prediction
from fastprop.runs.history import HistoryLog
from fastprop.runs.run import Run


class ReferenceRun(Run):
    """A training run of one network on the reference; it can only begin anew."""

    def __init__(self, network, split, options):
        super().__init__(options, [network])
        self._network = network
        self._trained = reference.Network.of(network)
        self._training = rows_of(split.data, split.rows)
        self._validation = rows_of(split.held_out, split.held_out_rows) if len(split.held_out_rows) else None
        self._whole_epochs = 0  # epochs after which loss and weights were finite
        self._log = HistoryLog(options.metrics)
        self.histories = [self._log.history]
        self._measured = split.measured
        self._measure = prediction.EpochMetrics(options.metrics)

    def __call__(self, until=None):
        """Train to the end, or until epoch `until` is done."""
        if until is not None:
            self._until = until
        start = time.perf_counter()
        options = self._options
        history = self.history
        X, y, weights = self._training
        record = reference.train(
            self._trained,
            X,
            y,
            validation=self._validation,
            sample_weight=weights,
            callback=self._after_epoch,
            **options.for_reference(),
        )
        if len(record.loss) > history.epochs:  # it has diverged in the last epoch, after which nothing was called
            self._append(record)
        ended = "diverged" if history.epochs > self._whole_epochs else ""
        history.best_epoch = -1 if ended else history.epochs - 1
        if options.early_stopping is not None:
            watched = record.loss if self._validation is None else record.validation_loss
            improved = reference.last_improvement(
                watched[: self._whole_epochs], options.early_stopping.minimum_improvement
            )
            if not ended and options.early_stopping.is_over(history.epochs - 1 - improved):
                ended = "early"
            if options.early_stopping.restore_best and improved >= 0:
                history.best_epoch = improved
        copy_parameters(self._trained, self._network)
        if not np.isfinite(self._network.parameters).all():  # they may be too large for its dtype
            ended = "diverged"
            history.best_epoch = -1
        history.stopped = self._stop_reason(ended, history.epochs)
        history.seconds = time.perf_counter() - start

    def _after_epoch(self, epoch, record):
        """Write what was measured into the history; return whether to end."""
        self._whole_epochs = epoch + 1
        options = self._options
        history = self.history
        metrics = ()
        if options.metrics:
            X, _, _ = self._validation or self._training
            data, rows = self._measured
            _, outputs = reference.forward(self._trained, X)[-1]
            metrics = self._measure(outputs, data, rows, epoch)
        self._append(record, metrics)
        if options.callback is not None:
            self._call_back(epoch)
        over = self._called_off or self._stop_requested or history.epochs >= self._until
        return over or self._ends_by_time()

    def _call_back(self, epoch):
        """Call the callback as every run does; parameters that it changes are trained on."""
        copy_parameters(self._trained, self._network)
        arrays = self._network.weights + self._network.biases
        before = [array.copy() for array in arrays]
        super()._call_back(epoch)
        for trained, array, earlier in zip(self._trained.arrays, arrays, before):
            changed = array != earlier  # the others keep the digits that the dtype of the network lacks
            trained[changed] = array[changed]

    def _append(self, record, metrics=()):
        """Append the last epoch of a record to the history."""
        *measured, norm = (values[-1] for values in record)
        self._log.append((*measured, norm if self._options.measures_norm else np.nan), metrics)


def copy_parameters(trained, network):
    """Copy the parameters of a network of the reference to an `MLP`, rounded to its dtype."""
    with np.errstate(over="ignore"):
        for target, source in zip(network.weights + network.biases, trained.arrays):
            target[...] = source


def rows_of(data, rows):
    """Return inputs, labels or targets, and weights or None, of `rows` of a data set."""
    return data.inputs.numbers(rows), data.y[rows], data.weights[rows] if len(data.weights) else None
