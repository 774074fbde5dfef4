"""Dropout: what the outputs of hidden layers are multiplied by while a network learns, a block at a time.

Whether neuron j of a row is dropped follows from a hash of the seed, the epoch, the row, the layer and j. It does not
depend on how the work was cut (see reference/randomness.py). Each row of each layer has a key of 32 bits, drawn once.
The mask is computed from the key again in the backward pass, which is cheaper than to store it.
"""

from typing import NamedTuple

import numpy as np

from fastprop.kernels.arithmetic import where_below
from fastprop.kernels.compiler import inline, noinline
from fastprop.kernels.lanes import neurons, width, word_of_each
from fastprop.kernels.load_store import lanes, load, store, words
from fastprop.kernels.shuffle import begin, mix

DROPOUT = np.uint64(2**63)
"""Added to the seed. Seeds are smaller, so that no seed's order of rows begins with the same random number."""

GOLDEN = np.uint32(0x9E3779B9)
"""2³² divided by the golden ratio: the distance between the counters of neighboring neurons."""

MAX_DROPPED = 0.99
"""What a schedule may raise dropout to, because nothing would be left at 1."""


class Dropout(NamedTuple):
    """What a member knows of dropout."""

    keys: np.ndarray  # (L - 1, chunk_rows, width) uint32, flat: of the rows in work; empty where nothing is dropped
    seeds: np.ndarray  # (1 or width,) uint64
    row_indices: np.ndarray  # (n,) int64: of each row of the data, its index among those that are trained on
    rates: np.ndarray  # (a cache line,) float64: each network's dropout, before a schedule
    thresholds: np.ndarray  # (a cache line,) uint32: each network's dropout in this step · 2³²
    scales: np.ndarray  # (2, a cache line): each network's 1 / (1 - dropout) and 1 - dropout


@inline
def drops(dropout):
    """Return whether anything is dropped."""
    # a bool
    return len(dropout.keys) > 0


@inline
def set_rates(dropout, factor):
    """Set what a step drops: each network's dropout times a factor, which does not raise it above `MAX_DROPPED`."""
    # thresholds (K,)   scales (2, K)
    for lane in range(len(dropout.rates)):
        rate = min(dropout.rates[lane] * factor, max(dropout.rates[lane], MAX_DROPPED))
        dropout.thresholds[lane] = np.uint32(rate * 2**32)
        dropout.scales[0, lane] = 1 / (1 - rate)
        dropout.scales[1, lane] = 1 - rate


@inline
def draw_keys(plan, memory, dropout, epoch, chunk):
    """Draw the keys of the rows of a chunk, for all hidden layers."""
    # order (1 or width, m)   keys (L - 1, chunk_rows, width)
    unit, seeds = width(plan, memory), len(dropout.seeds)
    for lane in range(seeds):
        start = begin(dropout.seeds[lane] + DROPOUT, epoch)
        for row in range(chunk.rows):
            index = dropout.row_indices[chunk.order[lane % len(chunk.order), chunk.first + row]]
            row_key = mix(start + np.uint64(index))
            for layer in range(1, len(plan.sizes.layers) - 1):
                key = mix(row_key + np.uint64(layer)) >> np.uint64(32)
                first = key_offset(plan, memory, layer, chunk.row_begin + row)
                for i in range(lane, unit, seeds):
                    dropout.keys[first + i] = np.uint32(key)


@inline
def key_offset(plan, memory, layer, row):
    """Return the offset of the keys of a row and a hidden layer; hidden layers count from 1."""
    # an int
    return ((layer - 1) * plan.strategy.chunk_rows + row) * width(plan, memory)


@noinline
def drop(plan, memory, dropout, layer, block, values):
    """Multiply a block of a hidden layer's outputs or deltas by 0 or 1 / (1 - dropout)."""
    # values (M, V): the block
    unit = width(plan, memory)
    threshold, scale = words(memory, dropout.thresholds, 0), load(dropout.scales[0], 0)
    start = (neurons(plan, memory) + (block.column // unit + 1)) * GOLDEN
    step = lanes(memory) // unit * GOLDEN
    for row in range(block.rows):
        key = word_of_each(plan, memory, dropout.keys, key_offset(plan, memory, layer, block.row + row))
        counter, first = start + key, values.offset + row * values.stride
        for i in range(first, first + block.vectors * lanes(memory), lanes(memory)):
            mask = where_below(scramble(counter), threshold, 0, scale)
            store(memory, i, mask * load(memory, i))
            counter = counter + step


@inline
def scramble(x):
    """Scramble each word (lowbias32: Wellons, "Prospecting for hash functions", 2018)."""
    # (V) of uint32
    x = (x ^ (x >> 16)) * np.uint32(0x7FEB352D)
    x = (x ^ (x >> 15)) * np.uint32(0x846CA68B)
    return x ^ (x >> 16)


@noinline
def undrop(memory, dropout, source, target, rows, columns):
    """Undo dropout's scaling of the kept outputs, because the derivative is computed from the undropped output."""
    # source, target (rows, columns)
    keep = load(dropout.scales[1], 0)
    for row in range(rows):
        for j in range(0, columns, lanes(memory)):
            x = load(memory, source.offset + row * source.stride + j)
            store(memory, target.offset + row * target.stride + j, keep * x)
