"""Activations, and the product of a gradient with their derivative, from their output."""

import numpy as np


def sigmoid(z):
    """1 / (1 + e⁻ᶻ), with z held to ±708 so that nothing overflows."""
    return 1 / (1 + np.exp(-np.clip(z, -708, 708)))


def softmax(z):
    """eᶻ / Σ eᶻ over each row."""
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


ACTIVATIONS = {
    "identity": (lambda z: z, lambda a, g: g),
    "sigmoid": (sigmoid, lambda a, g: g * a * (1 - a)),
    "softmax": (softmax, lambda a, g: a * (g - (g * a).sum(axis=1, keepdims=True))),
    "tanh": (np.tanh, lambda a, g: g * (1 - a**2)),
}
"""Of each, a = f(z), and the product of a gradient with f'(z), from a."""
