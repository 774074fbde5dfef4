"""The gradient of an unrolled network that is alone; see unrolled.py.

Vectors of activations and deltas hold rows of the minibatch there, but the gradient of each parameter is a chain of
multiply-adds over the rows. So a first loop writes the columns of activations and deltas as rows. In a second loop over
these, a lane is a parameter: two shuffles of what a row has bring both factors of each parameter's product there.
"""

from itertools import accumulate
from typing import NamedTuple

from fastprop.kernels.llvm import emit_shuffle, emit_transpose, emit_where
from fastprop.kernels.unrolled_emitter import deltas_below


class Parameter(NamedTuple):
    """A parameter, and where its gradient comes from."""

    start: int  # offset of the vector in which it is, among the parameters
    lane: int  # its lane there
    factor: int  # the lane of what it is multiplied by, in a row's inputs and then its columns
    delta: int  # the lane of the delta of its neuron, likewise


def column_count(sizes):
    """Return how many columns a row has: the constant 1, the activations of hidden layers, and all deltas."""
    return 1 + sum(sizes[1:-1]) + sum(sizes[1:])


def emit_gradient_alone(builder, emitter, deltas, gradient, rows, accumulates):
    """Return by offset each vector of the gradient, which has the weights of one input of a layer, or its biases.

    The deltas are interleaved. The columns of a group of rows take their place.
    """
    # gradient (P,), + gradient if it accumulates ← deltas (B, O)
    lanes, stride = emitter.shape.vector.lanes, emitter.shape.strides[-1]
    parameters = list(_parameters(emitter.shape))
    parts = [parameters[begin : begin + lanes] for begin in range(0, len(parameters), lanes)]
    factors = [_padded([each.factor for each in part], lanes) for part in parts]
    of_deltas = [_padded([each.delta for each in part], lanes) for part in parts]

    def write_columns(row, _):
        emitter.store(emitter.outputs(deltas, row), emit_transpose(builder, _columns(emitter, deltas, row)), stride)
        return []

    def add_row(row, sums):
        of_row = emitter.vector(emitter.inputs(0, row)), emitter.vector(emitter.outputs(deltas, row))
        pairs = ([[emit_shuffle(builder, *of_row, chosen)] for chosen in pair] for pair in zip(factors, of_deltas))
        return [emitter.chain(*pair, total) for pair, total in zip(pairs, sums)]

    def earlier_sums():
        sums = [emitter.zero] * len(parts)
        for i, part in enumerate(parts):
            for lane, each in enumerate(part):
                sums[i] = _with_lane(builder, sums[i], lane, emitter.vector(gradient, each.start), each.lane)
        return sums

    emitter.for_rows(rows, [], write_columns, step=lanes)
    sums = emit_where(builder, accumulates, earlier_sums, [emitter.zero] * len(parts))
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
        x = emitter.layer_inputs(layer, row)
        d = deltas_below(emitter, layer, x, d)
        activations, of_all_layers = x[1:] + activations, d + of_all_layers
    columns = [emitter.one, *activations, *of_all_layers]
    return columns + [emitter.zero] * (shape.vector.lanes - len(columns))


def _parameters(shape):
    """Yield each `Parameter`, layer by layer, (1 + I, O)."""
    one, hidden = shape.vector.lanes, shape.sizes[1:-1]  # columns come after the inputs
    first_activations = [0, *accumulate(hidden, initial=one + 1)]  # of each layer's inputs
    first_deltas = list(accumulate(shape.sizes[1:], initial=one + 1 + sum(hidden)))  # of each layer's outputs
    for layer, offsets in enumerate(shape.parameter_offsets()):
        for i, of_input in enumerate(offsets):
            factor = one if i == 0 else first_activations[layer] + i - 1
            for o, offset in enumerate(of_input):
                yield Parameter(of_input[0], offset - of_input[0], factor, first_deltas[layer] + o)


def _padded(chosen, lanes):
    """Return which lanes to choose for a whole vector; those that nobody needs are any."""
    return chosen + chosen[:1] * (lanes - len(chosen))


def _with_lane(builder, vector, lane, source, source_lane):
    """Return a vector with a lane of another in place of one of its own."""
    lanes = vector.type.count
    return emit_shuffle(builder, vector, source, [lanes + source_lane if i == lane else i for i in range(lanes)])
