"""`train` and `predict`: options unpacked into arrays, kernels run, results collected."""

import time
from dataclasses import dataclass

import numpy as np
from tqdm import tqdm

from fastprop import checks, jobs, layout, reference
from fastprop.kernels import fused
from fastprop.kernels.codes import ACTIVATIONS, LOSSES
from fastprop.network import MLP
from fastprop.options import SGD

PREDICTED_ROWS = 4 * layout.BLOCK_ROWS
"""Rows that are predicted at a time."""


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
    """

    loss: np.ndarray
    validation_loss: np.ndarray
    epochs: int = 0
    stopped: str = "finished"
    seconds: float = 0.0


class KernelRun:
    """A training run of one network on the kernels: a job for `jobs.run`, whose `history` fills as it goes."""

    def __init__(self, network, data, rows, held_out, held_out_rows, setting):
        batch_size = min(setting.batch_size, len(rows))
        plan = layout.plan(network.layer_sizes, max(batch_size, layout.BLOCK_ROWS), network.dtype)
        optimizer = setting.optimizer
        velocity = layout.aligned_zeros(len(network.parameters), network.dtype)
        self._losses, self._progress = np.full((2, setting.epochs), np.nan), np.zeros(2, np.int64)
        self._setting, self._called_off, self._seconds = setting, False, 0.0
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
        """Compile the kernel, or fetch it from the disk, without training."""
        self._train(until=0)
        self._seconds = 0.0

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
        self._data = data.inputs[rows], _targets(data)[rows]
        self._weights = data.weights[rows] if len(data.weights) else None
        self._validation = (held_out.inputs[held_out_rows], _targets(held_out)[held_out_rows])
        self.history = History(*np.full((2, setting.epochs), np.nan))

    def __call__(self):
        setting, network, start = self._setting, reference.Network.of(self._network), time.perf_counter()
        losses = reference.train(
            network,
            *self._data,
            epochs=setting.epochs,
            batch_size=setting.batch_size,
            loss=setting.loss,
            optimizer=setting.optimizer,
            validation=self._validation if len(self._validation[0]) else None,
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
        checks.whole_number(self.epochs, "epochs")
        checks.whole_number(self.batch_size, "batch_size")
        checks.seed(self.seed)
        checks.instance(self.optimizer, "optimizer", SGD, "fp.SGD(0.1)")


def train(
    network,
    X,
    y,
    *,
    epochs,
    batch_size=32,
    loss=None,
    optimizer=SGD(0.1),
    validation=None,
    sample_weight=None,
    shuffle=True,
    seed=0,
    threads=None,
    progress=False,
    callback=None,
    backend="kernels",
):
    """Train a network in place by minibatch gradient descent.

    Parameters
    ----------
    network : MLP
        Trained in place; left as it was if an argument is refused.
    X : array_like
        (n, n_in), finite.
    y : array_like
        (n, n_out) targets, or (n,) integer labels for more than one output, or (n,) targets for one.
    epochs : int
        How many times to go through the rows.
    batch_size : int
        Rows in a step. The last step of an epoch takes the rows that are left, averaged over their own number.
    loss : str, optional
        ``"mse"``, ``"binary_cross_entropy"`` (sigmoid output) or ``"cross_entropy"`` (softmax output). By default the
        one that goes with the output: identity mse, sigmoid binary_cross_entropy, softmax cross_entropy.
    optimizer : SGD
        See `SGD`.
    validation : float or (X, y), optional
        A share of the rows to hold out (the same for all seeds), or rows of their own, to measure the loss after
        each epoch.
    sample_weight : array_like, optional
        (n,) positive weights: a batch's loss is Σ wᵢ lossᵢ / Σ wᵢ.
    shuffle : bool
        Whether to put the rows in a new order for each epoch.
    seed : int
        Of the order of the rows.
    threads : int, optional
        At most so many. One network takes one thread so far; the result never depends on it.
    progress : bool
        Whether to show a progress bar.
    callback : callable, optional
        Called as ``callback(epoch, history)`` after each epoch; training ends when it returns true.
    backend : str
        ``"kernels"``, or ``"reference"`` for the same run in plain NumPy and float64, to check a result.

    Returns
    -------
    History

    Raises
    ------
    ValueError, TypeError
        If an argument is not as described; the message says what to do.

    Examples
    --------
    >>> import fastprop as fp
    >>> X, y = fp.datasets.digits()
    >>> network = fp.MLP((64, 32, 10), output="softmax", seed=0)
    >>> history = fp.train(network, X, y, epochs=5, optimizer=fp.SGD(0.5, momentum=0.9), validation=0.2)
    >>> bool(history.loss[-1] < history.loss[0])
    True
    """
    checks.instance(network, "network", MLP, "fp.MLP((64, 32, 10))")
    checks.choice(backend, "backend", RUNS)
    checks.threads(threads)
    setting = Setting(epochs, batch_size, checks.loss(loss, network.output), optimizer, bool(shuffle), seed, callback)
    sizes = network.layer_sizes[0], network.layer_sizes[-1]
    data = checks.dataset(X, y, *sizes, setting.loss, network.dtype, sample_weight)
    rows, held_out, held_out_rows = checks.validation(validation, data, *sizes, setting.loss, network.dtype)
    run = RUNS[backend](network, data, rows, held_out, held_out_rows, setting)
    run.prepare()
    with tqdm(total=setting.epochs, unit="epoch", disable=not progress) as bar:
        if not jobs.run([run], 1, lambda: bar.update(run.history.epochs - bar.n)):
            run.stop()
    return run.history


def predict(network, X):
    """Return the outputs of `network` for the rows of `X`: see `MLP.predict`."""
    X = checks.inputs(X, network.layer_sizes[0], network.dtype)
    plan = layout.plan(network.layer_sizes, min(len(X), PREDICTED_ROWS), network.dtype)
    outputs = np.empty((len(X), network.layer_sizes[-1]), network.dtype)
    nothing = np.zeros((0, 1), network.dtype)
    data = checks.Dataset(X, nothing, np.zeros(0, np.int64), nothing[:, 0])
    memory = layout.workspace(plan, network.dtype)
    fused.predict(_kernel_network(network, "mse"), _kernel_data(data, np.arange(len(X))), plan, memory, outputs)
    return outputs


def _kernel_network(network, loss):
    return fused.Network(network.parameters, ACTIVATIONS[network.hidden], ACTIVATIONS[network.output], LOSSES[loss])


def _kernel_data(data, rows):
    arrays = [data.inputs.reshape(-1), data.targets.reshape(-1), data.labels, data.weights, rows]
    for array in arrays[:4]:
        array.flags.writeable = False  # the kernels are compiled once, for arrays that they may not write
    return fused.Data(*arrays)


def _targets(data):
    return data.labels if len(data.labels) else data.targets
