"""Numba compiles without being traced for coverage, with which it takes twice as long.

Tests of the compiler are traced, because it calls functions whose lines count.
"""

import functools
import os
import sys

from numba.core import compiler

TRACED = tuple(f"tests/test_{name}.py" for name in ("bounds", "compiler", "load_store", "struct_pointers", "unrolled"))
"""The tests in which compiling is traced."""


def compile_untraced():
    """Have this process trace nothing while Numba compiles, from now on."""
    compiler.compile_extra = _untraced(compiler.compile_extra)


def _untraced(function):
    @functools.wraps(function)
    def call(*arguments, **keywords):
        if os.environ.get("PYTEST_CURRENT_TEST", "").startswith(TRACED):
            return function(*arguments, **keywords)
        trace = sys.gettrace()
        sys.settrace(None)
        try:
            return function(*arguments, **keywords)
        finally:
            sys.settrace(trace)

    return call
