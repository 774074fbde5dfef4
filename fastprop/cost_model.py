"""Who trains what: how many threads share one network, and which configurations of a sweep train side by side.

Neither changes a result by a bit. Both go by cost, in cycles for a row of a minibatch: a model of what was measured for
14 networks from 2-2-1 to 8-64-64-1, up to 20 % off.
"""

import heapq
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from fastprop.kernels import compiler, layout

MEMBER_CYCLES = 30_000
"""The least of a minibatch that is worth a thread: its members wait for each other some 3,000 cycles."""

MEASURED_BATCH = 32
"""Rows of the minibatches for which the model was measured: of others, the share of a step in a row is corrected."""

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


class Task(NamedTuple):
    """What trainings have that may go side by side."""

    layer_sizes: tuple[int, ...]
    batch_size: int
    alone: bool = False  # whether they may not


class Pack(NamedTuple):
    """Trainings side by side, or one alone."""

    numbers: np.ndarray
    cost: float
    cost_apart: float  # of all of them, one after another


def packs(tasks, kinds, seeds, dtype, threads):
    """Return which trainings go side by side, in the order in which they are to begin: the longest first.

    Parameters
    ----------
    tasks : list of Task
        Of each kind.
    kinds : ndarray
        (trainings,) int: those of one kind may go side by side.
    seeds : ndarray
        (trainings,) int: of one kind, those with the same go through the rows in one order, which costs less.
    dtype : str
    threads : int
        How many packs or networks run at a time.

    Returns
    -------
    list of ndarray
        The numbers of each pack's trainings, no more than a vector has lanes.

    Examples
    --------
    >>> tasks = [Task((784, 64, 10), 32), Task((784, 128, 10), 32)]
    >>> [pack.tolist() for pack in packs(tasks, np.array([0, 1, 0]), np.zeros(3, int), "float32", threads=1)]
    [[1], [0], [2]]
    """
    order, together = np.lexsort((seeds, kinds)), []
    for numbers in _runs(order, kinds):
        together += _packs_of_kind(tasks[kinds[numbers[0]]], numbers, seeds, dtype)
    together.sort(key=lambda pack: (-pack.cost, pack.numbers.min()))
    return [pack.numbers for pack in _split_last(together, threads)]


def _runs(numbers, values):
    """Cut `numbers` where their value changes."""
    return np.split(numbers, np.flatnonzero(np.diff(values[numbers])) + 1)


def _packs_of_kind(task, numbers, seeds, dtype):
    """The packs of trainings of one kind, sorted by seed: of one seed as far as there are enough, or as costs less."""
    lanes, alone = compiler.lanes(dtype), cost_alone(task.layer_sizes, dtype, task.batch_size)

    def cut(numbers, shared):
        cost = np.inf if task.alone else cost_of_pack(task.layer_sizes, dtype, task.batch_size, shared)
        packs = []
        for first in range(0, len(numbers), lanes):
            pack = numbers[first : first + lanes]
            apart = len(pack) * alone
            packs += [Pack(pack, cost, apart)] if cost < apart else _apart(Pack(pack, cost, apart))
        return packs

    whole, left = [], []
    for own in _runs(numbers, seeds):
        end = len(own) // lanes * lanes
        whole += cut(own[:end], shared=True)
        left += [own[end:]] if end < len(own) else []
    if not left:
        return whole
    ways = [pack for own in left for pack in cut(own, shared=True)], cut(np.concatenate(left), shared=len(left) == 1)
    return whole + min(ways, key=lambda packs: sum(pack.cost for pack in packs))


def _apart(pack):
    """The trainings of a pack one by one."""
    alone = pack.cost_apart / len(pack.numbers)
    return [Pack(pack.numbers[i : i + 1], alone, alone) for i in range(len(pack.numbers))]


def _split_last(together, threads):
    """Take as many of the last packs apart as make the end earliest: none may be left to wait for one."""
    first, last = together[:-threads], together[-threads:]
    ends = [0.0] * threads  # of what each thread has to do: the next pack is for that which is free first
    for pack in first:
        heapq.heapreplace(ends, ends[0] + pack.cost)

    def end(packs):
        own = ends.copy()
        for pack in packs:
            heapq.heapreplace(own, own[0] + pack.cost)
        return max(own)

    ways = []
    for kept in range(len(last), -1, -1):
        ways.append(last[:kept] + [alone for pack in last[kept:] for alone in _apart(pack)])
    return first + min(ways, key=end)


def cost_alone(layer_sizes, dtype, batch_size=MEASURED_BATCH):
    """Cycles for a row of one network, a neuron a lane: its layers are padded to whole vectors, or transposed."""
    lanes = compiler.lanes(dtype)
    vectors = [-(-size // lanes) for size in layer_sizes]
    products = sum(
        min(
            2 * (1 + n_in) * v_out, (5 + 2 * n_out) * (1 + v_in)
        )  # as it is, or transposed, see kernels/narrow_output.py
        for n_in, n_out, v_in, v_out in zip(layer_sizes, layer_sizes[1:], vectors, vectors[1:])
    )
    products += sum(n_out * v_in for n_out, v_in in zip(layer_sizes[2:], vectors[1:]))
    step = 640 + 0.45 * sum((1 + n_in) * n_out for n_in, n_out in pairwise(layer_sizes))
    return 60 + 0.7 * products + 16 * sum(vectors[1:]) + 8 * sum(vectors[1:-1]) + _of_steps(step, batch_size)


def cost_of_pack(layer_sizes, dtype, batch_size=MEASURED_BATCH, shared=True):
    """Cycles for a row of each network of a pack, a network a lane: nothing is padded, but there is more to load.

    Unless the networks share the order of their rows, each lane's numbers are gathered from a row of its own.
    """
    pairs = list(pairwise(layer_sizes))
    parameters = sum((1 + n_in) * n_out for n_in, n_out in pairs)
    if parameters * compiler.LANES * 4 > PACK_BYTES or compiler.LANES == 1:
        return np.inf
    products = 2 * parameters + sum(n_in * n_out for n_in, n_out in pairs[1:])
    gathering = 0 if shared else 100 * layer_sizes[0]
    cost = 50 + 0.9 * products + 15 * sum(layer_sizes[1:]) + 5 * sum(layer_sizes[1:-1]) + gathering
    return cost + _of_steps(350 + 13 * parameters, batch_size)


def _of_steps(cycles, batch_size):
    """A row's share in what each step costs, beyond what the model has of it."""
    return cycles * (1 / batch_size - 1 / MEASURED_BATCH)
