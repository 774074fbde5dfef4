"""The specification: training in plain NumPy and float64, written to be read.

Everything that the kernels do fast is done here by the textbook, and every kernel is tested against it.
Weights are (n_in, n_out), a row of X is an example, and a layer is ``a = f(x @ W + b)``. It shares no code with
the kernels, and knows no blocks, vectors or threads, and float32 only where products are of bfloat16.

Read it in this order: activations, losses, bfloat16, network (forward and backward), optimizers, schedules, randomness
(the order of rows, and dropout), training (a step, a run), streaming (a run over chunks).

Source: Rumelhart, Hinton and Williams, "Learning representations by back-propagating errors", Nature 323 (1986).
"""

from .activations import ACTIVATIONS, OUTPUT_ONLY, Activation, sigmoid, softmax
from .bfloat16 import PRECISIONS, rounded_layers
from .losses import LOSSES, losses_and_delta, one_hot
from .network import Network, forward, gradients, loss
from .optimizers import CLIPS, OPTIMIZERS, clipped, norm
from .randomness import dropout_mask, row_order
from .schedules import SCHEDULES, factor
from .streaming import train_stream
from .training import PartFactors, Record, last_improvement, step, train

__all__ = [
    "ACTIVATIONS",
    "CLIPS",
    "LOSSES",
    "OPTIMIZERS",
    "OUTPUT_ONLY",
    "PRECISIONS",
    "SCHEDULES",
    "Activation",
    "Network",
    "PartFactors",
    "Record",
    "clipped",
    "dropout_mask",
    "factor",
    "forward",
    "gradients",
    "last_improvement",
    "loss",
    "losses_and_delta",
    "norm",
    "one_hot",
    "rounded_layers",
    "row_order",
    "sigmoid",
    "softmax",
    "step",
    "train",
    "train_stream",
]
__docformat__ = "numpy"
