"""Optimizers, by PyTorch's formulas.

What weight decay makes of w and g; and, from g and what was kept, what to subtract and to keep.
"""

import numpy as np


def _decay_in_gradient(optimizer, w, g):
    return w, g + optimizer.weight_decay * w


def _sgd(optimizer, g, v=0.0):
    # v ← μ v + g; subtract η v, or with Nesterov η (g + μ v)
    v = optimizer.momentum * v + g
    return optimizer.learning_rate * (g + optimizer.momentum * v if optimizer.nesterov else v), v


def _adam(optimizer, g, t=0, m=0.0, v=0.0):
    # moving means of g and g², each freed of the zero it began with: Kingma and Ba, ICLR 2015
    t += 1
    m = optimizer.beta1 * m + (1 - optimizer.beta1) * g
    v = optimizer.beta2 * v + (1 - optimizer.beta2) * g**2
    step_size = optimizer.learning_rate / (1 - optimizer.beta1**t)
    return step_size * m / (np.sqrt(v) / np.sqrt(1 - optimizer.beta2**t) + optimizer.epsilon), t, m, v


OPTIMIZERS = {"SGD": (_decay_in_gradient, _sgd), "Adam": (_decay_in_gradient, _adam)}


def update(optimizer, w, g, state):
    """Move the parameters `w` in place by their gradient `g`; return what to keep for the next step."""
    decay, rule = OPTIMIZERS[type(optimizer).__name__]
    w[...], g = decay(optimizer, w, g)
    change, *state = rule(optimizer, g, *state)
    w -= change
    return state
