"""How the parts of a kernel come together."""

import numpy as np

from fastprop.kernels.jit import noinline
from fastprop.kernels.simd import lanes
from tests.parts import compiled


@noinline
def tenfold(x):
    return 10 * x


@noinline
def idle(x, array):
    return tenfold(x) if lanes(array) == 0 else x  # never, as LLVM finds out: then nothing here calls the other


@noinline
def busy(x):
    return tenfold(x)


@compiled
def both(x, array):
    return idle(x, array) + busy(x)


def test_what_the_first_of_its_callers_has_no_need_of_is_there_for_the_second():
    assert both(3, np.zeros(1, np.float32)) == 33
