"""`History`: what a run leaves."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray


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

    loss: NDArray[np.float64]
    validation_loss: NDArray[np.float64]
    learning_rate: NDArray[np.float64]
    gradient_norm: NDArray[np.float64]
    metrics: dict[str, NDArray[np.float64]] = field(default_factory=dict)
    epochs: int = 0
    stopped: str = "finished"
    seconds: float = 0.0
    best_epoch: int = -1
    score: float = float("nan")
