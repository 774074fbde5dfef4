"""The machine's peak, measured: fused multiply-adds in registers and nothing else. What all speeds are a share of."""

import functools
import time

from numba.core import types
from numba.extending import intrinsic

from fastprop.kernels.compiler import LANES, kernel
from fastprop.kernels.llvm import INT64, emit_fma, emit_loop, full
from fastprop.kernels.vectors import Vector

_CHAINS = 12  # more than latency (4 cycles) times units (2), and few enough for 16 registers


@intrinsic
def _spin(typing_context, rounds):
    """Run chains x ← ½ x + ½ of float32 vectors for so many rounds; return a lane, so that none is left out."""

    def emit(context, builder, sig, args):
        vector = context.get_value_type(Vector(types.float32))
        half, starts = full(vector, 0.5), [full(vector, float(number)) for number in range(_CHAINS)]
        chains = emit_loop(builder, args[0], starts, lambda k, old: [emit_fma(builder, x, half, half) for x in old])
        return builder.extract_element(functools.reduce(builder.fadd, chains), INT64(0))

    return types.float32(types.intp), emit


@kernel
def _run(rounds):
    return _spin(rounds)


def measure(seconds=0.2):
    """Return the float32 peak of one core in GFLOP/s (a multiply-add is two), the best of many short tries.

    Parameters
    ----------
    seconds : float
        How long to try.

    Returns
    -------
    float
    """
    rounds, best = 20_000, float("inf")
    _run(rounds)
    end = time.perf_counter() + seconds
    while (start := time.perf_counter()) < end:
        _run(rounds)
        best = min(best, time.perf_counter() - start)
    return rounds * _CHAINS * LANES * 2 / best / 1e9
