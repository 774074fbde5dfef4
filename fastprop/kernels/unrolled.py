"""Tiny networks of a pack, unrolled: all layers of a row at once, without any loop but the one over the rows.

Layer by layer, what leads to the loops of such a network takes as long as the loops. A shape of few parameters
therefore gets two functions of its own, for which the shape is a constant. Kernels call them by their addresses. The
chains of multiply-adds are those of `dense.py`, and so are the results.

`addresses` decides which packs get them; the kernels ask `is_unrolled`. `benchmarks/NOTES.md` says what they gain.
"""

import functools

import numpy as np
from numba import types
from numba.extending import intrinsic, models, register_model
from numba.np.numpy_support import from_dtype

from fastprop.kernels.activations import STORED_DERIVATIVES, activation, activation_backward
from fastprop.kernels.compiler import address_of, call, inline, kernel
from fastprop.kernels.lanes import is_pack
from fastprop.kernels.layout import layer_offsets, line, padded, parameter_count
from fastprop.kernels.llvm import INT64, emit_fma, emit_loop, emit_splat, emit_where, full
from fastprop.kernels.load_store import address
from fastprop.kernels.pointers import emit_advance, emit_load, emit_load_element, emit_store, pointer_type
from fastprop.kernels.vectors import Vector

MAX_PARAMETERS = 40
"""Parameters of the largest network that is unrolled, without padding."""


class Shape(types.Opaque):
    """What the functions know of a network. It is a type, so that they are compiled and kept for each."""

    def __init__(self, sizes, activations, dtype, shared):
        self.sizes, self.activations, self.vector = sizes, activations, Vector(dtype)
        lanes = self.vector.lanes
        self.widths = [1 if shared else lanes, *[lanes] * (len(sizes) - 1)]  # elements in a neuron of each layer
        self.strides = [padded(size * width, str(dtype)) for size, width in zip(sizes, self.widths)]
        self.line, self.starts = line(str(dtype)), layer_offsets(sizes, str(dtype), lanes).tolist()
        super().__init__(f"Shape({sizes}, {activations}, {dtype}, {shared})")

    def parameter_offsets(self):
        """Yield the offset of each parameter of each layer, (1 + I, O)."""
        for start, stride, n_in, n_out in zip(self.starts, self.strides[1:], self.sizes, self.sizes[1:]):
            yield [[start + i * stride + o * self.vector.lanes for o in range(n_out)] for i in range(1 + n_in)]


register_model(Shape)(models.OpaqueModel)


@functools.lru_cache(maxsize=256)
def addresses(sizes, activations, dtype, width, shares_rows, has_dropout):
    """Return the addresses of the functions forward and backward of a shape, or zeros where it has none.

    They are for packs without dropout, of at most `MAX_PARAMETERS` parameters, whose activations store no derivatives.
    """
    stores = any(STORED_DERIVATIVES >> code & 1 for code in activations)
    if width == 1 or has_dropout or stores or parameter_count(sizes) > MAX_PARAMETERS:
        return 0, 0
    element = from_dtype(np.dtype(dtype))
    shape, elements, integer = Shape(sizes, activations, element, shares_rows), pointer_type(element), types.intp
    common = shape, elements, elements, pointer_type(types.int64), integer
    return (
        address_of(forward_rows, (*common, integer, integer)),
        address_of(backward_rows, (*common, elements, integer, types.boolean)),
    )


@inline
def is_unrolled(network, plan):
    """Return whether a pack's shape has functions of its own."""
    # a bool
    return is_pack(plan) and network.unrolled_addresses[0] != 0


@inline
def unrolled_forward(network, plan, memory, row_begin, rows):
    """Bring `rows` rows from the first layer's inputs to the last layer, whose activation waits for the loss."""
    # outputs (B, O) ← x (B, I)
    common = address(memory, 0), address(network.parameters, 0), address(plan.workspace.activations, 0)
    call(network.unrolled_addresses[0], (*common, plan.workspace.outputs, row_begin, rows))


@inline
def unrolled_gradient(network, plan, memory, gradient, rows, accumulate):
    """Write the gradient of all parameters over `rows` rows to an offset, or add it if `accumulate`."""
    # g (P,), + g if accumulate ← x (B, I), deltas (B, O)
    common = address(memory, 0), address(network.parameters, 0), address(plan.workspace.activations, 0)
    deltas = plan.workspace.deltas[-1]
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
        emitter = _Emitter(context, builder, shape, arrays, activations)

        def forward_row(k, _):
            row = builder.add(row_begin, k)
            x = emitter.stored(0, row)
            for layer, code in enumerate(shape.activations):
                y = [emitter.chain(x, w) for w in zip(*emitter.weights[layer])]
                if layer + 1 < len(shape.activations):
                    y = [emitter.call(activation, code, z) for z in y]
                    emitter.store(emitter.inputs(layer + 1, row), y)
                    x = [emitter.one, *y]
            emitter.store(emitter.row(outputs, shape.strides[-1], row), y)
            return []

        emitter.for_rows(rows, [], forward_row)
        return context.get_dummy_value()

    return types.void(shape, arrays, activations, outputs, row_begin, rows), emit


@intrinsic
def _backward(typing_context, shape, arrays, activations, deltas, gradient, rows, accumulate):
    def emit(context, builder, sig, args):
        _, arrays, activations, deltas, gradient, rows, accumulate = args
        emitter = _Emitter(context, builder, shape, arrays, activations)
        offsets = [offset for layer in shape.parameter_offsets() for row in layer for offset in row]

        def backward_row(row, sums):
            sums = dict(zip(offsets, sums))
            d = emitter.vectors(emitter.row(deltas, shape.strides[-1], row), shape.sizes[-1])
            for layer, offsets_of_layer in reversed(list(enumerate(shape.parameter_offsets()))):
                x = emitter.stored(layer, row)
                for x_i, offsets_i in zip(x, offsets_of_layer):
                    sums |= {offset: emitter.chain([x_i], [d_o], sums[offset]) for offset, d_o in zip(offsets_i, d)}
                if layer > 0:
                    code, w = shape.activations[layer - 1], emitter.weights[layer][1:]
                    d = [emitter.call(activation_backward, code, y, emitter.chain(d, to)) for y, to in zip(x[1:], w)]
            return list(sums.values())

        zeros = [emitter.zero] * len(offsets)
        sums = emit_where(builder, accumulate, lambda: [emitter.vector(gradient, each) for each in offsets], zeros)
        sums = dict(zip(offsets, emitter.for_rows(rows, sums, backward_row)))
        vectors = range(0, shape.starts[-1], shape.vector.lanes)
        emitter.store(gradient, [sums.get(offset, emitter.zero) for offset in vectors])
        return context.get_dummy_value()

    return types.void(shape, arrays, activations, deltas, gradient, rows, accumulate), emit


class _Emitter:
    """Emits what both functions are made of. Vectors are LLVM's values, in lists."""

    def __init__(self, context, builder, shape, arrays, activations):
        self._context = context
        self._builder = builder
        self._shape = shape
        self._memory, parameters = (builder.extract_value(arrays, i) for i in range(2))
        self._kind = context.get_value_type(shape.vector)
        self.zero = full(self._kind, 0.0)
        self.one = full(self._kind, 1.0)
        self._starts = [self.element(activations, layer) for layer in range(len(shape.activations))]
        self.weights = [
            [[self.vector(parameters, w) for w in row] for row in layer] for layer in shape.parameter_offsets()
        ]

    def _at(self, pointer, offset):
        return emit_advance(self._builder, pointer, INT64(offset))

    def element(self, pointer, offset):
        """Return the number that stands at an offset, which is a constant."""
        return emit_load_element(self._context, self._builder, self._at(pointer, offset))

    def vector(self, pointer, offset):
        """Return the vector that starts at an offset, which is a constant."""
        return emit_load(self._context, self._builder, self._at(pointer, offset), self._kind)

    def vectors(self, pointer, count):
        """Return `count` vectors side by side."""
        return [self.vector(pointer, i * self._shape.vector.lanes) for i in range(count)]

    def store(self, pointer, vectors):
        """Write vectors side by side."""
        for i, vector in enumerate(vectors):
            emit_store(self._context, self._builder, vector, self._at(pointer, i * self._shape.vector.lanes))

    def row(self, start, stride, row):
        """Return a pointer to a row of a matrix in memory."""
        offset = self._builder.add(start, self._builder.mul(row, INT64(stride)))
        return emit_advance(self._builder, self._memory, offset)

    def inputs(self, layer, row):
        """Return a pointer to a row of a layer's inputs."""
        return self.row(self._starts[layer], self._shape.line + self._shape.strides[layer], row)

    def stored(self, layer, row):
        """Return the inputs of a layer, behind the constant 1."""
        pointer, count = self.inputs(layer, row), self._shape.sizes[layer]
        if self._shape.widths[layer] == self._shape.vector.lanes:
            return [self.one, *self.vectors(pointer, count)]
        elements = [self.element(pointer, i) for i in range(count)]
        return [self.one, *(emit_splat(self._builder, element, self._kind) for element in elements)]

    def chain(self, a, b, total=None):
        """Return `total` + Σ a · b, from the first product on."""
        total = self.zero if total is None else total
        for x, y in zip(a, b):
            total = emit_fma(self._builder, x, y, total)
        return total

    def call(self, function, code, *vectors):
        """Return what a compiled function makes of an activation's code and vectors."""
        typing = self._context.typing_context
        kind = typing.resolve_value_type(function)
        sig = kind.get_call_type(typing, (types.intp, *[self._shape.vector] * len(vectors)), {})
        return self._context.get_function(kind, sig)(self._builder, [INT64(code), *vectors])

    def for_rows(self, rows, values, body):
        """Return the values after ``values = body(row, values)`` for each row, if there are any."""
        some = self._builder.icmp_signed(">", rows, INT64(0))
        return emit_where(self._builder, some, lambda: emit_loop(self._builder, rows, values, body), values)
