"""Trainings that may diverge, each of which must warn if it does, and only then."""

import warnings

import fastprop as fp


def train(*arguments, **options):
    """Train as `fp.train` does, and return the history."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", fp.DivergenceWarning)
        history = fp.train(*arguments, **options)
    assert [each.category for each in caught] == [fp.DivergenceWarning] * (history.stopped == "diverged")
    return history
