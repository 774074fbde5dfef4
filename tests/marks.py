"""Marks the parameters of tests that do not belong to the fast subset, `pytest -m "not slow"`."""

from collections import defaultdict

import pytest

from fastprop.sweeping.kinds import equality_key
from tests.problems import DTYPES


def slow_except(values, fast):
    """Return the values as parameters of a test, of which all but the `fast` ones are marked slow."""
    return [value if value in fast else pytest.param(value, marks=pytest.mark.slow) for value in values]


def mark_peers(items):
    """Mark those tests slow that compare with another library: each of pytest's workers would import it for seconds."""
    for item in items:
        if item.get_closest_marker("peers") is not None:
            item.add_marker(pytest.mark.slow)


def mark_repeated_values(items):
    """Mark those tests slow that only combine anew what other tests of the same function try.

    Each parameter of a function keeps each of its values in at least one test of the fast subset; the other
    combinations are in the whole suite alone.
    """
    of_functions = defaultdict(list)
    for item in items:
        if hasattr(item, "callspec") and item.get_closest_marker("slow") is None:
            of_functions[item.parent.nodeid, item.originalname].append(item)
    for tests in of_functions.values():
        values = [{(name, equality_key(value)) for name, value in test.callspec.params.items()} for test in tests]
        for index in set(range(len(tests))) - covering(values):
            tests[index].add_marker(pytest.mark.slow)


def covering(sets):
    """Return the indices of some sets that together have all elements: first of those that share none, then of others.

    Examples
    --------
    >>> covering([{"a", 1}, {"a", 2}, {"b", 1}, {"b", 2}])
    {0, 3}
    """
    chosen = set()
    seen = set()
    for may_share in (False, True):
        for index, each in enumerate(sets):
            if each - seen and (may_share or not each & seen):
                chosen.add(index)
                seen |= each
    return chosen


@pytest.fixture(params=slow_except(DTYPES, ["float32"]))
def compiled_dtype(request):
    """Give a test the dtype for which it compiles a function of its own, which takes up to some seconds for each."""
    return request.param
