"""Fixtures by whose names a test runs over all shapes, cases, dtypes or optimizers."""

import pytest

from benchmarks.cases import SHAPES
from tests.compare import CASES, DTYPES, OPTIMIZERS


@pytest.fixture(params=DTYPES)
def dtype(request):
    return request.param


@pytest.fixture(params=SHAPES, ids=str)
def shape(request):
    return request.param


@pytest.fixture(params=CASES, ids=lambda case: f"{case[0]} {' '.join(case[1])}")
def case(request):
    """A shape and a task."""
    return request.param


@pytest.fixture(params=OPTIMIZERS, ids=str)
def optimizer(request):
    return request.param
