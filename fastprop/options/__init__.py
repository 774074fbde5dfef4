"""Options: small frozen objects, checked when they are made.

Each module lists its public classes and functions in its own ``__all__``; ``fastprop`` exports them all.
"""

from typing import TYPE_CHECKING

from fastprop.options import (
    checkpoints,
    clipping,
    distributions,
    early_stopping,
    halving,
    losses,
    optimizers,
    population,
    schedules,
    search,
    weight_averaging,
)
from fastprop.options.checkpoints import *
from fastprop.options.clipping import *
from fastprop.options.clipping import CLIPS as CLIPS
from fastprop.options.clipping import Clip as Clip
from fastprop.options.distributions import *
from fastprop.options.early_stopping import *
from fastprop.options.encoding import decoded as decoded
from fastprop.options.encoding import encoded as encoded
from fastprop.options.halving import *
from fastprop.options.halving import HALVINGS as HALVINGS
from fastprop.options.losses import *
from fastprop.options.losses import LOSS_OPTIONS as LOSS_OPTIONS
from fastprop.options.losses import LossOption as LossOption
from fastprop.options.losses import loss_option as loss_option
from fastprop.options.optimizers import *
from fastprop.options.optimizers import DESCENTS as DESCENTS
from fastprop.options.optimizers import OPTIMIZERS as OPTIMIZERS
from fastprop.options.optimizers import Descent as Descent
from fastprop.options.population import *
from fastprop.options.rung_rule import RungRule as RungRule
from fastprop.options.schedules import *
from fastprop.options.schedules import SCHEDULES as SCHEDULES
from fastprop.options.schedules import Schedule as Schedule
from fastprop.options.search import *
from fastprop.options.weight_averaging import *

_MODULES = (
    checkpoints,
    clipping,
    distributions,
    early_stopping,
    halving,
    losses,
    optimizers,
    population,
    schedules,
    search,
    weight_averaging,
)

if not TYPE_CHECKING:  # a type checker takes the imports above, and would take a list of names in place of them
    __all__ = sorted(name for module in _MODULES for name in module.__all__)
