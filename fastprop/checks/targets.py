"""Checks of targets: labels, targets, weights of rows and of classes."""

import numpy as np

from fastprop.checks.arrays import converted, finite, numeric, read_only
from fastprop.checks.networks import LOSS_OF_OUTPUT, loss_name, quantiles_of
from fastprop.checks.spelling import argument
from fastprop.checks.values import number, shown
from fastprop.row_blocks import row_blocks


def rows(y, count, names=("X", "y")):
    """Return `y` as an array of numbers with `count` rows, as many as the inputs have."""
    y = numeric(y, names[1])
    if y.ndim == 0 or len(y) != count:
        given = "no" if y.ndim == 0 else len(y)
        raise ValueError(f"{names[0]} has {count} rows but {names[1]} has {given}: give one target for each row.")
    return y


def labels(y, n_out, name="y"):
    """Return `y`, (n,) or (n, 1), as labels: (n,) int64 from 0 to `n_out` - 1, read-only."""
    y = y.reshape(len(y))
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
    if quantiles_of(loss) is not None:
        if y.ndim > 2 or y[:1].size != 1:
            raise ValueError(
                f"{name} has shape {y.shape}, but loss 'pinball' has one target for all its quantiles: "
                f"give ({len(y)},) numbers."
            )
        y = np.repeat(y.reshape(len(y), 1), n_out, axis=1)
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
                f"{wanted}: rescale it, or make the network with output='identity' and use loss='mse'."
            )


def order_of_targets(columns, expected, name="y"):
    """Return where each `expected` column of targets is among the `columns` of a data frame, which must be the same."""
    if sorted(columns) != sorted(expected) or len(set(columns)) < len(columns):
        raise ValueError(
            f"{name} has the columns {shown(list(columns))}, where the targets before have {shown(list(expected))}: "
            "give the same columns, each once."
        )
    return [columns.index(each) for each in expected]


def row_weights(weights, rows, name):
    """Return the weights of rows as (rows,) float64, of at least 0 and not all 0."""
    weights = numeric(weights, name)
    if weights.shape != (rows,):
        raise ValueError(f"{name} has shape {weights.shape} but X has {rows} rows: give one weight for each row.")
    weights = finite(weights[:, None], "float64", name)[:, 0]
    if (weights < 0).any():
        row = np.argmax(weights < 0)
        raise ValueError(f"{name} holds {weights[row]} at row {row}: give weights of at least 0.")
    return not_all_zero(weights, name)


def not_all_zero(weights, name):
    """Return weights of rows, of which at least one must not be 0."""
    if not weights.any():
        raise ValueError(f"{name} gives every row the weight 0, which leaves out all rows: give one a positive weight.")
    return weights


def is_balanced(class_weight):
    """Return whether a `class_weight` asks for equal total weights of all classes."""
    return isinstance(class_weight, str) and class_weight == "balanced"


def class_weights(class_weight, task, name="y"):
    """Return the weight of each class of a task, (classes,) float64; None for "balanced", if there are classes."""
    if not is_balanced(class_weight) and (isinstance(class_weight, (str, bytes)) or not np.iterable(class_weight)):
        raise TypeError(
            "class_weight must map labels to weights, be an array with the weight of each class, or be 'balanced', not "
            f"{shown(class_weight)}: give one of these."
        )
    count = task.class_count
    if count == 0:
        outputs = f"{task.outputs} {task.output} outputs" if task.outputs > 1 else f"one {task.output} output"
        raise ValueError(
            f"{argument('class_weight')} weighs rows by their class, but {name} holds {task.described()} for "
            f"{outputs}: leave it out."
        )
    if is_balanced(class_weight):
        return None
    if not hasattr(class_weight, "items"):
        class_weight = numeric(class_weight, "class_weight")
        if class_weight.shape != (count,):
            raise ValueError(
                f"class_weight has shape {class_weight.shape} but there are {count} classes: "
                "give the weight of each, in their order, or a mapping of labels to weights."
            )
        class_weight = dict(enumerate(class_weight.tolist()))
    weights = np.ones(count)
    for label, weight in class_weight.items():
        index = task.names.index(label) if label in (task.names or ()) else label
        if index not in range(count):
            known = f"from 0 to {count - 1}" if task.names is None else ", ".join(task.names)
            raise ValueError(f"class_weight names label {shown(label)} but the labels are {known}: name one of these.")
        weights[int(index)] = number(weight, f"class_weight[{label}]")
    return weights
