"""Options: small frozen objects, checked when they are made."""

from fastprop.options.checkpoints import Checkpoint
from fastprop.options.clipping import CLIPS, Clip, ClipNorm, ClipValue
from fastprop.options.distributions import choice, geomspace, integers, linspace, loguniform, uniform
from fastprop.options.encoding import decoded, encoded
from fastprop.options.endings import EMA, EarlyStopping
from fastprop.options.halving import HALVINGS, Halving, MedianStopping
from fastprop.options.losses import CrossEntropy, Huber
from fastprop.options.optimizers import DESCENTS, LBFGS, OPTIMIZERS, SGD, Adagrad, Adam, AdamW, Descent, Lion, RMSprop
from fastprop.options.schedules import (
    SCHEDULES,
    CosineDecay,
    ExponentialDecay,
    InverseScaling,
    OneCycle,
    ReduceOnPlateau,
    Schedule,
    StepDecay,
    Warmup,
    needs_end,
)
from fastprop.options.search import OptunaSearch

__all__ = [
    "CLIPS",
    "DESCENTS",
    "EMA",
    "HALVINGS",
    "LBFGS",
    "OPTIMIZERS",
    "SCHEDULES",
    "SGD",
    "Adagrad",
    "Adam",
    "AdamW",
    "Checkpoint",
    "Clip",
    "ClipNorm",
    "ClipValue",
    "CosineDecay",
    "CrossEntropy",
    "Descent",
    "EarlyStopping",
    "ExponentialDecay",
    "Halving",
    "Huber",
    "InverseScaling",
    "Lion",
    "MedianStopping",
    "OneCycle",
    "OptunaSearch",
    "RMSprop",
    "ReduceOnPlateau",
    "Schedule",
    "StepDecay",
    "Warmup",
    "choice",
    "decoded",
    "encoded",
    "geomspace",
    "integers",
    "linspace",
    "loguniform",
    "needs_end",
    "uniform",
]
