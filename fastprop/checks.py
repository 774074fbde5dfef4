"""All validation and its messages: what was expected, what came, what to do, in one sentence.

Input is checked once, here, before any kernel sees it and before anything is changed.
"""

import numbers
import os
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np

from fastprop.initialization import INITIALIZATIONS
from fastprop.reference import ACTIVATIONS, LOSSES, OUTPUT_ONLY

LOSS_OF_OUTPUT = {"sigmoid": "binary_cross_entropy", "softmax": "cross_entropy", "exp": "poisson"}
"""Losses that are computed from the logits, of one output each, for which they are the ones to take."""

_OUTPUT_OF_LOSS = {loss: output for output, loss in LOSS_OF_OUTPUT.items()}

DTYPES = ("float32", "float64")
HIDDEN_ACTIVATIONS = tuple(name for name in ACTIVATIONS if name not in OUTPUT_ONLY)


class Dataset(NamedTuple):
    """Checked data: C-contiguous, of the network's dtype, read-only. Either `targets` or `labels` is empty."""

    inputs: np.ndarray  # (n, n_in)
    targets: np.ndarray  # (n, n_out)
    labels: np.ndarray  # (n,) int64
    weights: np.ndarray  # (n,), or empty where all rows weigh 1

    @property
    def labelled(self):
        """Whether there are labels in place of targets."""
        return len(self.labels) > 0

    @property
    def y(self):
        """What the rows should give: labels (n,) or targets (n, n_out)."""
        return self.labels if self.labelled else self.targets


# ---- numbers and names ----


def shown(value):
    """Return `value` as it is to stand in a message: on one line, and not too long."""
    text = " ".join(repr(value).split())
    return text if len(text) <= 60 else text[:57] + "..."


def whole_number(value, name, least=1):
    """Return `value` as an int of at least `least`."""
    if isinstance(value, bool) or not isinstance(value, numbers.Integral):
        raise TypeError(f"{name} must be a whole number, not {shown(value)}: give an int of at least {least}.")
    if value < least:
        raise ValueError(f"{name} must be at least {least}, not {value}: give a larger number.")
    return int(value)


def number(value, name, least=0.0, below=np.inf):
    """Return `value` as a finite float with `least` ≤ value < `below`."""
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        raise TypeError(f"{name} must be a number, not {shown(value)}: give a float.")
    if not least <= value < below or not np.isfinite(value):
        limits = f"at least {least:g}" + (f" and below {below:g}" if np.isfinite(below) else " and finite")
        raise ValueError(f"{name} must be {limits}, not {value}: give a number in that range.")
    return float(value)


def number_fields(options, *names, **limits):
    """Make each of the named values of a frozen object a float within `limits`."""
    for name in names:
        object.__setattr__(options, name, number(getattr(options, name), name, **limits))


def flag(value, name):
    """Return `value` as a bool, which it must be."""
    if not isinstance(value, (bool, np.bool_)):
        raise TypeError(f"{name} must be True or False, not {shown(value)}: give one of these.")
    return bool(value)


def choice(value, name, known):
    """Return `value`, one of the names `known`."""
    if not isinstance(value, str) or value not in known:
        raise ValueError(f"{name} must be one of {', '.join(known)}, not {shown(value)}: choose one of these.")
    return value


def instance(value, name, kind, example):
    """Return `value`, which must be a `kind`, or one of several."""
    if not isinstance(value, kind):
        kinds = " or ".join(each.__name__ for each in (kind if isinstance(kind, tuple) else (kind,)))
        raise TypeError(f"{name} must be a {kinds}, not {shown(value)}: give one, such as {example}.")
    return value


def layer_sizes(sizes):
    """Return `sizes` as a tuple of at least two positive ints."""
    if isinstance(sizes, (str, bytes)) or not np.iterable(sizes):
        raise TypeError(
            f"layer_sizes must be a tuple such as (64, 32, 10), not {shown(sizes)}: give one size for each layer."
        )
    sizes = tuple(whole_number(size, "each of layer_sizes") for size in sizes)
    if len(sizes) < 2:
        raise ValueError(f"layer_sizes must name at least inputs and outputs, not {sizes}: give two sizes or more.")
    return sizes


def seed(value):
    """Return `value` as an int from 0 to 2⁶³ - 1."""
    value = whole_number(value, "seed", least=0)
    if value >= 2**63:
        raise ValueError(f"seed must be below 2**63, not {value}: give a smaller number.")
    return value


def threads(value):
    """Return how many threads to use: `value`, or as many as this process may run on."""
    if value is not None:
        return whole_number(value, "threads")
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def loss_name(loss):
    """Return the name of a loss, which may be given as an option such as ``fp.Huber(2.0)``."""
    return choice(getattr(loss, "name", loss), "loss", LOSSES)


def loss(value, output):
    """Return the loss to use with the activation `output`: `value`, or the one that goes with it."""
    if value is None:
        return LOSS_OF_OUTPUT.get(output, "mse")
    name = loss_name(value)
    partner = _OUTPUT_OF_LOSS.get(name, output)
    if output != partner:
        raise ValueError(
            f"loss {name!r} is computed from the logits of a {partner} output, not from {output!r}: "
            f"make the network with output={partner!r} or use loss='mse'."
        )
    return value


def output_for(loss, y, n_out):
    """Return the output activation for new networks: the one that goes with the loss, or with the targets."""
    if loss is None:
        return "softmax" if n_out > 1 and np.ndim(y) == 1 else "identity"
    return _OUTPUT_OF_LOSS.get(loss_name(loss), "identity")


def ends(sizes, expected):
    """Return `sizes`, layer sizes in a grid, whose inputs and outputs must be the sweep's."""
    sizes = layer_sizes(sizes)
    if (sizes[0], sizes[-1]) != expected:
        raise ValueError(
            f"layer_sizes {sizes} in the grid must begin with {expected[0]} inputs and end with {expected[1]} outputs "
            "like the sweep's network: change the first and last size."
        )
    return sizes


def hidden(names, layers):
    """Return `names`, the activation of all hidden layers or a tuple with that of each."""
    if isinstance(names, str) or not np.iterable(names):
        return choice(names, "hidden", HIDDEN_ACTIVATIONS)
    names = tuple(choice(name, "each of hidden", HIDDEN_ACTIVATIONS) for name in names)
    if len(names) != layers:
        raise ValueError(
            f"hidden names {len(names)} activations but there are {layers} hidden layers: "
            "give one for each, or a single name for all."
        )
    return names


def output(name):
    """Return `name`, the activation of the last layer."""
    return choice(name, "output", ACTIVATIONS)


def initialization(value, layer_sizes, dtype):
    """Return the name of an initialization, or None; and given arrays, all weights, then all biases."""
    if value is None or isinstance(value, str):
        return value and choice(value, "initialization", INITIALIZATIONS), []
    shapes = list(zip(layer_sizes[:-1], layer_sizes[1:]))
    if not np.iterable(value) or len(value) != len(shapes):
        raise ValueError(
            f"initialization must be a name or arrays for {len(shapes)} layers, not {shown(value)}: "
            f"give one of {', '.join(INITIALIZATIONS)}, or weights for each layer."
        )
    weights, biases = [], []
    for layer, (each, shape) in enumerate(zip(value, shapes)):
        pair = each if isinstance(each, tuple) else (each, np.zeros(shape[1]))
        if len(pair) != 2:
            raise ValueError(
                f"initialization[{layer}] must be weights or a pair of weights and biases, not {len(pair)} arrays: "
                "give two."
            )
        weights.append(_of_shape(pair[0], shape, dtype, f"initialization's weights[{layer}]"))
        biases.append(_of_shape(pair[1], shape[1:], dtype, f"initialization's biases[{layer}]"))
    return None, weights + biases


def _of_shape(array, shape, dtype, name):
    array = numeric(array, name)
    if array.shape != shape:
        raise ValueError(f"{name} has shape {array.shape}, not {shape}: give an array of the layer's shape.")
    return _finite(np.atleast_2d(array), dtype, name).reshape(shape)


def dtype(name):
    """Return the name of a dtype: float32 or float64."""
    return choice(np.dtype(name).name if isinstance(name, (type, np.dtype)) else name, "dtype", DTYPES)


def new_file(path):
    """Return `path`, in whose folder a file can be made."""
    folder = Path(path).absolute().parent
    if not os.access(folder, os.W_OK):
        raise ValueError(f"the file {path} cannot be written: make the folder {folder}, or choose another.")
    return path


# ---- data ----


def numeric(array, name):
    """Return `array` as an array of numbers."""
    try:
        array = np.asarray(array)
    except ValueError:
        raise ValueError(f"{name} has rows of different lengths: give as many numbers in each row.") from None
    if array.dtype.kind not in "biuf":
        raise TypeError(f"{name} must hold numbers, not {array.dtype}: convert it to a numeric array.")
    return array


def matrix(X, name="X"):
    """Return `X` as an array of numbers with rows and features."""
    X = numeric(X, name)
    if X.ndim != 2:
        raise ValueError(f"{name} must have two dimensions, rows and features, not shape {X.shape}: reshape it.")
    if len(X) == 0:
        raise ValueError(f"{name} has no rows: give at least one.")
    return X


def inputs(X, n_in, dtype, name="X"):
    """Return `X` as (n, n_in) of `dtype`, finite, C-contiguous and read-only; no copy where it is so already."""
    X = matrix(X, name)
    if X.shape[1] != n_in:
        raise ValueError(
            f"{name} has {X.shape[1]} features but the network has {n_in} inputs: "
            f"give {n_in} columns or make the network with {X.shape[1]} inputs."
        )
    return _finite(X, dtype, name)


def dataset(X, y, n_in, n_out, loss, dtype, sample_weight=None, names=("X", "y")):
    """Return `X` and `y` as a `Dataset` for a network of `n_in` inputs and `n_out` outputs."""
    X = inputs(X, n_in, dtype, names[0])
    y = numeric(y, names[1])
    if y.ndim == 0 or len(y) != len(X):
        rows = "no" if y.ndim == 0 else len(y)
        raise ValueError(f"{names[0]} has {len(X)} rows but {names[1]} has {rows}: give one target for each row.")
    weights = np.zeros(0, dtype) if sample_weight is None else _weights(sample_weight, len(X), dtype)
    if y.ndim == 1 and n_out > 1:
        return Dataset(X, np.zeros((0, n_out), dtype), _labels(y, n_out, names[1]), weights)
    if y.ndim > 2 or y[:1].size != n_out:
        raise ValueError(
            f"{names[1]} has shape {y.shape} but the network has {n_out} outputs: "
            f"give ({len(X)}, {n_out}) targets" + (f" or {len(X)} integer labels." if n_out > 1 else ".")
        )
    targets = _finite(y.reshape(len(y), n_out), dtype, names[1])
    _within_domain(targets, loss_name(loss), names[1])
    return Dataset(X, targets, np.zeros(0, np.int64), weights)


def split(rows, fraction):
    """Return the numbers of the rows to train on and of those to hold out, a `fraction` of them."""
    held_out = round(number(fraction, "validation", below=1.0) * rows)
    if not 0 < held_out < rows:
        raise ValueError(
            f"validation={fraction} of {rows} rows holds out {held_out}: "
            "choose a fraction that leaves at least one row on each side."
        )
    shuffled = np.random.default_rng(0).permutation(rows)
    return np.sort(shuffled[held_out:]), np.sort(shuffled[:held_out])


def validation(value, data, n_in, n_out, loss, dtype):
    """Return (training rows, validation data, its rows) for None, a fraction of `data`, or a pair (X, y).

    The rows that a fraction holds out depend on the number of rows alone, so that all runs over one data set
    are measured on the same rows.
    """
    rows = np.arange(len(data.inputs))
    if value is None:
        return rows, data, rows[:0]
    if isinstance(value, numbers.Real) and not isinstance(value, bool):
        rows, held_out_rows = split(len(rows), value)
        return rows, data, held_out_rows
    if not isinstance(value, (tuple, list)) or len(value) != 2:
        raise TypeError(
            f"validation must be a fraction or a pair (X, y), not {type(value).__name__}: give one of these."
        )
    held_out = dataset(*value, n_in, n_out, loss, dtype, names=("validation X", "validation y"))
    return rows, held_out, np.arange(len(held_out.inputs))


def _finite(array, dtype, name):
    with np.errstate(over="ignore"):
        array = np.ascontiguousarray(array, dtype)
    for first in range(0, len(array), 4096):  # a slice at a time: the mask of all would be a quarter of the data
        bad = ~np.isfinite(array[first : first + 4096])
        if bad.any():
            row, column = np.argwhere(bad)[0]
            raise ValueError(
                f"{name} holds {array[first + row, column]} at row {first + row}, column {column}: "
                "remove or replace values that are not finite."
            )
    view = array.view()
    view.flags.writeable = False
    return view


def _labels(y, n_out, name):
    if y.dtype.kind == "f":
        bad = ~np.isfinite(y) | (y != np.round(y))
        if bad.any():
            row = np.argmax(bad)
            raise ValueError(
                f"{name} holds {y[row]} at row {row}, column 0, but {n_out} outputs need whole-number labels: "
                f"give labels from 0 to {n_out - 1} or targets of shape ({len(y)}, {n_out})."
            )
    bad = (y < 0) | (y >= n_out)
    if bad.any():
        row = np.argmax(bad)
        raise ValueError(
            f"{name} holds label {y[row]:.0f} at row {row}, but {n_out} outputs have labels from 0 to {n_out - 1}: "
            "renumber the labels or make the network with more outputs."
        )
    labels = np.ascontiguousarray(y, np.int64).view()
    labels.flags.writeable = False
    return labels


def _within_domain(targets, loss, name):
    if loss not in _OUTPUT_OF_LOSS:
        return
    bad, wanted = (targets < 0).any(axis=1), "counts or rates of at least 0"
    if loss != "poisson":
        bad, wanted = bad | (targets > 1).any(axis=1), "numbers from 0 to 1"
    if loss == "cross_entropy":
        bad, wanted = bad | (np.abs(targets.sum(axis=1) - 1) > 1e-3), "probabilities that sum to 1"
    if bad.any():
        row = np.argmax(bad)
        raise ValueError(
            f"{name} holds {shown(targets[row].tolist())} at row {row}, but loss {loss!r} needs {wanted}: "
            "rescale it or use loss='mse'."
        )


def _weights(sample_weight, rows, dtype):
    weights = numeric(sample_weight, "sample_weight")
    if weights.shape != (rows,):
        raise ValueError(
            f"sample_weight has shape {weights.shape} but X has {rows} rows: give one weight for each row."
        )
    weights = _finite(weights[:, None], dtype, "sample_weight")[:, 0]
    if (weights <= 0).any():
        row = np.argmax(weights <= 0)
        raise ValueError(
            f"sample_weight holds {weights[row]} at row {row}: weights must be positive; leave the row out."
        )
    return weights


def class_weight(value, y, sample_weight=None):
    """Return sample weights (n,): each row's own, if any, times that of its class.

    `value` is None, a mapping of label to weight, in which the labels that it does not name weigh 1, or "balanced":
    rows / (classes · rows of the class), so that all classes count alike, as scikit-learn has it.
    """
    if value is None:
        return sample_weight
    if value != "balanced" and not isinstance(value, Mapping):
        raise TypeError(
            f"class_weight must map labels to weights or be 'balanced', not {shown(value)}: give one of these."
        )
    y = numeric(y, "y")
    if y.shape[:1] != (y.size,) or (y != np.round(y)).any():
        raise ValueError(
            f"class_weight needs a whole-number label for each row, not y of shape {y.shape} and {y.dtype}: "
            "give labels or use sample_weight."
        )
    labels, places, counts = np.unique(y, return_inverse=True, return_counts=True)
    labels = labels.tolist()
    if value == "balanced":
        weights = len(y) / (len(labels) * counts)
    else:
        for label in value:
            if label not in labels:
                raise ValueError(
                    f"class_weight names label {shown(label)} but y holds {shown(labels)}: name labels that are there."
                )
        weights = np.array([number(value.get(label, 1), f"class_weight[{label}]", least=1e-30) for label in labels])
    rows = weights[places.reshape(-1)]
    return rows if sample_weight is None else rows * _weights(sample_weight, len(rows), np.float64)


# ---- sweeps ----


def known_to(optimizer, names):
    """Refuse a grid's hyperparameters that its optimizer does not have."""
    for name in names:
        if not hasattr(optimizer, name):
            raise ValueError(
                f"grid has {name!r}, which {type(optimizer).__name__} does not have: known to it are "
                f"{', '.join(vars(optimizer))}."
            )


def grid(value, known):
    """Return the configurations of a sweep as dicts: the product of a mapping, or a list of mappings as it is."""
    names = ", ".join(known)
    explicit = not isinstance(value, Mapping)
    if explicit and (isinstance(value, (str, bytes)) or not np.iterable(value)):
        raise TypeError(f"grid must map hyperparameters to values, not be {shown(value)}: known are {names}.")
    mappings = list(value) if explicit else [value]
    if not mappings or not all(isinstance(mapping, Mapping) and mapping for mapping in mappings):
        raise ValueError(f"grid has no hyperparameters: give values for at least one of {names}.")
    for name in [name for mapping in mappings for name in mapping]:
        if name not in known:
            raise ValueError(f"grid has an unknown hyperparameter {shown(name)}: known are {names}.")
    if explicit:
        return [dict(mapping) for mapping in mappings]
    configurations = [{}]
    for name, values in value.items():
        if isinstance(values, (str, bytes)) or not np.iterable(values):
            raise TypeError(
                f"grid[{name!r}] must be a list of values, not {shown(values)}: put a single value into a list."
            )
        values = [v.item() if isinstance(v, np.generic) else v for v in values]
        if not values:
            raise ValueError(f"grid[{name!r}] has no values: give at least one.")
        configurations = [{**done, name: v} for done in configurations for v in values]
    return configurations
