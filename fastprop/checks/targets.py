"""Checks of targets: labels, targets, weights of rows and of classes."""

from collections.abc import Mapping

import numpy as np

from fastprop.checks.networks import LOSS_OF_OUTPUT, loss_name
from fastprop.checks.values import converted, finite, number, numeric, read_only, shown
from fastprop.row_blocks import row_blocks


def rows(y, count, names=("X", "y")):
    """Return `y` as an array of numbers with `count` rows, as many as the inputs have."""
    y = numeric(y, names[1])
    if y.ndim == 0 or len(y) != count:
        given = "no" if y.ndim == 0 else len(y)
        raise ValueError(f"{names[0]} has {count} rows but {names[1]} has {given}: give one target for each row.")
    return y


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
