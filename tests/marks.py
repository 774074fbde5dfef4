"""Marks the parameters of tests that do not belong to the fast subset, `pytest -m "not slow"`."""

import pytest


def slow_except(values, fast):
    """Return the values as parameters of a test, of which all but the `fast` ones are marked slow."""
    return [value if value in fast else pytest.param(value, marks=pytest.mark.slow) for value in values]
