"""The two meanings of a lane: a neuron of one network, or one network of a pack.

What trains is written once for both; what differs is here. The plan's type decides, while compiling. In a row of
memory neuron j stands in element j, or in a pack in elements j · width …, one for each network. "A number of each
network" is a vector of them: of one network, a vector full of its number.
"""

from numba.core import types
from numba.extending import intrinsic

from fastprop.kernels.compiler import inline
from fastprop.kernels.layout import PackPlan
from fastprop.kernels.llvm import emit_load, emit_pointer, emit_splat, numbered
from fastprop.kernels.load_store import (
    add_to,
    address,
    advance,
    lanes,
    load_as,
    load_first_as,
    splat,
    store,
    transpose_square,
)
from fastprop.kernels.vectors import Vector, words_of


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


# ---- rows abreast ----


@inline
def interleaved_rows(plan, memory):
    """How many rows of the last layer's outputs stand side by side, so that a vector is one output of all of them.

    Of one network, as many as there are lanes; of a pack, the same row of each network. So what a loss adds up over
    the outputs of a row never crosses lanes: row by row, with padding, 2-2-1 took 42 cycles a row, and so 9.
    """
    return 1 if is_pack(plan) else lanes(memory)


@inline
def interleaved_offset(plan, memory, start, stride, row):
    """Where the first output of a row is, or of the first network's row."""
    lane = row & (interleaved_rows(plan, memory) - 1)
    return start + (row - lane) * stride + lane


@inline
def interleave_rows(source, start, stride, memory, place, place_stride, rows, columns):
    # memory (rows / lanes, columns, lanes) ← source (rows, columns), of one network
    for row in range(0, rows, lanes(memory)):
        for j in range(0, columns, lanes(memory)):
            here, there = start + row * stride + j, place + row * place_stride + j * lanes(memory)
            transpose_square(source, here, stride, memory, there, lanes(memory))


@inline
def set_in_rows(memory, start, place, stride, columns):
    # memory (lanes, columns) ← memory (columns, lanes), of one network
    for j in range(0, columns, lanes(memory)):
        transpose_square(memory, start + j * lanes(memory), lanes(memory), memory, place + j, stride)


# ---- a number of each network ----


@inline
def add_rows(plan, totals, memory, start, rows):
    """Add to the total of each network, in float64, its numbers of `rows` rows."""
    if is_pack(plan):
        add_to(totals, memory, start, rows)
    else:
        total = totals[0]
        for row in range(rows):
            total += memory[start + row]
        totals[0] = total


@intrinsic
def word_of_each(typing_context, plan, memory, numbers, index):
    """A uint32 of each network, of `numbers` from element `index` on."""
    vector = words_of(memory.dtype)

    def emit(context, builder, sig, args):
        kind, first = context.get_value_type(vector), emit_pointer(context, builder, numbers, *args[2:])
        if plan.instance_class is PackPlan:
            return emit_load(builder, first, kind)
        return emit_splat(builder, builder.load(first), kind)

    return vector(plan, memory, numbers, types.intp), emit


@intrinsic
def neurons(typing_context, plan, memory):
    """By how much the number of each lane's neuron is above that of the first lane's, in words."""
    vector = words_of(memory.dtype)

    def emit(context, builder, sig, args):
        return numbered(context.get_value_type(vector), 0 if plan.instance_class is PackPlan else 1)

    return vector(plan, memory), emit


# ---- rows of the data, and matrices ----


@inline
def gather(plan, source, apart, neurons, order, first, rows, memory, start, stride):
    # memory (rows, neurons) ← source (n, neurons)[order[:, first : first + rows]], order (1 or width, m)
    if not is_pack(plan):
        copy_rows(source, apart, neurons, order, first, rows, memory, start, stride)
        return
    # By pointers: an array's index may be negative, and to see to that here and in `copy_rows` took 3 % of S1.
    numbers, shared = address(source, 0), address(order[0], first)
    for row in range(rows):
        there = start + row * stride
        if len(order) == 1:
            here = advance(numbers, shared[row] * apart)
            for j in range(neurons):
                store(memory, there + j * width(plan, memory), splat(memory, here[j]))
        else:
            for lane in range(width(plan, memory)):
                here = advance(numbers, order[lane, first + row] * apart)
                for j in range(neurons):
                    memory[there + j * width(plan, memory) + lane] = here[j]


@inline
def copy_rows(source, apart, neurons, order, first, rows, memory, start, stride):
    # memory (rows, neurons) ← source (n, neurons)[order[0, first : first + rows]], its rows `apart` elements apart
    whole, wanted = neurons - neurons % lanes(memory), address(order[0], first)
    for row in range(rows):
        here, there = wanted[row] * apart, start + row * stride
        for j in range(0, whole, lanes(memory)):
            store(memory, there + j, load_as(memory, source, here + j))
        if whole < neurons:  # one masked load: number by number, an epoch of 2-2-1 took a fifth longer
            store(memory, there + whole, load_first_as(memory, source, here + whole, neurons - whole))


@inline
def gather_interleaved(plan, source, neurons, order, first, rows, memory, start, stride, scratch):
    # memory (rows / abreast, neurons, lanes) ← source (n, neurons)[order[:, first : first + rows]]
    if is_pack(plan):
        gather(plan, source, neurons, neurons, order, first, rows, memory, start, stride)
    elif 4 * neurons <= lanes(memory):  # so few one by one, before zeros that are there already: 2-2-1 -5 %
        numbers, wanted = address(source, 0), address(order[0], first)
        for row in range(rows):
            here, there = advance(numbers, wanted[row] * neurons), interleaved_offset(plan, memory, start, stride, row)
            for j in range(neurons):
                memory[there + j * lanes(memory)] = here[j]
    else:  # number by number, the targets of 64-32-10 took 950 cycles a step, and so 200
        copy_rows(source, neurons, neurons, order, first, rows, memory, scratch, stride)
        interleave_rows(memory, scratch, stride, memory, start, stride, rows, neurons)


@inline
def one_hot(plan, labels, neurons, order, first, rows, memory, start, stride):
    # memory (rows / abreast, neurons, lanes): 1 at the row's label, else 0
    for row in range(0, rows, interleaved_rows(plan, memory)):
        for j in range(neurons):
            store(memory, start + row * stride + j * lanes(memory), 0)
    for row in range(rows):
        there = interleaved_offset(plan, memory, start, stride, row)
        for lane in range(width(plan, memory)):
            memory[there + labels[order[lane % len(order), first + row]] * lanes(memory) + lane] = 1


@inline
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
