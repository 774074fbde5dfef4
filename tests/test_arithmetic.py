"""Arithmetic of vectors: each operator and intrinsic is compared with its twin in NumPy, lane by lane.

``FASTPROP_LANES=1 pytest tests/test_arithmetic.py`` runs the same for vectors of another machine.
"""

from fractions import Fraction

import numpy as np
import pytest

from fastprop.kernels import arithmetic, load_store
from fastprop.kernels.compiler import inline
from tests.marks import compiled_dtype
from tests.parts import by_lanes, compiled, lane_count, store_words

dtype = compiled_dtype


@pytest.fixture
def numbers(dtype):
    """Return four arrays with all pairs of special numbers, then ordinary ones."""
    special = [0.0, -0.0, 1.0, -1.5, np.inf, -np.inf, np.nan, np.finfo(dtype).max]
    pairs = np.array(np.meshgrid(special, special), dtype).reshape(2, 64)
    ordinary = np.random.default_rng(0).normal(size=(4, 64)).astype(dtype)
    return np.hstack([np.vstack([pairs, pairs[::-1]]), ordinary])


# ---- lane by lane ----


def twin_fma(a, b, c):
    """a · b + c of ordinary numbers, rounded once: to the nearest, of two equally near to the even one."""
    dtype = a.dtype.type

    def one(a, b, c):
        exact = Fraction(float(a)) * Fraction(float(b)) + Fraction(float(c))
        near = dtype(float(exact))
        candidates = np.array([np.nextafter(near, dtype(-np.inf)), near, np.nextafter(near, dtype(np.inf))])
        odd = candidates.view(f"u{near.itemsize}") % 2
        return candidates[min(range(3), key=lambda i: (abs(Fraction(float(candidates[i])) - exact), odd[i]))]

    return np.array([one(*numbers) for numbers in zip(a, b, c)])


@np.errstate(all="ignore")
@pytest.mark.parametrize(
    "function",
    [
        lambda a, b, c, d: a + b,
        lambda a, b, c, d: a - b,
        lambda a, b, c, d: a * b,
        lambda a, b, c, d: a / b,
        lambda a, b, c, d: -a,
        lambda a, b, c, d: 1 / a - 2.5 * b + 3,
    ],
    ids=["add", "sub", "mul", "truediv", "neg", "numbers"],
)
def test_operators(function, numbers):
    np.testing.assert_array_equal(by_lanes(function, *numbers), function(*numbers))


def test_fma_rounds_once(dtype):
    a, b, c = np.random.default_rng(0).normal(size=(3, 64)).astype(dtype)
    c[:32] = -(a * b)[:32]  # what is left is the rounding error of the product
    fused = by_lanes(lambda a, b, c, d: arithmetic.fma(a, b, c), a, b, c)
    np.testing.assert_array_equal(fused, twin_fma(a, b, c))
    assert (fused[:32] != (a * b + c)[:32]).any()


def test_fma_takes_numbers(dtype):
    a, b = np.random.default_rng(0).normal(size=(2, 64)).astype(dtype)
    np.testing.assert_array_equal(
        by_lanes(lambda a, b, c, d: arithmetic.fma(0.5, a, b), a, b), twin_fma(np.full_like(a, 0.5), a, b)
    )


def test_where_less(numbers):
    chosen = by_lanes(lambda a, b, c, d: arithmetic.where_less(a, b, c, d), *numbers)
    np.testing.assert_array_equal(chosen, np.where(numbers[0] < numbers[1], *numbers[2:]))


def test_where_less_takes_numbers(numbers):
    clamped = by_lanes(lambda a, b, c, d: arithmetic.where_less(1, a, 1, a), numbers[0])
    np.testing.assert_array_equal(clamped, np.where(numbers[0] > 1, 1, numbers[0]))


@np.errstate(invalid="ignore")
def test_sqrt(numbers):
    np.testing.assert_array_equal(by_lanes(lambda a, b, c, d: arithmetic.sqrt(a), numbers[0]), np.sqrt(numbers[0]))


def test_polynomial(dtype):
    x = np.linspace(-2, 2, 64, dtype=dtype)
    cubic = arithmetic.polynomial(0.5, -2, 0.25, 3)
    twin = np.full_like(x, 0.5)
    for coefficient in (-2, 0.25, 3):
        twin = twin_fma(twin, x, np.full_like(x, coefficient))
    np.testing.assert_array_equal(by_lanes(lambda a, b, c, d: cubic(a), x), twin)


# ---- words ----


def by_words(function, dtype, *arrays):
    """Return the results of a function for the words of one or two arrays, a vector of `dtype` at a time."""
    function = inline(function)

    @compiled
    def run(memory, a, b, out):
        for i in range(0, len(out), load_store.lanes(memory)):
            store_words(out, i, function(load_store.words(memory, a, i), load_store.words(memory, b, i)))

    out = np.zeros_like(arrays[0])
    run(np.zeros(1, dtype), *arrays, *arrays[:1] * (2 - len(arrays)), out)
    return out


@pytest.fixture
def whole_numbers():
    """Return two arrays with all pairs of special words, then ordinary ones."""
    special = [0, 1, 2, 2**16, 2**31 - 1, 2**31, 2**32 - 2, 2**32 - 1]
    pairs = np.array(np.meshgrid(special, special), np.uint32).reshape(2, 64)
    return np.hstack([pairs, np.random.default_rng(0).integers(2**32, size=(2, 64), dtype=np.uint32)])


@pytest.mark.parametrize(
    "function",
    [
        lambda a, b: a + b,
        lambda a, b: a - b,
        lambda a, b: a * b,
        lambda a, b: a ^ b,
        lambda a, b: -a,
        lambda a, b: a >> 16,
        lambda a, b: (a >> 15) * np.uint32(0x846CA68B) + 3,
    ],
    ids=["add", "sub", "mul", "xor", "neg", "rshift", "numbers"],
)
def test_operators_of_words_wrap_around(function, whole_numbers, dtype):
    with np.errstate(over="ignore"):
        twin = function(*whole_numbers)
    np.testing.assert_array_equal(by_words(function, dtype, *whole_numbers), twin)


@compiled
def where_below(a, b, yes, out):
    for i in range(0, len(out), load_store.lanes(out)):
        chosen = arithmetic.where_below(
            load_store.words(out, a, i), load_store.words(out, b, i), load_store.load(yes, i), -1.5
        )
        load_store.store(out, i, chosen)


def test_where_below_takes_words_as_they_are_without_a_sign(whole_numbers, dtype):
    yes, out = np.random.default_rng(0).normal(size=(2, 128)).astype(dtype)
    where_below(*whole_numbers, yes, out)
    np.testing.assert_array_equal(out, np.where(whole_numbers[0] < whole_numbers[1], yes, -1.5))


# ---- exponents ----


@compiled
def count_from(array, start, step):
    load_store.store(array, 0, arithmetic.arithmetic_sequence(start, step))


def test_arithmetic_sequence_wraps():
    array, lanes = np.zeros(16, np.uint64), lane_count(np.zeros(1, np.uint64))
    start, step = np.uint64(5), np.uint64(2**64 - 3)  # which is -3
    count_from(array, start, step)
    expected = [(5 - 3 * lane) % 2**64 for lane in range(lanes)]
    np.testing.assert_array_equal(array[:lanes], np.array(expected, np.uint64))
    assert not array[lanes:].any()


def test_power_of_two(dtype):
    powers = np.arange(-32, 32).astype(dtype)
    rounder = np.array(1.5 * 2.0 ** np.finfo(dtype).nmant + np.finfo(dtype).maxexp - 1, dtype)
    actual = by_lanes(lambda a, b, c, d: arithmetic.power_of_two(a), powers + rounder)
    np.testing.assert_array_equal(actual, 2**powers)


@compiled
def split_exponent(array, fraction, power):
    for i in range(0, len(array), load_store.lanes(array)):
        m, n = arithmetic.split_exponent(load_store.load(array, i))
        load_store.store(fraction, i, m)
        load_store.store(power, i, n)


def test_split_exponent(dtype):
    limits = np.finfo(dtype)
    x = np.geomspace(limits.tiny, limits.max / 2, 256, dtype=dtype)
    fraction, power = np.empty_like(x), np.empty_like(x)
    split_exponent(x, fraction, power)
    root_half = np.sqrt(np.array(0.5, dtype))
    assert ((root_half <= fraction) & (fraction < 2 * root_half)).all()
    np.testing.assert_array_equal(np.ldexp(fraction.astype(np.longdouble), power.astype(int)), x)
