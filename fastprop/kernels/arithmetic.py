"""Arithmetic of vectors beyond the operators: fused multiply-adds, choices, square roots, exponents.

Each of these intrinsics runs only inside kernels. It has a twin in NumPy in ``tests/test_arithmetic.py``.
"""

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from fastprop.kernels.llvm import emit_call, emit_fma, emit_splat, full, numbered
from fastprop.kernels.vectors import Vector, words_of


@intrinsic
def fma(typing_context, a, b, c):
    """Return the sum a · b + c, rounded once. At least one of the three is a vector."""
    vector = next(x for x in (a, b, c) if isinstance(x, Vector))

    def emit(context, builder, sig, args):
        return emit_fma(builder, *args)

    return vector(vector, vector, vector), emit


@intrinsic
def sqrt(typing_context, vector):
    """Return the square root of each lane."""

    def emit(context, builder, sig, args):
        name = f"llvm.sqrt.v{vector.lanes}f{vector.dtype.bitwidth}"
        return emit_call(builder, name, args[0].type, args)

    return vector(vector), emit


@intrinsic
def arithmetic_sequence(typing_context, start, step):
    """Return a vector of uint64: `start`, `start` + `step`, `start` + 2 · `step`, …."""
    vector = Vector(types.uint64)

    def emit(context, builder, sig, args):
        kind = context.get_value_type(vector)
        start, step = (emit_splat(builder, each, kind) for each in args)
        return builder.add(start, builder.mul(step, numbered(kind)))

    return vector(types.uint64, types.uint64), emit


def polynomial(*coefficients):
    """Return an intrinsic for the polynomial of these coefficients, the highest first, by Horner's rule."""

    @intrinsic
    def horner(typing_context, x):
        def emit(context, builder, sig, args):
            first, *others = [full(args[0].type, coefficient) for coefficient in coefficients]
            total = first
            for coefficient in others:
                total = emit_fma(builder, total, args[0], coefficient)
            return total

        return x(x), emit

    return horner


# ---- choices ----


@intrinsic
def where_less(typing_context, a, b, yes, no):
    """Return `yes` where a < b, else `no`: also where a or b is NaN."""
    vector = next(x for x in (a, b, yes, no) if isinstance(x, Vector))

    def emit(context, builder, sig, args):
        return builder.select(builder.fcmp_ordered("<", args[0], args[1]), args[2], args[3])

    return vector(vector, vector, vector, vector), emit


@intrinsic
def where_below(typing_context, a, b, yes, no):
    """Return `yes` where the word of `a` is below that of `b`, both without a sign, else `no`."""
    vector = next(x for x in (yes, no) if isinstance(x, Vector))

    def emit(context, builder, sig, args):
        return builder.select(builder.icmp_unsigned("<", args[0], args[1]), args[2], args[3])

    return vector(words_of(vector.dtype), words_of(vector.dtype), vector, vector), emit


# ---- exponents ----

_MANTISSA_BITS = {32: 23, 64: 52}
_ROOT_HALF_BITS = {32: 0x3F3504F3, 64: 0x3FE6A09E667F3BCD}  # of √½


def _integers(vector):
    """Return the LLVM type of a vector of integers as wide as the numbers of `vector`."""
    return ir.VectorType(ir.IntType(vector.dtype.bitwidth), vector.lanes)


@intrinsic
def power_of_two(typing_context, vector):
    """Return 2ⁿ, where n plus the exponents' bias (127 or 1023) stands in the lowest bits of each lane."""
    integers = _integers(vector)
    mantissa = full(integers, _MANTISSA_BITS[vector.dtype.bitwidth])

    def emit(context, builder, sig, args):
        bits = builder.bitcast(args[0], integers)
        return builder.bitcast(builder.shl(bits, mantissa), args[0].type)

    return vector(vector), emit


@intrinsic
def split_exponent(typing_context, vector):
    """Return (m, n) with `vector` = m · 2ⁿ and √½ ≤ m < √2. For positive, normal numbers."""
    integers = _integers(vector)
    mantissa = full(integers, _MANTISSA_BITS[vector.dtype.bitwidth])
    root_half = full(integers, _ROOT_HALF_BITS[vector.dtype.bitwidth])

    def emit(context, builder, sig, args):
        bits = builder.bitcast(args[0], integers)
        power = builder.ashr(builder.sub(bits, root_half), mantissa)
        rest = builder.sub(bits, builder.shl(power, mantissa))
        pair = builder.bitcast(rest, args[0].type), builder.sitofp(power, args[0].type)
        return context.make_tuple(builder, sig.return_type, pair)

    return types.UniTuple(vector, 2)(vector), emit
