"""Cost model: estimates how many threads should share one network, and which fits of a sweep should form packs.

Neither choice changes a bit of a result. Costs are in cycles per row of a minibatch. The model was fitted to
measurements of 14 networks from 2-2-1 to 8-64-64-1, and is up to 20 % off (see benchmarks/NOTES.md).
"""

import heapq
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from fastprop.kernels import compiler, layout

MEMBER_CYCLES = 12_000
"""Cycles of a minibatch for each thread of a team, at least, so that it pays where cores are near each other."""

STARTING, PROVING = 100, 5_000
"""How much a call of the kernel has to train at the least for a team, in `MEMBER_CYCLES`: starting threads takes some
0.2 ms, and a team that has to prove itself some 5 ms until it has."""

FAR_WAIT, FAR_BYTE = 3_000, 1.2
"""Cycles of a wait of all members for each other, and of a byte that another one wrote, between cores that are far."""

MEASURED_BATCH = 32
"""Rows of the minibatches that the model was fitted to; `_share_of_step` corrects the cost for other sizes."""

RUN_CYCLES = 4_000_000
"""Cycles that a run takes beside its training, about, whether of a pack or of one network: some 1.3 ms of Python."""

PACK_BYTES = 1 << 19
"""The largest size of a pack's parameters in bytes, a quarter of a core's L2 cache."""


def team_size(layer_sizes, batch_size, dtype, threads):
    """Return how many of `threads` threads should share a network's minibatches.

    Examples
    --------
    >>> team_size((2, 2, 1), 32, "float32", threads=8)
    1
    """
    if threads == 1:
        return 1
    segments = layout.segments(layer_sizes, batch_size)
    work = batch_size * cost_alone(layer_sizes, dtype)
    return int(max(1, min(threads, segments if segments > 1 else threads, work // MEMBER_CYCLES)))


def pays_on_far_cores(layer_sizes, batch_size, dtype, members):
    """Return whether a team takes less time than one thread even where its cores are far from each other.

    See "Teams of 16 and 64 members, on paper" in benchmarks/NOTES.md for what members read of each other.

    Examples
    --------
    >>> pays_on_far_cores((784, 128, 10), 128, "float32", 2), pays_on_far_cores((784, 128, 10), 32, "float32", 2)
    (True, False)
    """
    work = batch_size * cost_alone(layer_sizes, dtype)
    parameters, segments = layout.parameter_count(layer_sizes), layout.segments(layer_sizes, batch_size)
    if segments > 1:
        read = segments * parameters / members + parameters
    else:
        read = parameters + batch_size * (sum(layer_sizes[:-1]) / members + sum(layer_sizes[1:]))
    cycles = FAR_BYTE * np.dtype(dtype).itemsize * read * (1 - 1 / members)
    return work / members + 2 * FAR_WAIT + cycles < work


def epochs_of_team(layer_sizes, batch_size, dtype, rows, has_to_prove_itself):
    """Return for how many epochs of so many `rows` a call of the kernel has to train at the least, so that a team pays.

    Examples
    --------
    >>> epochs_of_team((784, 128, 10), 128, "float32", rows=12_800, has_to_prove_itself=False) < 1
    True
    """
    return (
        (PROVING if has_to_prove_itself else STARTING)
        * MEMBER_CYCLES
        / (rows * cost_alone(layer_sizes, dtype, batch_size))
    )


class PackGroup(NamedTuple):
    """What fits must have in common to train side by side."""

    layer_sizes: tuple[int, ...]  # inputs, hidden layers, outputs
    batch_size: int  # rows
    can_pack: bool = True  # False: each of them trains alone
    can_go_on: bool = True  # False: a run begins anew at each call
    trained_rows: float = np.inf  # rows of all minibatches of a fit until its run ends; over them goes `RUN_CYCLES`


class Pack(NamedTuple):
    """Fits that train side by side, or one alone."""

    indices: np.ndarray  # (fits,) int
    cost: float  # cycles for one row of each fit, as they train side by side
    cost_one_by_one: float  # cycles for one row of each fit, if they trained one after another


def cycles_of_fit(group, dtype):
    """Return the cycles for one row of a fit of a `PackGroup`, alone or in a pack of other orders of rows."""
    alone = cost_alone(group.layer_sizes, dtype, group.batch_size)
    return min(alone, cost_of_pack(group.layer_sizes, dtype, group.batch_size, False) / compiler.lanes(dtype))


def packs(groups, group_indices, seeds, dtype, workers):
    """Return which fits train side by side: packs, in the order in which they should begin, the longest first.

    Parameters
    ----------
    groups : list of PackGroup
    group_indices : ndarray
        (fits,) int: the index of each fit's group.
    seeds : ndarray
        (fits,) int: the seed of each fit's order of rows. Fits with one order share their rows, which costs less.
    dtype : str
        The dtype of all networks.
    workers : int
        How many packs train at a time.

    Returns
    -------
    list of ndarray
        The indices of each pack's fits, no more than a vector has lanes.

    Examples
    --------
    >>> groups = [PackGroup((784, 64, 10), 32), PackGroup((784, 128, 10), 32)]
    >>> [pack.tolist() for pack in packs(groups, np.array([0, 1, 0]), np.zeros(3, int), "float32", workers=1)]
    [[1], [0], [2]]
    """
    order = np.lexsort((seeds, group_indices))
    chosen = []
    for indices in _split_by_value(order, group_indices):
        chosen += _packs_of_group(groups[group_indices[indices[0]]], indices, seeds, dtype)
    chosen.sort(key=lambda pack: (-pack.cost, pack.indices.min()))
    return [pack.indices for pack in _split_last(chosen, workers)]


def _split_by_value(indices, values):
    """Split `indices` where their value changes."""
    return np.split(indices, np.flatnonzero(np.diff(values[indices])) + 1)


def _packs_of_group(group, indices, seeds, dtype):
    """Return the packs of one group's fits, which are sorted by seed.

    As long as one seed has enough fits for a whole vector, they make a pack. The fits that are left are packed by seed
    or across seeds, whichever costs less.
    """
    whole = []
    rest = []
    lanes = compiler.lanes(dtype)
    alone = _cost_of_run(group, cost_alone(group.layer_sizes, dtype, group.batch_size))
    of_one_seed, of_several = (_cost_side_by_side(group, dtype, shares_rows) for shares_rows in (True, False))
    for of_seed in _split_by_value(indices, seeds):
        end = len(of_seed) // lanes * lanes
        whole += _cut(of_seed[:end], lanes, of_one_seed, alone)
        rest += [of_seed[end:]] if end < len(of_seed) else []
    if not rest:
        return whole
    by_seed = [pack for of_seed in rest for pack in _cut(of_seed, lanes, of_one_seed, alone)]
    across_seeds = _cut(np.concatenate(rest), lanes, of_one_seed if len(rest) == 1 else of_several, alone)
    return whole + min(by_seed, across_seeds, key=lambda packs: sum(pack.cost for pack in packs))


def _cost_side_by_side(group, dtype, shares_rows):
    """Return what a pack of a group's fits costs, or infinity where they may not train side by side."""
    if not group.can_pack:
        return np.inf
    return _cost_of_run(group, cost_of_pack(group.layer_sizes, dtype, group.batch_size, shares_rows))


def _cost_of_run(group, cost):
    """Return a cost of training with what the run takes beside it."""
    return cost + RUN_CYCLES / group.trained_rows


def _cut(indices, lanes, cost, alone):
    """Cut fits into packs of a vector's lanes, or into single fits if those cost less.

    `cost` is that of a pack, and `alone` that of a single fit.
    """
    packs = []
    for first in range(0, len(indices), lanes):
        some = indices[first : first + lanes]
        pack = Pack(some, cost, len(some) * alone)
        packs += [pack] if cost < pack.cost_one_by_one else _one_by_one(pack)
    return packs


def _one_by_one(pack):
    """Return a pack of one fit for each of a pack's fits."""
    cost = pack.cost_one_by_one / len(pack.indices)
    return [Pack(pack.indices[i : i + 1], cost, cost) for i in range(len(pack.indices))]


MAX_SPLITS = 64
"""At most so many ways to split the last packs are compared, and not one for each of a thousand workers."""


def _split_last(packs, workers):
    """Split some of the last packs into single fits, as many as let all work end the earliest.

    Otherwise some workers would be idle while others train the last packs.
    """
    first, last = packs[:-workers], packs[-workers:]
    ends = [0.0] * workers  # a heap of the times at which workers are free, in cycles; the first takes the next pack
    for pack in first:
        heapq.heapreplace(ends, ends[0] + pack.cost)

    def end(packs):
        ends_then = ends.copy()
        for pack in packs:
            heapq.heapreplace(ends_then, ends_then[0] + pack.cost)
        return max(ends_then)

    singles = [_one_by_one(pack) for pack in last]
    choices = []
    for kept in np.rint(np.linspace(len(last), 0, min(len(last), MAX_SPLITS) + 1)).astype(int).tolist():
        choices.append(last[:kept] + [single for of_pack in singles[kept:] for single in of_pack])
    return first + min(choices, key=end)


def cost_alone(layer_sizes, dtype, batch_size=MEASURED_BATCH):
    """Return the cycles per row of one network, whose lanes are neurons: layers are padded to whole vectors."""
    lanes = compiler.lanes(dtype)
    vectors = [-(-size // lanes) for size in layer_sizes]
    products = 0  # multiply-adds of vectors
    for n_in, n_out, v_in, v_out in zip(layer_sizes, layer_sizes[1:], vectors, vectors[1:]):
        outputs_in_lanes = 2 * (1 + n_in) * v_out
        inputs_in_lanes = (5 + 2 * n_out) * (1 + v_in)  # of layers with few outputs, see kernels/narrow_output.py
        products += min(outputs_in_lanes, inputs_in_lanes)
    products += sum(n_out * v_in for n_out, v_in in zip(layer_sizes[2:], vectors[1:]))
    step = 640 + 0.45 * sum((1 + n_in) * n_out for n_in, n_out in pairwise(layer_sizes))
    return 60 + 0.7 * products + 16 * sum(vectors[1:]) + 8 * sum(vectors[1:-1]) + _share_of_step(step, batch_size)


def cost_of_pack(layer_sizes, dtype, batch_size=MEASURED_BATCH, shares_rows=True):
    """Return the cycles of a pack, whose lanes are networks, for one row of each: nothing is padded.

    Unless the networks share the order of their rows, the inputs of each lane are gathered from a different row.
    """
    pairs = list(pairwise(layer_sizes))
    parameters = sum((1 + n_in) * n_out for n_in, n_out in pairs)
    if parameters * compiler.LANES * 4 > PACK_BYTES or compiler.LANES == 1:
        return np.inf
    products = 2 * parameters + sum(n_in * n_out for n_in, n_out in pairs[1:])
    gathering = 0 if shares_rows else 100 * layer_sizes[0]
    cost = 50 + 0.9 * products + 15 * sum(layer_sizes[1:]) + 5 * sum(layer_sizes[1:-1]) + gathering
    return cost + _share_of_step(350 + 13 * parameters, batch_size)


def _share_of_step(cycles, batch_size):
    """Return how many more of the cycles of a step a row bears than it does in a minibatch of `MEASURED_BATCH` rows."""
    return cycles * (1 / batch_size - 1 / MEASURED_BATCH)
