"""The moving average of the parameters, which moves after each step of a block."""

from typing import NamedTuple

import numpy as np

from fastprop.kernels.arithmetic import fma
from fastprop.kernels.compiler import noinline
from fastprop.kernels.load_store import lanes, load, store


class EMA(NamedTuple):
    """The moving average of the parameters."""

    parameters: np.ndarray  # (P,); empty where there is no average
    rest: float  # 1 - decay: the fraction of the difference to the parameters that it moves by in a step
    start: int  # before this epoch it equals the parameters


@noinline
def update_average(average, epoch, parameters, weights, rows, columns):
    """A ← a + (1 - decay) (w - a), or, before the epoch in which the average starts, a ← w."""
    # weights (R, C) in parameters, a (R, C) at the same offset in average.parameters
    for row in range(rows):
        first = weights.offset + row * weights.stride
        for i in range(first, first + columns, lanes(parameters)):
            w, a = load(parameters, i), load(average.parameters, i)
            store(average.parameters, i, w if epoch < average.start else fma(average.rest, w - a, a))
