"""fastprop: a JIT-compiled, high-performance trainer for multilayer perceptrons.

By task:

- Estimators with scikit-learn's interface: `MLPClassifier`, `MLPRegressor`, `SweepCV`, and `TabularClassifier` and
  `TabularRegressor`, which search the best ensemble for a table.
- A network: `MLP`, `train` and its `History`, `train_stream`, `find_learning_rate` and its `RateSearch`, `load`,
  `from_torch`.
- Many networks: `sweep`, `SweepResult`, `load_sweep`, `Ensemble`. Values are lists, such as `geomspace` and `linspace`,
  or drawn from `loguniform`, `uniform`, `integers` and `choice`, or chosen by `OptunaSearch`. `Halving` and
  `MedianStopping` stop configurations early; in a `PopulationBased` search the worst go on from the best.
- Tables: `datasets` reads them, and `TableModel` and `TableEnsemble` predict from them.
- Optimizers: `SGD`, `Adam`, `AdamW`, `RMSprop`, `Adagrad`, `Lion`, `LBFGS`; `ClipNorm` and `ClipValue` limit gradients.
- Schedules of the learning rate: `StepDecay`, `ExponentialDecay`, `CosineDecay`, `FlatCosine`, `CosineLog`, `OneCycle`,
  `InverseScaling`, `ReduceOnPlateau`, and `Warmup` before any of them.
- Losses with a parameter: `Huber`, `Pinball`, `CrossEntropy`, `BinaryCrossEntropy`. Others are strings, see `train`.
- Runs: `EarlyStopping`, `EMA` of the weights, `Checkpoint`; the warnings `DataWarning` and `DivergenceWarning`.
- `intervals` says how far off predicted numbers may be; `calibration` makes probabilities as sure as they are right.
- `metrics` has the scores, and `reference` computes all of training in plain NumPy.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from fastprop import command_start as _command_start  # noqa: F401 (first of all, for Ctrl-C while the others load)

# isort: split
from fastprop import calibration as calibration
from fastprop import datasets as datasets
from fastprop import intervals as intervals
from fastprop import metrics as metrics
from fastprop import options as _options
from fastprop import reference as reference
from fastprop.ensembles import Ensemble as Ensemble
from fastprop.interrupts import held as _held_interrupts
from fastprop.network import MLP as MLP
from fastprop.network import from_torch as from_torch
from fastprop.notices import DataWarning as DataWarning
from fastprop.notices import DivergenceWarning as DivergenceWarning
from fastprop.options import *
from fastprop.tabular.ensemble_model import TableEnsemble as TableEnsemble
from fastprop.tabular.loading import load as load
from fastprop.tabular.model import TableModel as TableModel
from fastprop.version import __version__ as __version__

if TYPE_CHECKING:  # at run time `__getattr__` imports these
    from fastprop.estimators import MLPClassifier as MLPClassifier
    from fastprop.estimators import MLPRegressor as MLPRegressor
    from fastprop.estimators import SweepCV as SweepCV
    from fastprop.estimators import TabularClassifier as TabularClassifier
    from fastprop.estimators import TabularRegressor as TabularRegressor
    from fastprop.learning_rate import RateSearch as RateSearch
    from fastprop.learning_rate import find_learning_rate as find_learning_rate
    from fastprop.runs import History as History
    from fastprop.streaming import train_stream as train_stream
    from fastprop.sweeping import SweepResult as SweepResult
    from fastprop.sweeping import load_sweep as load_sweep
    from fastprop.sweeping.sweep import sweep as sweep  # not from fastprop.sweeping, where mypy takes it for the module
    from fastprop.training import train as train

__docformat__ = "numpy"  # of the docstrings, for pdoc

_IMPORTED_ON_USE = {
    "History": "fastprop.runs",
    "MLPClassifier": "fastprop.estimators",
    "MLPRegressor": "fastprop.estimators",
    "SweepCV": "fastprop.estimators",
    "TabularClassifier": "fastprop.estimators",
    "TabularRegressor": "fastprop.estimators",
    "RateSearch": "fastprop.learning_rate",
    "find_learning_rate": "fastprop.learning_rate",
    "train": "fastprop.training",
    "train_stream": "fastprop.streaming",
    "SweepResult": "fastprop.sweeping",
    "load_sweep": "fastprop.sweeping",
    "sweep": "fastprop.sweeping",
}
"""The module of each public name that is imported when it is first used."""

if not TYPE_CHECKING:  # a type checker takes the imports above, and would take a list of names in place of them
    _IMPORTED = (
        "DataWarning",
        "DivergenceWarning",
        "Ensemble",
        "MLP",
        "TableEnsemble",
        "TableModel",
        "calibration",
        "datasets",
        "from_torch",
        "intervals",
        "load",
        "metrics",
        "reference",
    )
    __all__ = sorted([*_IMPORTED, *_options.__all__, *_IMPORTED_ON_USE])


def __dir__() -> list[str]:
    """Return the public names."""
    return sorted([*__all__, "__version__"])


if not TYPE_CHECKING:  # a type checker takes a module with `__getattr__` to have every name

    def __getattr__(name):
        """Import a name that needs Numba when it is first used, so that ``import fastprop`` does not wait for Numba."""
        if name not in _IMPORTED_ON_USE:
            raise AttributeError(f"module 'fastprop' has no attribute {name!r}")
        with _held_interrupts():  # a module of another library that Ctrl-C left half imported could not be used again
            value = globals()[name] = getattr(import_module(_IMPORTED_ON_USE[name]), name)
        return value
