"""The gradient of an unrolled network that is alone; see unrolled.py.

Vectors of activations and deltas hold rows of the minibatch there, but the gradient of each parameter is a chain of
multiply-adds over the rows. So a first loop writes the columns of activations and deltas as rows. In a second loop over
these, a lane is a parameter: two shuffles of what a row has bring both factors of each parameter's product there.
"""

from typing import NamedTuple

from fastprop.kernels.llvm import emit_shuffle, emit_transpose, emit_where
from fastprop.kernels.unrolled_emitter import deltas_below


class Parameter(NamedTuple):
    """A parameter, and where its gradient comes from."""

    start: int  # offset of the vector in which it is, among the parameters
    lane: int  # its lane there
    factor: int  # the lane of what its weight is for, in a row's inputs and then its columns
    delta: int  # the lane of its delta, likewise


def column_count(sizes):
    """Return how many columns a row has: the constant 1, the activations of hidden layers, and all deltas."""
    return 1 + sum(sizes[1:-1]) + sum(sizes[1:])


def emit_gradient(builder, emitter, deltas, gradient, rows, accumulate):
    """Return by offset each vector of the gradient, which has the weights of one input of a layer, or its biases.

    The deltas are interleaved. The columns of a group of rows take their place.
    """
    # gradient (P,), + gradient if accumulate ← deltas (B, O)
    lanes, stride = emitter.shape.vector.lanes, emitter.shape.strides[-1]
    parameters = list(_parameters(emitter.shape))
    parts = [parameters[begin : begin + lanes] for begin in range(0, len(parameters), lanes)]
    factors = [_padded([each.factor for each in part], lanes) for part in parts]
    of_deltas = [_padded([each.delta for each in part], lanes) for part in parts]

    def write_columns(row, _):
        emitter.store(emitter.outputs(deltas, row), emit_transpose(builder, _columns(emitter, deltas, row)), stride)
        return []

    def add_row(row, sums):
        known = emitter.vector(emitter.inputs(0, row)), emitter.vector(emitter.outputs(deltas, row))
        pairs = ([[emit_shuffle(builder, *known, chosen)] for chosen in pair] for pair in zip(factors, of_deltas))
        return [emitter.chain(*pair, total) for pair, total in zip(pairs, sums)]

    def earlier_sums():
        sums = [emitter.zero] * len(parts)
        for i, part in enumerate(parts):
            for lane, each in enumerate(part):
                sums[i] = _with_lane(builder, sums[i], lane, emitter.vector(gradient, each.start), each.lane)
        return sums

    emitter.for_rows(rows, [], write_columns, step=lanes)
    sums = emit_where(builder, accumulate, earlier_sums, [emitter.zero] * len(parts))
    sums = emitter.for_rows(rows, sums, add_row)
    vectors = {each.start: emitter.zero for each in parameters}
    for total, part in zip(sums, parts):
        for lane, each in enumerate(part):
            vectors[each.start] = _with_lane(builder, vectors[each.start], each.lane, total, lane)
    return vectors


def _columns(emitter, deltas, row):
    """Return the columns of the rows that begin at `row`, as many vectors as a vector has lanes."""
    shape = emitter.shape
    d = emitter.vectors(emitter.outputs(deltas, row), shape.sizes[-1])
    activations, of_all_layers = [], d
    for layer in range(len(shape.sizes) - 2, 0, -1):
        x = emitter.stored(layer, row)
        d = deltas_below(emitter, layer, x, d)
        activations, of_all_layers = x[1:] + activations, d + of_all_layers
    known = [emitter.one, *activations, *of_all_layers]
    return known + [emitter.zero] * (shape.vector.lanes - len(known))


def _parameters(shape):
    """Yield each `Parameter`, layer by layer, (1 + I, O)."""
    one = shape.vector.lanes  # columns come after the inputs
    first_factor, first_delta = 0, one + 1 + sum(shape.sizes[1:-1])
    for layer, offsets in enumerate(shape.parameter_offsets()):
        for i, (start, *others) in enumerate(offsets):
            for o, offset in enumerate([start, *others]):
                yield Parameter(start, offset - start, first_factor + i - 1 if i > 0 else one, first_delta + o)
        first_factor = one + 1 if layer == 0 else first_factor + shape.sizes[layer]
        first_delta += shape.sizes[layer + 1]


def _padded(chosen, lanes):
    """Return which lanes to choose for a whole vector; those that nobody needs are any."""
    return chosen + chosen[:1] * (lanes - len(chosen))


def _with_lane(builder, vector, lane, source, source_lane):
    """Return a vector with a lane of another in place of one of its own."""
    lanes = vector.type.count
    return emit_shuffle(builder, vector, source, [lanes + source_lane if i == lane else i for i in range(lanes)])
