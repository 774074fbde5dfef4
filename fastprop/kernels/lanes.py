"""The two meanings of a lane: a neuron of one network, or one network of a pack.

What trains is written once for both; what differs is here. The plan's type decides, while compiling. In a row of
memory neuron j stands in element j, or in a pack in elements j · width …, one for each network. "A number of each
network" is a vector of them: of one network, a vector full of its number.
"""

from numba.core import types
from numba.extending import intrinsic

from fastprop.kernels.jit import part
from fastprop.kernels.layout import LINE_BYTES, PackPlan
from fastprop.kernels.simd import (
    Vector,
    add_to,
    emit_pointer,
    first_lane,
    first_lanes,
    group_sum,
    lane_sum,
    lanes,
    largest_lane,
    load,
    load_first,
    splat,
    store,
    transpose_square,
    where_less,
)


@intrinsic
def is_pack(typing_context, plan):
    """Whether a lane is a network: known while compiling, so that only one branch is made."""

    def emit(context, builder, sig, args):
        return context.get_constant(types.boolean, plan.instance_class is PackPlan)

    return types.boolean(plan), emit


@intrinsic
def width(typing_context, plan, array):
    """How many networks lie side by side: known while compiling."""

    def emit(context, builder, sig, args):
        return context.get_constant(types.intp, Vector(array.dtype).lanes if plan.instance_class is PackPlan else 1)

    return types.intp(plan, array), emit


@intrinsic
def broadcast(typing_context, plan, array, index):
    """A pointer for the tile's broadcast operand: to numbers, or in a pack to vectors."""
    kind = types.CPointer(Vector(array.dtype) if plan.instance_class is PackPlan else array.dtype)

    def emit(context, builder, sig, args):
        return builder.bitcast(emit_pointer(context, builder, array, *args[1:]), context.get_value_type(kind))

    return kind(plan, array, types.intp), emit


# ---- a number of each network ----


@part
def take(plan, memory, index):
    """The number of each network that stands at `index`."""
    return load(memory, index) if is_pack(plan) else splat(memory, memory[index])


@part
def put(plan, memory, index, numbers):
    """Write a number of each network to `index`."""
    if is_pack(plan):
        store(memory, index, numbers)
    else:
        memory[index] = first_lane(numbers)


@part
def add_rows(plan, totals, memory, start, rows):
    """Add to the total of each network, in float64, its numbers of `rows` rows."""
    if is_pack(plan):
        add_to(totals, memory, start, rows)
    else:
        total = totals[0]
        for row in range(rows):
            total += memory[start + row]
        totals[0] = total


@part
def row_sum(plan, memory, start, neurons):
    """The sum of each network's row, whose padding is zero: line by line, each line as a tree. A pack's row is lost."""
    line = LINE_BYTES // memory.itemsize
    if not is_pack(plan):
        total = group_sum(memory, start)
        for j in range(line, neurons, line):
            total += group_sum(memory, start + j)
        return splat(memory, total)
    total = load(memory, start)
    if neurons == 1:
        return total
    for first in range(0, neurons, line):
        left, half = min(line, neurons - first), line // 2
        while half > 0:
            for j in range(first, first + min(half, left - half)):
                here = start + j * width(plan, memory)
                store(memory, here, load(memory, here) + load(memory, here + half * width(plan, memory)))
            half //= 2
        group = load(memory, start + first * width(plan, memory))
        total = group if first == 0 else total + group
    return total


@part
def collect(plan, memory, total, j, terms):
    """`total` and the sum of a row's terms from element j on, or their own places for them to wait in; see `collected`.

    Where a vector is a line, they need not go through memory: 2-2-1 0.142 -> 0.136 ms an epoch.
    """
    if lanes(memory) * memory.itemsize == LINE_BYTES and not is_pack(plan):
        return total + lane_sum(terms)
    store(memory, plan.terms + j, terms)
    return total


@part
def collected(plan, memory, total, columns):
    """The sum of all terms of a row, a number of each network, in the order of `row_sum`."""
    if lanes(memory) * memory.itemsize == LINE_BYTES and not is_pack(plan):
        return total
    return row_sum(plan, memory, plan.terms, columns // width(plan, memory))


@part
def row_max(plan, memory, start, neurons):
    """The largest number of each network's row."""
    highest = take(plan, memory, start)
    for j in range(0, neurons * width(plan, memory), lanes(memory)):
        here = first_lanes(load(memory, start + j), neurons * width(plan, memory) - j, highest)
        highest = where_less(highest, here, here, highest)
    return highest if is_pack(plan) else splat(memory, largest_lane(highest))


# ---- rows of the data, and matrices ----


@part
def gather(plan, source, neurons, order, first, rows, memory, start, stride):
    # memory (rows, neurons) ← source (n, neurons)[order[:, first : first + rows]], order (1 or width, m)
    if not is_pack(plan):
        copy_rows(source, neurons, order, first, rows, memory, start, stride)
        return
    for row in range(rows):
        there = start + row * stride
        if len(order) == 1:
            here = order[0, first + row] * neurons
            for j in range(neurons):
                store(memory, there + j * width(plan, memory), splat(memory, source[here + j]))
        else:
            for lane in range(width(plan, memory)):
                here = order[lane, first + row] * neurons
                for j in range(neurons):
                    memory[there + j * width(plan, memory) + lane] = source[here + j]


@part
def copy_rows(source, neurons, order, first, rows, memory, start, stride):
    # memory (rows, neurons) ← source (n, neurons)[order[0, first : first + rows]]
    whole = neurons - neurons % lanes(memory)
    for row in range(rows):
        here, there = order[0, first + row] * neurons, start + row * stride
        for j in range(0, whole, lanes(memory)):
            store(memory, there + j, load(source, here + j))
        if whole < neurons:  # one masked load: number by number, an epoch of 2-2-1 took a fifth longer
            store(memory, there + whole, load_first(source, here + whole, neurons - whole))


@part
def one_hot(plan, labels, neurons, order, first, rows, memory, start, stride):
    # memory (rows, neurons): 1 in the column of the row's label, else 0
    for row in range(rows):
        label, there = labels[order[0, first + row]], start + row * stride
        if not is_pack(plan):
            for j in range(0, neurons, lanes(memory)):
                ones_from_label_on = first_lanes(splat(memory, 0), label - j, 1)
                store(memory, there + j, first_lanes(ones_from_label_on, label - j + 1, 0))
        else:
            for j in range(neurons):
                store(memory, there + j * width(plan, memory), splat(memory, 0))
            for lane in range(width(plan, memory)):
                label = labels[order[lane % len(order), first + row]]
                memory[there + label * width(plan, memory) + lane] = 1


@part
def transpose(w, start, stride, memory, place, place_stride, inputs, outputs):
    # w (I, O) in rows of `stride`   memory (O, I) in rows of `place_stride`, the padding after I zero
    for i in range(0, inputs, lanes(w)):
        if i + lanes(w) <= inputs:
            for j in range(0, outputs, lanes(w)):
                transpose_square(w, start + i * stride + j, stride, memory, place + j * place_stride + i, place_stride)
        else:
            for j in range(outputs):
                for k in range(i, i + lanes(w)):
                    memory[place + j * place_stride + k] = w[start + k * stride + j] if k < inputs else 0
