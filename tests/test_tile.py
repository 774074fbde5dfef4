"""The register tile, by itself: every number of rows, vectors and depth, beside NumPy.

Each element of a product is one chain of fused multiply-adds with k ascending. For float32, NumPy gives the same bits
by way of float64, where a product of two float32 numbers is exact.
"""

import functools

import numpy as np
import pytest

from fastprop.kernels import compiler, layout, load_store, tile
from fastprop.kernels.lanes import broadcast
from tests.compare import assert_close, tolerance
from tests.marks import compiled_dtype
from tests.parts import OFFSET, compiled

dtype = compiled_dtype

MAX_ROWS = 40
DEPTHS = 1, 3, tile.TRANSPOSED_DEPTH + 1, tile.DEPTH + 7


@compiled
def multiply(plan, a, a_stride, b, c, sizes, accumulate):
    # c (rows, V) ← a (rows, depth) · b (depth, V), each row of b and c `vectors` vectors wide
    rows, vectors, depth = sizes
    width = vectors * load_store.lanes(b)
    a_operand = tile.Operand(broadcast(plan, a, OFFSET), a_stride)
    b_operand = tile.VectorOperand(load_store.address(b, 0), width, load_store.lanes(b))
    c_operand = tile.Operand(load_store.address(c, 0), width)
    tile.multiply(a_operand, b_operand, c_operand, rows, vectors, depth, accumulate)


@compiled
def multiply_transposed(plan, a, a_stride, b, c, sizes, accumulate):
    # c (rows, V) ← a (depth, rows)ᵀ · b (depth, V)
    rows, vectors, depth = sizes
    width = vectors * load_store.lanes(b)
    a_operand = tile.Operand(broadcast(plan, a, OFFSET), a_stride)
    b_operand = tile.VectorOperand(load_store.address(b, 0), width, load_store.lanes(b))
    c_operand = tile.Operand(load_store.address(c, 0), width)
    tile.multiply_transposed(a_operand, b_operand, c_operand, rows, vectors, depth, accumulate)


@functools.cache
def plan_of(width, dtype):
    (plan,), _ = layout.plans((1, 1), 1, dtype, (False,), 1, width)
    return (layout.Plan if width == 1 else layout.PackPlan)(*plan)


def numbers(seed, *shape, dtype):
    return np.random.default_rng(seed).uniform(-1, 1, shape).astype(dtype)


def chains(a, b, start):
    """C = A · B + start, each element one chain of multiply-adds, which for float32 are fused."""
    total = start.astype(np.float64)
    for k in range(a.shape[1]):
        total = total + a[:, k : k + 1].astype(np.float64) * b[k]
        total = total.astype(start.dtype).astype(np.float64)
    return total.astype(start.dtype)


@pytest.mark.parametrize("transposed", [False, True], ids=["multiply", "multiply_transposed"])
@pytest.mark.parametrize("vectors", range(1, tile.STRIP_VECTORS + 1))
@pytest.mark.parametrize("accumulate", [False, True], ids=["new", "accumulated"])
def test_a_product_of_numbers(transposed, vectors, accumulate, dtype):
    plan, columns, margin = plan_of(1, dtype), vectors * compiler.lanes(dtype), 2
    for depth in DEPTHS:
        all_a, b = numbers(1, MAX_ROWS, depth, dtype=dtype), numbers(2, depth, columns, dtype=dtype)
        start = numbers(3, MAX_ROWS, columns, dtype=dtype)
        wanted = chains(all_a, b, start if accumulate else np.zeros_like(start))
        for rows in range(1, MAX_ROWS + 1):
            a = all_a[:rows].T if transposed else all_a[:rows]
            memory = np.full((len(a), a.shape[1] + margin), np.nan, dtype)
            memory[:, : a.shape[1]] = a
            memory = np.append(np.full(OFFSET, np.nan, dtype), memory)
            c = start.copy()
            product = multiply_transposed if transposed else multiply
            product(plan, memory, a.shape[1] + margin, b.reshape(-1), c.reshape(-1), (rows, vectors, depth), accumulate)
            limit = 0 if dtype == "float32" else tolerance(dtype, 3 * depth)  # 3 roundings for each k
            assert_close(c[:rows], wanted[:rows], limit, f"{rows} rows, depth {depth}: C")
            np.testing.assert_array_equal(c[rows:], start[rows:])  # nothing else is written


@pytest.mark.slow
@pytest.mark.skipif(compiler.LANES == 1, reason="a pack needs lanes")
@pytest.mark.parametrize("transposed", [False, True], ids=["multiply", "multiply_transposed"])
def test_a_product_of_a_network_in_each_lane(transposed, dtype):
    """Each lane is a product of its own: A's vectors are read as they are."""
    width = compiler.lanes(dtype)
    plan, depth = plan_of(width, dtype), 5
    for vectors in (1, tile.STRIP_VECTORS):
        all_a = numbers(1, MAX_ROWS, depth, width, dtype=dtype)
        b, start = numbers(2, depth, vectors, width, dtype=dtype), np.zeros((MAX_ROWS, vectors, width), dtype)
        wanted = np.stack([chains(all_a[..., i], b[..., i], start[..., i]) for i in range(width)], axis=-1)
        for rows in (1, 2, 3, 7, 17, MAX_ROWS):
            a = all_a[:rows].swapaxes(0, 1) if transposed else all_a[:rows]
            memory = np.append(np.full(OFFSET, np.nan, dtype), a)
            c, product = start.copy(), multiply_transposed if transposed else multiply
            product(plan, memory, a.shape[1], b.reshape(-1), c.reshape(-1), (rows, vectors, depth), False)
            limit = 0 if dtype == "float32" else tolerance(dtype, 3 * depth)  # 3 roundings for each k
            assert_close(c[:rows], wanted[:rows], limit, f"{rows} rows of {vectors} vectors: C")


def test_blocks_are_whole_tiles():
    assert not any(layout.BLOCK_ROWS % rows for rows in tile.TILE_ROWS)
    assert all(rows % 2 == 1 for rows in tile.ODD_TILE_ROWS)
