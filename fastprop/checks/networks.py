"""Checks of a network's arguments, and of the loss that fits its output."""

from collections.abc import Mapping

import numpy as np

from fastprop.checks.arrays import finite, numeric, read_only
from fastprop.checks.spelling import argument
from fastprop.checks.values import between, choice, number, shown, whole_number
from fastprop.initialization import INITIALIZATIONS
from fastprop.reference import ACTIVATIONS, LOSSES, OUTPUT_ONLY
from fastprop.reference.losses import QUANTILES

LOSS_OF_OUTPUT = {row.output: name for name, row in LOSSES.items() if row.output is not None}
"""By output activation, the loss that is computed from its logits: the default loss of that output."""

_OUTPUT_OF_LOSS = {loss: output for output, loss in LOSS_OF_OUTPUT.items()}
"""By loss that is computed from logits, the output activation that it needs."""

STANDARDIZATION = "input_mean", "input_scale"
"""Names of the arrays of a network that standardizes its inputs."""

DTYPES = ("float32", "float64")
"""The dtypes that a network may have."""

HIDDEN_ACTIVATIONS = tuple(name for name in ACTIVATIONS if name not in OUTPUT_ONLY)
"""The activations that a hidden layer may have."""


def layer_sizes(sizes):
    """Return `sizes` as a tuple of at least two positive ints."""
    if isinstance(sizes, (str, bytes)) or not np.iterable(sizes):
        raise TypeError(
            f"layer_sizes must be a tuple such as (64, 32, 10), not {shown(sizes)}: give one size for each layer."
        )
    sizes = tuple(whole_number(size, f"each of {argument('layer_sizes')}") for size in sizes)
    if len(sizes) < 2:
        raise ValueError(f"layer_sizes must name at least inputs and outputs, not {sizes}: give two sizes or more.")
    return sizes


def layer_sizes_between(sizes, expected):
    """Return layer sizes of a grid, whose first and last must be the `expected` pair, as in the sweep's network."""
    sizes = layer_sizes(sizes)
    if (sizes[0], sizes[-1]) != expected:
        raise ValueError(
            f"layer_sizes {sizes} in the grid must begin with {expected[0]} inputs and end with {expected[1]} outputs "
            "like the sweep's network: change the first and last size."
        )
    return sizes


def layer_rates(rates, name="layer_rates"):
    """Return factors of the learning rate as a tuple of finite floats of at least 0."""
    if isinstance(rates, (str, bytes)) or not np.iterable(rates):
        raise TypeError(
            f"{argument(name)} must be a tuple such as (0.5, 1.0), not {shown(rates)}: give one for each layer."
        )
    return tuple(number(rate, f"each of {argument(name)}") for rate in rates)


def quantiles(values, name="quantiles"):
    """Return quantiles as a tuple of ascending floats above 0 and below 1."""
    if isinstance(values, (str, bytes)) or not np.iterable(values):
        raise TypeError(f"{argument(name)} must be a tuple such as (0.1, 0.9), not {shown(values)}: give one.")
    values = tuple(between(value, f"each of {argument(name)}", 0, 1) for value in values)
    if not values or any(first >= second for first, second in zip(values, values[1:])):
        raise ValueError(f"{argument(name)} must ascend, not be {shown(list(values))}: give each once, in order.")
    return values


def fits_layers(rates, layer_sizes):
    """Refuse factors of the learning rate, or None, that are not one for each layer of weights."""
    layers = len(layer_sizes) - 1
    if rates is not None and len(rates) != layers:
        raise ValueError(
            f"the length of {argument('layer_rates')} must be {layers}, the number of layers of weights of "
            f"{layer_sizes}, not {len(rates)}: give one factor for each."
        )


def fits_dtype(precision, dtype, remedy="make the network with dtype='float32'"):
    """Refuse a precision of products, unless it is None, for a network of another dtype than float32.

    `remedy` is what can be done beside leaving it out.
    """
    if precision is not None and dtype != "float32":
        raise ValueError(
            f"{argument('precision', repr(precision))} is for a network of float32, not of {dtype}: "
            f"leave {argument('precision')} out, or {remedy}."
        )


def hidden(names, layers):
    """Return the activation of all hidden layers, or a tuple with the activation of each of `layers` hidden layers."""
    if isinstance(names, str) or not np.iterable(names):
        return choice(names, "hidden", HIDDEN_ACTIVATIONS)
    names = tuple(choice(name, f"each of {argument('hidden')}", HIDDEN_ACTIVATIONS) for name in names)
    if len(names) != layers:
        raise ValueError(
            f"{argument('hidden')} names {len(names)} activations but there are {layers} hidden layers: "
            "give one for each, or a single name for all."
        )
    return names


def output(name):
    """Return `name`, which must be the name of an activation: that of the last layer."""
    return choice(name, "output", ACTIVATIONS)


def initialization(value, layer_sizes, dtype):
    """Return the name of an initialization, or None, and a list of the arrays that were given instead.

    The list holds the weights of all layers, (n_in, n_out) each, then their biases, (n_out,) each.
    """
    if value is None or isinstance(value, str):
        return value and choice(value, "initialization", INITIALIZATIONS), []
    shapes = list(zip(layer_sizes[:-1], layer_sizes[1:]))
    if not np.iterable(value) or len(value) != len(shapes):
        raise ValueError(
            f"initialization must be a name or arrays for {len(shapes)} layers, not {shown(value)}: "
            f"give one of {', '.join(INITIALIZATIONS)}, or weights for each layer."
        )
    weights, biases = [], []
    for layer, (given, shape) in enumerate(zip(value, shapes)):
        pair = given if isinstance(given, tuple) else (given, np.zeros(shape[1]))
        if len(pair) != 2:
            raise ValueError(
                f"initialization[{layer}] must be weights or a pair of weights and biases, not {len(pair)} arrays: "
                "give two."
            )
        weights.append(_of_shape(pair[0], shape, dtype, f"initialization's weights[{layer}]"))
        biases.append(_of_shape(pair[1], shape[1:], dtype, f"initialization's biases[{layer}]"))
    return None, weights + biases


def names(values, name, count):
    """Return `count` different names as a tuple of str, or None for None."""
    if values is None:
        return None
    if isinstance(values, (str, bytes)) or not np.iterable(values):
        raise TypeError(f"{name} must be a list of {count} names, not {shown(values)}: give one.")
    values = tuple(values)
    for value in values:
        if not isinstance(value, str):
            raise TypeError(f"{name} must hold strings, not {shown(value)}: convert it, such as by str.")
    if len(values) != count:
        raise ValueError(f"{name} has {len(values)} names: give {count}.")
    if len(set(values)) < count:
        twice = next(value for index, value in enumerate(values) if value in values[:index])
        raise ValueError(f"{name} has {shown(twice)} twice: give different names.")
    return tuple(map(str, values))


def state(values, shapes):
    """Return arrays by name: those of `shapes`, {name: shape}, and ``input_mean`` and ``input_scale`` or None for both.

    The latter are (n_in,) float64 and read-only.
    """
    if not isinstance(values, Mapping):
        raise TypeError(f"the state must be a mapping of names to arrays, not {shown(values)}: give a dict.")
    n_in = shapes["weights.0"][:1]
    standardization = dict.fromkeys(STANDARDIZATION, n_in) if any(name in values for name in STANDARDIZATION) else {}
    shapes = shapes | standardization
    arrays = dict.fromkeys(STANDARDIZATION)
    for name in values:
        if name not in shapes:
            raise ValueError(f"the state has {shown(name)}, which the network has not: leave it out.")
    for name, shape in shapes.items():
        if name not in values:
            raise ValueError(f"the state lacks {name!r}, which has shape {shape}: give it.")
        arrays[name] = numeric(values[name], name)
        if arrays[name].shape != shape:
            raise ValueError(f"{name} has shape {arrays[name].shape}, not {shape}: give a state of such a network.")
    for name in standardization:
        arrays[name] = read_only(finite(np.atleast_2d(arrays[name]), "float64", name).reshape(n_in).copy())
    if standardization and not (arrays["input_scale"] > 0).all():
        raise ValueError("input_scale holds numbers that are not positive: give 1 for a column that is not scaled.")
    return arrays


def finite_weights(parameters):
    """Refuse parameters (P,) of a network that are not all finite, as files have none such."""
    if not np.isfinite(parameters).all():
        raise ValueError(
            "the network has weights that are not finite, so that it predicts nothing: train it again, such as at a "
            "smaller learning rate."
        )


def _of_shape(array, shape, dtype, name):
    array = numeric(array, name)
    if array.shape != shape:
        raise ValueError(f"{name} has shape {array.shape}, not {shape}: give an array of the layer's shape.")
    return finite(np.atleast_2d(array), dtype, name).reshape(shape)


def dtype(given, name="dtype"):
    """Return the name of a dtype, which must be float32 or float64."""
    return choice(np.dtype(given).name if isinstance(given, (type, np.dtype)) else given, name, DTYPES)


def loss_name(loss):
    """Return the name of a loss, which may be given as an option such as ``fp.Huber(2.0)``."""
    return choice(getattr(loss, "name", loss), "loss", LOSSES)


def loss(value, output, n_out):
    """Return the loss `value`, which must fit the activation `output`; for None the default loss of that output."""
    if output == "softmax" and n_out == 1:
        raise ValueError(
            "a single softmax output is 1 whatever the inputs are, so that it has nothing to learn: make it a sigmoid, "
            "by output='sigmoid' and loss='binary_cross_entropy', or give each class an output."
        )
    if value is None:
        return LOSS_OF_OUTPUT.get(output, "mse")
    name = loss_name(value)
    partner = _OUTPUT_OF_LOSS.get(name, output)
    if output != partner:
        raise ValueError(
            f"loss {name!r} is computed from the logits of a {partner} output, not from {output!r}: "
            f"make the network with output={partner!r} or use loss='mse'."
        )
    count = len(quantiles_of(value) or range(n_out))
    if n_out != count:
        raise ValueError(
            f"loss {name!r} has {count} quantiles, but the network has {n_out} outputs: give it one for each."
        )
    return value


def quantiles_of(loss):
    """Return the quantiles of one target that the outputs are by a loss, a tuple; None for most losses."""
    return getattr(loss, "quantiles", QUANTILES) if LOSSES[loss_name(loss)].shares_target else None


def holds_labels(y, n_out, loss=None):
    """Return whether `y` has the shape of labels, (n,) or (n, 1), for several outputs of a loss that can take them."""
    takes_labels = loss is None or quantiles_of(loss) is None
    return n_out > 1 and takes_labels and np.shape(y)[1:] in ((), (1,))


def output_for(loss, y, n_out):
    """Return the output activation of a new network: the one that fits the loss, or else the targets."""
    if loss is None:
        return "softmax" if holds_labels(y, n_out) else "identity"
    return _OUTPUT_OF_LOSS.get(loss_name(loss), "identity")


def hyperparameters_of(optimizer, names, known, argument="grid"):
    """Refuse `names` of hyperparameters in an argument, such as a grid, that its optimizer does not have.

    `known` has the names of all hyperparameters that the argument may have.
    """
    for name in names:
        if not hasattr(optimizer, name):
            raise ValueError(
                f"{argument} has {name!r}, which {type(optimizer).__name__} does not have: known to it are "
                f"{', '.join(each for each in known if hasattr(optimizer, each))}."
            )
