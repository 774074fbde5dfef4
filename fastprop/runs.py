"""A training run of one network, on the kernels or on the reference: a job that `jobs.run` runs and Ctrl-C stops."""

import sys
import threading
import time
from dataclasses import dataclass, fields
from typing import NamedTuple

import numpy as np

from fastprop import checks, metrics, options, reference
from fastprop.jobs import settle
from fastprop.kernels import fused, jit, layout
from fastprop.kernels import optimizers as optimizing
from fastprop.kernels.codes import ACTIVATIONS, CLIPS, CONSTANT, LOSSES, RULES, SCHEDULES, STORING, UNLIMITED
from fastprop.kernels.minibatch import Data, Network
from fastprop.kernels.schedules import BEST, FACTOR, Schedule
from fastprop.kernels.team import Team

PREDICTED_ROWS = 4 * layout.BLOCK_ROWS
"""Rows that are predicted at a time."""

_PREPARED = set()
"""The kinds of run for which the kernel is compiled in this process."""


class Setting(NamedTuple):
    """How to train: the same for all runs of a sweep but for what it sweeps."""

    epochs: int
    batch_size: int
    loss: object
    optimizer: object
    shuffle: bool
    seed: int
    schedule: object = None
    clip: object = None
    early_stopping: object = None
    callback: object = None

    def checked(self):
        """Return the same setting; it is an error if anything in it is not as `train` describes it."""
        checks.instance(self.optimizer, "optimizer", options.OPTIMIZERS, "fp.SGD(0.1)")
        for name, kinds, example in (
            ("schedule", options.SCHEDULES, "fp.Cosine()"),
            ("clip", options.CLIPS, "fp.ClipNorm(1.0)"),
            ("early_stopping", options.EarlyStopping, "fp.EarlyStopping()"),
        ):
            if getattr(self, name) is not None:
                checks.instance(getattr(self, name), name, kinds, example)
        if self.callback is not None and not callable(self.callback):
            callback = checks.shown(self.callback)
            raise TypeError(f"callback must be callable, not {callback}: give a function of epoch and history.")
        return self._replace(
            epochs=checks.whole_number(self.epochs, "epochs"),
            batch_size=checks.whole_number(self.batch_size, "batch_size"),
            seed=checks.seed(self.seed),
            shuffle=checks.flag(self.shuffle, "shuffle"),
        )


@dataclass
class History:
    """What happened in a run.

    Attributes
    ----------
    loss : ndarray
        (epochs,) float64: the mean of what each row's loss was when its minibatch came up; NaN past the end.
    validation_loss : ndarray
        (epochs,) float64: of the held-out rows after the epoch; NaN past the end, where there are none, and where the
        training loss is not finite.
    epochs : int
        How many were finished.
    stopped : str
        Why training ended: ``"finished"``, ``"early"``, ``"diverged"``, ``"interrupted"`` or ``"callback"``.
    seconds : float
        How long it took, compiling not counted.
    best_epoch : int
        That whose weights the network ended with, from 0: the last one, but where `EarlyStopping` went back.
    score : float
        Accuracy or R² (see `metrics.score_name`) of the trained network on the held-out rows; NaN where there are none.
    """

    loss: np.ndarray
    validation_loss: np.ndarray
    epochs: int = 0
    stopped: str = "finished"
    seconds: float = 0.0
    best_epoch: int = -1
    score: float = float("nan")


class KernelRun:
    """A training run of one network, or of a pack side by side: a job for `jobs.run`, whose histories fill as it goes.

    Of a pack, networks have one shape, and settings differ in seed and in the optimizer's numbers alone.
    """

    def __init__(self, networks, data, rows, held_out, held_out_rows, settings, threads=1):
        (first, *_), (setting, *_) = networks, settings
        self._networks, self._setting, self._called_off, self._seconds = networks, setting, False, 0.0
        self._kind = first.dtype, len(networks) > 1
        batch_size = min(setting.batch_size, len(rows))
        width = 1 if len(networks) == 1 else jit.lanes(first.dtype)
        settings = [settings[min(lane, len(settings) - 1)] for lane in range(width)]
        seeds = list(dict.fromkeys(setting.seed for setting in settings)) if setting.shuffle else [0]
        seeds = seeds if len(seeds) == 1 else [setting.seed for setting in settings]
        shared = width > 1 and len(seeds) == 1
        shape = first.layer_sizes, batch_size, first.dtype, _storing(first)
        plans, size = layout.plans(*shape, threads, width, shared, isinstance(setting.clip, options.ClipNorm))
        self._parameters = first.parameters if width == 1 else self._pack(width)
        stopping = setting.early_stopping
        restores = stopping is not None and stopping.restore_best
        self._record = fused.Record(
            stop=np.zeros(1, np.int64),
            done=np.zeros(width, np.int64),
            ended=np.zeros(width, np.int64),
            losses=np.full((2, setting.epochs, width), np.nan),
            totals=layout.aligned_zeros(16, np.float64)[:width],
            lost=np.zeros(0 if width == 1 else len(self._parameters), first.dtype),
            best=np.zeros(len(self._parameters) if restores else 0, first.dtype),
            improvement=np.array([[np.inf] * width, [-1.0] * width]),
            patience=0 if stopping is None else stopping.patience,
            least=0.0 if stopping is None else stopping.minimum_improvement,
        )
        optimizers = [setting.optimizer for setting in settings]
        optimizer, steps = _kernel_optimizer(
            setting, optimizers, self._parameters, threads, -(-len(rows) // batch_size)
        )
        self._shared = (
            _kernel_network(first, self._parameters, setting.loss),
            optimizer,
            _kernel_data(data, rows),
            _kernel_data(held_out, held_out_rows),
        )
        board = layout.aligned_zeros(24, np.int64)
        self._own = [
            (plan, Team(member, threads, board, steps[member], layout.aligned_zeros(16, np.float64)))
            for member, plan in enumerate(plans)
        ]
        self._memory = layout.workspace(plans, size, first.dtype)
        order = np.empty((len(seeds), len(rows)), np.int64)
        self._order = order, np.array(seeds), setting.shuffle, batch_size

    def __call__(self):
        self._train_all()
        self._restore()

    def _train_all(self):
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
        if self._kind in _PREPARED:
            return
        notice = threading.Timer(1.0, print, ["fastprop: compiling for this machine, once ..."], {"file": sys.stderr})
        notice.start()
        try:
            self._train(until=0)
        finally:
            notice.cancel()
        self._seconds = 0.0
        _PREPARED.add(self._kind)

    def stop(self):
        """Ask a call in another thread to end after the minibatch it is at."""
        self._record.stop[0] = 1

    @property
    def histories(self):
        """Of each network."""
        return [self._history(number) for number in range(len(self._networks))]

    @property
    def history(self):
        """Of the one network, or the first."""
        return self._history(0)

    def _history(self, number):
        done, ended = int(self._record.done[number]), self._record.ended[number]
        if self._called_off:
            stopped = "callback"
        elif ended:
            stopped = "diverged" if ended != fused.EARLY else "early" if done < self._setting.epochs else "finished"
        else:
            stopped = "interrupted" if self._record.stop[0] and done < self._setting.epochs else "finished"
        improved = int(self._record.improvement[1, number])
        kept = improved if len(self._record.best) > 0 and stopped != "diverged" else done - 1
        return History(*self._record.losses[:, :, number], done, stopped, self._seconds / len(self._networks), kept)

    def _train(self, until):
        start, begin = time.perf_counter(), int(self._record.done.max())

        def take_part(plan, team):
            if team.members > 1:
                settle(team.member)
            fused.train(*self._shared, plan, self._memory, team, *self._order, begin, until, self._record)

        leader, *others = self._own
        threads = [threading.Thread(target=take_part, args=own, daemon=True) for own in others]
        for thread in threads:
            thread.start()
        take_part(*leader)
        for thread in threads:
            thread.join()
        if len(self._networks) > 1:
            self._unpack()
        elif self._record.ended[0] in (fused.LOST, fused.BURIED):
            layout.clear_padding(self._parameters, self._networks[0].layer_sizes)
        self._seconds += time.perf_counter() - start

    def _pack(self, width):
        """Lay the networks' parameters side by side, the last one's also in the lanes that are left."""
        first = self._networks[0]
        size = layout.parameter_starts(first.layer_sizes, first.dtype, width)[-1]
        parameters = layout.aligned_zeros(int(size), first.dtype)
        alone, packed = self._places(width)
        apart = [self._networks[min(lane, len(self._networks) - 1)].parameters for lane in range(width)]
        parameters[packed] = np.stack(apart, axis=1)[alone]
        return parameters

    def _unpack(self):
        """Give each network its parameters: as they are, or were when it ended."""
        alone, packed = self._places(len(self._record.done))
        now, then = self._parameters[packed], self._record.lost[packed]
        for lane, network in enumerate(self._networks):
            network.parameters[alone] = (then if self._record.ended[lane] else now)[:, lane]

    def _restore(self):
        """Give each network that has not diverged the parameters of its last improvement, where that is asked for."""
        if len(self._record.best) > 0:
            alone, among = self._places(len(self._record.done))
            for lane, network in enumerate(self._networks):
                if self._record.improvement[1, lane] >= 0 and self._history(lane).stopped != "diverged":
                    network.parameters[alone] = self._record.best[among][:, lane]

    def _places(self, width):
        """Where a network's numbers stand alone, and where each network's in a pack."""
        first = self._networks[0]
        return layout.places(first.layer_sizes, first.dtype)[:, 0], layout.places(first.layer_sizes, first.dtype, width)


class ReferenceRun:
    """The same run in plain NumPy and float64."""

    def __init__(self, networks, data, rows, held_out, held_out_rows, settings, threads=1):
        ((network,), (setting,)), self._stop = (networks, settings), False
        self._network, self._setting = network, setting
        self._X, self._y, self._weights = _rows_of(data, rows)
        self._validation = _rows_of(held_out, held_out_rows) if len(held_out_rows) else None
        self.history = History(*np.full((2, setting.epochs), np.nan))
        self.histories = [self.history]

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
            schedule=setting.schedule,
            clip=setting.clip,
            early_stopping=setting.early_stopping,
            callback=self._after_epoch,
        )
        self._record(losses)
        finite = np.isfinite(losses[0, -1]) and all(np.isfinite(array).all() for array in network.arrays)
        if not finite:
            self.history.stopped = "diverged"
        elif self.history.stopped == "finished" and self.history.epochs < setting.epochs:
            self.history.stopped = "early"
        self.history.best_epoch = losses.shape[1] - 1
        stopping = setting.early_stopping
        if finite and stopping is not None and stopping.restore_best:
            watched = losses[0 if self._validation is None else 1]
            self.history.best_epoch = reference.last_improvement(watched, stopping.minimum_improvement)
        self.history.seconds = time.perf_counter() - start
        with np.errstate(over="ignore"):
            for ours, theirs in zip(self._network.weights + self._network.biases, network.arrays):
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
    plans, size = layout.plans(network.layer_sizes, min(len(X), PREDICTED_ROWS), network.dtype, _storing(network))
    outputs = np.empty((len(X), network.layer_sizes[-1]), network.dtype)
    nothing = np.zeros(0, network.dtype)
    data = checks.Dataset(X, nothing, np.zeros(0, np.int64), nothing)
    memory = layout.workspace(plans, size, network.dtype)
    kernel_network = _kernel_network(network, network.parameters)
    fused.predict(kernel_network, _kernel_data(data, np.arange(len(X))), plans[0], memory, outputs)
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


def _storing(network):
    """Of each layer, whether its activation stores slopes."""
    return tuple(ACTIVATIONS[name] in STORING for name in network.activations)


def _kernel_network(network, parameters, loss=None):
    """What a network, or a pack of its like, is to a kernel; without a loss it can only predict."""
    activations = np.array([ACTIVATIONS[name] for name in network.activations])
    code = LOSSES[checks.loss_name(loss)] if loss is not None else -1
    return Network(parameters, activations, code, getattr(loss, "delta", 1.0), getattr(loss, "label_smoothing", 0.0))


def _kernel_optimizer(setting, optimizers, parameters, members, batches):
    """What `optimizers`, one a network, are to a kernel, and the `Step` of each member of a team."""
    rule = RULES[optimizers[0].rule]
    given = [[getattr(each, name, 0.0) for each in optimizers] for name in optimizing.HYPERPARAMETERS]
    given = np.array([np.resize(numbers, layout.line(parameters.dtype)) for numbers in given])
    decay = given[optimizing.WEIGHT_DECAY]
    rests = 1 - given[[optimizing.BETA1, optimizing.BETA2, optimizing.SMOOTHING]]
    shrinkage = 1 - given[optimizing.LEARNING_RATE] * decay
    with np.errstate(over="ignore"):
        numbers = np.vstack([given, rests, given[:2], shrinkage, np.ones_like(decay)]).astype(parameters.dtype)
    plateau = np.zeros_like(given[:3])
    plateau[FACTOR], plateau[BEST] = 1, np.inf
    steps = [
        optimizing.Step(numbers.copy(), given, np.ones_like(given[:2]), plateau.copy(), np.zeros(2, np.int64))
        for _ in range(members)
    ]
    state = layout.aligned_zeros(optimizing.KEPT[rule] * len(parameters), parameters.dtype)
    moving = setting.schedule is not None or optimizers[0].rule in ("adam", "adamw")
    schedule = _kernel_schedule(setting, batches)
    clip = UNLIMITED if setting.clip is None else CLIPS[type(setting.clip).__name__]
    limit = 0.0 if setting.clip is None else setting.clip.limit
    penalised = bool(given[optimizing.L1].any())
    return optimizing.Optimizer(rule, moving, penalised, clip, limit, schedule, state), steps


def _kernel_schedule(setting, batches):
    """What the setting's schedule is to a kernel."""
    warmup, schedule = 0, setting.schedule
    by_step = getattr(schedule, "by", "epoch") == "step"
    if isinstance(schedule, options.Warmup):
        warmup, schedule = schedule.length, schedule.then
    kind = SCHEDULES[type(schedule).__name__] if schedule is not None else CONSTANT
    numbers = [getattr(schedule, field.name) for field in fields(schedule)] if schedule is not None else []
    numbers = np.array([*(each for each in numbers if not isinstance(each, str)), 0, 0, 0, 0], np.float64)[:4]
    return Schedule(kind, by_step, setting.epochs * (batches if by_step else 1), warmup, numbers)


def _kernel_data(data, rows):
    flat = [array.reshape(-1) for array in (data.inputs, data.targets, data.labels, data.weights)]
    for array in flat:
        array.flags.writeable = False  # one type for all data, for which the kernels are compiled once
    return Data(*flat, rows[None])


def _rows_of(data, rows):
    return data.inputs[rows], data.y[rows], data.weights[rows] if len(data.weights) else None
