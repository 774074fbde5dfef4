"""Activations, and the way of a gradient back through them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

NEGATIVE_SLOPE = 0.01
"""The slope of leaky_relu for z < 0."""

CUBIC = 0.044715
"""The factor of z³ in gelu."""


class Activation(NamedTuple):
    """A row of `ACTIVATIONS`: an activation a = f(z), and the backward pass through it.

    The backward pass computes dloss/dz = dloss/da · f'(z) from a, or from f'(z) where that does not follow from a.
    """

    f: Callable[..., Any]  # z → a
    backward: Callable[..., Any]  # (a, or f'(z) if there is a `derivative`; dloss/da) → dloss/dz
    derivative: Callable[..., Any] | None = None  # z → f'(z), where f'(z) does not follow from a
    output_only: bool = False  # whether only the last layer may have it
    initialization: str = "glorot_uniform"  # the default initialization of the layer's weights
    negative_slope: float = 0.0  # a / z for z < 0 of a piecewise linear activation, on which He's gain depends

    def gradient(self, z: NDArray[Any], g: NDArray[Any]) -> NDArray[Any]:
        """Return dloss/dz, `g` being dloss/da."""
        return self.backward((self.derivative or self.f)(z), g)


def sigmoid(z: NDArray[Any]) -> NDArray[Any]:
    """Return 1 / (1 + e⁻ᶻ), with z clipped to ±708 so that nothing overflows."""
    return 1 / (1 + np.exp(-np.clip(z, -708, 708)))


def relu(z: NDArray[Any]) -> NDArray[Any]:
    """Return the positive part of z. The derivative at 0 is 0."""
    return np.maximum(z, 0)


def leaky_relu(z: NDArray[Any]) -> NDArray[Any]:
    """Return z where it is positive, else z / 100."""
    return np.where(z > 0, z, NEGATIVE_SLOPE * z)


def elu(z: NDArray[Any]) -> NDArray[Any]:
    """Return z where it is positive, else eᶻ - 1: Clevert, Unterthiner and Hochreiter, ICLR 2016."""
    return np.where(z > 0, z, np.expm1(np.minimum(z, 0)))


def softplus(z: NDArray[Any]) -> NDArray[Any]:
    """Return log(1 + eᶻ), without overflow. PyTorch returns z above 20, which is less by up to 2e-9."""
    return np.maximum(z, 0) + np.log1p(np.exp(-np.abs(z)))


def silu(z: NDArray[Any]) -> NDArray[Any]:
    """Return z σ(z): Elfwing, Uchibe and Doya, Neural Networks 107 (2018)."""
    return z * sigmoid(z)


def gelu(z: NDArray[Any]) -> NDArray[Any]:
    """Return z (1 + tanh √(2/π) (z + 0.044715 z³)) / 2, the tanh form: Hendrycks and Gimpel, arXiv:1606.08415."""
    return z * (1 + _tanh_in_gelu(z)) / 2


def softmax(z: NDArray[Any]) -> NDArray[Any]:
    """Return eᶻ / Σ eᶻ of each row."""
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def _tanh_in_gelu(z):
    return np.tanh(np.sqrt(2 / np.pi) * (z + CUBIC * z**3))


def _silu_derivative(z):
    s = sigmoid(z)
    return s * (1 + z * (1 - s))


def _gelu_derivative(z):
    t = _tanh_in_gelu(z)
    return (1 + t) / 2 + z * (1 - t**2) / 2 * np.sqrt(2 / np.pi) * (1 + 3 * CUBIC * z**2)


_HE = "he_uniform"

ACTIVATIONS = {
    "sigmoid": Activation(sigmoid, lambda a, g: g * a * (1 - a)),
    "tanh": Activation(np.tanh, lambda a, g: g * (1 - a**2)),
    "relu": Activation(relu, lambda a, g: np.where(a > 0, g, 0), initialization=_HE),
    "leaky_relu": Activation(
        leaky_relu,
        lambda a, g: np.where(a > 0, g, NEGATIVE_SLOPE * g),
        initialization=_HE,
        negative_slope=NEGATIVE_SLOPE,
    ),
    "elu": Activation(elu, lambda a, g: np.where(a > 0, g, g * (a + 1)), initialization=_HE),
    "softplus": Activation(softplus, lambda a, g: g * -np.expm1(-a)),
    "silu": Activation(silu, lambda slope, g: g * slope, derivative=_silu_derivative, initialization=_HE),
    "gelu": Activation(gelu, lambda slope, g: g * slope, derivative=_gelu_derivative, initialization=_HE),
    "identity": Activation(lambda z: z, lambda a, g: g),
    "exp": Activation(np.exp, lambda a, g: g * a, output_only=True),
    "softmax": Activation(softmax, lambda a, g: a * (g - (g * a).sum(axis=1, keepdims=True)), output_only=True),
}
"""One row for each activation."""

OUTPUT_ONLY = tuple(name for name, row in ACTIVATIONS.items() if row.output_only)
"""Activations of the last layer alone."""
