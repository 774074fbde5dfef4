"""The register tile: the one loop that all of training is made of.

    C[m, v] = Σₖ a[m, k] · B[k, v]

for a few rows m and a few vectors v. The accumulators stay in registers while k runs, and each of them is one chain of
fused multiply-adds with k ascending. A result therefore does not depend on how the work was cut into tiles.

A pointer to numbers has each a[m, k] broadcast to a vector. A pointer to vectors, where a lane is a network, has each
a[m, k] read as it is; B's vectors may then lie at any distance. Pointers to words have k count pairs of bfloat16, a
word each (see bfloat16.py), while C holds numbers all the same.
"""

from typing import NamedTuple

from numba import types
from numba.extending import intrinsic

from fastprop.kernels.bfloat16 import emit_multiply_pairs
from fastprop.kernels.compiler import REGISTERS, inline, noinline
from fastprop.kernels.layout import BLOCK_ROWS
from fastprop.kernels.llvm import (
    INT64,
    emit_fma,
    emit_loop,
    emit_opaque,
    emit_splat,
    emit_where,
    full,
)
from fastprop.kernels.load_store import advance
from fastprop.kernels.pointers import emit_advance, emit_load, emit_load_element, emit_store
from fastprop.kernels.vectors import Vector

DEPTH = 128
"""The longest k of a tile. A strip of B that deep takes 32 KB, and is in the L1 cache when the next tile needs it."""

TRANSPOSED_DEPTH = 64
"""The longest k of a transposed tile.

Each k of a stored (K, M) has a cache line of its own, which serves the next tiles too. At half the depth, these lines
and B's strip of 16 KB stay in the L1 cache together.
"""

TILE_ROWS = (16, 12, 8, 6) if REGISTERS == 32 else (8, 6, 4)
"""Rows of a full tile of 1, 2, 3 … vectors: accumulators, the vectors of B and one broadcast fill the registers.

16 registers leave 2 rows for 4 vectors: 6 loads for 8 multiply-adds, where 4 rows of 3 vectors have 7 loads for 12.
"""

ODD_TILE_ROWS = (17, 13, 9, 5) if REGISTERS == 32 else (9, 5, 3)
"""Rows of the tile of 1, 2, 3 … vectors with which an odd number of rows begins."""

STRIP_VECTORS = len(TILE_ROWS)
"""Vectors in a row of the widest tile."""

SMALL_TILE_ROWS = 4
"""Rows of the tile that follows the full ones; what is left after it is one tile of 1, 2 or 3 rows."""

if any(BLOCK_ROWS % rows for rows in TILE_ROWS):
    raise AssertionError(f"BLOCK_ROWS = {BLOCK_ROWS} must be a multiple of each of TILE_ROWS = {TILE_ROWS}.")


class Operand(NamedTuple):
    """The operand A or the result C of a product, without its size."""

    pointer: types.CPointer  # to a number, to a word, or to a vector with a number of each network
    stride: int  # elements of the pointer's type from one row to the next


class VectorOperand(NamedTuple):
    """The operand B of a product, without its size."""

    pointer: types.CPointer  # to a number, or to a word
    stride: int  # elements from one row to the next
    vector_stride: int  # elements from one vector of a row to the next; read only where A holds vectors


def _make_tile(rows, vectors, transposed):
    """Return a tile of `rows` × `vectors` accumulators, which begin with what C holds if `accumulate`, else with zeros.

    `transposed` says in which direction A's elements are neighbors in memory: along k, where A is stored (M, K), or
    along m, where it is stored (K, M). One of the two strides is thus a constant.
    """

    @intrinsic
    def tile(typing_context, a, b, c, depth, accumulate):
        # c (M, V) = a (M, depth) · b (depth, V), + c if accumulate; a (depth, M) if transposed
        def emit(context, builder, sig, args):
            a_value, b_value, c_value, depth, accumulate = args
            a_first, a_stride = [builder.extract_value(a_value, i) for i in range(2)]
            b_first, b_stride, vector_stride = [builder.extract_value(b_value, i) for i in range(3)]
            c_first, c_stride = [builder.extract_value(c_value, i) for i in range(2)]
            vector = context.get_value_type(Vector(c.types[0].dtype))
            b_vector = context.get_value_type(Vector(b.types[0].dtype))
            emit_multiply_add = emit_fma if b_vector == vector else emit_multiply_pairs
            holds_vectors = isinstance(a.types[0].dtype, Vector)
            if not holds_vectors:
                vector_stride = INT64(vector.count)

            def at(pointer, offset):
                return emit_advance(builder, pointer, offset)

            def a_vector(pointer):
                if holds_vectors:
                    return emit_load(context, builder, pointer, vector)
                return emit_splat(builder, emit_load_element(context, builder, pointer), b_vector)

            # The offsets of A's rows stay in registers, or LLVM would compute them anew for each k.
            def row_offset(m):
                return INT64(m) if transposed else emit_opaque(builder, builder.mul(a_stride, INT64(m)))

            row_offsets = [row_offset(m) for m in range(rows)]

            def add_products(k, sums):
                b_row = at(b_first, builder.mul(k, b_stride))
                b_pointers = (at(b_row, builder.mul(vector_stride, INT64(v))) for v in range(vectors))
                b_vectors = [emit_load(context, builder, pointer, b_vector) for pointer in b_pointers]
                a_k = at(a_first, builder.mul(k, a_stride) if transposed else k)
                new_sums = []
                for m in range(rows):
                    a_mk = a_vector(at(a_k, row_offsets[m]))
                    for v in range(vectors):
                        new_sums.append(emit_multiply_add(builder, a_mk, b_vectors[v], sums[m * vectors + v]))
                return new_sums

            c_rows = [at(c_first, builder.mul(c_stride, INT64(m))) for m in range(rows)]
            results = [at(c_row, INT64(v * vector.count)) for c_row in c_rows for v in range(vectors)]
            zeros = [full(vector, 0.0)] * len(results)
            sums = emit_where(
                builder, accumulate, lambda: [emit_load(context, builder, each, vector) for each in results], zeros
            )
            for pointer, total in zip(results, emit_loop(builder, depth, sums, add_products)):
                emit_store(context, builder, total, pointer)
            return context.get_dummy_value()

        return types.void(a, b, c, types.intp, types.boolean), emit

    return tile


def _make_strip(vectors, full_rows, odd_rows, transposed):
    """Return a strip of C, `vectors` wide and of any number of rows: tiles of `full_rows` rows, then of 4 and fewer.

    An odd number of rows, such as those of 64 inputs and a bias, begins with a tile of `odd_rows` rows, so that no row
    is left alone at the end.
    """
    tile_full, tile_odd = _make_tile(full_rows, vectors, transposed), _make_tile(odd_rows, vectors, transposed)
    tile_4, tile_3, tile_2, tile_1 = (_make_tile(rows, vectors, transposed) for rows in (SMALL_TILE_ROWS, 3, 2, 1))

    @inline
    def skip(a, rows):
        return Operand(advance(a.pointer, rows if transposed else rows * a.stride), a.stride)

    @noinline
    def strip(a, b, c, rows, depth, accumulate):
        # c (rows, V) = a (rows, depth) · b (depth, V), + c if accumulate; a (depth, rows) if transposed
        if rows % 2 == 1 and rows >= odd_rows:
            tile_odd(a, b, c, depth, accumulate)
            a, c, rows = skip(a, odd_rows), skip_rows(c, odd_rows), rows - odd_rows
        while rows >= full_rows:
            tile_full(a, b, c, depth, accumulate)
            a, c, rows = skip(a, full_rows), skip_rows(c, full_rows), rows - full_rows
        while rows >= SMALL_TILE_ROWS:
            tile_4(a, b, c, depth, accumulate)
            a, c, rows = skip(a, SMALL_TILE_ROWS), skip_rows(c, SMALL_TILE_ROWS), rows - SMALL_TILE_ROWS
        if rows == 3:
            tile_3(a, b, c, depth, accumulate)
        elif rows == 2:
            tile_2(a, b, c, depth, accumulate)
        elif rows == 1:
            tile_1(a, b, c, depth, accumulate)

    return strip


@inline
def skip_rows(matrix, rows):
    """Return the operand without its first `rows` rows."""
    return Operand(advance(matrix.pointer, rows * matrix.stride), matrix.stride)


def _make_multiply(transposed):
    max_depth = TRANSPOSED_DEPTH if transposed else DEPTH
    strips = [_make_strip(1 + i, *rows, transposed) for i, rows in enumerate(zip(TILE_ROWS, ODD_TILE_ROWS))]
    strip_1, strip_2, strip_3, strip_4 = [*strips, strips[-1]][:4]  # nobody asks for 4 vectors where no tile has them

    @inline
    def multiply(a, b, c, rows, vectors, depth, accumulate):
        # c (rows, V) = a (rows, depth) · b (depth, V), + c if accumulate; a (depth, rows) if transposed
        step = depth
        if depth > max_depth:  # steps of nearly one depth
            steps = (depth + max_depth - 1) // max_depth
            step = (depth + steps - 1) // steps
        k = 0
        while k < depth:  # not a range: its length is a division
            a_k = Operand(advance(a.pointer, k * a.stride if transposed else k), a.stride)
            b_k = VectorOperand(advance(b.pointer, k * b.stride), b.stride, b.vector_stride)
            part = min(step, depth - k)
            if vectors == 4:
                strip_4(a_k, b_k, c, rows, part, accumulate)
            elif vectors == 3:
                strip_3(a_k, b_k, c, rows, part, accumulate)
            elif vectors == 2:
                strip_2(a_k, b_k, c, rows, part, accumulate)
            else:
                strip_1(a_k, b_k, c, rows, part, accumulate)
            k, accumulate = k + part, True

    return multiply


multiply = _make_multiply(transposed=False)
"""C = A · B with A stored (M, K), or with `accumulate` C += A · B."""

multiply_transposed = _make_multiply(transposed=True)
"""C = Aᵀ · B with A stored (K, M), or with `accumulate` C += Aᵀ · B."""
