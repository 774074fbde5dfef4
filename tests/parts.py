"""What the tests of the kernels' parts share: a part runs only inside what is compiled."""

import numba
import numpy as np

from fastprop.kernels import simd

# Without a cache: the one of fastprop.kernels knows of edits in its own folder only.
compiled = numba.njit(error_model="numpy", nogil=True, _nrt=False)


@compiled
def lane_count(array):
    return simd.lanes(array)


def twin_group_sum(group):
    """The sum of a cache line of elements, or of rows of them, as a tree."""
    while len(group) > 1:
        group = np.add(*np.split(group, 2))
    return group[0]
