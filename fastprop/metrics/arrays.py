"""What scores are computed from: outputs and y are checked, and brought into one shape, so that neither broadcasts."""

import numpy as np

from fastprop import checks
from fastprop.integrations import frame_columns

SUM_TOLERANCE = 1e-3
"""By how much the sum of a row of probabilities may differ from 1."""


class NotFiniteError(ValueError):
    """Outputs or y are NaN or infinite."""


def row_weights(sample_weight, rows):
    """Return the weights of so many rows (rows,) float64, or None if all weigh the same."""
    if sample_weight is None:
        return None
    weights = checks.numeric(sample_weight, "sample_weight").astype(np.float64)
    if weights.shape != (rows,):
        raise ValueError(f"sample_weight has shape {weights.shape}, but there are {rows} rows: give a weight for each.")
    if not (np.isfinite(weights).all() and (weights >= 0).all() and (weights > 0).any()):
        raise ValueError("sample_weight must be finite, at least 0, and above 0 for one row: give such weights.")
    return weights


def numbers(outputs, y):
    """Return outputs and y, which must be of one shape, as (n, n_out) float64; (n,) counts as (n, 1)."""
    outputs, y = _matrices(outputs, y)
    if outputs.shape != y.shape:
        raise _mismatch(outputs, y)
    return outputs.astype(np.float64), y.astype(np.float64)


def several_for_one(outputs, y, count):
    """Return outputs (n, count) float64, and the one column of y (n, 1) float64 to which they belong."""
    outputs, y = _matrices(outputs, y)
    if outputs.shape != (len(y), count) or y.shape[1] != 1:
        raise _mismatch(outputs, y)
    return outputs.astype(np.float64), y.astype(np.float64)


def classes(outputs, y):
    """Return the class with the largest output and the class that `y` gives, (n,) int64 each, and their number."""
    outputs, y = _of_classes(outputs, y)
    truth = true_classes(outputs, y)
    if outputs.shape[1] == 1:
        return (outputs[:, 0] > 0.5).astype(np.int64), truth, 2
    return outputs.argmax(axis=1), truth, outputs.shape[1]


def margins(outputs, y):
    """Return values that are larger for class k in column k, (n, n_out) float64, and the true classes (n,) int64.

    For two classes there is one column, whose values are larger for class 1.
    """
    outputs, y = _of_classes(outputs, y)
    truth = true_classes(outputs, y)
    values = outputs.astype(np.float64)
    if values.shape[1] == 2:
        are_probabilities = (np.abs(values.sum(axis=1) - 1) <= SUM_TOLERANCE).all()
        values = values[:, 1:] if are_probabilities else values[:, 1:] - values[:, :1]
    return values, truth


def probabilities(outputs, y):
    """Return outputs p and targets t, which both have a column for each class, (n, classes) float64.

    Probabilities are clipped to [ε, 1 - ε], ε being the rounding error of their dtype.
    """
    p, y = _of_classes(outputs, y)
    minimum = np.finfo(p.dtype).eps if p.dtype.kind == "f" else np.finfo(np.float64).eps
    if p.shape[1] > 1 and y.shape[1] == 1:
        t = np.zeros(p.shape)
        t[np.arange(len(t)), true_classes(p, y)] = 1
    elif p.shape == y.shape:
        t = y.astype(np.float64)
        _refuse_out_of_range(t, 0, 1, "probabilities from 0 to 1")
        if p.shape[1] > 1:
            _refuse_several_classes(t)
    else:
        raise _mismatch(p, y)
    p = np.clip(p.astype(np.float64), minimum, 1 - minimum)
    if p.shape[1] == 1:
        p, t = np.column_stack([1 - p, p]), np.column_stack([1 - t, t])
    return p, t


def labels(outputs, y):
    """Return outputs (n, n_out) float64 and whether each row has each of the independent labels, (n, n_out) bool."""
    outputs, y = numbers(outputs, y)
    _refuse_out_of_range(y, 0, 1, "labels from 0 to 1")
    return outputs, y > 0.5


def true_classes(outputs, y):
    """Return the class of each row that `y` gives for outputs (n, n_out), (n,) int64: see `_matrix` for its shapes."""
    y = _matrix(y, "y")
    if len(outputs) != len(y) or y.shape[1] not in (1, outputs.shape[1]):
        raise _mismatch(outputs, y)
    if y.shape[1] > 1:
        _refuse_several_classes(y)
        return y.argmax(axis=1)
    y = y[:, 0]
    if outputs.shape[1] == 1:
        _refuse_out_of_range(y, 0, 1, "classes 0 and 1 for one output")
        return (y > 0.5).astype(np.int64)
    _refuse_out_of_range(y, 0, outputs.shape[1] - 1, f"classes from 0 to {outputs.shape[1] - 1} for as many outputs")
    truth = y.astype(np.int64)
    if y.dtype.kind == "f" and (truth != y).any():
        row = (truth != y).argmax()
        raise ValueError(f"y holds {y[row]} at row {row}, but a class is a whole number: give one class for each row.")
    return truth


def _of_classes(outputs, y):
    """Return outputs and y as matrices, see `_matrix`; refuse y in place of the outputs, which scores of classes take.

    scikit-learn's functions take y first, and a network's outputs are never whole numbers by their dtype.
    """
    outputs, y = _matrices(outputs, y)
    if outputs.dtype.kind in "iu" and y.dtype.kind == "f" and (y != np.round(y)).any():
        row, column = np.argwhere(y != np.round(y))[0]
        raise ValueError(
            f"outputs hold whole numbers, and y holds {y[row, column]} at row {row}: give first what predict returned, "
            "then y."
        )
    return outputs, y


def _matrices(outputs, y):
    """Return outputs and y as matrices, see `_matrix`, whose rows belong together by position."""
    frame_columns.warn_of_another_order(outputs, [y], ("outputs", "y"))
    return _matrix(outputs, "outputs"), _matrix(y, "y")


def _matrix(array, name):
    """Return finite numbers (n,) or (n, columns) as a matrix with at least one row; (n,) becomes (n, 1)."""
    array = checks.numeric(array, name)
    if array.ndim not in (1, 2) or array.size == 0:
        raise ValueError(
            f"{name} must have a row for each prediction, not shape {array.shape}: give (n,) or (n, n_out)."
        )
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise NotFiniteError(f"{name} must be finite, but some are NaN or infinite: leave out their rows.")
    if array.dtype == bool:
        array = array.view(np.uint8)
    return array[:, None] if array.ndim == 1 else array


def _refuse_several_classes(y):
    """Refuse rows (n, classes) that do not sum to 1."""
    bad = (np.abs(y.sum(axis=1) - 1) > SUM_TOLERANCE) | (y < 0).any(axis=1)
    if bad.any():
        row = bad.argmax()
        raise ValueError(
            f"y holds {checks.shown(y[row].tolist())} at row {row}, which is not one class: give one class for each "
            "row, or use a score of independent labels, such as label_accuracy."
        )


def _refuse_out_of_range(y, minimum, maximum, wanted):
    if y.min() < minimum or y.max() > maximum:
        bad = (y < minimum) | (y > maximum)
        raise ValueError(f"y holds {y[bad][0]}, but a score of classes needs {wanted}: number the classes from 0.")


def _mismatch(outputs, y):
    return ValueError(
        f"outputs of shape {outputs.shape} cannot be compared with y of shape {y.shape}: give what predict returned "
        "for these rows, and y with as many rows and a column for each output, or a class for each row."
    )
