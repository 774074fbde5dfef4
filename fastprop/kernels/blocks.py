"""The blocked loop of every product of a layer: groups of rows × strips of columns × blocks of rows.

A strip is as wide as the widest tile, or narrower. Its operand B is prepared once for all rows of a group; what follows
the product (activation, derivative, update) is done block by block, while a block is in the L1 cache. How the work is
cut never changes a result, as every output is one chain of multiply-adds.
"""

from fastprop.kernels.compiler import inline
from fastprop.kernels.layout import BLOCK_ROWS, Block, Matrix
from fastprop.kernels.load_store import address, lanes, load, store
from fastprop.kernels.tile import STRIP_VECTORS, VectorOperand

PACKED_STRIP_USES = 128
"""A strip that is read for at least this many rows is first copied, so that its rows stand side by side."""

PACKED_STRIP_LINES = 16
"""Cache lines in the stride of a matrix, at least, whose strips are copied."""


def make_product(prepare_strip, compute_block):
    """Return the loop of a product C = A · B.

    ``prepare_strip(task, strip)`` returns the operand B of a strip, for all rows of its group, as a `VectorOperand`.
    ``compute_block(task, b, block)`` multiplies, and does what follows for one block of C. `task` is a named tuple, of
    which this loop reads the memory alone.
    """

    @inline
    def product(task, row_begin, row_end, column_begin, column_end, group_rows):
        # c = a · b, rows row_begin … row_end and elements column_begin … column_end of each
        memory, group = task.memory, row_begin
        while group < row_end:
            group_end, column = min(row_end, group + group_rows), column_begin
            while column < column_end:
                vectors = strip_vectors(memory, column_end - column)
                b = prepare_strip(task, Block(group, group, group_end - group, column, vectors))
                for row in range(group, group_end, BLOCK_ROWS):
                    compute_block(task, b, Block(group, row, min(BLOCK_ROWS, group_end - row), column, vectors))
                column += vectors * lanes(memory)
            group = group_end

    return product


@inline
def strip_vectors(memory, columns):
    """Return how many vectors wide the next strip is. Widths differ little: 5 vectors make 3 + 2, not 4 + 1."""
    # an int
    vectors = (columns + lanes(memory) - 1) // lanes(memory)
    if vectors <= STRIP_VECTORS:
        return vectors
    strips = (vectors + STRIP_VECTORS - 1) // STRIP_VECTORS
    return (vectors + strips - 1) // strips


@inline
def packed_strip(plan, memory, values, source, vectors, depth, uses):
    """Return a strip of a matrix as an operand: where it stands, or side by side in the panel if it is often used."""
    # b (depth, V) ← source (depth, …) of values
    if uses < PACKED_STRIP_USES or source.stride < PACKED_STRIP_LINES * plan.sizes.line:
        return VectorOperand(address(values, source.offset), source.stride, lanes(memory))
    panel = Matrix(plan.workspace.panel, vectors * lanes(memory))
    for k in range(depth):
        for j in range(0, panel.stride, lanes(memory)):
            vector = load(values, source.offset + k * source.stride + j)
            store(memory, panel.offset + k * panel.stride + j, vector)
    return VectorOperand(address(memory, panel.offset), panel.stride, lanes(memory))
