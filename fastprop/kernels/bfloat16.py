"""Numbers of bfloat16: float32 is rounded to them, two of them make a word, and pairs are multiplied and summed.

A bfloat16 has the sign, the exponent and the first 7 bits of the fraction of a float32. It is rounded to the nearest
one, halves to the even one; a number below the smallest normal one becomes 0, as everywhere in kernels (see
threads.py). A word of 32 bits holds a pair of neighbors: the even one in its low half, the odd one in its high half.

A sum of products adds the product of the odd elements of a pair, and then that of the even ones, each rounded to
float32. So does AMD's VDPBF16PS. As a product of two bfloat16 is exact in float32, two multiply-adds of float32 do the
same on any other machine, and results have the same bits.

References
----------
Intel, "BFLOAT16 – Hardware Numerics Definition", white paper 338302-001US, 2018.
"""

from llvmlite import ir
from numba.core import types
from numba.extending import intrinsic

from fastprop.kernels.compiler import MULTIPLIES_BFLOAT16
from fastprop.kernels.llvm import INT16, INT32, emit_call, emit_fma, emit_shuffle, full
from fastprop.kernels.pointers import emit_advance, emit_cast, emit_pointer, emit_store, pointer_type
from fastprop.kernels.vectors import Vector

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
    if MULTIPLIES_BFLOAT16 and a.type.count > 1:
        pairs = ir.VectorType(_BFloat(), 2 * a.type.count)
        args = [sums, builder.bitcast(a, pairs), builder.bitcast(b, pairs)]
        return emit_call(builder, f"llvm.x86.avx512bf16.dpbf16ps.{32 * a.type.count}", sums.type, args)
    for emit_half in (_emit_odd, _emit_even):
        a_half, b_half = (builder.bitcast(emit_half(builder, words), sums.type) for words in (a, b))
        sums = emit_fma(builder, a_half, b_half, sums)
    return sums


def _emit_odd(builder, words):
    """Return the odd one of each pair, as the bits of a float32."""
    return builder.and_(words, full(words.type, HIGH_HALF))


def _emit_even(builder, words):
    """Return the even one of each pair, as the bits of a float32."""
    return builder.shl(words, full(words.type, 16))


# ---- rounding ----


def _emit_halves(builder, vector):
    """Return a vector of float32 rounded to bfloat16, each as an integer of 16 bits."""
    halves = ir.VectorType(INT16, vector.type.count)
    if MULTIPLIES_BFLOAT16 and vector.type.count > 1:
        return builder.bitcast(builder.fptrunc(vector, ir.VectorType(_BFloat(), vector.type.count)), halves)
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
    return builder.trunc(builder.lshr(rounded, constant(16)), halves)


@intrinsic
def words_address(typing_context, array, index):
    """Return a pointer to the word that stands in place of element `index` of an array of float32."""

    def emit(context, builder, sig, args):
        return emit_cast(builder, emit_pointer(context, builder, array, *args), INT32)

    return pointer_type(types.uint32)(array, types.intp), emit


@intrinsic
def store_rounded(typing_context, array, index, half, vector):
    """Write a rounded vector from the word at element `index` on, `half` halves of words further."""

    def emit(context, builder, sig, args):
        pointer = emit_cast(builder, emit_pointer(context, builder, array, *args[:2]), INT16)
        emit_store(context, builder, _emit_halves(builder, args[3]), emit_advance(builder, pointer, args[2]))
        return context.get_dummy_value()

    return types.void(array, types.intp, types.intp, Vector(array.dtype)), emit


@intrinsic
def store_pairs(typing_context, array, index, even, odd):
    """Write the words of two vectors, lane by lane a pair, from element `index` on."""

    def emit(context, builder, sig, args):
        even, odd = (_emit_halves(builder, vector) for vector in args[2:])
        count = even.type.count
        halves = emit_shuffle(builder, even, odd, [lane + half for lane in range(count) for half in (0, count)])
        emit_store(context, builder, halves, emit_pointer(context, builder, array, *args[:2]))
        return context.get_dummy_value()

    return types.void(array, types.intp, Vector(array.dtype), Vector(array.dtype)), emit
