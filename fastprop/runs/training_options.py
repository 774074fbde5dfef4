"""How to train, and what happened: what a run begins with, and what it leaves."""

import os
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from fastprop import checks
from fastprop.options import CLIPS, EMA, LBFGS, OPTIMIZERS, SCHEDULES, Checkpoint, ClipNorm, EarlyStopping


class TrainingOptions(NamedTuple):
    """How to train: the same for all runs of a sweep but for what it sweeps."""

    epochs: int
    batch_size: int
    loss: object
    optimizer: object
    shuffle: bool
    seed: int
    schedule: object = None
    clip: object = None
    dropout: float = 0.0
    average: object = None
    early_stopping: object = None
    callback: object = None
    gradient_norm: bool = False
    metrics: tuple = ()
    checkpoint: object = None

    @property
    def measures_norm(self):
        """Whether the norm of each step's gradient is measured, to be seen or to be limited."""
        return self.gradient_norm or isinstance(self.clip, ClipNorm)

    def checked(self):
        """Return the same setting; it is an error if anything in it is not as `train` describes it."""
        return self.changed(**{name: getattr(self, name) for name in _CHECKS})

    def changed(self, **values):
        """Return it with other values; it is an error if any of these is not as `train` describes it."""
        own = self._replace(**{name: _CHECKS[name](value) for name, value in values.items()})
        if isinstance(own.optimizer, LBFGS):
            own._check_minimization()
        return own

    def _check_minimization(self):
        defaults = {"batch_size": 32, "schedule": None, "clip": None, "dropout": 0.0, "average": None}
        for name, default in defaults.items():
            if getattr(self, name) != default:
                raise ValueError(
                    f"LBFGS takes all rows in each step and chooses its length, not {name}="
                    f"{checks.shown(getattr(self, name))}: leave {name} out."
                )
        if self.checkpoint is not None:
            raise ValueError("LBFGS writes no checkpoints: leave out checkpoint, or use another optimizer.")


def _or_none(check):
    return lambda value: None if value is None else check(value)


def _loss(value):
    checks.loss_name(value)
    return value


def _callback(value):
    if not callable(value):
        raise TypeError(f"callback must be callable, not {checks.shown(value)}: give a function of epoch and history.")
    return value


def _checkpoint(value):
    value = checks.instance(value, "checkpoint", (Checkpoint, str, os.PathLike), "'run.checkpoint'")
    value = value if isinstance(value, Checkpoint) else Checkpoint(value)
    checks.new_file(value.path)
    return value


_CHECKS = {
    "loss": _or_none(_loss),
    "optimizer": lambda value: checks.instance(value, "optimizer", OPTIMIZERS, "fp.SGD(0.1)"),
    "schedule": _or_none(lambda value: checks.instance(value, "schedule", SCHEDULES, "fp.CosineDecay()")),
    "clip": _or_none(lambda value: checks.instance(value, "clip", CLIPS, "fp.ClipNorm(1.0)")),
    "average": _or_none(lambda value: checks.instance(value, "average", EMA, "fp.EMA(0.999)")),
    "early_stopping": _or_none(
        lambda value: checks.instance(value, "early_stopping", EarlyStopping, "fp.EarlyStopping()")
    ),
    "callback": _or_none(_callback),
    "checkpoint": _or_none(_checkpoint),
    "epochs": lambda value: checks.whole_number(value, "epochs"),
    "batch_size": lambda value: checks.whole_number(value, "batch_size"),
    "seed": checks.seed,
    "shuffle": lambda value: checks.flag(value, "shuffle"),
    "dropout": lambda value: checks.number(value, "dropout", below=1.0),
    "gradient_norm": lambda value: checks.flag(value, "gradient_norm"),
}
"""Of each field what is made of a value that is given for it."""


@dataclass
class History:
    """What happened in a run.

    Attributes
    ----------
    loss : ndarray
        (epochs,) float64: the mean of what each row's loss was when its minibatch came up, or with `LBFGS` after the
        iteration; NaN past the end.
    validation_loss : ndarray
        (epochs,) float64: of the held-out rows after the epoch; NaN past the end, where there are none, and where the
        training loss is not finite.
    learning_rate : ndarray
        (epochs,) float64: of the last step of the epoch, after schedule, warm-up and plateau; NaN past the end, and of
        `LBFGS`, which has none.
    gradient_norm : ndarray
        (epochs,) float64: the mean over the epoch's steps of the norm of the whole gradient, before clipping, weight
        decay and l1; NaN past the end, and unless ``gradient_norm`` asks for it or `ClipNorm` measures it anyway.
    metrics : dict
        What ``metrics`` asks for, by name, (epochs,) float64 each: of the held-out rows after the epoch, or without any
        of the training rows; sample weights do not count. NaN past the end, and where the network is not finite.
    epochs : int
        How many were finished.
    stopped : str
        Why training ended: ``"finished"``, ``"early"``, ``"converged"`` (of `LBFGS`), ``"diverged"``,
        ``"interrupted"``, ``"callback"``, or ``"halved"`` (by a sweep's `Halving` or `MedianStopping`).
    seconds : float
        How long it took, compiling and what is done between epochs in Python not counted; before a break, too.
    best_epoch : int
        That whose weights the network ended with, from 0: the last one, but where `EarlyStopping` went back; -1 before
        the first.
    score : float
        Accuracy or r2 (see `metrics.score_name`) of the trained network on the held-out rows; NaN where there are none.
    """

    loss: np.ndarray
    validation_loss: np.ndarray
    learning_rate: np.ndarray
    gradient_norm: np.ndarray
    metrics: dict = field(default_factory=dict)
    epochs: int = 0
    stopped: str = "finished"
    seconds: float = 0.0
    best_epoch: int = -1
    score: float = float("nan")
