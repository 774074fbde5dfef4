"""The functions on lanes, in both meanings of a lane, are compared with a twin in NumPy for any number of networks."""

import numpy as np
import pytest

from fastprop.kernels import compiler, lanes, layout, load_store
from fastprop.kernels.lanes import Chunk, Table
from fastprop.kernels.layout import Matrix
from tests.marks import compiled_dtype
from tests.parts import OFFSET, compiled, interleaved_in_memory, rows_in_memory, whole

dtype = compiled_dtype


@pytest.fixture(params=[layout.Plan, layout.PackPlan], ids=["neurons", "networks"])
def plan(request, dtype):
    """The plan of a network, or of a pack of as many as there are lanes."""
    width = compiler.lanes(dtype) if request.param is layout.PackPlan else 1
    (plan,), _ = layout.plans((3, 5, 2), 8, dtype, (False, False), 1, width)
    return request.param(*plan)


@pytest.fixture
def neurons(dtype):
    """The length of a row, less or more than a cache line."""
    length = layout.line(dtype)
    return 1, length - 1, length, length + 1, 3 * length, 3 * length + 5


def vectors_long(plan, neurons, dtype):
    """Return the elements of a row of `neurons` neurons, in whole vectors."""
    return whole(neurons * plan.sizes.width, compiler.lanes(dtype))


# ---- what a plan says ----


@compiled
def facts(plan, array):
    return lanes.is_pack(plan), lanes.width(plan, array)


def test_the_plans_type_says_what_a_lane_is(plan, dtype):
    assert facts(plan, np.zeros(1, dtype)) == (isinstance(plan, layout.PackPlan), plan.sizes.width)


@compiled
def by_pointer(plan, memory, index, count, out):
    load_store.store(out, 0, load_store.advance(lanes.broadcast(plan, memory, index), count)[0])


def test_broadcast_points_to_a_number_of_each_network(plan, dtype):
    memory, out = layout.aligned_zeros(1024, dtype), layout.aligned_zeros(compiler.lanes(dtype), dtype)
    memory[...] = np.arange(1024)
    start = layout.line(dtype)
    by_pointer(plan, memory, start, 3, out)
    first = start + 3 * plan.sizes.width
    np.testing.assert_array_equal(out, np.resize(memory[first : first + plan.sizes.width], len(out)))


# ---- interleaved rows ----


@compiled
def offsets(plan, memory, matrix, out):
    for row in range(len(out)):
        out[row] = lanes.interleaved_offset(plan, memory, matrix, row)
    return lanes.interleaved_rows(plan, memory)


def test_the_offset_of_an_interleaved_row(plan, dtype):
    stride, found = 7 * compiler.lanes(dtype), np.zeros(40, np.int64)
    at_once = offsets(plan, np.zeros(1, dtype), Matrix(OFFSET, stride), found)
    assert at_once == (1 if isinstance(plan, layout.PackPlan) else compiler.lanes(dtype))
    numbers = np.ones((40, 7, plan.sizes.width), dtype)
    numbers[:, 0, 0] = np.arange(2, 42)
    memory = interleaved_in_memory(plan, numbers, stride, 0)
    np.testing.assert_array_equal(memory[found], np.arange(2, 42))


@compiled
def interleave_rows(values, source, memory, target, rows, columns):
    lanes.interleave_rows(values, source, memory, target, rows, columns)


@compiled
def separate_rows(memory, source, target, columns):
    lanes.separate_rows(memory, source, target, columns)


def test_interleave_rows_writes_whole_vectors_of_whole_groups_of_rows(neurons, dtype):
    (plan,), _ = layout.plans((1, 1), 1, dtype, (False,))
    unit = compiler.lanes(dtype)
    for rows in (1, unit, unit + 1, 3 * unit - 1):
        for columns in neurons:
            length = whole(columns, unit)
            source = np.random.default_rng(0).normal(size=(whole(rows, unit), length, 1)).astype(dtype)
            wanted = interleaved_in_memory(plan, source, length + 2, np.nan)
            memory = np.full_like(wanted, np.nan)
            read = rows_in_memory(source, length + 3, np.nan)
            interleave_rows(read, Matrix(OFFSET, length + 3), memory, Matrix(OFFSET, length + 2), rows, columns)
            np.testing.assert_array_equal(memory, wanted)


def test_separate_rows_undoes_interleave_rows_of_one_group(neurons, dtype):
    (plan,), _ = layout.plans((1, 1), 1, dtype, (False,))
    unit = compiler.lanes(dtype)
    for columns in neurons:
        length = whole(columns, unit)
        source = np.random.default_rng(0).normal(size=(unit, length, 1)).astype(dtype)
        group, rows = interleaved_in_memory(plan, source, length, np.nan), rows_in_memory(source, length + 2, np.nan)
        memory = np.append(group, np.full_like(rows, np.nan))
        separate_rows(memory, OFFSET, Matrix(len(group) + OFFSET, length + 2), columns)
        np.testing.assert_array_equal(memory, np.append(group, rows))


# ---- a number of each network ----


@compiled
def add_rows(plan, totals, memory, start, rows):
    lanes.add_rows(plan, totals, memory, start, rows)


def test_add_rows_adds_one_row_after_another_in_float64(plan, dtype):
    random = np.random.default_rng(0)
    rows, totals = random.normal(size=(9, plan.sizes.width)).astype(dtype), random.normal(size=plan.sizes.width)
    twin = totals.copy()
    for row in rows:
        twin += row
    add_rows(plan, totals, np.append(np.zeros(OFFSET, dtype), rows), OFFSET, len(rows))
    np.testing.assert_array_equal(totals, twin)


# ---- rows of the data, and matrices ----


@compiled
def gather(plan, source, chunk, memory, target):
    lanes.gather(plan, source, chunk, memory, target)


@compiled
def gather_interleaved(plan, source, chunk, memory, target, scratch):
    lanes.gather_interleaved(plan, source, chunk, memory, target, scratch)


@compiled
def one_hot(plan, labels, columns, chunk, memory, target):
    lanes.one_hot(plan, labels, columns, chunk, memory, target)


@pytest.fixture(params=[False, True], ids=["one order", "orders of their own"])
def order(plan, request):
    """Of the rows of the data: one for all networks, or one for each."""
    random = np.random.default_rng(0)
    return np.array([random.permutation(50) for _ in range(plan.sizes.width if request.param else 1)])


def in_order(plan, source, order, first, rows):
    """Return the rows of the data in each network's order, (rows, neurons, width)."""
    return np.stack([source[order[lane % len(order), first : first + rows]] for lane in range(plan.sizes.width)], 2)


def with_zeros(plan, numbers):
    """Return rows (rows, neurons, width), filled up with zeros to whole vectors."""
    more = vectors_long(plan, numbers.shape[1], numbers.dtype) // plan.sizes.width - numbers.shape[1]
    return np.pad(numbers, ((0, 0), (0, more), (0, 0)))


def test_rows_of_the_data_come_in_each_networks_order(plan, neurons, dtype, order):
    for count in neurons:
        source = np.random.default_rng(count).normal(size=(50, count)).astype(dtype)
        stride = vectors_long(plan, count, dtype) + 2
        wanted = rows_in_memory(with_zeros(plan, in_order(plan, source, order, 3, 7)), stride, np.nan)
        memory = np.full_like(wanted, np.nan)
        table = Table(source.reshape(-1), count, count)
        gather(plan, table, Chunk(order, 3, 7, 0), memory, Matrix(OFFSET, stride))
        np.testing.assert_array_equal(memory, wanted)


ROWS = 1, 15, 16, 17, 33  # less and more than a vector


def test_targets_come_interleaved(plan, neurons, dtype, order):
    for count in neurons:
        source = np.random.default_rng(count).normal(size=(50, count)).astype(dtype)
        stride = vectors_long(plan, count, dtype) + 2
        for rows in ROWS:
            numbers = with_zeros(plan, in_order(plan, source, order, 3, rows))
            wanted = interleaved_in_memory(plan, numbers, stride, np.nan)
            scratch = np.full(whole(rows, compiler.lanes(dtype)) * stride, np.nan, dtype)
            after = 0 if 4 * count <= compiler.lanes(dtype) else np.nan  # zeros after so few are left as they are
            memory = np.append(interleaved_in_memory(plan, np.full_like(numbers, after), stride, np.nan), scratch)
            table, chunk = Table(source.reshape(-1), count, count), Chunk(order, 3, rows, 0)
            gather_interleaved(plan, table, chunk, memory, Matrix(OFFSET, stride), len(wanted))
            np.testing.assert_array_equal(memory[: len(wanted)], wanted)


def test_labels_come_interleaved(plan, neurons, dtype, order):
    for count in neurons:
        labels = np.random.default_rng(count).integers(count, size=50)
        stride = vectors_long(plan, count, dtype) + 2
        for rows in ROWS:
            numbers = in_order(plan, np.eye(count, dtype=dtype)[labels], order, 3, rows)
            at_once = compiler.lanes(dtype) // plan.sizes.width
            numbers = np.pad(numbers, ((0, whole(rows, at_once) - rows), (0, 0), (0, 0)))
            wanted = interleaved_in_memory(plan, numbers, stride, np.nan)
            memory = np.full_like(wanted, np.nan)
            one_hot(plan, labels, count, Chunk(order, 3, rows, 0), memory, Matrix(OFFSET, stride))
            np.testing.assert_array_equal(memory, wanted)


@compiled
def transpose(values, source, memory, target, rows, columns):
    lanes.transpose(values, source, memory, target, rows, columns)


def test_transpose(neurons, dtype):
    (plan,), _ = layout.plans((1, 1), 1, dtype, (False,))
    for inputs, outputs in zip(neurons, reversed(neurons)):
        stride, target_stride = (layout.padded(count, dtype) for count in (outputs, inputs))
        w = np.random.default_rng(0).normal(size=(inputs, outputs)).astype(dtype)
        source = rows_in_memory(w, stride, np.nan)
        memory = np.full(OFFSET + vectors_long(plan, outputs, dtype) * target_stride, np.nan, dtype)
        transpose(source, Matrix(OFFSET, stride), memory, Matrix(OFFSET, target_stride), inputs, outputs)
        wanted = np.zeros((outputs, vectors_long(plan, inputs, dtype)), dtype)
        wanted[:, :inputs] = w.T
        found = memory[OFFSET:].reshape(-1, target_stride)[:outputs, : wanted.shape[1]]
        np.testing.assert_array_equal(found, wanted)
