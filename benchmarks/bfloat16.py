"""Measures whether products of bfloat16 would pay: the register tile with VDPBF16PS against that of float32.

    python -m benchmarks.bfloat16

The chip needs AVX512_BF16. One thread multiplies (rows, K) by (K, N), in tiles of 6 rows by 4 vectors, with operands
that stand as the tile reads them; the last column also rounds both operands to bfloat16 and packs them, as a minibatch
would, whose activations and weights are float32. VDPBF16PS adds the product of the odd elements of a pair and then that
of the even ones, each sum rounded, which is what two multiply-adds of float32 do: results are compared with these.
"""

import functools
import time

import numpy as np
from llvmlite import binding, ir
from numba.core import types
from numba.extending import intrinsic

from fastprop.kernels import compiler, peak
from fastprop.kernels.layout import aligned_zeros
from fastprop.kernels.llvm import INT32, INT64, emit_call, emit_fma, emit_loop, emit_opaque, emit_splat, full

ROWS, VECTORS, LANES, DEPTH = 6, 4, 16, 256
"""Rows and vectors of the tile, float32 in a vector, and the words of a row of A that a tile reads."""

SHAPES = ((1008, 784, 1024), (1008, 1024, 1024), (1008, 2048, 2048), (1008, 256, 256), (126, 784, 128))
"""Rows, K and N of each product; rows are a multiple of those of the tile."""

SECONDS = 1.0
"""How long each product is repeated."""

FLOATS, WORDS = ir.VectorType(ir.FloatType(), LANES), ir.VectorType(INT32, LANES)

compiled = functools.partial(compiler.kernel, cached=False)


class BFloat(ir.Type):
    """LLVM's type bfloat, which llvmlite does not have."""

    def _to_string(self):
        return "bfloat"

    def __eq__(self, other):
        return isinstance(other, BFloat)

    def __hash__(self):
        return hash(self._to_string())


def emit_dot(builder, a, b, total):
    """Return the sum of `total` and of the products of pairs of bfloat16 in the words `a` and `b`."""
    pairs = ir.VectorType(BFloat(), 2 * LANES)
    args = [total, builder.bitcast(a, pairs), builder.bitcast(b, pairs)]
    return emit_call(builder, "llvm.x86.avx512bf16.dpbf16ps.512", FLOATS, args)


def make_product(vector, emit_multiply_add):
    """Return a kernel c (M, N) = a (M, K) · b (N / strip, K, strip) of words of 4 bytes, all given by addresses."""

    @intrinsic
    def tile(typing_context, a, a_stride, b, c, c_stride, depth, accumulate):
        def emit(context, builder, sig, args):
            a, a_stride, b, c, c_stride, depth, accumulate = args
            a, b = (builder.inttoptr(each, vector.element.as_pointer()) for each in (a, b))
            c = builder.inttoptr(c, ir.FloatType().as_pointer())
            offsets = [emit_opaque(builder, builder.mul(a_stride, INT64(m))) for m in range(ROWS)]

            def pointer(first, offset, kind):
                return builder.bitcast(builder.gep(first, [offset]), kind.as_pointer())

            def add_products(k, sums):
                start = builder.mul(k, INT64(VECTORS * LANES))
                b_vectors = [
                    builder.load(pointer(b, builder.add(start, INT64(v * LANES)), vector), align=4)
                    for v in range(VECTORS)
                ]
                new = []
                for m in range(ROWS):
                    number = builder.load(builder.gep(a, [builder.add(offsets[m], k)]))
                    a_mk = emit_splat(builder, number, vector)
                    new += [
                        emit_multiply_add(builder, a_mk, b_vectors[v], sums[m * VECTORS + v]) for v in range(VECTORS)
                    ]
                return new

            results = [
                pointer(c, builder.add(builder.mul(c_stride, INT64(m)), INT64(v * LANES)), FLOATS)
                for m in range(ROWS)
                for v in range(VECTORS)
            ]
            zeros = full(FLOATS, 0.0)
            first = [builder.select(accumulate, builder.load(each, align=4), zeros) for each in results]
            for result, total in zip(results, emit_loop(builder, depth, first, add_products)):
                builder.store(total, result, align=4)
            return context.get_dummy_value()

        size = types.intp
        return types.void(size, size, size, size, size, size, types.boolean), emit

    strip = VECTORS * LANES

    @compiled
    def product(a, b, c, rows, depth, columns):
        # c (rows, columns) = a (rows, depth) · b (columns / strip, depth, strip), all of words
        for column in range(0, columns, strip):
            for k in range(0, depth, DEPTH):
                part, b_k = min(DEPTH, depth - k), b + 4 * (column * depth + k * strip)
                for row in range(0, rows, ROWS):
                    tile(a + 4 * (row * depth + k), depth, b_k, c + 4 * (row * columns + column), columns, part, k > 0)

    return product


float_product = make_product(FLOATS, emit_fma)
pair_product = make_product(WORDS, emit_dot)


@intrinsic
def round_pair(typing_context, odd, even, word):
    """Write the words of pairs of bfloat16, which are rounded from 16 float32 at each of two addresses."""

    def emit(context, builder, sig, args):
        halves = ir.VectorType(BFloat(), LANES)

        def rounded(address):
            values = builder.load(builder.inttoptr(address, FLOATS.as_pointer()), align=4)
            half = builder.bitcast(builder.fptrunc(values, halves), ir.VectorType(ir.IntType(16), LANES))
            return builder.zext(half, WORDS)

        odd, even, word = args
        pair = builder.or_(builder.shl(rounded(odd), full(WORDS, 16)), rounded(even))
        builder.store(pair, builder.inttoptr(word, WORDS.as_pointer()), align=4)
        return context.get_dummy_value()

    return types.void(types.intp, types.intp, types.intp), emit


@intrinsic
def round_vector(typing_context, source, target):
    """Write 16 bfloat16, rounded from 16 float32 at an address, to another one."""

    def emit(context, builder, sig, args):
        halves = ir.VectorType(BFloat(), LANES)
        values = builder.load(builder.inttoptr(args[0], FLOATS.as_pointer()), align=4)
        builder.store(builder.fptrunc(values, halves), builder.inttoptr(args[1], halves.as_pointer()), align=2)
        return context.get_dummy_value()

    return types.void(types.intp, types.intp), emit


@compiled
def pack(x, w, a, b, rows, depth, columns):
    # a (rows, depth / 2) ← x (rows, depth)   b (columns / strip, depth / 2, strip) ← w (depth, columns)
    for i in range(0, rows * depth, LANES):
        round_vector(x + 4 * i, a + 2 * i)
    strip = VECTORS * LANES
    for column in range(0, columns, strip):
        for k in range(0, depth, 2):
            for j in range(0, strip, LANES):
                even = w + 4 * (k * columns + column + j)
                round_pair(even + 4 * columns, even, b + 4 * (column * (depth // 2) + k // 2 * strip + j))


def speed(call, operations):
    """Return the median speed of a call in GFLOP/s."""
    times, end = [], time.perf_counter() + SECONDS
    while not times or time.perf_counter() < end:
        begin = time.perf_counter()
        call()
        times.append(time.perf_counter() - begin)
    return operations / np.median(times[len(times) // 5 :]) / 1e9


def address(array):
    """Return the address of an array's first element."""
    return array.ctypes.data


def measured(rows, depth, columns):
    """Return the speeds of a product of float32, of bfloat16, and of bfloat16 with its packing, in GFLOP/s."""
    random = np.random.default_rng(0)
    strip = VECTORS * LANES
    x, a, b = (aligned_zeros(size, np.float32) for size in (rows * depth, rows * depth, depth * columns))
    w, c, pairs = (aligned_zeros(size, np.float32) for size in (depth * columns, rows * columns, rows * columns))
    x[:], w[:] = random.normal(size=len(x)), random.normal(size=len(w))
    x_rounded, w_rounded = rounded(x).reshape(rows, depth), rounded(w).reshape(depth, columns)
    b[:] = w.reshape(depth, columns // strip, strip).swapaxes(0, 1).ravel()
    operations = 2 * rows * depth * columns
    of_floats = speed(lambda: float_product(*map(address, (x, b, c)), rows, depth, columns), operations)
    np.testing.assert_allclose(c.reshape(rows, columns), x.reshape(rows, depth) @ w.reshape(depth, columns), 1e-3, 1e-3)

    def packing():
        pack(*map(address, (x, w, a, b)), rows, depth, columns)

    def multiplying():
        pair_product(*map(address, (a, b, pairs)), rows, depth // 2, columns)

    packing()
    of_pairs = speed(multiplying, operations)
    np.testing.assert_array_equal(pairs.reshape(rows, columns)[:7], expected(x_rounded[:7], w_rounded))
    return of_floats, of_pairs, speed(lambda: (packing(), multiplying()), operations)


def rounded(values):
    """Return float32 values rounded to the nearest bfloat16, halves to the even one."""
    bits = values.view(np.uint32)
    return ((bits + 0x7FFF + (bits >> 16 & 1)) & 0xFFFF0000).view(np.float32)


def expected(x, w):
    """Return x (rows, K) · w (K, N) as two sums of float32 for each pair: first of the odd elements' product."""
    total = np.zeros((len(x), w.shape[1]), np.float32)
    for k in range(0, len(w), 2):
        total = total + x[:, k + 1, None] * w[k + 1]
        total = total + x[:, k, None] * w[k]
    return total


def main():
    """Print a line for each shape."""
    if not binding.get_host_cpu_features().get("avx512bf16"):
        raise SystemExit("this chip has no AVX512_BF16: run it on one that has.")
    print(f"peak of float32: {peak.measure():.0f} GFLOP/s\n")
    print("| rows, K, N | float32 | bfloat16 | ÷ float32 | with packing | ÷ float32 |\n|---|---|---|---|---|---|")
    for shape in SHAPES:
        floats, pairs, packed = measured(*shape)
        print(f"| {shape} | {floats:.0f} | {pairs:.0f} | {pairs / floats:.2f} | {packed:.0f} | {packed / floats:.2f} |")


if __name__ == "__main__":
    main()
