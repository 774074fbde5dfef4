"""The kernels' dropout masks are compared with the reference's, element by element, also as applied to a block."""

import numpy as np
import pytest

from fastprop import reference
from fastprop.kernels import compiler, dropout, layout
from fastprop.kernels.lanes import Chunk
from fastprop.runs import kernel_arguments
from tests.marks import compiled_dtype
from tests.parts import OFFSET, compiled, whole

dtype = compiled_dtype

SIZES, BATCH_SIZE, EPOCH = (2, 37, 5, 3), 30, 4
ROWS = np.random.default_rng(0).permutation(50)[:40]  # the data's rows that are trained on


@compiled
def drop(plan, memory, dropped, layer, epoch, chunk, block, values):
    dropout.draw_keys(plan, memory, dropped, epoch, chunk)
    dropout.drop(plan, memory, dropped, layer, block, values)


@compiled
def undrop(memory, dropped, source, target, rows, columns):
    dropout.undrop(memory, dropped, source, target, rows, columns)


def planned(width, dtype, shares, seeds):
    plans, _ = layout.plans(SIZES, BATCH_SIZE, dtype, (False,) * 3, width=width)
    return plans[0], *kernel_arguments.dropout_arguments(shares, seeds, plans, ROWS, dtype)


def masks(width, dtype, shares, seeds, orders, layer, column=0, columns=None):
    """What remains of ones in rows 3 … 8 of a chunk that stand at 11 … 16 of an order, (6, neurons, width)."""
    plan, dropped = planned(width, dtype, shares, seeds)
    stride = int(plan.sizes.strides[layer])
    memory = np.ones(OFFSET + 6 * stride + 16, dtype)
    columns = stride - column if columns is None else columns
    block = layout.Block(3, 3, 6, column, whole(columns, compiler.lanes(dtype)) // compiler.lanes(dtype))
    chunk = Chunk(orders, 11, 6, 3)
    drop(plan, memory, dropped, layer, EPOCH, chunk, block, layout.Matrix(OFFSET + column, stride))
    found = memory[OFFSET:][: 6 * stride].reshape(6, stride)[:, : SIZES[layer] * width]
    assert (memory[:OFFSET] == 1).all()
    assert (memory[OFFSET + 6 * stride :] == 1).all()
    return found.reshape(6, SIZES[layer], width)


def expected(share, seed, order, layer, dtype):
    indices = [list(ROWS).index(row) for row in order[11:17]]
    return reference.dropout_mask(share, seed, EPOCH, indices, layer, SIZES[layer]).astype(dtype)


@pytest.mark.parametrize("layer", [1, 2])
@pytest.mark.parametrize("seed", [0, 7, 2**63 - 1])
@pytest.mark.parametrize("share", [1e-9, 0.2, 0.5, 0.999])
def test_masks_are_the_references(share, seed, layer, dtype):
    order = np.random.default_rng(1).permutation(ROWS)
    found = masks(1, dtype, [share], [seed], order[None], layer)
    np.testing.assert_array_equal(found[:, :, 0], expected(share, seed, order, layer, dtype))


@pytest.mark.slow
@pytest.mark.parametrize("layer", [1, 2])
@pytest.mark.parametrize("shuffled", [True, False])
@pytest.mark.parametrize("alike", [True, False], ids=["one seed", "seeds"])
def test_each_network_of_a_pack_has_masks_of_its_own(alike, shuffled, layer, dtype):
    width = compiler.lanes(dtype)
    seeds = [5] * width if alike else [7 * lane for lane in range(width)]
    shares = [0.0, *np.linspace(0.1, 0.9, width - 1)] if width > 1 else [0.4]
    random = np.random.default_rng(2)
    orders = np.array([random.permutation(ROWS) for _ in range(width if shuffled and not alike else 1)])
    found = masks(width, dtype, shares, seeds, orders, layer)
    for lane in range(width):
        mask = expected(shares[lane], seeds[lane], orders[lane % len(orders)], layer, dtype)
        np.testing.assert_array_equal(found[:, :, lane], mask)


@pytest.mark.parametrize("packed", [False, True], ids=["alone", "pack"])
def test_a_block_in_the_middle_has_its_part_of_the_mask(packed, dtype):
    width = compiler.lanes(dtype) if packed else 1
    order, unit = np.random.default_rng(1).permutation(ROWS)[None], compiler.lanes(dtype)
    full, part = (masks(width, dtype, [0.5] * width, [1] * width, order, 1, *where) for where in ((), (unit, unit)))
    full, part = full.reshape(6, -1), part.reshape(6, -1)
    np.testing.assert_array_equal(part[:, unit : 2 * unit], full[:, unit : 2 * unit])
    assert (part[:, :unit] == 1).all()
    assert (part[:, 2 * unit :] == 1).all()
    assert (full[:, unit : 2 * unit] == 0).any()


def test_undrop_has_what_is_kept_as_it_was(dtype):
    _, dropped = planned(1, dtype, [0.2], [0])
    columns = 2 * compiler.lanes(dtype)
    before = np.random.default_rng(0).normal(size=(6, columns)).astype(dtype)
    mask = np.array([[0, 1.25] * (columns // 2)], dtype)
    memory = np.concatenate([(before * mask).reshape(-1), np.full(before.size + 1, 7, dtype)])
    undrop(memory, dropped, layout.Matrix(0, columns), layout.Matrix(before.size, columns), 6, columns)
    found = memory[before.size : -1].reshape(6, columns)
    assert not found[:, ::2].any()
    np.testing.assert_allclose(found[:, 1::2], before[:, 1::2], rtol=2 * np.finfo(dtype).eps)
    assert memory[-1] == 7


def test_nothing_is_kept_in_mind_where_nothing_is_dropped(dtype):
    _, dropped = planned(1, dtype, [0.0], [0])
    assert dropped.keys.size == dropped.row_indices.size == 0
