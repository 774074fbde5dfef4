"""Checks of inputs: arrays of numbers with rows and features."""

import numpy as np

from fastprop.checks.values import check_finite, converted, numeric, read_only


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
