"""Tiny networks of a pack, straight through: all layers of a row at once, without a loop but that over the rows.

For 2-2-1, layer by layer, what leads to the loops takes as long as the loops. So a shape of few parameters gets two
functions of its own, which know it while they are compiled (0.1 s, once): S1 -21 %, of relu 2-8-1 -32 %. Kernels call
them by their addresses. The chains of multiply-adds are those of `dense.py`, and so are the results.
"""

import functools

import numpy as np
from numba.core import types
from numba.extending import intrinsic, models, register_model
from numba.np.numpy_support import from_dtype

from fastprop.kernels.activations import STORED_DERIVATIVES, activation, activation_backward
from fastprop.kernels.compiler import address_of, inline, kernel
from fastprop.kernels.lanes import is_pack
from fastprop.kernels.layout import line, padded, parameter_starts
from fastprop.kernels.llvm import INT64, emit_fma, emit_load, emit_loop, emit_splat, emit_store, emit_where, full
from fastprop.kernels.vectors import Vector

MOST_PARAMETERS = 40
"""Of a network that gets functions of its own: 2-8-1 has 33, and takes 13 % less; with 67, 4-8-3 takes no less."""


class Shape(types.Opaque):
    """What such functions know of a network: a type, so that they are compiled and kept for each."""

    def __init__(self, sizes, activations, dtype, shared):
        self.sizes, self.activations, self.vector = sizes, activations, Vector(dtype)
        lanes = self.vector.lanes
        self.units = [1 if shared else lanes, *[lanes] * (len(sizes) - 1)]  # elements in a neuron of each layer
        self.strides = [padded(size * unit, str(dtype)) for size, unit in zip(sizes, self.units)]
        self.line, self.starts = line(str(dtype)), parameter_starts(sizes, str(dtype), lanes).tolist()
        super().__init__(f"Shape({sizes}, {activations}, {dtype}, {shared})")

    def places(self):
        """Where the parameters of each layer stand, (1 + n_in, n_out)."""
        for start, stride, n_in, n_out in zip(self.starts, self.strides[1:], self.sizes, self.sizes[1:]):
            yield [[start + i * stride + o * self.vector.lanes for o in range(n_out)] for i in range(1 + n_in)]


register_model(Shape)(models.OpaqueModel)


@functools.lru_cache(maxsize=256)
def addresses(sizes, activations, dtype, shared):
    """Return the addresses of the two functions of a pack's shape, or zeros where it is not tiny."""
    parameters = sum((1 + n_in) * n_out for n_in, n_out in zip(sizes[:-1], sizes[1:]))
    if parameters > MOST_PARAMETERS or any(STORED_DERIVATIVES >> code & 1 for code in activations):
        return 0, 0
    number = from_dtype(np.dtype(dtype))
    shape, numbers, integer = Shape(sizes, activations, number, shared), types.CPointer(number), types.intp
    common = shape, numbers, numbers, types.CPointer(types.int64), integer
    return (
        address_of(forward_rows, (*common, integer, integer)),
        address_of(backward_rows, (*common, numbers, integer, types.boolean)),
    )


@inline
def is_straight(plan):
    """Whether a pack's shape has functions of its own."""
    return is_pack(plan) and plan.straight[0] != 0


@kernel
def forward_rows(shape, memory, parameters, activations, outputs, first, rows):
    """Bring `rows` rows from `first` on from the first layer's inputs to the last layer, whose activation waits."""
    _forward(shape, memory, parameters, activations, outputs, first, rows)


@kernel
def backward_rows(shape, memory, parameters, activations, deltas, gradient, rows, more):
    """Write the gradient of all parameters over `rows` rows, or add it if `more`, from the last layer's deltas."""
    _backward(shape, memory, parameters, activations, deltas, gradient, rows, more)


@intrinsic
def _forward(typing_context, shape, memory, parameters, activations, outputs, first, rows):
    def emit(context, builder, sig, args):
        _, memory, parameters, activations, outputs, first, rows = args
        emitter = _Emitter(context, builder, shape, memory, parameters, activations)

        def go(k, _):
            row = builder.add(first, k)
            x = emitter.stored(0, row)
            for layer, code in enumerate(shape.activations):
                y = [emitter.chain(x, w) for w in zip(*emitter.weights[layer])]
                if layer + 1 < len(shape.activations):
                    y = [emitter.call(activation, code, z) for z in y]
                    emitter.store(emitter.inputs(layer + 1, row), y)
                    x = [emitter.one, *y]
            emitter.store(emitter.row(outputs, shape.strides[-1], row), y)
            return []

        emitter.for_rows(rows, [], go)
        return context.get_dummy_value()

    return types.void(shape, memory, parameters, activations, outputs, first, rows), emit


@intrinsic
def _backward(typing_context, shape, memory, parameters, activations, deltas, gradient, rows, more):
    def emit(context, builder, sig, args):
        _, memory, parameters, activations, deltas, gradient, rows, more = args
        emitter = _Emitter(context, builder, shape, memory, parameters, activations)
        places = [place for layer in shape.places() for row in layer for place in row]

        def go(row, sums):
            sums = dict(zip(places, sums))
            d = emitter.vectors(emitter.row(deltas, shape.strides[-1], row), shape.sizes[-1])
            for layer, within in reversed(list(enumerate(shape.places()))):
                x = emitter.stored(layer, row)
                for each, from_input in zip(x, within):
                    sums |= {place: emitter.chain([each], [one], sums[place]) for place, one in zip(from_input, d)}
                if layer > 0:
                    code, w = shape.activations[layer - 1], emitter.weights[layer][1:]
                    d = [emitter.call(activation_backward, code, y, emitter.chain(d, to)) for y, to in zip(x[1:], w)]
            return list(sums.values())

        nothing = [emitter.zero] * len(places)
        sums = emit_where(builder, more, lambda: [emitter.vector(gradient, place) for place in places], nothing)
        sums = dict(zip(places, emitter.for_rows(rows, sums, go)))
        padded = range(0, shape.starts[-1], shape.vector.lanes)
        emitter.store(gradient, [sums.get(place, emitter.zero) for place in padded])
        return context.get_dummy_value()

    return types.void(shape, memory, parameters, activations, deltas, gradient, rows, more), emit


class _Emitter:
    """What both functions are made of. Vectors are LLVM's values, in lists."""

    def __init__(self, context, builder, shape, memory, parameters, activations):
        self._context, self._builder, self._shape, self._memory = context, builder, shape, memory
        self._kind = context.get_value_type(shape.vector)
        self.zero, self.one = full(self._kind, 0.0), full(self._kind, 1.0)
        self._starts = [builder.load(self._at(activations, layer)) for layer in range(len(shape.activations))]
        self.weights = [[[self.vector(parameters, w) for w in row] for row in layer] for layer in shape.places()]

    def _at(self, pointer, place):
        return self._builder.gep(pointer, [INT64(place)], inbounds=True)

    def vector(self, pointer, place):
        """The vector that starts at a place, which is known now."""
        return emit_load(self._builder, self._at(pointer, place), self._kind)

    def vectors(self, pointer, count):
        """As many vectors side by side."""
        return [self.vector(pointer, i * self._shape.vector.lanes) for i in range(count)]

    def store(self, pointer, vectors):
        """Write vectors side by side."""
        for i, vector in enumerate(vectors):
            emit_store(self._builder, vector, self._at(pointer, i * self._shape.vector.lanes))

    def row(self, start, stride, row):
        """A pointer to a row of a matrix in memory."""
        place = self._builder.add(start, self._builder.mul(row, INT64(stride)))
        return self._builder.gep(self._memory, [place], inbounds=True)

    def inputs(self, layer, row):
        """A pointer to a row of a layer's inputs."""
        return self.row(self._starts[layer], self._shape.line + self._shape.strides[layer], row)

    def stored(self, layer, row):
        """The inputs of a layer, behind the constant 1."""
        pointer, count = self.inputs(layer, row), self._shape.sizes[layer]
        if self._shape.units[layer] == self._shape.vector.lanes:
            return [self.one, *self.vectors(pointer, count)]
        numbers = [self._builder.load(self._at(pointer, i)) for i in range(count)]
        return [self.one, *(emit_splat(self._builder, number, self._kind) for number in numbers)]

    def chain(self, a, b, total=None):
        """Σ a · b, from the first on, on top of `total`."""
        total = self.zero if total is None else total
        for each, other in zip(a, b):
            total = emit_fma(self._builder, each, other, total)
        return total

    def call(self, function, code, *vectors):
        """The value of a part for an activation and vectors."""
        typing = self._context.typing_context
        kind = typing.resolve_value_type(function)
        sig = kind.get_call_type(typing, (types.intp, *[self._shape.vector] * len(vectors)), {})
        return self._context.get_function(kind, sig)(self._builder, [INT64(code), *vectors])

    def for_rows(self, rows, values, body):
        """The values after ``values = body(row, values)`` for each row, if there are any."""
        some = self._builder.icmp_signed(">", rows, INT64(0))
        return emit_where(self._builder, some, lambda: emit_loop(self._builder, rows, values, body), values)
