"""Denormals, and values that threads share."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from fastprop.kernels import load_store, threads
from tests.parts import compiled

# ---- denormals ----


@compiled
def flush_denormals():
    return threads.flush_denormals()


@compiled
def restore(state):
    threads.restore(state)


@compiled
def double(array, out):
    for i in range(0, len(array), load_store.lanes(array)):
        load_store.store(out, i, load_store.load(array, i) * 2)


def test_denormals_are_zero_until_restored(dtype):
    # each step in a call of its own: within one, LLVM may move the multiplication
    denormal = np.full(64, np.finfo(dtype).tiny / 4, dtype)
    before, flushed, after = (np.ones_like(denormal) for _ in range(3))
    double(denormal, before)
    state = flush_denormals()
    double(denormal, flushed)
    restore(state)
    double(denormal, after)
    np.testing.assert_array_equal(before, denormal * 2)
    np.testing.assert_array_equal(flushed, np.zeros_like(denormal))
    np.testing.assert_array_equal(after, before)


# ---- other threads ----


@compiled
def draw_numbers(counter, mine):
    for i in range(len(mine)):
        mine[i] = threads.atomic_add(counter, 1, 2)


@compiled
def watch(counter, seen):
    for i in range(len(seen)):
        seen[i] = threads.atomic_load(counter, 1)
        threads.cpu_pause()
        threads.sched_yield()


@pytest.mark.slow
def test_atomic_add_gives_each_number_to_one_thread_and_atomic_load_sees_them_grow():
    counter, drawn, seen = np.array([-7, 0, -7]), np.zeros((3, 100_000), np.int64), np.zeros(100_000, np.int64)
    with ThreadPoolExecutor(4) as pool:
        for array in drawn:
            pool.submit(draw_numbers, counter, array)
        pool.submit(watch, counter, seen)
    np.testing.assert_array_equal(np.sort(drawn, axis=None), np.arange(0, 2 * drawn.size, 2))
    np.testing.assert_array_equal(counter, [-7, 2 * drawn.size, -7])
    assert (np.diff(seen) >= 0).all()
    watch(counter, seen)
    np.testing.assert_array_equal(seen, counter[1])
