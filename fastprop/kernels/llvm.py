"""Words of LLVM's intermediate representation: vectors from numbers, loops and branches.

Each `emit_…` appends instructions to `builder` and returns LLVM values. They serve the intrinsics of the files above.
"""

from llvmlite import ir
from numba.core import cgutils

BYTE, INT16, INT32, INT64 = (ir.IntType(bits) for bits in (8, 16, 32, 64))


def size_bytes(vector):
    """Return how many bytes an element of the LLVM type `vector` takes."""
    return {BYTE: 1, INT16: 2, ir.FloatType(): 4, ir.DoubleType(): 8, INT32: 4, INT64: 8}[vector.element]


def full(vector, number):
    """Return the constant vector of the LLVM type `vector` whose lanes all hold a Python `number`."""
    return ir.Constant(vector, [number] * vector.count)


def numbered(vector, step=1):
    """Return the constant vector of the LLVM type `vector` whose lanes hold 0, `step`, 2 · `step`, …."""
    return ir.Constant(vector, [step * lane for lane in range(vector.count)])


def emit_shuffle(builder, a, b, lanes):
    """Return a vector of the given lanes of `a` and `b`, those of `b` counted on from those of `a`."""
    return builder.shuffle_vector(a, b, ir.Constant(ir.VectorType(INT32, len(lanes)), lanes))


def emit_transpose(builder, rows):
    """Return the columns of a square of as many vectors as each has lanes.

    It takes log₂ lanes rounds, each of which swaps the off-diagonal blocks of one size: 64 shuffles for 256 float32.
    """
    square, lanes = list(rows), len(rows)
    block = lanes // 2
    while block:
        low = [lane if not lane & block else lanes + lane - block for lane in range(lanes)]
        high = [lane + block if not lane & block else lanes + lane for lane in range(lanes)]
        for i in range(lanes):
            if not i & block:
                pair = square[i], square[i + block]
                square[i] = emit_shuffle(builder, *pair, low)
                square[i + block] = emit_shuffle(builder, *pair, high)
        block //= 2
    return square


def emit_splat(builder, number, vector):
    """Return a vector whose lanes all hold an LLVM value."""
    one = builder.insert_element(ir.Constant(vector, ir.Undefined), number, INT32(0))
    return emit_shuffle(builder, one, one, [0] * vector.count)


def emit_call(builder, name, result, args):
    """Call a function that LLVM or the C library knows by `name`, and return its value."""
    function_type = ir.FunctionType(result, [arg.type for arg in args])
    return builder.call(cgutils.get_or_insert_function(builder.module, function_type, name), args)


def emit_opaque(builder, number):
    """Return an integer in a register that LLVM does not recompute from what it was made of."""
    return builder.asm(ir.FunctionType(number.type, [number.type]), "", "=r,0", [number], False)


def emit_fma(builder, a, b, c):
    """Return the sum a · b + c, rounded once."""
    return emit_call(builder, f"llvm.fma.v{a.type.count}f{8 * size_bytes(a.type)}", a.type, [a, b, c])


def emit_loop(builder, count, values, body):
    """Return the values after ``values = body(k, values)`` for k = 0 … count - 1; the body is run at least once."""
    before, loop, after = builder.block, builder.append_basic_block("loop"), builder.append_basic_block("after")
    builder.branch(loop)
    builder.position_at_end(loop)
    k = builder.phi(INT64)
    old = [builder.phi(value.type) for value in values]
    new = body(k, old)
    k_next = builder.add(k, INT64(1))
    for phi, first, following in zip([k, *old], [INT64(0), *values], [k_next, *new]):
        phi.add_incoming(first, before)
        phi.add_incoming(following, builder.block)
    builder.cbranch(builder.icmp_signed("<", k_next, count), loop, after)
    builder.position_at_end(after)
    return new


def emit_where(builder, condition, yes, no):
    """Return the values ``yes()``, which are computed only if the condition holds, or else the values `no`."""
    before, then, after = builder.block, builder.append_basic_block("then"), builder.append_basic_block("after")
    builder.cbranch(condition, then, after)
    builder.position_at_end(then)
    values = yes()
    then = builder.block
    builder.branch(after)
    builder.position_at_end(after)
    merged = [builder.phi(value.type) for value in values]
    for phi, first, second in zip(merged, no, values):
        phi.add_incoming(first, before)
        phi.add_incoming(second, then)
    return merged
