"""Checks of data: inputs, targets, labels, weights, and what is held out."""

import numbers
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from fastprop.checks.networks import LOSS_OF_OUTPUT, loss_name
from fastprop.checks.values import blocks, check_finite, converted, finite, number, numeric, read_only, shown


class Dataset(NamedTuple):
    """Checked data: read-only, of the network's dtype, C-contiguous. Either `targets` or `labels` is empty.

    Inputs may be bytes, and their rows may lie anywhere, each by itself contiguous: see `in_place`.
    """

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


def matrix(X, name="X"):
    """Return `X` as an array of numbers with rows and features."""
    X = numeric(X, name)
    if X.ndim != 2:
        raise ValueError(f"{name} must have two dimensions, rows and features, not shape {X.shape}: reshape it.")
    if len(X) == 0:
        raise ValueError(f"{name} has no rows: give at least one.")
    return X


def inputs(X, n_in, dtype, name="X"):
    """Return `X` as (n, n_in) of `dtype` or bytes, finite and read-only; no copy where it is `in_place`."""
    X = matrix(X, name)
    if X.shape[1] != n_in:
        raise ValueError(
            f"{name} has {X.shape[1]} features but the network has {n_in} inputs: "
            f"give {n_in} columns or make the network with {X.shape[1]} inputs."
        )
    if X.dtype == bool:
        X = X.view(np.uint8)
    bytewise = X.dtype == np.uint8
    if not (in_place(X) and (bytewise or X.dtype == dtype)):
        X = converted(X, "uint8" if bytewise else dtype, name)
    if not bytewise:
        check_finite(X, name)
    return read_only(X)


def in_place(X):
    """Whether kernels can read `X` where it is: each row is contiguous, and the next one begins no earlier.

    So it is with whole arrays, slices of rows and of columns, sliding windows, and files mapped into memory.
    """
    row, column = X.strides
    contiguous = X.shape[1] == 1 or column == X.itemsize
    return X.flags.aligned and contiguous and (len(X) == 1 or (row >= 0 and row % X.itemsize == 0))


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
    targets = finite(y.reshape(len(y), n_out), dtype, names[1])
    _within_domain(targets, loss_name(loss), names[1])
    return Dataset(X, targets, np.zeros(0, np.int64), weights)


def chunks(value):
    """Return an iterator over the chunks of a stream."""
    if isinstance(value, (str, bytes, Mapping)) or not np.iterable(value):
        raise TypeError(f"chunks must yield (X, y) or (X, y, sample_weight), not be {shown(value)}: give an iterable.")
    return iter(value)


def chunk(value, number, n_in, n_out, loss, dtype):
    """Return a chunk of a stream as a `Dataset`; messages say its number."""
    try:
        if not isinstance(value, (tuple, list)) or len(value) not in (2, 3):
            raise TypeError(f"there must be (X, y) or (X, y, sample_weight), not {shown(value)}: yield one of these.")
        return dataset(*value[:2], n_in, n_out, loss, dtype, *value[2:])
    except (TypeError, ValueError) as error:
        raise type(error)(f"in chunk {number}, {error}") from None


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
        weights = np.array([number(value.get(label, 1), f"class_weight[{label}]", minimum=1e-30) for label in labels])
    rows = weights[places.reshape(-1)]
    return rows if sample_weight is None else rows * _weights(sample_weight, len(rows), np.float64)


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
    return read_only(converted(y, "int64", name))


def _within_domain(targets, loss, name):
    if loss not in LOSS_OF_OUTPUT.values():
        return
    for rows in blocks(*targets.shape):
        some = targets[rows]
        bad, wanted = (some < 0).any(axis=1), "counts or rates of at least 0"
        if loss != "poisson":
            bad, wanted = bad | (some > 1).any(axis=1), "numbers from 0 to 1"
        if loss == "cross_entropy":
            bad, wanted = bad | (np.abs(some.sum(axis=1) - 1) > 1e-3), "probabilities that sum to 1"
        if bad.any():
            row = np.argmax(bad)
            raise ValueError(
                f"{name} holds {shown(some[row].tolist())} at row {rows.start + row}, but loss {loss!r} needs "
                f"{wanted}: rescale it or use loss='mse'."
            )


def _weights(sample_weight, rows, dtype):
    weights = numeric(sample_weight, "sample_weight")
    if weights.shape != (rows,):
        raise ValueError(
            f"sample_weight has shape {weights.shape} but X has {rows} rows: give one weight for each row."
        )
    weights = finite(weights[:, None], dtype, "sample_weight")[:, 0]
    if (weights <= 0).any():
        row = np.argmax(weights <= 0)
        raise ValueError(
            f"sample_weight holds {weights[row]} at row {row}: weights must be positive; leave the row out."
        )
    return weights
