"""Vectors in memory: each intrinsic is compared with its twin in NumPy.

``FASTPROP_LANES=1 pytest tests/test_load_store.py`` runs the same for vectors of another machine.
"""

import numpy as np
import pytest

from fastprop.kernels import load_store
from fastprop.kernels.compiler import LANES
from tests.parts import compiled, lane_count, store_words
from tests.processes import run_python


def test_lanes_fill_the_vector(dtype):
    assert lane_count(np.zeros(1, dtype)) == max(1, LANES * 4 // np.dtype(dtype).itemsize)


@compiled
def copy_vector(source, start, target, target_start):
    load_store.store(target, target_start, load_store.load(source, start))


def test_load_and_store_reach_exactly_one_vector(dtype):
    source, lanes = np.arange(1, 41, dtype=dtype), lane_count(np.zeros(1, dtype))
    for start, target_start in [(0, 0), (3, 0), (0, 5), (7, 1)]:
        target, twin = np.zeros(40, dtype), np.zeros(40, dtype)
        copy_vector(source, start, target, target_start)
        twin[target_start : target_start + lanes] = source[start : start + lanes]
        np.testing.assert_array_equal(target, twin)


@compiled
def fill_vector(target, start, number):
    load_store.store(target, start, number)
    load_store.store(target, start + load_store.lanes(target), load_store.splat(target, number) + 1)


def test_splat_and_store_of_a_number(dtype):
    lanes = lane_count(np.zeros(1, dtype))
    target, twin = np.zeros(40, dtype), np.zeros(40, dtype)
    fill_vector(target, 2, 2.5)
    twin[2 : 2 + lanes], twin[2 + lanes : 2 + 2 * lanes] = 2.5, 3.5
    np.testing.assert_array_equal(target, twin)


@compiled
def element_by_pointer(array, index, count):
    return load_store.advance(load_store.address(array, index), count)[0]


def test_address_and_advance(dtype):
    array = np.arange(10, dtype=dtype)
    assert [element_by_pointer(array, i, n) for i, n in [(0, 0), (3, 0), (2, 5), (9, -9)]] == [0, 3, 7, 0]


@compiled
def write_number(array, index, number):
    load_store.store_element(array, index, number)


def test_store_element_writes_one(dtype):
    array = np.arange(10, dtype=dtype)
    write_number(array, 3, array.dtype.type(7.5))
    np.testing.assert_array_equal(array, [0, 1, 2, 7.5, 4, 5, 6, 7, 8, 9])


@compiled
def swap_with(order, index, partners):
    load_store.swap_downward(order, index, load_store.load(partners, 0))


def test_swap_downward_swaps_one_after_another():
    """An element that was swapped may be swapped again, by the next lane."""
    partners = np.random.default_rng(0).integers(9, size=8).astype(np.uint64)
    order, twin = np.arange(100, 120), np.arange(100, 120)
    swap_with(order, 15, partners)
    for lane in range(lane_count(partners)):
        i, j = 15 - lane, partners[lane]
        twin[i], twin[j] = twin[j], twin[i]
    np.testing.assert_array_equal(order, twin)


@compiled
def opaque_index(index):
    return load_store.opaque(index)


def test_opaque_is_the_index_itself():
    assert [opaque_index(index) for index in (0, 7, -3)] == [0, 7, -3]


@compiled
def transpose_square(source, start, stride, target, target_start, target_stride):
    load_store.transpose_square(source, start, stride, target, target_start, target_stride)


def test_transpose_square(dtype):
    lanes = lane_count(np.zeros(1, dtype))
    source, target, twin = np.arange(16 * 19, dtype=dtype), np.zeros((16, 17), dtype), np.zeros((16, 17), dtype)
    transpose_square(source, 2, 19, target.reshape(-1), 1, 17)
    twin[:lanes, 1 : 1 + lanes] = source.reshape(16, 19)[:lanes, 2 : 2 + lanes].T
    np.testing.assert_array_equal(target, twin)


# ---- a part of a vector ----


@compiled
def load_first(source, index, count, out):
    load_store.store(out, 0, load_store.load_first_as(out, source, index, count))


@compiled
def store_first(target, index, source, count):
    load_store.store_first(target, index, load_store.load(source, 0), count)


def test_load_first_ends_where_an_array_may_end(dtype):
    lanes = lane_count(np.zeros(1, dtype))
    source = np.arange(1, 2 * lanes + 1, dtype=dtype)
    for count in range(-1, lanes + 2):
        out = np.full(lanes, np.nan, dtype)
        load_first(source, 1, count, out)
        np.testing.assert_array_equal(out, np.where(np.arange(lanes) < count, source[1 : lanes + 1], 0))
    for count in range(lanes + 1):
        load_first(source, len(source) - count, count, out)
        np.testing.assert_array_equal(out[:count], source[len(source) - count :])


@compiled
def load_as(source, index, out):
    load_store.store(out, 0, load_store.load_as(out, source, index))


def test_bytes_become_numbers(dtype):
    lanes, source = lane_count(np.zeros(1, dtype)), np.arange(256, dtype=np.uint8)
    for first in (0, 1, 256 - lanes):
        out = np.full(lanes, np.nan, dtype)
        load_as(source, first, out)
        np.testing.assert_array_equal(out, source[first : first + lanes])
    for count in range(-1, lanes + 2):
        out = np.full(lanes, np.nan, dtype)
        load_first(source, 200, count, out)
        np.testing.assert_array_equal(out, np.where(np.arange(lanes) < count, source[200 : 200 + lanes], 0))


def test_store_first_leaves_what_follows(dtype):
    lanes = lane_count(np.zeros(1, dtype))
    source = np.arange(1, lanes + 1, dtype=dtype)
    for count in range(-1, lanes + 2):
        target, twin = np.full((2, 2 * lanes + 2), np.nan, dtype)
        store_first(target, 1, source, count)
        twin[1 : lanes + 1][: max(0, count)] = source[: max(0, count)]
        np.testing.assert_array_equal(target, twin)


@pytest.mark.slow
def test_load_first_and_store_first_touch_no_more_memory():
    run_python("""
import ctypes, mmap
import numpy as np
import pytest
from tests.test_load_store import load_first, store_first
pages = mmap.mmap(-1, 2 * mmap.PAGESIZE)
start = ctypes.addressof(ctypes.c_char.from_buffer(pages))
assert ctypes.CDLL(None).mprotect(ctypes.c_void_p(start + mmap.PAGESIZE), mmap.PAGESIZE, 0) == 0
page, vector = np.frombuffer(pages, np.float32, mmap.PAGESIZE // 4), np.arange(1, 17, dtype=np.float32)
store_first(page, len(page) - 1, vector, 1)
np.testing.assert_array_equal(page[-2:], [0, 1])
load_first(page, len(page) - 2, 2, vector)
assert vector[0] == 0
""")


@compiled
def prefetch_to_write(array, index):
    load_store.prefetch_to_write(array, index)


def test_prefetch_to_write_asks_for_a_line_and_changes_nothing(dtype):
    array = np.arange(40, dtype=dtype)
    prefetch_to_write(array, 3)
    np.testing.assert_array_equal(array, np.arange(40))
    words = "prefetchw", "prefetcht0", "pst"  # prefetcht0 where a processor knows no other, as that of haswell
    assert all(any(word in code for word in words) for code in prefetch_to_write.inspect_asm().values())


# ---- words ----


def test_words_reach_exactly_as_far_as_a_vector(dtype):
    array = np.arange(40, dtype=np.uint32)
    for start in (0, 3, 7):
        out, lanes = np.zeros(32, np.uint32), lane_count(np.zeros(1, dtype))
        copy_words(np.zeros(1, dtype), array, start, out)
        np.testing.assert_array_equal(out[:lanes], array[start : start + lanes])
        assert not out[lanes:].any()


@compiled
def copy_words(memory, array, start, out):
    store_words(out, 0, load_store.words(memory, array, start))


# ---- sums of vectors ----


@compiled
def add_to(totals, array, index, count):
    load_store.add_to(totals, array, index, count)


def test_add_to_adds_one_vector_after_another_in_float64(dtype):
    random, lanes = np.random.default_rng(0), lane_count(np.zeros(1, dtype))
    array, totals = random.normal(size=3 + 7 * lanes).astype(dtype), random.normal(size=lanes + 1)
    for count in (1, 7):
        twin = totals.copy()
        for vector in array[3 : 3 + count * lanes].reshape(count, lanes):
            twin[:lanes] += vector
        add_to(totals, array, 3, count)
        np.testing.assert_array_equal(totals, twin)
