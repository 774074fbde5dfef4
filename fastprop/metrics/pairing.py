"""Finds scores that compare each output with the y of every row, because an array (n, 1) and one (n,) broadcast.

A `GuardedArray` does not broadcast, but other libraries and `numpy.asarray` make plain arrays of it.
"""

from __future__ import annotations

import contextlib
import functools
import inspect
import sys
import warnings
import weakref

import numpy as np

from fastprop.metrics.guarded_arrays import GuardedArray

SAME = 1e-5
"""Two values of a score are the same if they differ by less, relative to the largest: rounding depends on the order."""

DIFFERENT = 1e-3
"""Two values of a score are different if they differ by more, relative to the largest."""

ATTEMPTS = 10
"""How often a function is looked at while nothing is found out, as of networks that say the same of each row."""

_attempts = weakref.WeakKeyDictionary()
"""By function and numbers of outputs and dimensions of y, how many more times to look at it.

It is 0 once a function is known to pair each output with the y of its row.
"""


OF_NUMPY = "array", "asarray", "ascontiguousarray", "asfortranarray", "frombuffer", "fromiter", "tolist", "view"
OF_OTHERS = "__array__", "__dlpack__", "tensor", "as_tensor", "from_numpy", "from_dlpack", "convert_to_tensor"
CONVERSIONS = frozenset(OF_NUMPY + OF_OTHERS)
"""Names of functions, of NumPy and other libraries, that make of a `GuardedArray` what broadcasts again."""


class PairingCheck:
    """Finds out whether the function of a user's `Score` makes a matrix (n, n) of outputs and y of other shapes.

    The function is called in the context of this. If it converts an array meanwhile, or is not written in Python, it is
    suspected, and `finds_matrix` calls it again; others are not, because a call may have an effect. Neither is one of
    fastprop's own, which says by an attribute ``pairs_rows = True`` that it minds the shapes.

    Examples
    --------
    >>> import numpy as np
    >>> from fastprop import metrics
    >>> outputs, y = np.array([[1.0], [2.0], [4.0]]), np.array([1.0, 2.0, 3.0])
    >>> def error(outputs, y):
    ...     return np.mean((np.asarray(outputs) - y) ** 2)
    >>> with PairingCheck(metrics.Score("error", error), outputs, y) as check:
    ...     value = error(outputs, y)
    >>> check.finds_matrix(np.arange(3), value)
    True
    """

    def __init__(self, score, outputs, y, weighed=None):
        self._score = score
        self._weighed = weighed or {}  # {"sample_weight": weights} for a score that takes these
        self._outputs = outputs
        self._y = y
        self._shapes = outputs.shape[1], y.ndim
        may_broadcast = len(y) > 1 and y.size == len(y) and 1 in (outputs.shape[1], y.ndim - 1)
        is_of_user = not getattr(score.function, "pairs_rows", False)
        self._attempts = _left(score.function, self._shapes) if may_broadcast and is_of_user else 0
        self._is_suspect = False

    def __enter__(self):
        if self._attempts > 0:
            # Who profiles goes on with it: then the function is suspected, as one that is not written in Python.
            self._is_suspect = sys.getprofile() is not None or not _is_of_python(self._score.function)
            if not self._is_suspect:
                sys.setprofile(self._look)
        return self

    def _look(self, frame, event, function):
        if event == "c_call" and function.__name__ in CONVERSIONS:
            self._is_suspect = self._is_suspect or frame.f_globals.get("__name__") != GuardedArray.__module__

    def __exit__(self, kind, error, traceback):
        if sys.getprofile() == self._look:
            sys.setprofile(None)
        if kind is None and self._attempts > 0 and not self._is_suspect:
            _note(self._score.function, self._shapes, 0)

    def finds_matrix(self, rows, value):
        """Return whether the function, which returned `value`, compares each output with the y of all rows.

        A suspected function is called again: with arrays (n,) in place of columns, and with the outputs in another
        order. The value of a function that pairs the rows changes with the order, in whatever shapes. One whose value
        changes only if both arrays are (n,) makes a matrix of others.
        """
        if not self._is_suspect or not np.isfinite(value):
            return False
        outputs, y = self._outputs, self._y
        flat = (outputs.reshape(len(y)), y) if y.ndim == 1 else (outputs, y.reshape(len(y)))
        order = np.random.default_rng(0).permutation(len(y))
        call = functools.partial(_value, self._score, rows, self._weighed)
        of_pairs = call(*flat)
        of_other_pairs = None if of_pairs is None else call(flat[0][order], flat[1])
        reordered = None if of_other_pairs is None else call(outputs[order], y)
        if reordered is None:  # it takes nothing else than the shapes that it gets, so that it knows them
            _note(self._score.function, self._shapes, 0)
            return False
        scale = max(map(abs, (value, of_pairs, of_other_pairs, reordered)))
        is_of_pairs = abs(value - reordered) > SAME * scale
        _note(self._score.function, self._shapes, 0 if is_of_pairs else self._attempts - 1)
        return not is_of_pairs and abs(of_pairs - of_other_pairs) > DIFFERENT * scale


def _is_of_python(function):
    """Return whether a function, a method or an object that can be called is written in Python."""
    if isinstance(function, functools.partial):
        return _is_of_python(function.func)
    return any(map(inspect.isfunction, (function, getattr(function, "__func__", None), type(function).__call__)))


def _left(function, shapes):
    """Return how many more times to look at a function."""
    try:
        return _attempts.get(function, {}).get(shapes, ATTEMPTS)
    except TypeError:  # it has no hash or no weak references
        return ATTEMPTS


def _note(function, shapes, attempts):
    with contextlib.suppress(TypeError):
        _attempts.setdefault(function, {})[shapes] = attempts


def _value(score, rows, weighed, outputs, y):
    """Return a finite value of a score, or None where there is none."""
    arguments = (outputs.copy(), y.copy(), rows.copy()) if score.takes_rows else (outputs.copy(), y.copy())
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            value = float(score.function(*arguments, **weighed))
    except Exception:  # a user's function may raise any exception
        return None
    return value if np.isfinite(value) else None
