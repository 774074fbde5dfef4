"""What both functions of an unrolled network are made of; see unrolled.py."""

from numba import types
from numba.extending import models, register_model

from fastprop.kernels.activations import activation_backward
from fastprop.kernels.layout import layer_offsets, line, padded
from fastprop.kernels.llvm import INT64, emit_fma, emit_loop, emit_splat, emit_transpose, emit_where, full
from fastprop.kernels.pointers import emit_advance, emit_load, emit_load_element, emit_store
from fastprop.kernels.vectors import Vector


class Shape(types.Opaque):
    """What the functions know of a network, or of a pack. It is a type, so that they are compiled and kept for each.

    Attributes
    ----------
    sizes : tuple of int
        The neurons of each layer, (L + 1,).
    activations : tuple of int
        The code of each layer's activation, (L,).
    vector : Vector
    in_pack : bool
        Whether a lane is one of the networks of a pack, and not a row of the minibatch.
    inputs_are_vectors : bool
        Whether each of the first layer's inputs is a vector. It is a number where the network is alone, and where the
        networks of a pack share their rows.
    rows : int
        How many rows the vectors of a layer hold: 1 in a pack, else as many as they have lanes.
    line, strides, starts
        See `layout.Sizes`, where `starts` are called ``parameters``.
    """

    def __init__(self, sizes, activations, dtype, in_pack, shares_rows):
        self.sizes, self.activations, self.vector, self.in_pack = sizes, activations, Vector(dtype), in_pack
        self.rows = 1 if in_pack else self.vector.lanes
        self._width = self.vector.lanes if in_pack else 1
        self.inputs_are_vectors = in_pack and not shares_rows
        widths = [self._width if self.inputs_are_vectors else 1, *[self._width] * (len(sizes) - 1)]
        self.strides = [padded(size * width, str(dtype)) for size, width in zip(sizes, widths)]
        self.line, self.starts = line(str(dtype)), layer_offsets(sizes, str(dtype), self._width).tolist()
        super().__init__(f"Shape({sizes}, {activations}, {dtype}, {in_pack}, {shares_rows})")

    def parameter_offsets(self):
        """Yield the offset of each parameter of each layer, (1 + I, O)."""
        for start, stride, n_in, n_out in zip(self.starts, self.strides[1:], self.sizes, self.sizes[1:]):
            yield [[start + i * stride + o * self._width for o in range(n_out)] for i in range(1 + n_in)]


register_model(Shape)(models.OpaqueModel)


class Emitter:
    """Emits loads, stores and chains of a network's `Shape`. Vectors are LLVM's values, in lists."""

    def __init__(self, context, builder, shape, arrays, activations):
        self._context = context
        self._builder = builder
        self.shape = shape
        self._memory, parameters = (builder.extract_value(arrays, i) for i in range(2))
        self._kind = context.get_value_type(shape.vector)
        self.zero = full(self._kind, 0.0)
        self.one = full(self._kind, 1.0)
        self._starts = [self.element(activations, layer) for layer in range(len(shape.activations))]
        load = self.vector if shape.in_pack else self.splat
        self.weights = [[[load(parameters, w) for w in row] for row in layer] for layer in shape.parameter_offsets()]

    def _at(self, pointer, offset):
        return emit_advance(self._builder, pointer, INT64(offset))

    def element(self, pointer, offset):
        """Return the number that stands at an offset, which is a constant."""
        return emit_load_element(self._context, self._builder, self._at(pointer, offset))

    def splat(self, pointer, offset):
        """Return a vector full of the number that stands at an offset, which is a constant."""
        return emit_splat(self._builder, self.element(pointer, offset), self._kind)

    def vector(self, pointer, offset=0):
        """Return the vector that starts at an offset, which is a constant."""
        return emit_load(self._context, self._builder, self._at(pointer, offset), self._kind)

    def vectors(self, pointer, count, stride=None):
        """Return `count` vectors, side by side or `stride` elements from each other."""
        return [self.vector(pointer, i * (stride or self.shape.vector.lanes)) for i in range(count)]

    def store(self, pointer, vectors, stride=None):
        """Write vectors side by side, or `stride` elements from each other."""
        for i, vector in enumerate(vectors):
            target = self._at(pointer, i * (stride or self.shape.vector.lanes))
            emit_store(self._context, self._builder, vector, target)

    def row(self, start, stride, row):
        """Return a pointer to a row of a matrix in memory."""
        offset = self._builder.add(start, self._builder.mul(row, INT64(stride)))
        return emit_advance(self._builder, self._memory, offset)

    def inputs(self, layer, row):
        """Return a pointer to a row of a layer's inputs."""
        return self.row(self._starts[layer], self.shape.line + self.shape.strides[layer], row)

    def outputs(self, start, row):
        """Return a pointer to a row of the last layer's outputs, or of what is laid out like them."""
        return self.row(start, self.shape.strides[-1], row)

    def layer_inputs(self, layer, row):
        """Return the inputs of a layer in a row, or in the rows that begin there, behind the constant 1."""
        pointer, count = self.inputs(layer, row), self.shape.sizes[layer]
        if layer > 0 or self.shape.inputs_are_vectors:
            return [self.one, *self.vectors(pointer, count)]
        if self.shape.in_pack:
            return [self.one, *(self.splat(pointer, i) for i in range(count))]
        rows = self.vectors(pointer, self.shape.rows, self.shape.line + self.shape.strides[0])
        return [self.one, *emit_transpose(self._builder, rows)[:count]]

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
        sig = kind.get_call_type(typing, (types.intp, *[self.shape.vector] * len(vectors)), {})
        return self._context.get_function(kind, sig)(self._builder, [INT64(code), *vectors])

    def for_rows(self, rows, values, body, step=1):
        """Return the values after ``values = body(row, values)`` for every `step`-th row, if there are any."""
        some = self._builder.icmp_signed(">", rows, INT64(0))
        count = self._builder.sdiv(self._builder.add(rows, INT64(step - 1)), INT64(step)) if step > 1 else rows

        def at_row(k, values):
            return body(self._builder.mul(k, INT64(step)), values)

        return emit_where(self._builder, some, lambda: emit_loop(self._builder, count, values, at_row), values)


def deltas_below(emitter, layer, x, deltas):
    """Return the deltas of a layer's inputs `x`, which begin with the constant 1, from those of its outputs."""
    code, w = emitter.shape.activations[layer - 1], emitter.weights[layer][1:]
    return [emitter.call(activation_backward, code, y, emitter.chain(deltas, to)) for y, to in zip(x[1:], w)]
