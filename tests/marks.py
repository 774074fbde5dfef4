"""Marks the parameters of tests that do not belong to the fast subset, `pytest -m "not slow"`."""

import pytest

from tests.problems import DTYPES


def slow_except(values, fast):
    """Return the values as parameters of a test, of which all but the `fast` ones are marked slow."""
    return [value if value in fast else pytest.param(value, marks=pytest.mark.slow) for value in values]


@pytest.fixture(params=slow_except(DTYPES, ["float32"]))
def compiled_dtype(request):
    """Give a test the dtype for which it compiles a function of its own, which takes up to some seconds for each."""
    return request.param
