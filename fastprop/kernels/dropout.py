"""Dropout: what the outputs of hidden layers are multiplied by while a network learns, a block at a time.

Neuron j of a row is dropped by a hash of the seed, the epoch, the row, the layer and j, and so by nothing that depends
on how the work was cut (see reference/randomness.py). Of each row and layer there is a key of 32 bits, drawn once; the
rest, some 12 instructions for a vector, is done again on the way back: cheaper than to keep masks.
"""

from typing import NamedTuple

import numpy as np

from fastprop.kernels.arithmetic import where_below
from fastprop.kernels.compiler import inline, noinline
from fastprop.kernels.lanes import neurons, width, word_of_each
from fastprop.kernels.load_store import lanes, load, store, words
from fastprop.kernels.shuffle import begin, mix

DROPOUT = np.uint64(2**63)
"""Added to the seed: seeds are below, so that no seed's order of rows begins with the same number."""

GOLDEN = np.uint32(0x9E3779B9)


class Dropout(NamedTuple):
    """What dropout is to a member of a team."""

    keys: np.ndarray  # (L - 1, rows, width) uint32, flat: of the rows in work; empty where nothing is dropped
    seeds: np.ndarray  # (1 or width,) uint64
    numbers: np.ndarray  # (n,): of each row of the data, its number among those that are trained on
    thresholds: np.ndarray  # (lanes,) uint32: of each network, its dropout · 2³²
    scales: np.ndarray  # (2, lanes): of each network, 1 / (1 - dropout) and 1 - dropout


@inline
def drops(dropout):
    """Whether anything is dropped."""
    return len(dropout.keys) > 0


@inline
def draw_keys(plan, memory, dropout, epoch, order, source, here, rows):
    """Draw the keys of rows `here` … in work, which are `order`'s from `source` on, for all hidden layers."""
    # order (1 or width, m)
    unit, seeds = width(plan, memory), len(dropout.seeds)
    for lane in range(seeds):
        start = begin(dropout.seeds[lane] + DROPOUT, epoch)
        for row in range(rows):
            number = dropout.numbers[order[lane % len(order), source + row]]
            of_row = mix(start + np.uint64(number))
            for layer in range(1, len(plan.sizes) - 1):
                key = mix(of_row + np.uint64(layer)) >> np.uint64(32)
                for i in range(lane, unit, seeds):
                    dropout.keys[place(plan, memory, layer, here + row) + i] = np.uint32(key)


@inline
def place(plan, memory, layer, row):
    """Where the keys of a row and a hidden layer are: layers count from 1."""
    return ((layer - 1) * plan.rows + row) * width(plan, memory)


@noinline
def drop(plan, memory, dropout, layer, first, column, block, stride, rows, columns):
    """Multiply a block of hidden `layer`, from row `first` and element `column` on, by 0 or 1 / (1 - dropout)."""
    # block (rows, columns)
    unit = width(plan, memory)
    threshold, scale = words(memory, dropout.thresholds, 0), load(dropout.scales[0], 0)
    start = (neurons(plan, memory) + (column // unit + 1)) * GOLDEN
    step = lanes(memory) // unit * GOLDEN
    for row in range(rows):
        counter = start + word_of_each(plan, memory, dropout.keys, place(plan, memory, layer, first + row))
        for i in range(block + row * stride, block + row * stride + columns, lanes(memory)):
            mask = where_below(scramble(counter), threshold, 0, scale)
            store(memory, i, mask * load(memory, i))
            counter = counter + step


@inline
def scramble(x):
    """Scramble each word (lowbias32: Wellons, "Prospecting for hash functions", 2018)."""
    x = (x ^ (x >> 16)) * np.uint32(0x7FEB352D)
    x = (x ^ (x >> 15)) * np.uint32(0x846CA68B)
    return x ^ (x >> 16)


@noinline
def undrop(memory, dropout, block, stride, target, rows, columns):
    """Write a block as it was before dropout, where that kept it, to `target`."""
    # block, target (rows, columns)
    keep = load(dropout.scales[1], 0)
    for row in range(rows):
        for j in range(0, columns, lanes(memory)):
            store(memory, target + row * columns + j, keep * load(memory, block + row * stride + j))
