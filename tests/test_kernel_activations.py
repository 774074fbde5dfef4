"""The kernels' activations are compared with exact values."""

import functools

import numpy as np
import pytest

from fastprop.kernels import activations, compiler
from fastprop.kernels.activations import ACTIVATIONS, GELU, MISH
from tests.marks import compiled_dtype
from tests.parts import limit, of_one

dtype = compiled_dtype

EXACT = {
    "identity": lambda z: z,
    "sigmoid": lambda z: 1 / (1 + np.exp(-z)),
    "tanh": np.tanh,
    "relu": lambda z: np.maximum(z, 0),
    "leaky_relu": lambda z: np.maximum(z, 0) + np.longdouble(0.01) * np.minimum(z, 0),
    "elu": lambda z: np.maximum(z, 0) + np.expm1(np.minimum(z, 0)),
    "softplus": lambda z: np.maximum(z, 0) + np.log1p(np.exp(-np.abs(z))),
    "silu": lambda z: z / (1 + np.exp(-z)),
    "gelu": lambda z: z / (1 + np.exp(np.minimum(-np.sqrt(8 / PI) * (z + np.longdouble(0.044715) * z**3), 11_000))),
    "exp": np.exp,
    "selu": lambda z: np.where(z > 0, SELU_SCALE * z, SELU_SCALE * SELU_ALPHA * np.expm1(np.minimum(z, 0))),
    "mish": lambda z: z * np.tanh(np.maximum(z, 0) + np.log1p(np.exp(-np.abs(z)))),
}
SELU_SCALE = np.longdouble("1.0507009873554804934193349852946")
SELU_ALPHA = np.longdouble("1.6732632423543772848170429916717")
PI = 4 * np.arctan(np.longdouble(1))

STATED = {
    "identity": (0, 0),
    "sigmoid": (2.5, 2.5),
    "tanh": (2.5, 3.5),
    "relu": (0, 0),
    "leaky_relu": (1, 0.5),
    "elu": (1, 2),
    "softplus": (3, 3),
    "silu": (3, 3),
    "gelu": (2, 2),
    "exp": (1.5, 1.5),
    "selu": (2, 3),
    "mish": (5, 4.5),
}
"""What `apply` says of each, float32 and float64, in ulp; of gelu in those of z."""


def numbers(dtype):
    """From the whole range in which nothing is clamped, many from where it matters most, and tiny ones."""
    random, count = np.random.default_rng(0), 2**16
    tiny = np.exp(-random.uniform(0, limit(dtype), count)) * random.choice([-1, 1], count)
    wide = random.uniform(-limit(dtype), limit(dtype), count)
    return np.concatenate([wide, random.normal(size=count), random.normal(0, 5, count), tiny]).astype(dtype)


def activated(name, z):
    return of_one(function_of(name), z)


@functools.cache
def function_of(name):
    code = ACTIVATIONS[name].code
    return compiler.inline(lambda z: activations.activation(code, z))


needs_long_double = pytest.mark.skipif(
    np.finfo(np.longdouble).eps > 1e-18, reason="long double is no longer than float64 here"
)


@needs_long_double
@pytest.mark.parametrize("name", EXACT)
def test_accuracy(name, dtype):
    z = numbers(dtype)
    exact = EXACT[name](z.astype(np.longdouble))
    unit = np.spacing(np.abs(z if name == "gelu" else exact.astype(dtype)))
    assert (np.abs(activated(name, z) - exact) / unit).max() <= STATED[name][dtype == "float64"]


@needs_long_double
def test_exp_is_accurate_up_to_the_largest_number_and_infinite_beyond(dtype):
    end = np.log(np.finfo(dtype).max)
    z = np.random.default_rng(0).uniform(0.9 * end, end, 2**16).astype(dtype)
    exact = np.exp(z.astype(np.longdouble))
    assert (np.abs(activated("exp", z) - exact) / np.spacing(exact.astype(dtype))).max() <= STATED["exp"][0]
    np.testing.assert_array_equal(activated("exp", (z * 1.2).astype(dtype)), np.inf)


@needs_long_double
def test_gelu_has_digits_where_it_is_small(dtype):
    z = np.random.default_rng(0).uniform(-7, 0, 2**18).astype(dtype)
    exact = EXACT["gelu"](z.astype(np.longdouble))
    assert (np.abs(activated("gelu", z) - exact) / np.spacing(np.abs(exact).astype(dtype))).max() <= 110


@compiler.inline
def _gelu_derivative(z):
    return activations.derivative(GELU, z)


@compiler.inline
def _mish_derivative(z):
    return activations.derivative(MISH, z)


def derivative_of_gelu(z):
    return of_one(_gelu_derivative, z)


@needs_long_double
def test_derivative_of_gelu(dtype):
    z = numbers(dtype)
    wide = z.astype(np.longdouble)
    u = np.sqrt(2 / PI) * (wide + np.longdouble(0.044715) * wide**3)
    growth = np.sqrt(2 / PI) * (1 + 3 * np.longdouble(0.044715) * wide**2)
    exact = (1 + np.tanh(u)) / 2 + wide * growth / (2 * np.cosh(np.clip(u, -5000, 5000)) ** 2)
    assert np.abs(derivative_of_gelu(z) - exact).max() <= 2 * np.finfo(dtype).eps


def derivative_of_mish(z):
    return of_one(_mish_derivative, z)


@needs_long_double
def test_derivative_of_mish(dtype):
    # tanh s + z / cosh² s · σ(z) with s = log(1 + eᶻ)
    z = numbers(dtype)
    wide = z.astype(np.longdouble)
    s = np.maximum(wide, 0) + np.log1p(np.exp(-np.abs(wide)))
    exact = np.tanh(s) + wide / np.cosh(np.minimum(s, 5000)) ** 2 / (1 + np.exp(-wide))
    assert np.abs(derivative_of_mish(z) - exact).max() <= 2.5 * np.finfo(dtype).eps


def test_far_out_the_derivative_of_mish_is_0_or_1(dtype):
    far = np.geomspace(80, np.finfo(dtype).max / 2, 64, dtype=dtype)
    np.testing.assert_allclose(derivative_of_mish(far), 1, rtol=2.5 * np.finfo(dtype).eps)
    assert np.abs(derivative_of_mish(np.linspace(-1e6, -80, 64, dtype=dtype))).max() < 1e-30
    assert np.isnan(derivative_of_mish(np.full_like(far, np.nan))).all()


def test_far_out_the_derivative_of_gelu_is_0_or_1(dtype):
    far = np.geomspace(30, np.finfo(dtype).max / 2, 64, dtype=dtype)
    np.testing.assert_array_equal(derivative_of_gelu(far), 1)
    assert np.abs(derivative_of_gelu(-far)).max() < 1e-34
    assert np.isnan(derivative_of_gelu(np.full_like(far, np.nan))).all()


def test_all_have_their_accuracy_stated():
    assert set(EXACT) == set(STATED) == set(ACTIVATIONS) - {"softmax"}


@pytest.mark.parametrize("name", EXACT)
def test_nan_stays_nan(name, dtype):
    z = np.full(64, np.nan, dtype)
    np.testing.assert_array_equal(activated(name, z), z)
    np.testing.assert_array_equal(activated(name, -z), z)


@pytest.mark.parametrize("name", EXACT)
def test_zero_and_what_is_too_large(name, dtype):
    """At 0 the value is exact, and finite numbers of any size do not become NaN."""
    largest = np.finfo(dtype).max
    z = np.repeat(np.array([0, largest, -largest, np.sqrt(largest), -np.sqrt(largest)], dtype), 16)
    with np.errstate(over="ignore"):
        found = activated(name, z)
    np.testing.assert_array_max_ulp(found[:16], EXACT[name](np.zeros(16, dtype)).astype(dtype), maxulp=1)
    assert not np.isnan(found).any()
