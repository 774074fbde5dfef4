"""The machine's peak, measured: fused multiply-adds in registers and nothing else. What all speeds are a share of."""

import time

from llvmlite import ir
from numba.core import types
from numba.extending import intrinsic

from fastprop.kernels.jit import LANES, kernel
from fastprop.kernels.simd import INT64, Vector, emit_fma

_CHAINS = 12  # more than latency (4 cycles) times units (2), and few enough for 16 registers


@intrinsic
def _spin(typing_context, rounds):
    """Run chains x ← ½ x + ½ of float32 vectors for so many rounds; return a lane, so that none is left out."""

    def emit(context, builder, sig, args):
        vector = context.get_value_type(Vector(types.float32))
        half = ir.Constant(vector, [0.5] * vector.count)
        before, loop, after = builder.block, builder.append_basic_block("round"), builder.append_basic_block("done")
        builder.branch(loop)
        builder.position_at_end(loop)
        count = builder.phi(INT64)
        chains = [builder.phi(vector) for _ in range(_CHAINS)]
        grown = [emit_fma(builder, x, half, half) for x in chains]
        count_next = builder.add(count, INT64(1))
        count.add_incoming(INT64(0), before)
        count.add_incoming(count_next, loop)
        for number, (x, x_next) in enumerate(zip(chains, grown)):
            x.add_incoming(ir.Constant(vector, [float(number)] * vector.count), before)
            x.add_incoming(x_next, loop)
        builder.cbranch(builder.icmp_signed("<", count_next, args[0]), loop, after)
        builder.position_at_end(after)
        total = grown[0]
        for x in grown[1:]:
            total = builder.fadd(total, x)
        return builder.extract_element(total, INT64(0))

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
