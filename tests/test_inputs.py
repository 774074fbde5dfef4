"""The inputs of the first layer are compared with NumPy: numbers, bytes or sparse rows, standardized or not."""

from typing import NamedTuple

import numpy as np
import pytest

from fastprop.kernels import compiler, inputs, layout, minibatch
from fastprop.kernels.lanes import Chunk
from tests import guard_pages
from tests.compare import assert_close, tolerance
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


def fetched(kind, features, row_stride, source, standardized, dtype):
    """Return what stands in the workspace, (rows of the chunk, features, width), and what should."""
    width = compiler.lanes(dtype) if kind.pack else 1
    plans, size = layout.plans((features, 1), 40, np.dtype(dtype), (False,), 1, width, kind.shares_rows)
    plan = (layout.PackPlan if kind.pack else layout.Plan)(*plans[0])
    memory = layout.new_workspace(plans, size, dtype)
    readable = guard_pages.readable(memory)
    before = np.zeros_like(memory)
    before[readable] = memory[readable]
    random = np.random.default_rng(features)
    orders = np.array([random.permutation(ROWS_OF_DATA) for _ in range(width if kind.own_orders else 1)])
    table = np.zeros((ROWS_OF_DATA, row_stride), np.uint8 if source == "bytes" else dtype)
    table[:, :features] = random.integers(0, 256, (ROWS_OF_DATA, features))
    nothing, mean, inverse_std = np.zeros(0, dtype), np.zeros(0, dtype), np.zeros(0, dtype)
    if standardized:
        mean, inverse_std = np.zeros((2, layout.padded(features, dtype)), dtype)
        mean[:features], inverse_std[:features] = random.uniform(0, 255, features), random.uniform(0.01, 0.1, features)
    addresses = np.zeros(2, np.int64)
    network = minibatch.Network(nothing, np.zeros(1, np.int64), 0, np.zeros(0), mean, inverse_std, addresses)
    in_bytes, labels = np.zeros(0, np.uint8), np.zeros(0, np.int64)
    no_columns = np.zeros(0, np.int32)
    sparse = inputs.Sparse(np.zeros(0, np.int64), no_columns, nothing, nothing, no_columns)
    numbers = table.reshape(-1)
    if source == "bytes":
        numbers, in_bytes = nothing, numbers
    if source == "sparse":
        background = np.zeros(layout.padded(features, dtype), dtype)
        background[:features] = random.integers(0, 256, features)
        is_kept = random.random((ROWS_OF_DATA, features)) < 0.3
        table[:, :features] = np.where(is_kept, table[:, :features], background[:features])
        begins = np.concatenate([[0], np.cumsum(is_kept.sum(axis=1))])
        numbers = table[:, :features][is_kept]
        sparse = inputs.Sparse(begins, is_kept.nonzero()[1].astype(np.int32), background, nothing, no_columns)
    if source == "groups":  # each of up to five columns, with one element or none
        background, below = np.zeros((2, layout.padded(features, dtype)), dtype)
        background[:features], below[:features] = random.integers(0, 256, (2, features))
        columns = np.arange(features)
        group_begins = columns - columns % 5
        last = random.integers(-1, 5, (ROWS_OF_DATA, features))[:, group_begins] + group_begins
        is_kept = columns == last
        others = np.where((columns < last) & (last < features), below[:features], background[:features])
        table[:, :features] = np.where(is_kept, table[:, :features], others)
        begins = np.concatenate([[0], np.cumsum(is_kept.sum(axis=1))])
        numbers = table[:, :features][is_kept]
        kept_columns = is_kept.nonzero()[1].astype(np.int32)
        sparse = inputs.Sparse(begins, kept_columns, background, below, group_begins.astype(np.int32))
    rows = np.zeros((1, 0), np.int64)
    data = minibatch.Data(numbers, in_bytes, sparse, nothing, labels, np.zeros(0), row_stride, rows)
    fetch(network, data, plan, memory, Chunk(orders, FIRST, ROWS, ROW_BEGIN))

    held = 1 if kind.shares_rows else width  # numbers of a feature in a row
    line, stride = plan.sizes.line, plan.sizes.strides[0] + plan.sizes.line
    start = plan.workspace.activations[0] + ROW_BEGIN * stride
    rows = memory[start - line :][: ROWS * stride].reshape(ROWS, stride)
    assert (rows[:, line - held : line] == 1).all()  # the constant inputs of the biases
    expected = np.stack([table[orders[lane % len(orders), FIRST:][:ROWS], :features] for lane in range(held)], axis=2)
    expected = expected.astype(np.float64)
    if standardized:
        expected = (expected - mean[:features, None]) * inverse_std[:features, None]
    outside = readable
    outside[start : start + ROWS * stride] = False
    np.testing.assert_array_equal(memory[outside], before[outside])
    return rows[:, line : line + features * held].reshape(ROWS, features, held), expected


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
