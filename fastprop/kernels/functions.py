"""Elementary functions of vectors, lane by lane: exp, expm1, log, log1p, sigmoid and tanh.

Each is a polynomial that is the same for every width of vectors, so that results have the same bits. LLVM has no vector
form of ``math.exp`` without a vector math library, which Numba's packages do not bring.

Errors are in ulp, the distance of two neighboring numbers.
"""

from numba import types
from numba.extending import overload

from fastprop.kernels.arithmetic import fma, polynomial, power_of_two, split_exponent, where_less
from fastprop.kernels.compiler import inline, inline_options


class _Float32:
    limit = 87.0  # exp(±limit) and 1 / (1 + exp(±limit)) are normal numbers
    underflow, overflow = -104.0, 89.0  # from here on, exp is 0 and infinite
    rounder = (
        1.5 * 2.0**23 + 127
    )  # adding it rounds to an integer; the lowest bits then hold it plus the exponents' bias
    log2_e = 1.4426950408889634
    ln2_high = 0.693359375  # ln 2 = high + low; high ends in zeros, so that n · high is exact
    ln2_low = -2.12194440054690583e-4
    # exp(r) = 1 + r + r² q(r) for |r| ≤ ½ ln 2, q interpolated at Chebyshev points: 8e-9 off
    exp = 0.0013926250831497612, 0.008363232883682618, 0.04166655421298415, 0.16666576666119928, 0.5
    # log(m) = 2s + s z (2/3 + 2/5 z + 2/7 z² + …) with s = (m - 1) / (m + 1), z = s² ≤ 0.0295: 2e-9 off
    log = tuple(2 / n for n in (9, 7, 5, 3))
    log1p = tuple(2 / n for n in range(13, 1, -2))  # s ≤ 1/3, z ≤ 1/9: 1e-8 off


class _Float64:
    limit = 708.0
    underflow, overflow = -746.0, 710.0
    rounder = 1.5 * 2.0**52 + 1023
    log2_e = 1.4426950408889634
    ln2_high = 6.93147180369123816490e-1
    ln2_low = 1.90821492927058770002e-10
    # fmt: off
    exp = (  # 1.3e-17 off
        2.5100472505694996e-8, 2.762020159103155e-7, 2.7557268276905696e-6, 2.4801521057868206e-5, 1.984126986917156e-4,
        1.388888891736708e-3, 8.33333333333003e-3, 4.166666666662382e-2, 0.16666666666666667, 0.5,
    )
    # fmt: on
    log = tuple(2 / n for n in range(19, 1, -2))  # 2e-17 off
    log1p = tuple(2 / n for n in range(31, 1, -2))  # 1e-17 off


def _constants(vector):
    """Return the constants of a vector type's dtype."""
    return {types.float32: _Float32, types.float64: _Float64}[vector.dtype]


def exp_parts(x):
    """Return (p, 2ⁿ) with eˣ = 2ⁿ (1 + p), |p| ≤ √2 - 1 and x clamped to ±87 (float32) or ±708. A NaN stays one."""


@overload(exp_parts, jit_options=inline_options())
def _exp_parts(x):
    c = _constants(x)
    limit, rounder, log2_e, ln2_high, ln2_low = c.limit, c.rounder, c.log2_e, c.ln2_high, c.ln2_low
    q = polynomial(*c.exp)

    def exp_parts(x):
        x = where_less(limit, x, limit, x)
        x = where_less(x, -limit, -limit, x)
        shifted = fma(x, log2_e, rounder)
        n = shifted - rounder
        r = fma(n, -ln2_low, fma(n, -ln2_high, x))
        return fma(r * r, q(r), r), power_of_two(shifted)

    return exp_parts


def log(x):
    """Return the natural logarithm of each lane, for positive, normal numbers, at most 2 ulp off."""


@overload(log, jit_options=inline_options())
def _log(x):
    c = _constants(x)
    ln2_high, ln2_low = c.ln2_high, c.ln2_low
    series = polynomial(*c.log)

    def log(x):
        m, n = split_exponent(x)
        s = (m - 1) / (m + 1)
        z = s * s
        return fma(n, ln2_high, fma(n, ln2_low, fma(s * z, series(z), 2 * s)))

    return log


def log1p(x):
    """Return log(1 + x) of each lane for 0 ≤ x ≤ 1, at most 2 ulp off."""


@overload(log1p, jit_options=inline_options())
def _log1p(x):
    series = polynomial(*_constants(x).log1p)

    def log1p(x):
        s = x / (x + 2)
        z = s * s
        return fma(s * z, series(z), 2 * s)

    return log1p


@inline
def exp(x):
    """Return eˣ of each lane, at most 1.5 ulp off where `exp_parts` does not clamp x."""
    # (V)
    p, scale = exp_parts(x)
    return fma(p, scale, scale)


def exp_to_infinity(x):
    """Return eˣ of each lane for every x, with the bits of `exp` where that does not clamp x: up to 0 and infinity."""


@overload(exp_to_infinity, jit_options=inline_options())
def _exp_to_infinity(x):
    c = _constants(x)
    underflow, overflow, rounder, log2_e = c.underflow, c.overflow, c.rounder, c.log2_e
    ln2_high, ln2_low = c.ln2_high, c.ln2_low
    q = polynomial(*c.exp)

    def exp_to_infinity(x):
        x = where_less(overflow, x, overflow, x)
        x = where_less(x, underflow, underflow, x)
        n = fma(x, log2_e, rounder) - rounder
        r = fma(n, -ln2_low, fma(n, -ln2_high, x))
        # 2ⁿ itself may have no exponent, and so it is multiplied by in two parts, which have
        half = fma(n, 0.5, rounder)
        scale = power_of_two(half)
        return fma(fma(r * r, q(r), r), scale, scale) * power_of_two(n - (half - rounder) + rounder)

    return exp_to_infinity


@inline
def expm1(x):
    """Return eˣ - 1 of each lane, at most 2 ulp off, 3 for x > 0, where `exp_parts` does not clamp x."""
    # (V)
    p, scale = exp_parts(x)
    return fma(p, scale, scale - 1)


@inline
def sigmoid(x):
    """Return 1 / (1 + e⁻ˣ) of each lane, at most 2.5 ulp off: the error of exp and two roundings."""
    # (V)
    return 1 / (1 + exp(-x))


@inline
def tanh(x):
    """Return (e²ˣ - 1) / (e²ˣ + 1) of each lane, at most 2.5 ulp off, 3.5 in float64: e²ˣ - 1 is as in expm1."""
    # (V)
    p, scale = exp_parts(x + x)
    expm1 = fma(p, scale, scale - 1)
    return expm1 / (expm1 + 2)
