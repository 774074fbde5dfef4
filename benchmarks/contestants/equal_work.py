"""Checks that all contestants trained the same parameters."""

import numpy as np

from ..cases import make_data, make_weights
from .contestant import UnequalWorkError, flatten
from .numpy import NumPy

# Parameters may differ by the sum of the two. A tolerance relative to the parameters alone would be too large, because
# a few small steps change them by little.
CHANGE_TOLERANCE = 2e-4
"""The part of the tolerance that is relative to the largest change of a parameter."""

ROUNDING = 2e-6
"""The part of the tolerance that is relative to the largest parameter."""


def check_equal_work(workload, contestants):
    """Raise `UnequalWorkError` unless the parameters of all who trained `checked_epochs` equal NumPy's to rounding."""
    numpy = NumPy()
    weights = make_weights(workload)
    numpy.prepare(workload, make_data(workload), weights, threads=1)
    numpy.epochs(workload.checked_epochs, shuffle=False)
    reference = numpy.parameters()
    for contestant in contestants:
        if contestant.comparable:
            for configuration, layers in contestant.parameters().items():
                who = f"{contestant.name} on {workload.name}, configuration {configuration}"
                check_parameters(who, *map(flatten, (layers, reference[configuration], weights)))


def check_parameters(who, arrays, expected_arrays, initial_arrays):
    """Raise `UnequalWorkError` unless every array is as expected to float32 rounding."""
    for i, (array, expected, initial) in enumerate(zip(arrays, expected_arrays, initial_arrays)):
        error = np.max(np.abs(array - expected))
        allowed = CHANGE_TOLERANCE * np.max(np.abs(expected - initial)) + ROUNDING * np.max(np.abs(expected))
        if not error < allowed:
            raise UnequalWorkError(
                f"{who}: trained in row order, the {('weights', 'biases')[i % 2]} of layer {i // 2} are off NumPy's "
                f"by {error:.1e}; expected less than {allowed:.1e}"
            )
