"""Activations, and the way of a gradient back through them."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .numpy_errors import ERRORS

NEGATIVE_SLOPE = 0.01
"""The slope of leaky_relu for z < 0."""

CUBIC = 0.044715
"""The factor of z³ in gelu."""

GELU_LIMIT = 40.0
"""From this |z| on, gelu is 0 or z, and its derivative 0 or 1, to the last bit of float64."""

SILU_MINIMUM = -0.2784645427610738
"""silu at z = -1.2785, where its derivative is 0."""

GELU_MINIMUM = -0.17004075057125416
"""gelu at z = -0.7525, where its derivative is 0."""

SELU_SCALE = 1.0507009873554805
"""The slope of selu for z > 0: the value with which outputs of mean 0 and variance 1 keep both."""

SELU_LIMIT = 1.7580993408473766
"""What -selu comes near for z → -∞: `SELU_SCALE` times its α, 1.6732632423543772."""

MISH_MINIMUM = -0.3088434130172504
"""mish at z = -1.1924, where its derivative is 0."""

MISH_LIMIT = 20.0
"""From this z on, mish is z, and its derivative 1, to the last bit of float64."""


class Activation(NamedTuple):
    """A row of `ACTIVATIONS`: an activation a = f(z), and the backward pass through it.

    Neither cancels, however large or small z is: both are right to some roundings, relative to their own size.
    """

    f: Callable[..., Any]  # z → a
    gradient: Callable[..., Any]  # (z, dloss/da) → dloss/dz
    output_only: bool = False  # whether only the last layer may have it
    initialization: str = "glorot_uniform"  # the default initialization of the layer's weights
    negative_slope: float = 0.0  # a / z for z < 0 of a piecewise linear activation, on which He's gain depends
    minimum: float = -np.inf  # what a comes near or reaches, and never is below
    maximum: float = np.inf  # what a comes near or reaches, and never is above


# ---- activations ----


@np.errstate(**ERRORS)
def sigmoid(z: NDArray[Any]) -> NDArray[Any]:
    """Return 1 / (1 + e⁻ᶻ), as eᶻ / (1 + eᶻ) below 0, so that nothing overflows."""
    return np.exp(np.minimum(z, 0)) / (1 + np.exp(-np.abs(z)))


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
    """Return z (1 + tanh u) / 2 with u = √(2/π) (z + 0.044715 z³), the tanh form of arXiv:1606.08415.

    It is computed as z σ(2u), which is the same; 1 + tanh u cancels for z < 0.
    """
    z = np.maximum(z, -GELU_LIMIT)
    return z * sigmoid(_twice_u(z))


def selu(z: NDArray[Any]) -> NDArray[Any]:
    """Return λ z where z is positive, else λ α (eᶻ - 1): Klambauer et al., NeurIPS 2017."""
    return np.where(z > 0, SELU_SCALE * z, SELU_LIMIT * np.expm1(np.minimum(z, 0)))


@np.errstate(**ERRORS)
def mish(z: NDArray[Any]) -> NDArray[Any]:
    """Return z tanh(log(1 + eᶻ)): Misra, arXiv:1908.08681.

    It is computed as z n / (n + 2) with n = eᶻ (eᶻ + 2), which is the same and does not cancel.
    """
    n = _mish_n(z)
    return z * (n / (n + 2))


@np.errstate(**ERRORS)
def softmax(z: NDArray[Any]) -> NDArray[Any]:
    """Return eᶻ / Σ eᶻ of each row."""
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def _twice_u(z):
    return np.sqrt(8 / np.pi) * (z + CUBIC * z**3)


# ---- derivatives: z → f'(z) ----


def _sigmoid_derivative(z):
    return sigmoid(z) * sigmoid(-z)


def _tanh_derivative(z):
    return 4 * sigmoid(2 * z) * sigmoid(-2 * z)  # 1 / cosh² z


def _silu_derivative(z):
    return sigmoid(z) * (1 + z * sigmoid(-z))


def _gelu_derivative(z):
    z = np.clip(z, -GELU_LIMIT, GELU_LIMIT)
    growth = np.sqrt(8 / np.pi) * (1 + 3 * CUBIC * z**2)  # of 2u
    return sigmoid(_twice_u(z)) * (1 + z * growth * sigmoid(-_twice_u(z)))


@np.errstate(**ERRORS)
def _mish_n(z):
    e = np.exp(np.minimum(z, MISH_LIMIT))
    return e * (e + 2)


@np.errstate(**ERRORS)
def _mish_derivative(z):
    z = np.minimum(z, MISH_LIMIT)
    n, e = _mish_n(z), np.exp(z)
    return n / (n + 2) + 4 * z * e * (e + 1) / (n + 2) ** 2


def _by(derivative):
    """Return the backward pass through an activation with this derivative."""
    return lambda z, g: g * derivative(z)


def _through_softmax(z, g):
    # a (g - Σ a g), with the differences taken first, so that nothing cancels where one a is almost 1
    a = softmax(z)
    return a * (a[:, None, :] * (g[:, :, None] - g[:, None, :])).sum(axis=2)


_HE = "he_uniform"

ACTIVATIONS = {
    "sigmoid": Activation(sigmoid, _by(_sigmoid_derivative), minimum=0.0, maximum=1.0),
    "tanh": Activation(np.tanh, _by(_tanh_derivative), minimum=-1.0, maximum=1.0),
    "relu": Activation(relu, lambda z, g: np.where(z > 0, g, 0), initialization=_HE, minimum=0.0),
    "leaky_relu": Activation(
        leaky_relu,
        lambda z, g: np.where(z > 0, g, NEGATIVE_SLOPE * g),
        initialization=_HE,
        negative_slope=NEGATIVE_SLOPE,
    ),
    "elu": Activation(elu, _by(lambda z: np.exp(np.minimum(z, 0))), initialization=_HE, minimum=-1.0),
    "softplus": Activation(softplus, _by(sigmoid), minimum=0.0),
    "silu": Activation(silu, _by(_silu_derivative), initialization=_HE, minimum=SILU_MINIMUM),
    "gelu": Activation(gelu, _by(_gelu_derivative), initialization=_HE, minimum=GELU_MINIMUM),
    "selu": Activation(
        selu,
        _by(lambda z: np.where(z > 0, SELU_SCALE, SELU_LIMIT * np.exp(np.minimum(z, 0)))),
        initialization="lecun_normal",
        minimum=-SELU_LIMIT,
    ),
    "mish": Activation(mish, _by(_mish_derivative), initialization=_HE, minimum=MISH_MINIMUM),
    "identity": Activation(lambda z: z, lambda z, g: g),
    "exp": Activation(np.exp, _by(np.exp), output_only=True, minimum=0.0),
    "softmax": Activation(softmax, _through_softmax, output_only=True, minimum=0.0, maximum=1.0),
}
"""One row for each activation."""

OUTPUT_ONLY = tuple(name for name, row in ACTIVATIONS.items() if row.output_only)
"""Activations of the last layer alone."""
