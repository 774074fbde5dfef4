"""Vectors: a Numba type for one register, its operators, and the few instructions that Numba has no word for.

``load`` gives `lanes` neighboring elements of an array; ``+ - * /`` and the functions below work lane by lane, and a
plain number stands for a vector full of it. What a lane holds never depends on how many lanes there are: nothing is
ever summed across lanes.

Intrinsics run only inside kernels. Each has a twin in NumPy in ``tests/test_simd.py``, compared lane by lane.
"""

import operator
import platform

from llvmlite import ir
from numba.core import cgutils, types
from numba.core.imputils import lower_builtin, lower_cast
from numba.core.typeconv import Conversion
from numba.core.typing.templates import AbstractTemplate, infer_global, signature
from numba.extending import intrinsic, models, register_model

from fastprop.kernels import jit

BYTE, INT32, INT64 = ir.IntType(8), ir.IntType(32), ir.IntType(64)


class Vector(types.Type):
    """One register of numbers of `dtype`: with AVX-512, 16 of float32 or 8 of float64; see `words_of` for others."""

    def __init__(self, dtype, lanes=None):
        self.dtype = dtype
        self.lanes = lanes or jit.lanes(str(dtype))
        super().__init__(f"Vector({dtype}, {self.lanes})")

    def can_convert_from(self, typing_context, other):
        return Conversion.safe if isinstance(other, types.Number) else None


def words_of(dtype):
    """The type of a vector of as many uint32 as a vector of `dtype` has lanes: words for hashes, which wrap around."""
    return Vector(types.uint32, Vector(dtype).lanes)


@register_model(Vector)
class _VectorModel(models.PrimitiveModel):
    def __init__(self, manager, vector):
        element = {types.float32: ir.FloatType(), types.float64: ir.DoubleType(), types.uint32: INT32}[vector.dtype]
        super().__init__(manager, vector, ir.VectorType(element, vector.lanes))


# ---- words of LLVM's intermediate representation, shared with tile.py and peak.py ----


def size_bytes(vector):
    """How many bytes an element of the LLVM type `vector` takes."""
    return 8 if vector.element == ir.DoubleType() else 4


def emit_pointer(context, builder, array_type, array, index):
    """The address of element `index` of a one-dimensional array."""
    data = context.make_array(array_type)(context, builder, value=array).data
    return builder.gep(data, [index], inbounds=True)


def emit_load(builder, pointer, vector):
    """A vector from an element's address, which need not be a multiple of the vector's size."""
    return builder.load(builder.bitcast(pointer, vector.as_pointer()), align=size_bytes(vector))


def emit_store(builder, value, pointer):
    """A vector to an element's address, which need not be a multiple of the vector's size."""
    builder.store(value, builder.bitcast(pointer, value.type.as_pointer()), align=size_bytes(value.type))


def full(vector, number):
    """The constant vector of the LLVM type `vector` that is full of a Python `number`."""
    return ir.Constant(vector, [number] * vector.count)


def numbered(vector, step=1):
    """The constant vector of the LLVM type `vector` whose lanes hold 0, `step`, 2 · `step`, …."""
    return ir.Constant(vector, [step * lane for lane in range(vector.count)])


def emit_shuffle(builder, a, b, places):
    """Lanes `places` of a and b laid side by side."""
    return builder.shuffle_vector(a, b, ir.Constant(ir.VectorType(INT32, len(places)), places))


def emit_splat(builder, number, vector):
    """A vector full of an LLVM value."""
    one = builder.insert_element(ir.Constant(vector, ir.Undefined), number, INT32(0))
    return emit_shuffle(builder, one, one, [0] * vector.count)


def emit_call(builder, name, result, args):
    """The value of a function that LLVM knows by `name`."""
    kind = ir.FunctionType(result, [arg.type for arg in args])
    return builder.call(cgutils.get_or_insert_function(builder.module, kind, name), args)


def emit_opaque(builder, number):
    """An integer that LLVM takes as it is, and does not compute anew from what it was made of."""
    return builder.asm(ir.FunctionType(number.type, [number.type]), "", "=r,0", [number], False)


def emit_fma(builder, a, b, c):
    """The sum a · b + c, rounded once."""
    return emit_call(builder, f"llvm.fma.v{a.type.count}f{8 * size_bytes(a.type)}", a.type, [a, b, c])


def emit_loop(builder, count, values, body):
    """The values after ``values = body(k, values)`` for k = 0 … count - 1; the body is run at least once."""
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
    """The values ``yes()`` if the condition holds, which else are not computed, or the values `no`."""
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


# ---- operators ----


def _define_operator(function, instruction):
    @infer_global(function)
    class Operator(AbstractTemplate):
        def generic(self, args, keywords):
            for vector in args:
                if isinstance(vector, Vector):
                    return signature(vector, *[vector] * len(args))

    def emit(context, builder, sig, args):
        return getattr(builder, instruction[isinstance(sig.return_type.dtype, types.Integer)])(*args)

    arity = 1 if function is operator.neg else 2
    lower_builtin(function, *[Vector] * arity)(emit)


for _function, _instruction in {
    operator.add: ("fadd", "add"),  # of numbers, of words
    operator.sub: ("fsub", "sub"),
    operator.mul: ("fmul", "mul"),
    operator.truediv: ("fdiv", None),
    operator.neg: ("fneg", "neg"),
    operator.xor: (None, "xor"),
    operator.rshift: (None, "lshr"),
}.items():
    _define_operator(_function, _instruction)


@lower_cast(types.Number, Vector)
def _number_to_vector(context, builder, from_type, to_type, number):
    element = context.cast(builder, number, from_type, to_type.dtype)
    return emit_splat(builder, element, context.get_value_type(to_type))


# ---- functions ----


@intrinsic
def lanes(typing_context, array):
    """How many elements of `array` make a vector."""

    def emit(context, builder, sig, args):
        return INT64(Vector(array.dtype).lanes)

    return types.intp(array), emit


@intrinsic
def load(typing_context, array, index):
    """The vector that starts at element `index`."""
    vector = Vector(array.dtype)

    def emit(context, builder, sig, args):
        pointer = emit_pointer(context, builder, array, *args)
        return emit_load(builder, pointer, context.get_value_type(vector))

    return vector(array, types.intp), emit


def _emit_first(builder, count, vector):
    """The mask of the first `count` lanes."""
    numbers = numbered(ir.VectorType(INT32, vector.count))
    counts = emit_splat(builder, builder.trunc(count, INT32), numbers.type)
    return builder.icmp_signed("<", numbers, counts)


@intrinsic
def load_as(typing_context, prototype, array, index):
    """The vector of the prototype's dtype that starts at element `index` of `array`, which may hold bytes."""
    vector = Vector(prototype.dtype)

    def emit(context, builder, sig, args):
        pointer, wanted = emit_pointer(context, builder, array, *args[1:]), context.get_value_type(vector)
        if array.dtype == prototype.dtype:
            return emit_load(builder, pointer, wanted)
        few = ir.VectorType(BYTE, vector.lanes)
        return builder.uitofp(builder.load(builder.bitcast(pointer, few.as_pointer()), align=1), wanted)

    return vector(prototype, array, types.intp), emit


@intrinsic
def load_first_as(typing_context, prototype, array, index, count):
    """The first `count` lanes of what `load_as` loads, and zeros; no more memory is touched."""
    vector = Vector(prototype.dtype)

    def emit(context, builder, sig, args):
        wanted, bits, bytewise = (
            context.get_value_type(vector),
            prototype.dtype.bitwidth,
            array.dtype != prototype.dtype,
        )
        stored = ir.VectorType(BYTE, vector.lanes) if bytewise else wanted
        pointer = builder.bitcast(emit_pointer(context, builder, array, *args[1:3]), stored.as_pointer())
        name = f"llvm.masked.load.v{vector.lanes}{'i8' if bytewise else f'f{bits}'}.p0"
        alignment, mask = INT32(1 if bytewise else size_bytes(wanted)), _emit_first(builder, args[3], wanted)
        numbers = emit_call(builder, name, stored, [pointer, alignment, mask, full(stored, 0)])
        return builder.uitofp(numbers, wanted) if bytewise else numbers

    return vector(prototype, array, types.intp, types.intp), emit


@intrinsic
def store(typing_context, array, index, vector):
    """Write a vector from element `index` on; a plain number fills it."""

    def emit(context, builder, sig, args):
        emit_store(builder, args[2], emit_pointer(context, builder, array, *args[:2]))
        return context.get_dummy_value()

    return types.void(array, types.intp, Vector(array.dtype)), emit


@intrinsic
def store_first(typing_context, array, index, vector, count):
    """Write the first `count` lanes of a vector from element `index` on; no more memory is touched."""

    def emit(context, builder, sig, args):
        value, count = args[2:]
        pointer = builder.bitcast(emit_pointer(context, builder, array, *args[:2]), value.type.as_pointer())
        name = f"llvm.masked.store.v{value.type.count}f{array.dtype.bitwidth}.p0"
        alignment = INT32(size_bytes(value.type))
        emit_call(builder, name, ir.VoidType(), [value, pointer, alignment, _emit_first(builder, count, value.type)])
        return context.get_dummy_value()

    return types.void(array, types.intp, Vector(array.dtype), types.intp), emit


@intrinsic
def prefetch_to_write(typing_context, array, index):
    """Ask for the cache line of `array[index]` for writing, without waiting for it."""

    def emit(context, builder, sig, args):
        place = builder.bitcast(emit_pointer(context, builder, array, *args), BYTE.as_pointer())
        for_writing, near, data = INT32(1), INT32(3), INT32(1)
        emit_call(builder, "llvm.prefetch.p0", ir.VoidType(), [place, for_writing, near, data])
        return context.get_dummy_value()

    return types.void(array, types.intp), emit


@intrinsic
def address(typing_context, array, index):
    """A pointer to element `index`, for routines: three numbers travel lighter than three arrays."""

    def emit(context, builder, sig, args):
        return emit_pointer(context, builder, array, *args)

    return types.CPointer(array.dtype)(array, types.intp), emit


@intrinsic
def advance(typing_context, pointer, count):
    """The pointer `count` elements further."""

    def emit(context, builder, sig, args):
        return builder.gep(args[0], [args[1]], inbounds=True)

    return pointer(pointer, types.intp), emit


@intrinsic
def call(typing_context, address, arguments):
    """Call a kernel by its address, with a tuple of all arguments but the first, which is no more than a type."""

    def emit(context, builder, sig, args):
        kind = context.call_conv.get_function_type(types.none, (types.voidptr, *arguments.types))
        result, error = (cgutils.alloca_once(builder, place.pointee) for place in kind.args[:2])
        values = context.get_arg_packer(arguments.types).as_arguments(builder, cgutils.unpack_tuple(builder, args[1]))
        function = builder.inttoptr(args[0], kind.as_pointer())
        builder.call(function, [result, error, kind.args[2](None), *values])
        return context.get_dummy_value()

    return types.void(address, arguments), emit


@intrinsic
def add_to(typing_context, totals, array, index, count):
    """Add `count` vectors, from element `index` on, to the numbers of `totals`, one after another in float64."""

    def emit(context, builder, sig, args):
        vector = context.get_value_type(Vector(array.dtype))
        wide = ir.VectorType(ir.DoubleType(), vector.count)
        place, first = emit_pointer(context, builder, totals, args[0], INT64(0)), args[1:3]
        first = emit_pointer(context, builder, array, *first)

        def grow(k, sums):
            start = builder.gep(first, [builder.mul(k, INT64(vector.count))], inbounds=True)
            new = emit_load(builder, start, vector)
            return [builder.fadd(sums[0], builder.fpext(new, wide) if new.type != wide else new)]

        emit_store(builder, *emit_loop(builder, args[3], [emit_load(builder, place, wide)], grow), place)
        return context.get_dummy_value()

    return types.void(totals, array, types.intp, types.intp), emit


@intrinsic
def splat(typing_context, array, number):
    """A vector for `array` that is full of `number`."""

    def emit(context, builder, sig, args):
        return args[1]

    return Vector(array.dtype)(array, Vector(array.dtype)), emit


@intrinsic
def fma(typing_context, a, b, c):
    """The sum a · b + c, rounded once. At least one of the three is a vector."""
    vector = next(x for x in (a, b, c) if isinstance(x, Vector))

    def emit(context, builder, sig, args):
        return emit_fma(builder, *args)

    return vector(vector, vector, vector), emit


@intrinsic
def sqrt(typing_context, vector):
    """The square root of each lane."""

    def emit(context, builder, sig, args):
        name = f"llvm.sqrt.v{vector.lanes}f{vector.dtype.bitwidth}"
        return emit_call(builder, name, args[0].type, args)

    return vector(vector), emit


def polynomial(*coefficients):
    """An intrinsic for the polynomial of these coefficients, the highest first, by Horner's rule."""

    @intrinsic
    def horner(typing_context, x):
        def emit(context, builder, sig, args):
            numbers = [full(args[0].type, c) for c in coefficients]
            total = numbers[0]
            for number in numbers[1:]:
                total = emit_fma(builder, total, args[0], number)
            return total

        return x(x), emit

    return horner


@intrinsic
def where_less(typing_context, a, b, yes, no):
    """`yes` where a < b, else `no`: also where a or b is NaN."""
    vector = next(x for x in (a, b, yes, no) if isinstance(x, Vector))

    def emit(context, builder, sig, args):
        return builder.select(builder.fcmp_ordered("<", args[0], args[1]), args[2], args[3])

    return vector(vector, vector, vector, vector), emit


@intrinsic
def words(typing_context, array, numbers, index):
    """As many words as a vector of `array` has lanes, of the uint32 of `numbers` from element `index` on."""
    vector = words_of(array.dtype)

    def emit(context, builder, sig, args):
        return emit_load(builder, emit_pointer(context, builder, numbers, *args[1:]), context.get_value_type(vector))

    return vector(array, numbers, types.intp), emit


@intrinsic
def where_below(typing_context, a, b, yes, no):
    """`yes` where the word of `a` is below that of `b`, else `no`."""
    vector = next(x for x in (yes, no) if isinstance(x, Vector))

    def emit(context, builder, sig, args):
        return builder.select(builder.icmp_unsigned("<", args[0], args[1]), args[2], args[3])

    return vector(words_of(vector.dtype), words_of(vector.dtype), vector, vector), emit


@intrinsic
def flush_denormals(typing_context):
    """Have this thread take numbers too small for full precision as zero; return the state to `restore`.

    Saturated sigmoids are full of them, and each costs over a hundred cycles: digits at a learning rate of 10 took
    20 times as long as at 0.5.
    """

    def emit(context, builder, sig, args):
        old = _emit_get_state(builder)
        _emit_set_state(builder, builder.or_(old, old.type(_FLUSH)))
        return builder.zext(old, INT64) if old.type != INT64 else old

    return types.int64(), emit


@intrinsic
def restore(typing_context, state):
    """Undo `flush_denormals`."""

    def emit(context, builder, sig, args):
        _emit_set_state(builder, builder.trunc(args[0], INT32) if _X86 else args[0])
        return context.get_dummy_value()

    return types.void(types.int64), emit


_X86 = platform.machine() in ("x86_64", "AMD64")
_FLUSH = 0x8040 if _X86 else 1 << 24  # MXCSR's FTZ and DAZ; FPCR's FZ


def _emit_get_state(builder):
    if _X86:
        place = builder.bitcast(cgutils.alloca_once(builder, INT32), BYTE.as_pointer())
        emit_call(builder, "llvm.x86.sse.stmxcsr", ir.VoidType(), [place])
        return builder.load(builder.bitcast(place, INT32.as_pointer()))
    return builder.asm(ir.FunctionType(INT64, []), "mrs $0, fpcr", "=r", [], side_effect=True)


def _emit_set_state(builder, state):
    if _X86:
        place = cgutils.alloca_once_value(builder, state)
        emit_call(builder, "llvm.x86.sse.ldmxcsr", ir.VoidType(), [builder.bitcast(place, BYTE.as_pointer())])
    else:
        builder.asm(ir.FunctionType(ir.VoidType(), [INT64]), "msr fpcr, $0", "r", [state], side_effect=True)


# ---- other threads ----


@intrinsic
def atomic_add(typing_context, array, index, number):
    """Add to an int64 that other threads also add to; return what it was. What was written before is seen by them."""

    def emit(context, builder, sig, args):
        return builder.atomic_rmw("add", emit_pointer(context, builder, array, *args[:2]), args[2], "acq_rel")

    return types.int64(array, types.intp, types.int64), emit


@intrinsic
def atomic_load(typing_context, array, index):
    """An int64 that other threads change: what they wrote before they did is seen."""

    def emit(context, builder, sig, args):
        return builder.load_atomic(emit_pointer(context, builder, array, *args), "acquire", 8)

    return types.int64(array, types.intp), emit


@intrinsic
def cpu_pause(typing_context):
    """Tell the core that this thread is waiting."""

    def emit(context, builder, sig, args):
        if _X86:
            emit_call(builder, "llvm.x86.sse2.pause", ir.VoidType(), [])
        else:
            builder.asm(ir.FunctionType(ir.VoidType(), []), "yield", "", [], side_effect=True)
        return context.get_dummy_value()

    return types.void(), emit


@intrinsic
def sched_yield(typing_context):
    """Let another thread run on this core, if one wants to."""

    def emit(context, builder, sig, args):
        emit_call(builder, "sched_yield", INT32, [])
        return context.get_dummy_value()

    return types.void(), emit


def _bits(vector):
    """The mantissa's length and the LLVM types of the floating-point vector and of its bits."""
    size = vector.dtype.bitwidth
    return {32: 23, 64: 52}[size], ir.VectorType(ir.IntType(size), vector.lanes)


@intrinsic
def power_of_two(typing_context, vector):
    """2ⁿ, where n plus the exponents' bias (127 or 1023) stands in the lowest bits of each lane."""
    mantissa, integers = _bits(vector)

    def emit(context, builder, sig, args):
        bits = builder.bitcast(args[0], integers)
        return builder.bitcast(builder.shl(bits, full(integers, mantissa)), args[0].type)

    return vector(vector), emit


@intrinsic
def split_exponent(typing_context, vector):
    """(m, n) with `vector` = m · 2ⁿ and √½ ≤ m < √2. For positive, normal numbers."""
    mantissa, integers = _bits(vector)
    root_half = {32: 0x3F3504F3, 64: 0x3FE6A09E667F3BCD}[vector.dtype.bitwidth]

    def emit(context, builder, sig, args):
        bits = builder.bitcast(args[0], integers)
        power = builder.ashr(builder.sub(bits, full(integers, root_half)), full(integers, mantissa))
        rest = builder.sub(bits, builder.shl(power, full(integers, mantissa)))
        pair = builder.bitcast(rest, args[0].type), builder.sitofp(power, args[0].type)
        return context.make_tuple(builder, sig.return_type, pair)

    return types.UniTuple(vector, 2)(vector), emit


@intrinsic
def transpose_square(typing_context, source, start, stride, target, target_start, target_stride):
    """Write the transpose of `lanes` rows of one vector each.

    In log₂ lanes rounds, each swapping the off-diagonal blocks of one size: 64 shuffles for 256 float32.
    """
    vector = Vector(source.dtype)

    def emit(context, builder, sig, args):
        def rows(array_type, array, start, stride):
            first = emit_pointer(context, builder, array_type, array, start)
            return [builder.gep(first, [builder.mul(stride, INT64(i))], inbounds=True) for i in range(vector.lanes)]

        square = [emit_load(builder, row, context.get_value_type(vector)) for row in rows(source, *args[:3])]
        block = vector.lanes // 2
        while block:
            low = [lane if not lane & block else vector.lanes + lane - block for lane in range(vector.lanes)]
            high = [lane + block if not lane & block else vector.lanes + lane for lane in range(vector.lanes)]
            for i in range(vector.lanes):
                if not i & block:
                    pair = square[i], square[i + block]
                    square[i], square[i + block] = (emit_shuffle(builder, *pair, places) for places in (low, high))
            block //= 2
        for value, row in zip(square, rows(target, *args[3:])):
            emit_store(builder, value, row)
        return context.get_dummy_value()

    index = types.intp
    return types.void(source, index, index, target, index, index), emit
