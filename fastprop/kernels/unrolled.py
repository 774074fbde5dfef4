"""Tiny networks, unrolled: all layers of a row at once, without any loop but the one over the rows.

Layer by layer, what leads to the loops of such a network takes as long as the loops. A shape of few parameters
therefore gets two functions of its own, for which the shape is a constant. Kernels call them by their addresses. The
chains of multiply-adds are those of `dense.py`, and so are the results.

In a pack, a lane is one of its networks, as everywhere. Of one network, a lane is a row of the minibatch: the outputs
of all layers are interleaved, as those of the last layer are elsewhere (see lanes.py). In its gradient, which is a
chain over the rows, a lane is a parameter (see unrolled_alone.py). Hidden layers then have no constant 1 in the
workspace, and the deltas stand where the targets did. So a run is unrolled from its first minibatch to its last.

`pays` and `addresses` decide which networks get functions; the kernels ask `is_unrolled`. `benchmarks/NOTES.md` says
what they gain.
"""

import functools

import numpy as np
from numba import types
from numba.extending import intrinsic
from numba.np.numpy_support import from_dtype

from fastprop.kernels.activations import STORED_DERIVATIVES, activation
from fastprop.kernels.compiler import address_of, call, inline, kernel, lanes, noinline
from fastprop.kernels.layout import parameter_count
from fastprop.kernels.llvm import emit_where
from fastprop.kernels.load_store import address
from fastprop.kernels.pointers import pointer_type
from fastprop.kernels.unrolled_alone import column_count, emit_gradient_alone
from fastprop.kernels.unrolled_emitter import Emitter, Shape, deltas_below

MAX_PARAMETERS = 40
"""Parameters of the largest network that is unrolled, without padding."""

ROWS_ALONE = 5_000_000
"""Rows on which a network alone trains in all of its epochs, at the least, so that functions of its own pay.

They halve the 0.08 s that so many rows of a 2-2-1 network take. Compiling takes 0.2 s, but once on a machine, as they
are kept on the disk.
"""


def pays(width, epochs, rows):
    """Return whether functions of its own pay for a pack of that `width`, or for a network alone, whose width is 1."""
    return width > 1 or epochs * rows >= ROWS_ALONE


@functools.lru_cache(maxsize=256)
def addresses(sizes, activations, dtype, width, shares_rows, has_dropout):
    """Return the addresses of the functions forward and backward of a shape, or zeros where it has none.

    They are for networks without dropout, of at most `MAX_PARAMETERS` parameters, whose activations store no
    derivatives. If the network is alone, vectors must have room for its rows, see `has_room`.
    """
    stores = any(STORED_DERIVATIVES >> code & 1 for code in activations)
    fits = width > 1 or has_room(sizes, dtype)
    if not fits or has_dropout or stores or parameter_count(sizes) > MAX_PARAMETERS:
        return 0, 0
    element = from_dtype(np.dtype(dtype))
    elements, integer = pointer_type(element), types.intp
    common = Shape(sizes, activations, element, width > 1, shares_rows), elements, elements, pointer_type(types.int64)
    return (
        address_of(forward_rows, (*common, integer, integer, integer)),
        address_of(backward_rows, (*common, integer, elements, integer, types.boolean)),
    )


def has_room(sizes, dtype):
    """Return whether a vector has room for the inputs of a row, and another for its columns, see unrolled_alone.py."""
    return max(sizes[0], column_count(sizes)) <= lanes(dtype)


@inline
def is_unrolled(network):
    """Return whether a network, or a pack, has functions of its own."""
    # a bool
    return network.unrolled_addresses[0] != 0


@noinline
def unrolled_forward(network, plan, memory, row_begin, rows):
    """Bring `rows` rows from the first layer's inputs to the last layer, whose activation waits for the loss."""
    # outputs (B, O) ← x (B, I)
    common = address(memory, 0), address(network.parameters, 0), address(plan.workspace.activations, 0)
    call(network.unrolled_addresses[0], (*common, plan.workspace.outputs, row_begin, rows))


@inline
def unrolled_gradient(network, plan, memory, gradient, rows, accumulate):
    """Write the gradient of all parameters over `rows` rows to an offset, or add it if `accumulate`."""
    # g (P,), + g if accumulate ← x (B, I), deltas (B, O), which stand where the targets did
    common = address(memory, 0), address(network.parameters, 0), address(plan.workspace.activations, 0)
    deltas = plan.workspace.targets
    call(network.unrolled_addresses[1], (*common, deltas, address(memory, gradient), rows, accumulate))


@kernel
def forward_rows(shape, memory, parameters, activations, outputs, row_begin, rows):
    # outputs (B, O) ← x (B, I)
    _forward(shape, (memory, parameters), activations, outputs, row_begin, rows)


@kernel
def backward_rows(shape, memory, parameters, activations, deltas, gradient, rows, accumulate):
    # gradient (P,), + gradient if accumulate ← deltas (B, O)
    _backward(shape, (memory, parameters), activations, deltas, gradient, rows, accumulate)


@intrinsic
def _forward(typing_context, shape, arrays, activations, outputs, row_begin, rows):
    def emit(context, builder, sig, args):
        _, arrays, activations, outputs, row_begin, rows = args
        emitter = Emitter(context, builder, shape, arrays, activations)

        def forward_row(k, _):
            row = builder.add(row_begin, k)
            x = emitter.layer_inputs(0, row)
            for layer, code in enumerate(shape.activations):
                y = [emitter.chain(x, w) for w in zip(*emitter.weights[layer])]
                if layer + 1 < len(shape.activations):
                    y = [emitter.call(activation, code, z) for z in y]
                    emitter.store(emitter.inputs(layer + 1, row), y)
                    x = [emitter.one, *y]
            emitter.store(emitter.outputs(outputs, row), y)
            return []

        emitter.for_rows(rows, [], forward_row, shape.rows)
        return context.get_dummy_value()

    return types.void(shape, arrays, activations, outputs, row_begin, rows), emit


@intrinsic
def _backward(typing_context, shape, arrays, activations, deltas, gradient, rows, accumulate):
    def emit(context, builder, sig, args):
        _, arrays, activations, deltas, gradient, rows, accumulate = args
        emitter = Emitter(context, builder, shape, arrays, activations)
        emit_vectors = _emit_gradient_in_pack if shape.in_pack else emit_gradient_alone
        vectors = emit_vectors(builder, emitter, deltas, gradient, rows, accumulate)
        offsets = range(0, shape.starts[-1], shape.vector.lanes)
        emitter.store(gradient, [vectors.get(offset, emitter.zero) for offset in offsets])
        return context.get_dummy_value()

    return types.void(shape, arrays, activations, deltas, gradient, rows, accumulate), emit


def _emit_gradient_in_pack(builder, emitter, deltas, gradient, rows, accumulate):
    """Return by offset each vector of a pack's gradient, which has a parameter of each network."""
    shape = emitter.shape
    offsets = [offset for layer in shape.parameter_offsets() for row in layer for offset in row]

    def backward_row(row, sums):
        sums = dict(zip(offsets, sums))
        d = emitter.vectors(emitter.outputs(deltas, row), shape.sizes[-1])
        for layer, offsets_of_layer in reversed(list(enumerate(shape.parameter_offsets()))):
            x = emitter.layer_inputs(layer, row)
            for x_i, offsets_i in zip(x, offsets_of_layer):
                sums |= {offset: emitter.chain([x_i], [d_o], sums[offset]) for offset, d_o in zip(offsets_i, d)}
            if layer > 0:
                d = deltas_below(emitter, layer, x, d)
        return list(sums.values())

    zeros = [emitter.zero] * len(offsets)
    sums = emit_where(builder, accumulate, lambda: [emitter.vector(gradient, each) for each in offsets], zeros)
    return dict(zip(offsets, emitter.for_rows(rows, sums, backward_row)))
