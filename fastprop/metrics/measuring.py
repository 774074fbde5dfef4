"""Measures a score: protects the arrays that a user's function gets, and checks what it returns."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastprop import checks, numpy_settings
from fastprop.annotations import FloatArray
from fastprop.metrics.arrays import NotFiniteError
from fastprop.metrics.guarded_arrays import BroadcastError, GuardedArray
from fastprop.metrics.pairing import PairingCheck
from fastprop.metrics.scores import Score


class Measurement(NamedTuple):
    """The value of a score, or what was wrong with it."""

    value: float  # finite, or NaN
    problem: str = ""  # in words that follow the score's name, such as "raised KeyError: 3"; empty if there is none
    remedy: str = ""  # what to do, where the function is no score, whatever the network; else empty
    note: float = math.nan  # a number that the function gave beside its value, see `measure`


RETURN_A_NUMBER = "a score is one number, so have the function return one"
"""The remedy where a function returns something else."""

UNKNOWN = Measurement(float("nan"))
"""The score of a network that is not finite, or without held-out rows."""


INTERRUPTED = Measurement(float("nan"))
"""The score of a network that Ctrl-C has left without one; it is known by its identity."""


def measure(
    score: Score,
    outputs: FloatArray,
    y: NDArray[Any],
    rows: NDArray[np.int64] | None = None,
    weights: NDArray[np.float64] | None = None,
) -> Measurement:
    """Return the score of outputs (n, n_out) against `y`; it is NaN if the outputs are not finite.

    `rows` (n,) are the indices of the rows in their data set, and `weights` (n,) those of the rows, or None where all
    weigh the same; both are for scores that take them.

    A function that is none of this package gets copies, so that it can change what it gets. It is called again where
    it seems to compare each output with the y of all rows, see `PairingCheck`. A function that says by an attribute
    ``gives_notes = True`` that it does returns the value and a second number, its note.

    Examples
    --------
    >>> import numpy as np
    >>> from fastprop import metrics
    >>> metrics.measure(metrics.SCORES["mae"], np.array([[1.0], [5.0]]), np.array([1.0, 2.0])).value
    1.5
    >>> metrics.measure(metrics.Score("twice", lambda outputs, y: [1, 2]), np.zeros((3, 1)), np.zeros(3)).problem
    'returned [1, 2] of shape (2,) for outputs of shape (3, 1) and y of shape (3,)'
    """
    weighed = {"sample_weight": weights} if score.takes_weights else {}
    if score.is_own:
        return _measure_own(score, outputs, y, weighed)
    if not np.isfinite(outputs).all():
        return UNKNOWN
    try:
        arguments = np.array(outputs).view(GuardedArray), np.array(y)
        arguments += (np.array(rows),) if score.takes_rows else ()
        with PairingCheck(score, outputs, y, weighed) as check, numpy_settings.callers():
            result = score.function(*arguments, **weighed)
    except BroadcastError as error:
        return _broadcast(str(error), outputs, y)
    except Exception as error:  # a user's function may raise any exception
        return Measurement(float("nan"), f"raised {type(error).__name__}: {error}")
    note = math.nan
    if getattr(score.function, "gives_notes", False):
        result, note = result
    measured = _one_number(result)._replace(note=note)
    if measured.problem:
        shapes = f"for outputs of shape {outputs.shape} and y of shape {y.shape}"
        return measured._replace(problem=f"{measured.problem} {shapes}")
    if check.finds_matrix(rows, measured.value):
        return _broadcast("compares each output with the y of all rows", outputs, y)
    return measured


def _broadcast(what, outputs, y):
    """Return the `Measurement` of a function that makes a matrix of outputs and y."""
    problem = f"{what}, as outputs are {outputs.shape} and y is {y.shape},"
    remedy = "compare outputs[:, 0] with y of shape (n,), or outputs with y of shape (n, 1)"
    if outputs.shape[1] > 1:
        remedy = "compare what is made of the outputs, (n,), with y[:, 0]"
    return Measurement(float("nan"), problem, remedy)


def _measure_own(score, outputs, y, weighed):
    try:
        with np.errstate(over="ignore"):
            value = score.function(outputs, y, **weighed)
    except NotFiniteError:
        return UNKNOWN
    return Measurement(value) if math.isfinite(value) else UNKNOWN


def _one_number(result):
    """Return the `Measurement` of what a function returned: a real number, also as an array of no dimensions."""
    shape = np.shape(result)
    kind = np.asarray(result).dtype.kind
    if shape != ():
        return Measurement(float("nan"), f"returned {checks.shown(result)} of shape {shape}", RETURN_A_NUMBER)
    try:
        if kind not in "iufO":  # no bools, strings, complex numbers or dates; objects may be fractions and decimals
            raise TypeError
        value = float(result)
    except (TypeError, ValueError):
        return Measurement(float("nan"), f"returned {checks.shown(result)}", RETURN_A_NUMBER)
    except OverflowError:
        value = float("inf")
    if np.isinf(value):
        return Measurement(float("nan"), f"returned {checks.shown(result)}, which is not finite,")
    return Measurement(value)
