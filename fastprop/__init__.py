"""fastprop: a JIT-compiled, high-performance trainer for multilayer perceptrons."""

from importlib import import_module
from typing import TYPE_CHECKING

from fastprop import datasets, metrics, reference
from fastprop.network import MLP, load
from fastprop.options import (
    EMA,
    LBFGS,
    SGD,
    Adagrad,
    Adam,
    AdamW,
    Checkpoint,
    ClipNorm,
    ClipValue,
    CosineDecay,
    CrossEntropy,
    EarlyStopping,
    ExponentialDecay,
    Halving,
    Huber,
    InverseScaling,
    Lion,
    MedianStopping,
    OneCycle,
    OptunaSearch,
    ReduceOnPlateau,
    RMSprop,
    StepDecay,
    Warmup,
    choice,
    geomspace,
    integers,
    linspace,
    loguniform,
    uniform,
)
from fastprop.version import __version__ as __version__

if TYPE_CHECKING:  # at run time `__getattr__` imports these
    from fastprop.learning_rate import RangeTest, find_learning_rate
    from fastprop.runs import History
    from fastprop.streaming import train_stream
    from fastprop.sweeping import Ensemble, SweepResult, load_sweep
    from fastprop.sweeping.sweep import sweep  # not from fastprop.sweeping, where mypy takes it for the module
    from fastprop.training import train

__all__ = [
    "EMA",
    "LBFGS",
    "MLP",
    "SGD",
    "Adagrad",
    "Adam",
    "AdamW",
    "Checkpoint",
    "ClipNorm",
    "ClipValue",
    "CosineDecay",
    "CrossEntropy",
    "EarlyStopping",
    "Ensemble",
    "ExponentialDecay",
    "Halving",
    "History",
    "Huber",
    "InverseScaling",
    "Lion",
    "MedianStopping",
    "OneCycle",
    "OptunaSearch",
    "RMSprop",
    "RangeTest",
    "ReduceOnPlateau",
    "StepDecay",
    "SweepResult",
    "Warmup",
    "choice",
    "datasets",
    "find_learning_rate",
    "geomspace",
    "integers",
    "linspace",
    "load",
    "load_sweep",
    "loguniform",
    "metrics",
    "reference",
    "sweep",
    "train",
    "train_stream",
    "uniform",
]

_ON_USE = {
    "History": "fastprop.runs",
    "RangeTest": "fastprop.learning_rate",
    "find_learning_rate": "fastprop.learning_rate",
    "train": "fastprop.training",
    "train_stream": "fastprop.streaming",
    "Ensemble": "fastprop.sweeping",
    "SweepResult": "fastprop.sweeping",
    "load_sweep": "fastprop.sweeping",
    "sweep": "fastprop.sweeping",
}


def __dir__() -> list[str]:
    """Return the public names."""
    return sorted([*__all__, "__version__"])


if not TYPE_CHECKING:  # a type checker takes a module with `__getattr__` to have every name

    def __getattr__(name):
        """Import what needs Numba when it is first used: ``import fastprop`` takes 0.1 s instead of 0.5 s."""
        if name not in _ON_USE:
            raise AttributeError(f"module 'fastprop' has no attribute {name!r}")
        return getattr(import_module(_ON_USE[name]), name)
