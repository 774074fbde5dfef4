"""Clipping and optimizers, by PyTorch's formulas."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray


def norm(gradients: Sequence[NDArray[Any]]) -> float:
    """Return the Euclidean norm of the gradients of all parameters together.

    Examples
    --------
    >>> import numpy as np
    >>> from fastprop import reference
    >>> float(reference.norm([np.array([3.0]), np.array([[0.0, 4.0]])]))
    5.0
    """
    return np.sqrt(sum((g**2).sum() for g in gradients))


def _clip_norm(clip, gradients):
    # Pascanu, Mikolov and Bengio, ICML 2013
    return [g * np.minimum(1, clip.limit / (norm(gradients) + 1e-6)) for g in gradients]


def _clip_value(clip, gradients):
    return [np.clip(g, -clip.limit, clip.limit) for g in gradients]


CLIPS = {"ClipNorm": _clip_norm, "ClipValue": _clip_value}
"""By the name of a kind of clipping, a function of the option and of all gradients."""


def clipped(clip: Any, gradients: list[NDArray[Any]]) -> list[NDArray[Any]]:
    """Return the gradients of all parameters, limited by `clip`, an option or None.

    Examples
    --------
    >>> import numpy as np
    >>> import fastprop as fp
    >>> fp.reference.clipped(fp.ClipValue(1), [np.array([-3.0, 0.5])])
    [array([-1. ,  0.5])]
    """
    return gradients if clip is None else CLIPS[type(clip).__name__](clip, gradients)


# ---- weight decay: w, g → w, g   rules: g, state → what is subtracted from w, state ----


def _decay_in_gradient(optimizer, rate, w, g):
    return w, g + optimizer.weight_decay * w


def _decoupled_decay(optimizer, rate, w, g):
    # Loshchilov and Hutter, ICLR 2019
    return w * (1 - rate * optimizer.weight_decay), g


def _sgd(optimizer, rate, g, v=0.0):
    # v ← μ v + g; subtract η v, or with Nesterov η (g + μ v)
    v = optimizer.momentum * v + g
    return rate * (g + optimizer.momentum * v if optimizer.nesterov else v), v


def _adam(optimizer, rate, g, p1=1.0, p2=1.0, m=0.0, v=0.0):
    # moving averages of g and g², corrected for the zero that they begin with: Kingma and Ba, ICLR 2015
    # In step t, p1 is beta1ᵗ and p2 beta2ᵗ, or the product of the betas of all steps, if these change.
    p1 *= optimizer.beta1
    p2 *= optimizer.beta2
    m = optimizer.beta1 * m + (1 - optimizer.beta1) * g
    v = optimizer.beta2 * v + (1 - optimizer.beta2) * g**2
    step_size = rate / (1 - p1)
    return step_size * m / (np.sqrt(v) / np.sqrt(1 - p2) + optimizer.epsilon), p1, p2, m, v


def _rmsprop(optimizer, rate, g, s=0.0, v=0.0):
    # Tieleman and Hinton, lecture 6.5 (2012)
    s = optimizer.smoothing * s + (1 - optimizer.smoothing) * g**2
    v = optimizer.momentum * v + g / (np.sqrt(s) + optimizer.epsilon)
    return rate * v, s, v


def _adagrad(optimizer, rate, g, s=0.0):
    # Duchi, Hazan and Singer, JMLR 12 (2011)
    s = s + g**2
    return rate * g / (np.sqrt(s) + optimizer.epsilon), s


def _lion(optimizer, rate, g, m=0.0):
    # Chen et al., NeurIPS 2023
    direction = np.sign(optimizer.beta1 * m + (1 - optimizer.beta1) * g)
    return rate * direction, optimizer.beta2 * m + (1 - optimizer.beta2) * g


OPTIMIZERS = {
    "SGD": (_decay_in_gradient, _sgd),
    "Adam": (_decay_in_gradient, _adam),
    "AdamW": (_decoupled_decay, _adam),
    "RMSprop": (_decay_in_gradient, _rmsprop),
    "Adagrad": (_decay_in_gradient, _adagrad),
    "Lion": (_decoupled_decay, _lion),
}
"""By the name of an optimizer, its functions of weight decay and of the update rule."""


def update(optimizer, rate, w, g, state):
    """Update the parameters `w` in place by their gradient `g` and a learning rate; return the new state."""
    decay, rule = OPTIMIZERS[type(optimizer).__name__]
    g = g + optimizer.l1 * np.sign(w)
    w[...], g = decay(optimizer, rate, w, g)
    change, *state = rule(optimizer, rate, g, *state)
    w -= change
    return state
