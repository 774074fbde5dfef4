"""A training run of one network, on the kernels or on the reference: a job that `jobs.run` runs and Ctrl-C stops."""

import sys
import threading
import time
from dataclasses import dataclass

import numpy as np

from fastprop import checks, metrics, reference
from fastprop.kernels import fused, layout
from fastprop.kernels.codes import ACTIVATIONS, LOSSES
from fastprop.options import SGD

PREDICTED_ROWS = 4 * layout.BLOCK_ROWS
"""Rows that are predicted at a time."""

_PREPARED = set()
"""The dtypes for which the kernel is compiled in this process."""


@dataclass(frozen=True)
class Setting:
    """How to train, checked: the same for all runs of a sweep but for what it sweeps."""

    epochs: int
    batch_size: int
    loss: str
    optimizer: SGD
    shuffle: bool
    seed: int
    callback: object = None

    def __post_init__(self):
        object.__setattr__(self, "epochs", checks.whole_number(self.epochs, "epochs"))
        object.__setattr__(self, "batch_size", checks.whole_number(self.batch_size, "batch_size"))
        object.__setattr__(self, "seed", checks.seed(self.seed))
        object.__setattr__(self, "shuffle", checks.flag(self.shuffle, "shuffle"))
        checks.instance(self.optimizer, "optimizer", SGD, "fp.SGD(0.1)")
        if self.callback is not None and not callable(self.callback):
            callback = checks.shown(self.callback)
            raise TypeError(f"callback must be callable, not {callback}: give a function of epoch and history.")


@dataclass
class History:
    """What happened in a run.

    Attributes
    ----------
    loss : ndarray
        (epochs,) float64: the mean of what each row's loss was when its minibatch came up; NaN past the end.
    validation_loss : ndarray
        (epochs,) float64: of the held-out rows after the epoch; NaN past the end and where there are none.
    epochs : int
        How many were finished.
    stopped : str
        Why training ended: ``"finished"``, ``"diverged"``, ``"interrupted"`` or ``"callback"``.
    seconds : float
        How long it took, compiling not counted.
    score : float
        Accuracy or R² (see `metrics.score_name`) of the trained network on the held-out rows; NaN where there are none.
    """

    loss: np.ndarray
    validation_loss: np.ndarray
    epochs: int = 0
    stopped: str = "finished"
    seconds: float = 0.0
    score: float = float("nan")


class KernelRun:
    """A training run of one network on the kernels: a job for `jobs.run`, whose `history` fills as it goes."""

    def __init__(self, network, data, rows, held_out, held_out_rows, setting):
        batch_size = min(setting.batch_size, len(rows))
        plan = layout.plan(network.layer_sizes, max(batch_size, layout.BLOCK_ROWS), network.dtype)
        optimizer = setting.optimizer
        velocity = layout.aligned_zeros(len(network.parameters), network.dtype)
        self._losses, self._progress = np.full((2, setting.epochs), np.nan), np.zeros(2, np.int64)
        self._network, self._setting, self._called_off, self._seconds = network, setting, False, 0.0
        self._arguments = (
            _kernel_network(network, setting.loss),
            fused.Optimizer(velocity, optimizer.learning_rate, optimizer.momentum, optimizer.nesterov),
            _kernel_data(data, rows),
            _kernel_data(held_out, held_out_rows),
            plan,
            layout.workspace(plan, network.dtype),
            np.empty(len(rows), np.int64),
            setting.shuffle,
            setting.seed,
            batch_size,
        )

    def __call__(self):
        if self._setting.callback is None:
            self._train(until=self._setting.epochs)
            return
        for epoch in range(self._setting.epochs):
            self._train(until=epoch + 1)
            if self.history.stopped != "finished":
                return
            if self._setting.callback(epoch, self.history):
                self._called_off = True
                return

    def prepare(self):
        """Compile the kernel, or fetch it from the disk, by training for no epochs; say so if that takes long."""
        if self._network.dtype in _PREPARED:
            return
        notice = threading.Timer(1.0, print, ["fastprop: compiling for this machine, once ..."], {"file": sys.stderr})
        notice.start()
        try:
            self._train(until=0)
        finally:
            notice.cancel()
        self._seconds = 0.0
        _PREPARED.add(self._network.dtype)

    def stop(self):
        """Ask a call in another thread to end after the minibatch it is at."""
        if self._progress[fused.STATE] == fused.RUNNING:
            self._progress[fused.STATE] = fused.STOP

    @property
    def history(self):
        state, done = self._progress[fused.STATE], int(self._progress[fused.DONE])
        if self._called_off:
            stopped = "callback"
        elif state == fused.DIVERGED:
            stopped = "diverged"
        else:
            stopped = "interrupted" if state == fused.STOP and done < self._setting.epochs else "finished"
        return History(*self._losses, done, stopped, self._seconds)

    def _train(self, until):
        start = time.perf_counter()
        fused.train(*self._arguments, until, self._losses, self._progress)
        self._seconds += time.perf_counter() - start


class ReferenceRun:
    """The same run in plain NumPy and float64."""

    def __init__(self, network, data, rows, held_out, held_out_rows, setting):
        self._network, self._setting, self._stop = network, setting, False
        self._X, self._y, self._weights = _rows_of(data, rows)
        self._validation = _rows_of(held_out, held_out_rows) if len(held_out_rows) else None
        self.history = History(*np.full((2, setting.epochs), np.nan))

    def __call__(self):
        setting, network, start = self._setting, reference.Network.of(self._network), time.perf_counter()
        losses = reference.train(
            network,
            self._X,
            self._y,
            epochs=setting.epochs,
            batch_size=setting.batch_size,
            loss=setting.loss,
            optimizer=setting.optimizer,
            validation=self._validation,
            sample_weight=self._weights,
            shuffle=setting.shuffle,
            seed=setting.seed,
            callback=self._after_epoch,
        )
        self._record(losses)
        finite = np.isfinite(losses[0, -1]) and all(np.isfinite(w).all() for w in network.weights + network.biases)
        if not finite:
            self.history.stopped = "diverged"
        self.history.seconds = time.perf_counter() - start
        with np.errstate(over="ignore"):
            for ours, theirs in zip(self._network.weights + self._network.biases, network.weights + network.biases):
                ours[...] = theirs

    def prepare(self):
        """Nothing is to be compiled."""

    def stop(self):
        """Ask a call in another thread to end after the epoch it is at."""
        self._stop = True

    def _after_epoch(self, epoch, losses):
        self._record(losses)
        last = epoch + 1 == self._setting.epochs
        if self._setting.callback is not None and self._setting.callback(epoch, self.history):
            self.history.stopped = "callback"
        elif self._stop and not last:
            self.history.stopped = "interrupted"
        return self.history.stopped != "finished"

    def _record(self, losses):
        self.history.epochs = losses.shape[1]
        self.history.loss[: losses.shape[1]], self.history.validation_loss[: losses.shape[1]] = losses


RUNS = {"kernels": KernelRun, "reference": ReferenceRun}
"""What `backend` may be."""


def predict(network, X):
    """Return the outputs (n, n_out) of `network` for checked inputs `X`."""
    plan = layout.plan(network.layer_sizes, min(len(X), PREDICTED_ROWS), network.dtype)
    outputs = np.empty((len(X), network.layer_sizes[-1]), network.dtype)
    nothing = np.zeros(0, network.dtype)
    data = checks.Dataset(X, nothing, np.zeros(0, np.int64), nothing)
    memory = layout.workspace(plan, network.dtype)
    fused.predict(_kernel_network(network, "mse"), _kernel_data(data, np.arange(len(X))), plan, memory, outputs)
    return outputs


def score(network, held_out, rows, loss):
    """Return the score of the held-out rows that `metrics.score_name` names.

    NaN where there are no such rows, and of a network that is not finite.
    """
    if len(rows) == 0 or not np.isfinite(network.parameters).all():
        return float("nan")
    measure = metrics.SCORES[metrics.score_name(held_out.labelled, loss)]
    with np.errstate(over="ignore"):
        return measure(predict(network, held_out.inputs[rows]), held_out.y[rows])


def _kernel_network(network, loss):
    return fused.Network(network.parameters, ACTIVATIONS[network.hidden], ACTIVATIONS[network.output], LOSSES[loss])


def _kernel_data(data, rows):
    flat = [array.reshape(-1) for array in (data.inputs, data.targets, data.labels, data.weights)]
    for array in flat:
        array.flags.writeable = False  # one type for all data, for which the kernels are compiled once
    return fused.Data(*flat, rows)


def _rows_of(data, rows):
    return data.inputs[rows], data.y[rows], data.weights[rows] if len(data.weights) else None
