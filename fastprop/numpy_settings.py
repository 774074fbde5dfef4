"""NumPy's settings of floating-point errors: fastprop computes with its own, and functions of users with theirs."""

import contextlib
import functools
from collections.abc import Callable
from contextvars import ContextVar
from typing import ParamSpec, TypeVar

import numpy as np

from fastprop import interrupts
from fastprop.reference.numpy_errors import ERRORS

_CALLERS = ContextVar("the settings with which fastprop was called, or None outside of fastprop", default=None)

_Parameters = ParamSpec("_Parameters")
_Result = TypeVar("_Result")


def own(function: Callable[_Parameters, _Result]) -> Callable[_Parameters, _Result]:
    """Have a public function compute with fastprop's settings, whatever ``np.seterr`` was called with.

    Harmless errors, such as a number that is too small for float32, would otherwise end it under ``all="raise"``.
    """

    @functools.wraps(function)
    def call(*arguments: _Parameters.args, **options: _Parameters.kwargs) -> _Result:
        if _CALLERS.get() is not None:
            return function(*arguments, **options)
        with interrupts.around(_own()):
            return function(*arguments, **options)

    return call


@contextlib.contextmanager
def _own():
    """Have a block compute with fastprop's settings."""
    token = _CALLERS.set(np.geterr())
    try:
        with np.errstate(divide="warn", invalid="warn", **ERRORS):
            yield
    finally:
        _CALLERS.reset(token)


@contextlib.contextmanager
def callers():
    """Have a block, which calls a function of the user, compute with the settings with which fastprop was called."""
    settings = _CALLERS.get()
    if settings is None:
        yield
        return
    token = _CALLERS.set(None)
    try:
        with np.errstate(**settings):
            yield
    finally:
        _CALLERS.reset(token)


def call_as_caller(function, *arguments):
    """Call a function of the user with the settings with which fastprop was called, and return what it returns."""
    with callers():
        return function(*arguments)
