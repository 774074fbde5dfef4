"""Numbers of bfloat16: float32 is rounded to them, and pairs of them are multiplied and summed in float32.

A bfloat16 has the sign, the exponent and the first 7 bits of the fraction of a float32. It is rounded to the nearest
one, halves to the even one; a number below the smallest normal one becomes 0, as everywhere in kernels (see
threads.py).

A sum of products goes pair by pair: it adds the product of the odd elements of a pair, and then that of the even ones,
each rounded to float32. So does the instruction VDPBF16PS (AVX512_BF16), for which a pair is a word: the even one in
the low half of its 32 bits, the odd one in the high half. A product of two bfloat16 is exact in float32, and so
multiply-adds of float32 have the same bits. For them, on any other machine, a pair is two float32, the odd one first.

References
----------
Intel, "BFLOAT16 – Hardware Numerics Definition", white paper 338302-001US, 2018.
"""

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from fastprop.kernels.compiler import MULTIPLIES_BFLOAT16
from fastprop.kernels.llvm import INT16, INT32, INT64, emit_call, emit_shuffle, full
from fastprop.kernels.pointers import emit_advance, emit_cast, emit_pointer, emit_store, pointer_type
from fastprop.kernels.vectors import Vector

PAIR = 1 if MULTIPLIES_BFLOAT16 else 2
"""Elements of an array of float32 that a pair takes: those of a word, or of two float32."""

SIGN, EXPONENT, QUIET, HIGH_HALF = 0x80000000, 0x7F800000, 0x00400000, 0xFFFF0000
"""Bits of a float32: its sign, its exponent, what makes a NaN a quiet one, and those that a bfloat16 has."""


class _BFloat(ir.Type):
    """LLVM's type bfloat, which llvmlite does not have."""

    def _to_string(self):
        return "bfloat"

    def __eq__(self, other):
        return isinstance(other, _BFloat)

    def __hash__(self):
        return hash(self._to_string())


# ---- products ----


def emit_multiply_pairs(builder, a, b, sums):
    """Return `sums`, a vector of float32, plus the products of the pairs in the vectors of words `a` and `b`."""
    pairs = ir.VectorType(_BFloat(), 2 * a.type.count)
    args = [sums, builder.bitcast(a, pairs), builder.bitcast(b, pairs)]
    return emit_call(builder, f"llvm.x86.avx512bf16.dpbf16ps.{32 * a.type.count}", sums.type, args)


@intrinsic
def pairs_address(typing_context, array, index):
    """Return a pointer to pairs, which begin in place of element `index` of an array of float32, for a product."""
    element = types.uint32 if MULTIPLIES_BFLOAT16 else types.float32

    def emit(context, builder, sig, args):
        return emit_cast(builder, emit_pointer(context, builder, array, *args), context.get_value_type(element))

    return pointer_type(element)(array, types.intp), emit


# ---- rounding ----


def _emit_halves(builder, vector):
    """Return a vector of float32 rounded to bfloat16, each as an integer of 16 bits."""
    halves = builder.fptrunc(vector, ir.VectorType(_BFloat(), vector.type.count))
    return builder.bitcast(halves, ir.VectorType(INT16, vector.type.count))


def _emit_rounded(builder, vector):
    """Return a vector of float32 rounded to bfloat16, each as a float32."""
    words = ir.VectorType(INT32, vector.type.count)

    def constant(number):
        return full(words, number)

    bits = builder.bitcast(vector, words)
    lowest = builder.and_(builder.lshr(bits, constant(16)), constant(1))
    rounded = builder.add(builder.add(bits, constant(0x7FFF)), lowest)
    is_normal = builder.icmp_unsigned("!=", builder.and_(bits, constant(EXPONENT)), constant(0))
    rounded = builder.select(is_normal, rounded, builder.and_(bits, constant(SIGN)))
    is_nan = builder.fcmp_unordered("uno", vector, vector)
    rounded = builder.select(is_nan, builder.or_(bits, constant(QUIET)), rounded)
    return builder.bitcast(builder.and_(rounded, constant(HIGH_HALF)), vector.type)


@intrinsic
def store_rounded(typing_context, array, index, column, vector):
    """Round a vector, and write it to the row of pairs that begins at element `index`, from a `column` on."""

    def emit(context, builder, sig, args):
        array_value, index, column, values = args
        first = emit_pointer(context, builder, array, array_value, index)
        count = values.type.count
        if MULTIPLIES_BFLOAT16:
            first, values = emit_cast(builder, first, INT16), _emit_halves(builder, values)
        elif count > 1:
            values = _emit_rounded(builder, values)
            values = emit_shuffle(builder, values, values, [lane ^ 1 for lane in range(count)])
        else:
            column, values = builder.xor(column, INT64(1)), _emit_rounded(builder, values)
        emit_store(context, builder, values, emit_advance(builder, first, column))
        return context.get_dummy_value()

    return types.void(array, types.intp, types.intp, Vector(array.dtype)), emit


@intrinsic
def store_pairs(typing_context, array, index, stride, even, odd):
    """Write the pairs of two vectors, lane by lane, at element `index`; if two float32 are a pair, at this `stride`."""

    def emit(context, builder, sig, args):
        first = emit_pointer(context, builder, array, *args[:2])
        if MULTIPLIES_BFLOAT16:
            even, odd = (_emit_halves(builder, vector) for vector in args[3:])
            count = even.type.count
            lanes = [lane + half for lane in range(count) for half in (0, count)]
            emit_store(context, builder, emit_shuffle(builder, even, odd, lanes), first)
        else:
            even, odd = (_emit_rounded(builder, vector) for vector in args[3:])
            emit_store(context, builder, odd, first)
            emit_store(context, builder, even, emit_advance(builder, first, args[2]))
        return context.get_dummy_value()

    return types.void(array, types.intp, types.intp, Vector(array.dtype), Vector(array.dtype)), emit
