"""What the two meanings of a lane make of rows and numbers, beside a twin in NumPy: one for any number of networks."""

import numpy as np
import pytest

from fastprop.kernels import jit, lanes, layout, simd
from tests.parts import compiled, twin_group_sum

OFFSET = 5  # of what is read or written in its memory: no vector's length


@pytest.fixture(params=[layout.Plan, layout.PackPlan], ids=["neurons", "networks"])
def plan(request, dtype):
    """The plan of a network, or of a pack of as many as there are lanes."""
    width = jit.lanes(dtype) if request.param is layout.PackPlan else 1
    (plan,), _ = layout.plans((3, 5, 2), 8, dtype, 1, width)
    return request.param(*plan)


@pytest.fixture
def neurons(dtype):
    """Lengths of a row, less and more than a cache line."""
    length = layout.line(dtype)
    return 1, length - 1, length, length + 1, 3 * length, 3 * length + 5


def rows_in_memory(numbers, stride, padding):
    """Rows of numbers (rows, neurons, width) in memory, `stride` apart, `padding` in front and after each."""
    rows = np.full((len(numbers), stride), padding, numbers.dtype)
    rows[:, : numbers[0].size] = numbers.reshape(len(numbers), -1)
    return np.append(np.full(OFFSET, padding, numbers.dtype), rows)


def vectors_long(plan, neurons, dtype):
    """The elements of a row of so many neurons, in whole vectors."""
    return -(-neurons * plan.width // jit.lanes(dtype)) * jit.lanes(dtype)


# ---- what a plan says ----


@compiled
def facts(plan, array):
    return lanes.is_pack(plan), lanes.width(plan, array)


def test_the_plans_type_says_what_a_lane_is(plan, dtype):
    assert facts(plan, np.zeros(1, dtype)) == (isinstance(plan, layout.PackPlan), plan.width)


@compiled
def by_pointer(plan, memory, index, count, out):
    simd.store(out, 0, simd.advance(lanes.broadcast(plan, memory, index), count)[0])


def test_broadcast_points_to_a_number_of_each_network(plan, dtype):
    memory, out = layout.aligned_zeros(1024, dtype), layout.aligned_zeros(jit.lanes(dtype), dtype)
    memory[...] = np.arange(1024)
    start = layout.line(dtype)
    by_pointer(plan, memory, start, 3, out)
    first = start + 3 * plan.width
    np.testing.assert_array_equal(out, np.resize(memory[first : first + plan.width], len(out)))


# ---- a number of each network ----


@compiled
def take(plan, memory, index, out):
    simd.store(out, 0, lanes.take(plan, memory, index))


@compiled
def put(plan, memory, index, numbers):
    lanes.put(plan, memory, index, simd.load(numbers, 0))


def test_take_and_put(plan, dtype):
    memory, taken = np.arange(40, dtype=dtype), np.zeros(jit.lanes(dtype), dtype)
    take(plan, memory, OFFSET, taken)
    np.testing.assert_array_equal(taken, np.resize(memory[OFFSET : OFFSET + plan.width], len(taken)))
    twin = memory.copy()
    twin[OFFSET : OFFSET + plan.width] += 0.5
    put(plan, memory, OFFSET, taken + taken.dtype.type(0.5))
    np.testing.assert_array_equal(memory, twin)


@compiled
def add_rows(plan, totals, memory, start, rows):
    lanes.add_rows(plan, totals, memory, start, rows)


def test_add_rows_adds_one_row_after_another_in_float64(plan, dtype):
    random = np.random.default_rng(0)
    rows, totals = random.normal(size=(9, plan.width)).astype(dtype), random.normal(size=plan.width)
    twin = totals.copy()
    for row in rows:
        twin += row
    add_rows(plan, totals, np.append(np.zeros(OFFSET, dtype), rows), OFFSET, len(rows))
    np.testing.assert_array_equal(totals, twin)


# ---- a row ----


@compiled
def row_sum(plan, memory, start, neurons, out):
    simd.store(out, 0, lanes.row_sum(plan, memory, start, neurons))


@compiled
def row_max(plan, memory, start, neurons, out):
    simd.store(out, 0, lanes.row_max(plan, memory, start, neurons))


def test_row_sum_adds_line_by_line(plan, neurons, dtype):
    length, out = layout.line(dtype), np.zeros(jit.lanes(dtype), dtype)
    for count in neurons:
        row = np.random.default_rng(count).normal(size=(1, count, plan.width)).astype(dtype)
        padded = np.zeros((-(-count // length) * length, plan.width), dtype)
        padded[:count] = row
        total, *others = [twin_group_sum(group) for group in padded.reshape(-1, length, plan.width)]
        for other in others:
            total = total + other
        padding = np.nan if isinstance(plan, layout.PackPlan) else 0
        memory = rows_in_memory(row, padded.size, padding)
        row_sum(plan, memory, OFFSET, count, out)
        np.testing.assert_array_equal(out, np.resize(total, len(out)))


def test_row_max(plan, neurons, dtype):
    out = np.zeros(jit.lanes(dtype), dtype)
    for count in neurons:
        row = np.random.default_rng(count).normal(-9, size=(1, count, plan.width)).astype(dtype)
        memory = rows_in_memory(row, vectors_long(plan, count, dtype), np.inf)
        row_max(plan, memory, OFFSET, count, out)
        np.testing.assert_array_equal(out, np.resize(row[0].max(axis=0), len(out)))


# ---- rows of the data, and matrices ----


@compiled
def gather(plan, source, neurons, order, first, rows, memory, start, stride):
    lanes.gather(plan, source, neurons, order, first, rows, memory, start, stride)


@compiled
def one_hot(plan, labels, neurons, order, first, rows, memory, start, stride):
    lanes.one_hot(plan, labels, neurons, order, first, rows, memory, start, stride)


@pytest.mark.parametrize("own", [False, True], ids=["one order", "orders of their own"])
@pytest.mark.parametrize("what", ["numbers", "labels"])
def test_rows_of_the_data_come_in_each_networks_order(plan, neurons, dtype, own, what):
    random, rows, first = np.random.default_rng(0), 7, 3
    order = np.array([random.permutation(20) for _ in range(plan.width if own else 1)])
    for count in neurons:
        length = vectors_long(plan, count, dtype)
        if what == "numbers":
            fetch, flat = gather, (source := random.normal(size=(20, count)).astype(dtype)).reshape(-1)
        else:
            fetch, source = one_hot, np.eye(count, dtype=dtype)[flat := random.integers(count, size=20)]
        memory = np.full(OFFSET + rows * (length + 2), np.nan, dtype)
        fetch(plan, flat, count, order, first, rows, memory, OFFSET, length + 2)
        wanted = np.zeros((rows, length), dtype)
        in_order = np.stack([source[order[lane % len(order), first : first + rows]] for lane in range(plan.width)], 2)
        wanted[:, : count * plan.width] = in_order.reshape(rows, -1)
        np.testing.assert_array_equal(memory, rows_in_memory(wanted, length + 2, np.nan))


@compiled
def transpose(w, start, stride, memory, place, place_stride, inputs, outputs):
    lanes.transpose(w, start, stride, memory, place, place_stride, inputs, outputs)


def test_transpose(neurons, dtype):
    (plan,), _ = layout.plans((1, 1), 1, dtype)
    for inputs, outputs in zip(neurons, reversed(neurons)):
        stride, place_stride = (layout.padded(count, dtype) for count in (outputs, inputs))
        w = np.random.default_rng(0).normal(size=(inputs, outputs)).astype(dtype)
        source = rows_in_memory(w, stride, np.nan)
        memory = np.full(OFFSET + vectors_long(plan, outputs, dtype) * place_stride, np.nan, dtype)
        transpose(source, OFFSET, stride, memory, OFFSET, place_stride, inputs, outputs)
        wanted = np.zeros((outputs, vectors_long(plan, inputs, dtype)), dtype)
        wanted[:, :inputs] = w.T
        found = memory[OFFSET:].reshape(-1, place_stride)[:outputs, : wanted.shape[1]]
        np.testing.assert_array_equal(found, wanted)
