"""The peak of a core, measured: fused multiply-adds in registers and nothing else. Speeds are shares of it."""

import functools
import time

from numba import types
from numba.extending import intrinsic

from fastprop.kernels.compiler import LANES, kernel
from fastprop.kernels.llvm import INT64, emit_fma, emit_loop, full
from fastprop.kernels.vectors import Vector

_CHAINS = 12
"""Accumulators: more than the latency of 4 cycles times 2 units, and few enough for 16 registers."""


@intrinsic
def _spin(typing_context, rounds):
    """Apply x ← ½ x + ½ to each accumulator `rounds` times; return a lane of their sum, so that LLVM keeps them all."""

    def emit(context, builder, sig, args):
        vector = context.get_value_type(Vector(types.float32))
        half = full(vector, 0.5)
        # No chain begins with 1, which it would stay: LLVM would take it for a constant, without a multiply-add.
        starts = [full(vector, 2.0 + index) for index in range(_CHAINS)]
        chains = emit_loop(builder, args[0], starts, lambda k, old: [emit_fma(builder, x, half, half) for x in old])
        return builder.extract_element(functools.reduce(builder.fadd, chains), INT64(0))

    return types.float32(types.intp), emit


@kernel
def _run(rounds):
    return _spin(rounds)


def measure(seconds=0.2):
    """Return the float32 peak of one core in GFLOP/s, the best of many short tries. A multiply-add counts as two.

    Parameters
    ----------
    seconds : float
        How long to try, in seconds.

    Returns
    -------
    float

    Examples
    --------
    >>> measure(seconds=0.01) > 0
    True
    """
    rounds = 20_000
    best = float("inf")
    _run(rounds)
    end = time.perf_counter() + seconds
    while (start := time.perf_counter()) < end:
        _run(rounds)
        best = min(best, time.perf_counter() - start)
    return rounds * _CHAINS * LANES * 2 / best / 1e9
