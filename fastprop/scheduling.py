"""Who trains what: how many threads share one network, and which configurations of a sweep train side by side.

Neither changes a result by a bit. Both go by cost, in cycles for a row of a minibatch: a model of what was measured for
14 networks from 2-2-1 to 8-64-64-1, up to 20 % off.
"""

from itertools import pairwise

import numpy as np

from fastprop.kernels import jit, layout

MEMBER_CYCLES = 30_000
"""The least of a minibatch that is worth a thread: its members wait for each other some 3,000 cycles."""

PACK_BYTES = 1 << 19
"""The most that the parameters of a pack may take: a quarter of a core's L2 cache."""


def team_size(layer_sizes, batch_size, dtype, threads):
    """Return how many of `threads` threads should share a network's minibatches.

    Examples
    --------
    >>> team_size((2, 2, 1), 32, "float32", threads=8)
    1
    """
    segments = layout.segments(layer_sizes, batch_size)
    work = batch_size * cost_alone(layer_sizes, dtype)
    return int(max(1, min(threads, segments if segments > 1 else threads, work // MEMBER_CYCLES)))


def packs(shapes, dtype, threads):
    """Return lists of the numbers of those configurations that train together.

    Parameters
    ----------
    shapes : list of (layer_sizes, …)
        Of each configuration, what must be equal in a pack.
    dtype : str
    threads : int
        How many packs or networks run at a time.

    Returns
    -------
    list of list of int
        No longer than a vector has lanes, in the order of their first configurations.

    Examples
    --------
    >>> packs([((784, 128, 10),), ((784, 64, 10),)], "float32", threads=2)
    [[0], [1]]
    """
    lanes, alike = jit.lanes(dtype), {}
    for number, shape in enumerate(shapes):
        alike.setdefault(shape, []).append(number)
    together = []
    busy = min(threads, sum(-(-len(numbers) // lanes) for numbers in alike.values()))  # with packs there are fewer jobs
    for (layer_sizes, *_), numbers in alike.items():
        for pack in (numbers[first : first + lanes] for first in range(0, len(numbers), lanes)):
            alone, side_by_side = len(pack) * cost_alone(layer_sizes, dtype), cost_of_pack(layer_sizes, dtype)
            together += [pack] if side_by_side / busy < alone / threads else [[number] for number in pack]
    return sorted(together)


def cost_alone(layer_sizes, dtype):
    """Cycles for a row of one network, a neuron a lane: its layers are padded to whole vectors, or transposed."""
    lanes = jit.lanes(dtype)
    vectors = [-(-size // lanes) for size in layer_sizes]
    products = sum(
        min(2 * (1 + n_in) * v_out, (5 + 2 * n_out) * (1 + v_in))  # as it is, or transposed, see kernels/narrow.py
        for n_in, n_out, v_in, v_out in zip(layer_sizes, layer_sizes[1:], vectors, vectors[1:])
    )
    products += sum(n_out * v_in for n_out, v_in in zip(layer_sizes[2:], vectors[1:]))
    return 60 + 0.7 * products + 16 * sum(vectors[1:]) + 8 * sum(vectors[1:-1])


def cost_of_pack(layer_sizes, dtype):
    """Cycles for a row of each network of a pack, a network a lane: nothing is padded, but there is more to load."""
    pairs = list(pairwise(layer_sizes))
    if sum((1 + n_in) * n_out for n_in, n_out in pairs) * jit.LANES * 4 > PACK_BYTES or jit.LANES == 1:
        return np.inf
    products = sum(2 * (1 + n_in) * n_out for n_in, n_out in pairs) + sum(n_in * n_out for n_in, n_out in pairs[1:])
    return 50 + 0.9 * products + 15 * sum(layer_sizes[1:]) + 5 * sum(layer_sizes[1:-1])
