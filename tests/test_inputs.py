"""The inputs of the first layer are compared with NumPy: numbers, bytes or sparse rows, standardized or not."""

from typing import NamedTuple

import numpy as np
import pytest

from fastprop.data import EncodedRows, SparseRows
from fastprop.kernels import compiler, inputs, layout
from fastprop.kernels.lanes import Chunk
from fastprop.runs import kernel_arguments
from tests import guard_pages
from tests.compare import assert_close, tolerance
from tests.kernel_arguments import training
from tests.marks import compiled_dtype
from tests.parts import compiled

dtype = compiled_dtype

ROWS_OF_DATA, FIRST, ROWS, ROW_BEGIN = 50, 3, 19, 5


@compiled
def fetch(network, data, plan, memory, chunk):
    inputs.fetch(network, data, plan, memory, chunk)


class Kind(NamedTuple):
    """Whose inputs the rows become."""

    pack: bool = False
    shares_rows: bool = False  # one order for all networks, whose inputs stand in the workspace once
    own_orders: bool = False  # an order for each network


KINDS = {
    "one network": Kind(),
    "a pack, one order": Kind(pack=True),
    "a pack, rows shared": Kind(pack=True, shares_rows=True),
    "a pack, orders of their own": Kind(pack=True, own_orders=True),
}


def sparse_rows(grouped, rows, random):
    """Return sparse rows by chance, which are written into `rows` (n, features) as well.

    `grouped` ones are those of an encoding: each group of up to five columns has one element or none.
    """
    features = rows.shape[1]
    background, below = random.integers(0, 256, (2, features)).astype(rows.dtype)
    columns = np.arange(features)
    if grouped:
        group_begins = columns - columns % 5
        last = random.integers(-1, 5, rows.shape)[:, group_begins] + group_begins
        is_kept = columns == last
        others = np.where((columns < last) & (last < features), below, background)
    else:
        is_kept = random.random(rows.shape) < 0.3
        others = background
    rows[...] = np.where(is_kept, rows, others)
    begins = np.concatenate([[0], np.cumsum(is_kept.sum(axis=1))])
    arrays = rows[is_kept], is_kept.nonzero()[1].astype(np.int32), begins, background
    if not grouped:
        return SparseRows(*arrays)
    return EncodedRows(*arrays, below, group_begins.astype(np.int32), np.zeros(features, bool))


def fetched(kind, features, row_stride, source, standardized, dtype):
    """Return what stands in the workspace, (rows of the chunk, features, width), and what should stand there."""
    made = training((features, 1), 40, dtype, pack=kind.pack, shares_rows=kind.shares_rows)
    plan, memory, width = made.plan, made.memory, made.plan.sizes.width
    readable = guard_pages.readable(memory)
    before = np.zeros_like(memory)
    before[readable] = memory[readable]
    random = np.random.default_rng(features)
    orders = np.array([random.permutation(ROWS_OF_DATA) for _ in range(width if kind.own_orders else 1)])
    rows = np.zeros((ROWS_OF_DATA, row_stride), np.uint8 if source == "bytes" else dtype)[:, :features]
    rows[...] = random.integers(0, 256, rows.shape)
    values = rows if source in ("numbers", "bytes") else sparse_rows(source == "groups", rows, random)
    network, mean, inverse_std = made.network, np.zeros(features), np.ones(features)
    if standardized:
        mean, inverse_std = random.uniform(0, 255, features), random.uniform(0.01, 0.1, features)
        arrays = np.zeros((2, layout.padded(features, dtype)), dtype)
        arrays[:, :features] = mean, inverse_std
        mean, inverse_std = arrays[:, :features].astype(np.float64)
        network = network._replace(mean=arrays[0], input_inverse_std=arrays[1])
    data = kernel_arguments.inputs_argument(values, np.arange(ROWS_OF_DATA), dtype)
    fetch(network, data, plan, memory, Chunk(orders, FIRST, ROWS, ROW_BEGIN))

    held = 1 if kind.shares_rows else width  # numbers of a feature in a row
    line, stride = plan.sizes.line, plan.sizes.strides[0] + plan.sizes.line
    start = plan.workspace.activations[0] + ROW_BEGIN * stride
    written = memory[start - line :][: ROWS * stride].reshape(ROWS, stride)
    assert (written[:, line - held : line] == 1).all()  # the constant inputs of the biases
    expected = np.stack([rows[orders[lane % len(orders), FIRST:][:ROWS]] for lane in range(held)], axis=2)
    expected = (expected.astype(np.float64) - mean[:, None]) * inverse_std[:, None]
    outside = readable
    outside[start : start + ROWS * stride] = False
    np.testing.assert_array_equal(memory[outside], before[outside])
    return written[:, line : line + features * held].reshape(ROWS, features, held), expected


@pytest.mark.parametrize("standardized", [False, True], ids=["as they are", "standardized"])
@pytest.mark.parametrize("source", ["numbers", "bytes", "sparse", "groups"])
@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_rows_are_fetched_in_order(kind, source, standardized, dtype):
    if kind.pack and compiler.LANES == 1:
        pytest.skip("a pack needs lanes")
    for features in (1, 15, 16, 17, 70):
        for row_stride in (features, features + 3):
            found, expected = fetched(kind, features, row_stride, source, standardized, dtype)
            assert_close(found, expected, tolerance(dtype, 4 * standardized), f"{features} features: x")
