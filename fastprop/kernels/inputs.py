"""Rows of the data on their way into the first layer: fetched in order, bytes made numbers, standardized.

None of it makes a copy of the data: each time, it is done to the few rows that are next.
"""

from fastprop.kernels.compiler import inline, noinline
from fastprop.kernels.dense import has_shared_rows
from fastprop.kernels.lanes import copy_rows, gather, is_pack, width
from fastprop.kernels.load_store import lanes, load, splat, store

FETCHED_ROWS = 8
"""Rows that are fetched at a time to be changed: those of 784 inputs take 25 KB, and are then in the L1 cache."""


@inline
def fetch(network, data, plan, memory, order, first, rows, here):
    """Bring `rows` rows of `order` from `first` on to row `here` … of the first layer's inputs."""
    if len(data.bytes) == 0 and len(network.mean) == 0:
        stride = plan.line + plan.strides[0]
        place(data.inputs, data, plan, memory, order, first, rows, plan.activations[0] + here * stride, stride)
    else:
        fetch_and_change(network, data, plan, memory, order, first, rows, here)


@noinline
def fetch_and_change(network, data, plan, memory, order, first, rows, here):
    stride = plan.line + plan.strides[0]
    for row in range(0, rows, FETCHED_ROWS):
        count, x = min(FETCHED_ROWS, rows - row), plan.activations[0] + (here + row) * stride
        if len(data.bytes) > 0:
            place(data.bytes, data, plan, memory, order, first + row, count, x, stride)
        else:
            place(data.inputs, data, plan, memory, order, first + row, count, x, stride)
        if len(network.mean) > 0:
            standardize(network, plan, memory, x, stride, count)


@inline
def place(source, data, plan, memory, order, first, rows, x, stride):
    # x (rows, I) ← source (n, I)
    if has_shared_rows(plan, 0):
        copy_rows(source, data.apart, plan.sizes[0], order, first, rows, memory, x, stride)
    else:
        gather(plan, source, data.apart, plan.sizes[0], order, first, rows, memory, x, stride)


@inline
def standardize(network, plan, memory, x, stride, rows):
    # x (rows, I) ← (x - mean (I,)) · rate (I,)
    for row in range(x, x + rows * stride, stride):
        if is_pack(plan) and not has_shared_rows(plan, 0):
            for j in range(plan.sizes[0]):
                i = row + j * width(plan, memory)
                mean, input_inverse_std = splat(memory, network.mean[j]), splat(memory, network.input_inverse_std[j])
                store(memory, i, (load(memory, i) - mean) * input_inverse_std)
        else:
            for j in range(0, plan.sizes[0], lanes(memory)):
                store(
                    memory,
                    row + j,
                    (load(memory, row + j) - load(network.mean, j)) * load(network.input_inverse_std, j),
                )
