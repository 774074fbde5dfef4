"""Fixtures by whose names a test runs over all shapes, cases, dtypes or descents."""

import pytest

from benchmarks.cases import SHAPES
from fastprop import cost_model
from tests.problems import CASES, DESCENTS, DTYPES


@pytest.fixture(params=DTYPES)
def dtype(request):
    return request.param


@pytest.fixture(params=SHAPES, ids=str)
def shape(request):
    return request.param


@pytest.fixture(params=CASES, ids=lambda case: f"{case[0]} {case[1]}")
def case(request):
    """A shape and a task."""
    return request.param


@pytest.fixture(params=DESCENTS, ids=lambda descent: f"{descent[0]} {descent[1]}")
def descent(request):
    """A shape and an optimizer."""
    return request.param


@pytest.fixture
def threads_always_share(monkeypatch):
    """A network is shared by all threads that are allowed, even where sharing is slower."""
    monkeypatch.setattr(cost_model, "MEMBER_CYCLES", 1)
