"""The register tile: the one loop that all of training is made of.

    C[m, v] = Σₖ a[m, k] · B[k, v]

for a few rows m and a few vectors v, whose accumulators stay in registers while k runs. Each accumulator is one chain
of fused multiply-adds with k ascending, so that a result does not depend on how the work was cut into tiles. A pointer
to numbers has each a[m, k] broadcast; a pointer to vectors, a network a lane, has it read as it is, and B's vectors
may lie any step apart.
"""

from numba.core import types
from numba.extending import intrinsic

from fastprop.kernels.compiler import REGISTERS, inline, noinline
from fastprop.kernels.llvm import (
    INT64,
    emit_fma,
    emit_load,
    emit_loop,
    emit_opaque,
    emit_splat,
    emit_store,
    emit_where,
    full,
)
from fastprop.kernels.load_store import advance
from fastprop.kernels.vectors import Vector

DEPTH, DEPTH_TRANSPOSED = 128, 64
"""The longest k of a tile: a strip of B that deep, 32 or 16 KB, is still near when the next tile needs it.

Of a stored (K, M), each k has a cache line of its own, which serves the next tiles too: half as deep, these and B's
strip stay in the L1 cache together, and 784-128-10 takes 4 % less.
"""


def _make_tile(rows, vectors, transposed):
    """A tile of `rows` × `vectors` accumulators, which begin with what C holds if `more`, else with zeros.

    `transposed` says which neighbors in memory the broadcast operand has: those along k (a is stored (M, K)) or, if
    true, those along m (a is stored (K, M)). With either known, one of the two strides is a constant: 84 % of peak for
    the transposed tile, 78 % with both strides variable.
    """

    @intrinsic
    def tile(typing_context, a, a_stride, b, b_stride, b_step, c, c_stride, depth, more):
        def emit(context, builder, sig, args):
            vector = context.get_value_type(Vector(b.dtype))
            a_first, a_stride, b_first, b_stride, b_step, c_first, c_stride, depth, more = args
            wide = isinstance(a.dtype, Vector)
            step = b_step if wide else INT64(vector.count)
            at = lambda pointer, offset: builder.gep(pointer, [offset], inbounds=True)  # noqa: E731

            def a_vector(pointer):
                if wide:
                    return emit_load(builder, pointer, vector)
                return emit_splat(builder, builder.load(pointer), vector)

            # Rows of a at offsets in registers: with 3 integer instructions for each k, not 7, the tile is 6 % faster.
            def offset(m):
                return INT64(m) if transposed else emit_opaque(builder, builder.mul(a_stride, INT64(m)))

            offsets = [offset(m) for m in range(rows)]

            def grow(k, sums):
                b_row = at(b_first, builder.mul(k, b_stride))
                b_vectors = [emit_load(builder, at(b_row, builder.mul(step, INT64(v))), vector) for v in range(vectors)]
                a_k = at(a_first, builder.mul(k, a_stride) if transposed else k)
                grown = []
                for m in range(rows):
                    a_mk = a_vector(at(a_k, offsets[m]))
                    grown += [emit_fma(builder, a_mk, b_vectors[v], sums[m * vectors + v]) for v in range(vectors)]
                return grown

            c_rows = [at(c_first, builder.mul(c_stride, INT64(m))) for m in range(rows)]
            places = [at(c_row, INT64(v * vector.count)) for c_row in c_rows for v in range(vectors)]
            zeros = [full(vector, 0.0)] * len(places)
            sums = emit_where(builder, more, lambda: [emit_load(builder, c, vector) for c in places], zeros)
            for c, total in zip(places, emit_loop(builder, depth, sums, grow)):
                emit_store(builder, total, c)
            return context.get_dummy_value()

        i = types.intp
        return types.void(a, i, b, i, i, c, i, i, types.boolean), emit

    return tile


def _make_strip(vectors, most_rows, odd_rows, transposed):
    """A strip of C, `vectors` wide and any number of rows high, in tiles of `most_rows` rows, then of 4 and fewer.

    An odd number of rows (64 inputs and a bias) begins with a tile of `odd_rows`, lest one row be left for the end:
    the weight gradients of digits came down from 4260 to 3860 cycles a step.
    """
    tile_full, tile_odd = _make_tile(most_rows, vectors, transposed), _make_tile(odd_rows, vectors, transposed)
    tile_4, tile_3, tile_2, tile_1 = (_make_tile(rows, vectors, transposed) for rows in (4, 3, 2, 1))

    @noinline
    def strip(a, a_stride, b, b_stride, b_step, c, c_stride, rows, depth, more):
        step = 1 if transposed else a_stride
        if rows % 2 == 1 and rows >= odd_rows:
            tile_odd(a, a_stride, b, b_stride, b_step, c, c_stride, depth, more)
            a, c, rows = advance(a, odd_rows * step), advance(c, odd_rows * c_stride), rows - odd_rows
        while rows >= most_rows:
            tile_full(a, a_stride, b, b_stride, b_step, c, c_stride, depth, more)
            a, c, rows = advance(a, most_rows * step), advance(c, most_rows * c_stride), rows - most_rows
        while rows >= 4:
            tile_4(a, a_stride, b, b_stride, b_step, c, c_stride, depth, more)
            a, c, rows = advance(a, 4 * step), advance(c, 4 * c_stride), rows - 4
        if rows == 3:
            tile_3(a, a_stride, b, b_stride, b_step, c, c_stride, depth, more)
        elif rows == 2:
            tile_2(a, a_stride, b, b_stride, b_step, c, c_stride, depth, more)
        elif rows == 1:
            tile_1(a, a_stride, b, b_stride, b_step, c, c_stride, depth, more)

    return strip


# The rows of a tile of 1, 2, 3, 4 vectors: accumulators, the vectors of b and one splat fill the registers.
# With 32 of them, on 128-64-64: 6 × 4 gives 79 %, 8 × 3 80 %, 12 × 2 77 %, 16 × 1 63 % of peak.
_ROWS = (16, 12, 8, 6) if REGISTERS == 32 else (8, 6, 4, 2)
_ODD_ROWS = (17, 13, 9, 5) if REGISTERS == 32 else (9, 5, 3, 1)


def _make_multiply(transposed):
    deepest = DEPTH_TRANSPOSED if transposed else DEPTH
    strip_1, strip_2, strip_3, strip_4 = (
        _make_strip(vectors, *rows, transposed) for vectors, *rows in zip((1, 2, 3, 4), _ROWS, _ODD_ROWS)
    )

    @inline
    def multiply(a, a_stride, b, b_stride, b_step, c, c_stride, rows, vectors, depth, more):
        # c (rows, vectors)   b (depth, vectors)   a (rows, depth), or (depth, rows) if transposed; vectors ≤ 4
        maximum = depth
        if depth > deepest:  # blocks of nearly one depth
            blocks = (depth + deepest - 1) // deepest
            maximum = (depth + blocks - 1) // blocks
        k = 0
        while k < depth:  # not a range: its length is a division, which a call of 100 cycles feels
            deep = min(maximum, depth - k)
            a_k, b_k = advance(a, k * a_stride if transposed else k), advance(b, k * b_stride)
            if vectors == 4:
                strip_4(a_k, a_stride, b_k, b_stride, b_step, c, c_stride, rows, deep, more)
            elif vectors == 3:
                strip_3(a_k, a_stride, b_k, b_stride, b_step, c, c_stride, rows, deep, more)
            elif vectors == 2:
                strip_2(a_k, a_stride, b_k, b_stride, b_step, c, c_stride, rows, deep, more)
            else:
                strip_1(a_k, a_stride, b_k, b_stride, b_step, c, c_stride, rows, deep, more)
            k, more = k + deep, True

    return multiply


multiply = _make_multiply(transposed=False)
"""C = A · B with A stored (M, K), or with `more` C += A · B."""

multiply_transposed = _make_multiply(transposed=True)
"""C = Aᵀ · B with A stored (K, M), or with `more` C += Aᵀ · B."""
