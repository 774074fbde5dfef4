"""The space that a sweep of a table searches by itself, and whether the best lies on its edge."""

import numpy as np

from fastprop.cost_model import cost_alone
from fastprop.options import CosineDecay, CosineLog, CrossEntropy, FlatCosine, choice, loguniform
from fastprop.tabular.recipe import RECIPE

SAMPLES = 32
"""Configurations that a sweep draws from its own space."""

_RATES = {"sgd": (1e-2, 1.0), "lion": (1e-4, 5e-3), "adagrad": (3e-3, 0.3)}
"""By optimizer, the learning rates that are searched; those of all others are from 0.001 to 0.05."""

_DECOUPLED = "adamw", "lion"
"""Optimizers that shrink the weights apart from the gradient, and so take larger weight decays."""

_WIDTHS = ((32,), (64,), (128,), (64, 64), (256,))

_TUNED_WIDTHS = ((64,), (128,), (256,), (512,), (64, 64), (128, 128), (256, 256), (128, 128, 128), (256, 256, 256))

_BATCHES = 1, 2, 4
"""Batch sizes that are searched, in units of the recipe's."""

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


def tuned_space(prototype, rows, max_cost=np.inf):
    """Return what a search for a tuned ensemble draws from: distributions by name.

    Depths, widths, activations, schedules and label smoothing are those of published searches of networks for tables,
    with the optimizer of the recipe.

    Parameters
    ----------
    prototype : MLP
        A network with the inputs and outputs of all.
    rows : int
        The number of rows.
    max_cost : float
        Hidden layers that take more than so many times as long as those of the recipe are left out, unless they take
        less than these.

    References
    ----------
    Holzmüller, Grinsztajn and Steinwart, "Better by default: strong pre-tuned MLPs and boosted trees on tabular data",
    NeurIPS 2024, whose space for RealMLP has these activations and schedules.

    Examples
    --------
    >>> import fastprop as fp
    >>> from fastprop.tabular import search_space
    >>> list(search_space.tuned_space(fp.MLP((5, 2), output="softmax"), 1000))[:4]
    ['layer_sizes', 'hidden', 'learning_rate', 'weight_decay']
    """
    first, *_, last = prototype.layer_sizes
    batch = RECIPE.batch_size(rows)
    maximum = max(1.0, max_cost) * recipe_cost(first, prototype)
    widths = [hidden for hidden in _TUNED_WIDTHS if cost_alone((first, *hidden, last), prototype.dtype) <= maximum]
    found = {
        "layer_sizes": choice([(first, *hidden, last) for hidden in widths]),
        "hidden": choice(["relu", "selu", "mish", "silu"]),
        "learning_rate": loguniform(5e-4, 3e-2),
        "weight_decay": loguniform(1e-3, 1.0),
        "dropout": choice([0.0, 0.1, 0.2, 0.3]),
        "batch_size": choice([batch * factor for factor in _BATCHES if factor == 1 or batch * factor * 4 <= rows]),
        "schedule": choice([CosineDecay(), FlatCosine(), CosineLog()]),
    }
    if prototype.output == "softmax":
        found["loss"] = choice([CrossEntropy(), CrossEntropy(label_smoothing=0.1)])
    return found


def recipe_cost(n_in, prototype):
    """Return the cost, see `cost_alone`, of the recipe's network with so many inputs, and outputs as a prototype's."""
    return cost_alone((n_in, *RECIPE.hidden_layer_sizes, prototype.layer_sizes[-1]), prototype.dtype)


def first_configuration(prototype, rows):
    """Return the values of the recipe, which a search tries first, by the names of `tuned_space`."""
    first, *_, last = prototype.layer_sizes
    batch = RECIPE.batch_size(rows)
    values = {
        "layer_sizes": (first, *RECIPE.hidden_layer_sizes, last),
        "hidden": RECIPE.hidden,
        "learning_rate": RECIPE.optimizer.learning_rate,
        "weight_decay": RECIPE.optimizer.weight_decay,
        "dropout": RECIPE.dropout_of(rows, first, batch),
        "batch_size": batch,
        "schedule": RECIPE.schedule,
    }
    return values | {"loss": CrossEntropy()} if prototype.output == "softmax" else values


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
