"""The space that a sweep of a table searches by itself, and whether the best lies on its edge."""

import numpy as np

from fastprop.options import choice, loguniform

SAMPLES = 32
"""Configurations that a sweep draws from its own space."""

_RATES = {"sgd": (1e-2, 1.0), "lion": (1e-4, 5e-3), "adagrad": (3e-3, 0.3)}
"""By optimizer, the learning rates that are searched; those of all others are from 0.001 to 0.05."""

_DECOUPLED = "adamw", "lion"
"""Optimizers that shrink the weights apart from the gradient, and so take larger weight decays."""

_WIDTHS = ((32,), (64,), (128,), (64, 64), (256,))

_EDGE = 0.05
"""A best value is on the edge if it is in this share of the searched range, on a logarithmic axis, at either end."""


def space(optimizer):
    """Return what a sweep searches by itself: distributions by name, with ``"hidden_sizes"`` of the hidden layers.

    Parameters
    ----------
    optimizer : str
        The name of the optimizer in lower case.

    Examples
    --------
    >>> from fastprop.tabular import search_space
    >>> sorted(search_space.space("adamw"))
    ['dropout', 'hidden_sizes', 'learning_rate', 'weight_decay']
    """
    found = {"hidden_sizes": choice(list(_WIDTHS))}
    found["weight_decay"] = loguniform(1e-3, 1.0) if optimizer in _DECOUPLED else loguniform(1e-6, 1e-2)
    if optimizer == "lbfgs":
        return found
    return found | {
        "learning_rate": loguniform(*_RATES.get(optimizer, (1e-3, 5e-2))),
        "dropout": choice([0.0, 0.1, 0.3]),
    }


def edges(best, searched):
    """Return a sentence for each hyperparameter whose best value is on the edge of what was searched.

    Parameters
    ----------
    best : mapping
        The values of the best configuration, by name.
    searched : dict
        By name, the distribution or the list of the values that were searched. A lower end of 0 is no edge, and neither
        is the lower end of the weight decay, where it hardly has an effect.

    Examples
    --------
    >>> from fastprop.tabular import search_space
    >>> search_space.edges({"learning_rate": 0.3}, {"learning_rate": [0.01, 0.1, 0.3]})[0]
    'the best learning rate, 0.3, is on the edge of what was searched (0.01 to 0.3): try --learning-rate above it.'
    """
    sentences = []
    for name, values in searched.items():
        low, high = (None, None) if name == "seed" else _range(values)
        if low is None or low == high:
            continue
        value = _size(best[name])
        margin = _EDGE * (np.log(high) - np.log(low)) if low > 0 and not _is_listed(values) else 0
        log = np.log if low > 0 else float
        side = "above" if log(value) >= log(high) - margin else ""
        if not side and low > 0 and name != "weight_decay" and log(value) <= log(low) + margin:
            side = "below"
        if side:
            title = "number of hidden units" if name == "layer_sizes" else name.replace("_", " ")
            flag = "--hidden" if name == "layer_sizes" else f"--{name.replace('_', '-')}"
            sentences.append(
                f"the best {title}, {value:.3g}, is on the edge of what was searched ({low:.3g} to {high:.3g}): try "
                f"{flag} {side} it."
            )
    return sentences


def _is_listed(values):
    return isinstance(values, (list, choice))


def _range(values):
    """Return the smallest and the largest of searched numbers; None and None for what has no order, or two values."""
    if isinstance(values, choice):
        values = list(values.values)
    if isinstance(values, (list, np.ndarray)):
        sizes = [_size(value) for value in values]
        return (None, None) if None in sizes or len(set(sizes)) < 3 else (min(sizes), max(sizes))
    return float(values.low), float(values.high)


def _size(value):
    """Return a number as it is, and layer sizes as the number of hidden units; None for anything else."""
    if isinstance(value, tuple):
        return float(sum(value[1:-1]))
    return float(value) if isinstance(value, (int, float, np.number)) else None
