"""Trainings that may diverge, each of which must warn if it does, or if it ends with a huge loss, and only then."""

import warnings

import fastprop as fp

HUGE = 500.0
"""A finite loss from which on a warning may be given: it is hundreds of times that of a constant prediction."""


def train(*arguments, **options):
    """Train as `fp.train` does, and return the history."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", fp.DivergenceWarning)
        history = fp.train(*arguments, **options)
    categories = [each.category for each in caught]
    if history.stopped != "diverged" and history.epochs and history.loss[history.best_epoch] > HUGE:
        assert categories in ([], [fp.DivergenceWarning])
    else:
        assert categories == [fp.DivergenceWarning] * (history.stopped == "diverged")
    return history
