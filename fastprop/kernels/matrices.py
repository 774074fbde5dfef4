"""The matrices of one layer: where they stand in the workspace and among the parameters, and as operands of a tile."""

from fastprop.kernels.compiler import inline
from fastprop.kernels.lanes import broadcast, is_pack, width
from fastprop.kernels.layout import Matrix
from fastprop.kernels.load_store import address
from fastprop.kernels.tile import Operand


@inline
def layer_count(plan):
    """Return how many layers with parameters there are."""
    # an int
    return len(plan.sizes.layers) - 1


@inline
def is_last(plan, layer):
    """Return whether the layer's outputs are the network's, whose activation waits for the loss."""
    # a bool
    return layer == len(plan.sizes.layers) - 2


@inline
def has_shared_rows(plan, layer):
    """Return whether the layer's inputs are the same for all networks of a pack, and stand there once."""
    # a bool
    return is_pack(plan) and plan.strategy.shares_rows and layer == 0


@inline
def input_width(plan, memory, layer):
    """Return how many elements one input of the layer takes in a row."""
    # an int
    return 1 if has_shared_rows(plan, layer) else width(plan, memory)


@inline
def inputs_of(plan, layer):
    # x (B, I) in the workspace; in front of each row stands its constant 1
    return Matrix(plan.workspace.activations[layer], plan.sizes.line + plan.sizes.strides[layer])


@inline
def outputs_of(plan, layer):
    # y (B, O) in the workspace, interleaved where the layer is the last
    last = is_last(plan, layer)
    offset = plan.workspace.outputs if last else plan.workspace.activations[layer + 1]
    return Matrix(offset, plan.sizes.strides[layer + 1] + (0 if last else plan.sizes.line))


@inline
def derivatives_of(plan, layer):
    # f'(z) (B, neurons of the layer) in the workspace, where its activation stores them
    return Matrix(plan.workspace.derivatives[layer], plan.sizes.strides[layer])


@inline
def deltas_of(plan, layer):
    # dloss/dz (B, neurons of the layer) in the workspace
    return Matrix(plan.workspace.deltas[layer], plan.sizes.strides[layer])


@inline
def weights_of(plan, layer):
    # w (1 + I, O) in the parameter vector; the first row is the biases
    return Matrix(plan.sizes.parameters[layer], plan.sizes.strides[layer + 1])


@inline
def part(matrix, row, column):
    """Return the matrix that starts at an element of another."""
    # matrix[row:, column:]
    return Matrix(matrix.offset + row * matrix.stride + column, matrix.stride)


@inline
def operand(array, matrix):
    """Return a matrix of numbers as an operand."""
    return Operand(address(array, matrix.offset), matrix.stride)


@inline
def broadcast_operand(plan, memory, matrix):
    """Return a matrix as the operand A: of numbers, or in a pack of vectors."""
    return Operand(broadcast(plan, memory, matrix.offset), matrix.stride // width(plan, memory))
