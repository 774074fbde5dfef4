"""The trainers that are compared: fastprop and its peers, each used as an experienced user would.

All train the same network: squared error (mean over rows and outputs) or cross-entropy (mean over rows), plain SGD,
Adam or AdamW at PyTorch's defaults, float32, rows reshuffled every epoch unless all make one step. A schedule of the
learning rate goes over all steps of a call. The last, partial batch of an epoch is trained on too.
A contestant imports its library when it is prepared, so that a library that is not installed is only missing from the
table.
"""

from .contestant import Contestant, UnavailableError, UnequalWorkError
from .equal_work import check_equal_work
from .fastprop import Fastprop
from .jax import Jax
from .numpy import NumPy
from .scikit_learn import ScikitLearn
from .torch import Torch, TorchCompiled

__all__ = ["CONTESTANTS", "Contestant", "UnavailableError", "UnequalWorkError", "check_equal_work"]

CONTESTANTS = {
    contestant.name: contestant
    for contestant in (
        Fastprop(),
        Torch(),
        TorchCompiled(),
        Jax("jax", host_order=False),
        Jax("jax-host-order", host_order=True),
        ScikitLearn(),
        NumPy(),
    )
}
