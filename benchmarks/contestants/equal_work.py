"""Checks that all contestants trained the same parameters."""

import numpy as np

from ..cases import make_data, make_weights
from .contestant import UnequalWorkError, flatten
from .numpy import NumPy

# The size of an array is that of its largest number. With relu it is that of its median: where an input of relu is 0 to
# rounding, one contestant passes a row's gradient on and another does not, so that single parameters differ by more.

# Parameters may differ by the sum of the two. A tolerance relative to the parameters alone would be too large, because
# a few small steps change them by little.
CHANGE_TOLERANCE = 2e-4
"""The part of the tolerance that is relative to the size of the parameters' changes."""

ROUNDING = 2e-6
"""The part of the tolerance that is relative to the size of the parameters."""


def check_equal_work(workload, contestants):
    """Raise `UnequalWorkError` unless the parameters of all who trained `checked_epochs` equal NumPy's to rounding."""
    check_work(workload, contestants, median_size if workload.hidden == "relu" else largest_size)


def check_work(workload, contestants, size):
    """Do what `check_equal_work` does, with the size of an array as `size` measures it."""
    numpy = NumPy()
    weights = make_weights(workload)
    numpy.prepare(workload, make_data(workload), weights, threads=1)
    numpy.epochs(workload.checked_epochs, shuffle=False)
    reference = numpy.parameters()
    for contestant in contestants:
        if contestant.comparable:
            for configuration, layers in contestant.parameters().items():
                who = f"{contestant.name} on {workload.name}, configuration {configuration}"
                check_parameters(who, size, *map(flatten, (layers, reference[configuration], weights)))


def largest_size(array):
    """Return the size of the largest number."""
    return np.max(np.abs(array))


def median_size(array):
    """Return the median of the sizes of the numbers."""
    return np.median(np.abs(array))


def check_parameters(who, size, arrays, expected_arrays, initial_arrays):
    """Raise `UnequalWorkError` unless every array is as expected to float32 rounding."""
    for i, (array, expected, initial) in enumerate(zip(arrays, expected_arrays, initial_arrays)):
        error = size(array - expected)
        allowed = CHANGE_TOLERANCE * size(expected - initial) + ROUNDING * size(expected)
        if not error < allowed:
            raise UnequalWorkError(
                f"{who}: trained in row order, the {('weights', 'biases')[i % 2]} of layer {i // 2} are off NumPy's "
                f"by {error:.1e}; expected less than {allowed:.1e}"
            )
