"""Checks of data: inputs, targets, labels, weights of rows, and the rows that are held out."""

from collections.abc import Mapping

import numpy as np

from fastprop.checks.networks import LOSS_OF_OUTPUT, loss_name
from fastprop.checks.values import check_finite, converted, finite, number, numeric, read_only, shown
from fastprop.row_blocks import row_blocks


def matrix(X, name="X"):
    """Return `X` as an array of numbers with rows and features."""
    X = numeric(X, name)
    if X.ndim != 2:
        raise ValueError(f"{name} must have two dimensions, rows and features, not shape {X.shape}: reshape it.")
    if len(X) == 0:
        raise ValueError(f"{name} has no rows: give at least one.")
    return X


def inputs(X, n_in, dtype, name="X"):
    """Return `X` as (n, n_in) of `dtype` or bytes, finite and read-only; without a copy if `is_readable_in_place`."""
    X = matrix(X, name)
    if X.shape[1] != n_in:
        raise ValueError(
            f"{name} has {X.shape[1]} features but the network has {n_in} inputs: "
            f"give {n_in} columns or make the network with {X.shape[1]} inputs."
        )
    if X.dtype == bool:
        X = X.view(np.uint8)
    bytewise = X.dtype == np.uint8
    if not (is_readable_in_place(X) and (bytewise or X.dtype == dtype)):
        X = converted(X, "uint8" if bytewise else dtype, name)
    if not bytewise:
        check_finite(X, name)
    return read_only(X)


def is_readable_in_place(X):
    """Return whether kernels can read `X` without a copy: each row is contiguous, and none begins before another.

    That holds for whole arrays, slices of rows and of columns, sliding windows, and files mapped into memory.
    """
    row, column = X.strides
    contiguous = X.shape[1] == 1 or column == X.itemsize
    return X.flags.aligned and contiguous and (len(X) == 1 or (row >= 0 and row % X.itemsize == 0))


def rows(X, y, n_in, dtype, names=("X", "y")):
    """Return `X` as checked by `inputs`, and `y` as an array of numbers with as many rows."""
    X = inputs(X, n_in, dtype, names[0])
    y = numeric(y, names[1])
    if y.ndim == 0 or len(y) != len(X):
        count = "no" if y.ndim == 0 else len(y)
        raise ValueError(f"{names[0]} has {len(X)} rows but {names[1]} has {count}: give one target for each row.")
    return X, y


def labels(y, n_out, name="y"):
    """Return `y` as labels: (n,) int64 from 0 to `n_out` - 1, read-only."""
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


def targets(y, n_out, loss, dtype, name="y"):
    """Return `y` as targets: (n, n_out) of `dtype`, finite, within the domain of the loss, and read-only."""
    if y.ndim > 2 or y[:1].size != n_out:
        raise ValueError(
            f"{name} has shape {y.shape} but the network has {n_out} outputs: "
            f"give ({len(y)}, {n_out}) targets" + (f" or {len(y)} integer labels." if n_out > 1 else ".")
        )
    y = finite(y.reshape(len(y), n_out), dtype, name)
    _check_domain(y, loss_name(loss), name)
    return y


def row_weights(sample_weight, rows, dtype):
    """Return `sample_weight` as (rows,) of `dtype`, all above 0."""
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


def class_labels(class_weight, y):
    """Return `y` as an array of whole-number labels (n,), to which `class_weight` can give weights."""
    if class_weight != "balanced" and not isinstance(class_weight, Mapping):
        raise TypeError(
            f"class_weight must map labels to weights or be 'balanced', not {shown(class_weight)}: give one of these."
        )
    y = numeric(y, "y")
    if y.shape[:1] != (y.size,) or (y != np.round(y)).any():
        raise ValueError(
            f"class_weight needs a whole-number label for each row, not y of shape {y.shape} and {y.dtype}: "
            "give labels or use sample_weight."
        )
    return y


def class_weights(class_weight, labels):
    """Return the weight of each of `labels`, (labels,) float64: that in the mapping, or 1 if it names none."""
    for label in class_weight:
        if label not in labels:
            raise ValueError(
                f"class_weight names label {shown(label)} but y holds {shown(labels)}: name labels that are there."
            )
    weights = [number(class_weight.get(label, 1), f"class_weight[{label}]", minimum=1e-30) for label in labels]
    return np.array(weights)


def chunks(value):
    """Return an iterator over the chunks of a stream."""
    if isinstance(value, (str, bytes, Mapping)) or not np.iterable(value):
        raise TypeError(f"chunks must yield (X, y) or (X, y, sample_weight), not be {shown(value)}: give an iterable.")
    return iter(value)


def chunk(value):
    """Return a chunk of a stream, which must be (X, y) or (X, y, sample_weight)."""
    if not isinstance(value, (tuple, list)) or len(value) not in (2, 3):
        raise TypeError(f"there must be (X, y) or (X, y, sample_weight), not {shown(value)}: yield one of these.")
    return value


def held_out_count(fraction, rows):
    """Return how many of `rows` rows a fraction holds out: at least one, and not all."""
    count = round(number(fraction, "validation", below=1.0) * rows)
    if not 0 < count < rows:
        raise ValueError(
            f"validation={fraction} of {rows} rows holds out {count}: "
            "choose a fraction that leaves at least one row on each side."
        )
    return count


def validation_pair(value):
    """Return validation data, which must be a pair (X, y)."""
    if not isinstance(value, (tuple, list)) or len(value) != 2:
        raise TypeError(
            f"validation must be a fraction or a pair (X, y), not {type(value).__name__}: give one of these."
        )
    return value


def _check_domain(targets, loss, name):
    """Refuse targets for which the loss is not defined."""
    if loss not in LOSS_OF_OUTPUT.values():
        return
    for rows in row_blocks(*targets.shape):
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
