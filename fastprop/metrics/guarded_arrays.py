"""`GuardedArray`: outputs that a user's score cannot combine with y so that both broadcast to a matrix."""

import numpy as np


class BroadcastError(ValueError):
    """A column (n, 1) and an array (n,) were combined, of which NumPy makes a matrix (n, n)."""


class GuardedArray(np.ndarray):
    """An array that refuses to be combined with another one if one is a column (n, 1) and the other one is (n,).

    What is computed from it by functions of NumPy refuses the same.

    Examples
    --------
    >>> import numpy as np
    >>> outputs = np.array([[1.0], [2.0]]).view(GuardedArray)
    >>> float(np.mean(outputs[:, 0] - np.array([1.0, 1.0])))
    0.5
    >>> outputs - np.array([1.0, 1.0])
    Traceback (most recent call last):
    ...
    fastprop.metrics.guarded_arrays.BroadcastError: combines arrays of shapes (2, 1) and (2,), which gives a matrix
    """

    def __array_ufunc__(self, ufunc, method, *inputs, out=None, **options):
        if method == "__call__" and ufunc.signature is None:  # an operation on elements, unlike a matrix product
            _refuse_broadcast([np.shape(each) for each in inputs])
        if out is not None:
            options["out"] = tuple(map(_plain, out))
        if "where" in options:
            options["where"] = _plain(options["where"])
        result = getattr(ufunc, method)(*map(_plain, inputs), **options)
        if out is not None:
            return out[0] if len(out) == 1 else out
        return tuple(map(_guarded, result)) if isinstance(result, tuple) else _guarded(result)


def _plain(array):
    return array.view(np.ndarray) if isinstance(array, GuardedArray) else array


def _guarded(array):
    return array.view(GuardedArray) if type(array) is np.ndarray else array


def _refuse_broadcast(shapes):
    columns = [shape for shape in shapes if len(shape) == 2 and shape[0] > 1 and shape[1] == 1]
    rows = [shape for shape in shapes if len(shape) == 1 and shape[0] > 1]
    if columns and rows:
        raise BroadcastError(f"combines arrays of shapes {columns[0]} and {rows[0]}, which gives a matrix")
