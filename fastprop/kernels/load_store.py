"""Vectors in memory: loads, stores, pointers and transposes of one-dimensional arrays.

Each of these intrinsics runs only inside kernels. It has a twin in NumPy in ``tests/test_load_store.py``.
"""

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from fastprop.kernels.compiler import CHECKED
from fastprop.kernels.llvm import (
    BYTE,
    INT32,
    INT64,
    emit_call,
    emit_loop,
    emit_opaque,
    emit_splat,
    emit_transpose,
    full,
    numbered,
    size_bytes,
)
from fastprop.kernels.pointers import (
    emit_access,
    emit_advance,
    emit_load,
    emit_load_element,
    emit_pointer,
    emit_store,
    emit_store_element,
    pointer_type,
)
from fastprop.kernels.vectors import Vector, words_of


@intrinsic
def lanes(typing_context, array):
    """Return how many elements of `array` make a vector."""

    def emit(context, builder, sig, args):
        return INT64(Vector(array.dtype).lanes)

    return types.intp(array), emit


# ---- whole vectors ----


@intrinsic
def load(typing_context, array, index):
    """Return the vector that starts at element `index`."""
    vector = Vector(array.dtype)

    def emit(context, builder, sig, args):
        pointer = emit_pointer(context, builder, array, *args)
        return emit_load(context, builder, pointer, context.get_value_type(vector))

    return vector(array, types.intp), emit


@intrinsic
def load_as(typing_context, prototype, array, index):
    """Return the vector of the prototype's dtype that starts at element `index` of `array`, which may hold bytes."""
    vector = Vector(prototype.dtype)

    def emit(context, builder, sig, args):
        pointer = emit_pointer(context, builder, array, *args[1:])
        wanted = context.get_value_type(vector)
        if array.dtype == prototype.dtype:
            return emit_load(context, builder, pointer, wanted)
        stored = ir.VectorType(BYTE, vector.lanes)
        address = emit_access(context, builder, pointer, vector.lanes)
        return builder.uitofp(builder.load(builder.bitcast(address, stored.as_pointer()), align=1), wanted)

    return vector(prototype, array, types.intp), emit


@intrinsic
def words(typing_context, array, source, index):
    """Return as many words as a vector of `array` has lanes, from element `index` of the uint32 array `source` on."""
    vector = words_of(array.dtype)

    def emit(context, builder, sig, args):
        return emit_load(
            context, builder, emit_pointer(context, builder, source, *args[1:]), context.get_value_type(vector)
        )

    return vector(array, source, types.intp), emit


@intrinsic
def splat(typing_context, array, number):
    """Return a vector of the array's dtype whose lanes all hold `number`."""

    def emit(context, builder, sig, args):
        return args[1]

    return Vector(array.dtype)(array, Vector(array.dtype)), emit


@intrinsic
def store(typing_context, array, index, vector):
    """Write a vector from element `index` on; a number is written to all of its lanes."""

    def emit(context, builder, sig, args):
        emit_store(context, builder, args[2], emit_pointer(context, builder, array, *args[:2]))
        return context.get_dummy_value()

    return types.void(array, types.intp, Vector(array.dtype)), emit


@intrinsic
def add_to(typing_context, totals, array, index, count):
    """Add `count` vectors, from element `index` on, to the float64 `totals` of the lanes, one vector after another."""
    # totals (lanes,) += Σ array (count, lanes)

    def emit(context, builder, sig, args):
        vector = context.get_value_type(Vector(array.dtype))
        wide = ir.VectorType(ir.DoubleType(), vector.count)
        total = emit_pointer(context, builder, totals, args[0], INT64(0))
        first = emit_pointer(context, builder, array, *args[1:3])

        def grow(k, sums):
            start = emit_advance(builder, first, builder.mul(k, INT64(vector.count)))
            new = emit_load(context, builder, start, vector)
            return [builder.fadd(sums[0], builder.fpext(new, wide) if new.type != wide else new)]

        (grown,) = emit_loop(builder, args[3], [emit_load(context, builder, total, wide)], grow)
        emit_store(context, builder, grown, total)
        return context.get_dummy_value()

    return types.void(totals, array, types.intp, types.intp), emit


@intrinsic
def swap_downward(typing_context, array, index, partners):
    """Swap element `index` with the one whose index is in the first lane of `partners`, `index` - 1 with the next …."""
    # array (n,)   partners (lanes,) uint64

    def emit(context, builder, sig, args):
        first, index, partners = args
        for lane in range(partners.type.count):
            partner = builder.extract_element(partners, INT32(lane))
            pair = [
                emit_pointer(context, builder, array, first, each)
                for each in (builder.sub(index, INT64(lane)), partner)
            ]
            values = [emit_load_element(context, builder, pointer) for pointer in pair]
            for pointer, value in zip(pair, reversed(values)):
                emit_store_element(context, builder, value, pointer)
        return context.get_dummy_value()

    return types.void(array, types.intp, partners), emit


# ---- a part of a vector ----


def _emit_first(builder, count, vector):
    """Return the mask of the first `count` lanes."""
    lane = numbered(ir.VectorType(INT32, vector.count))
    counts = emit_splat(builder, builder.trunc(count, INT32), lane.type)
    return builder.icmp_signed("<", lane, counts)


def _emit_first_bytes(builder, count, vector):
    """Return how many bytes the first `count` lanes take, of those that there are; it is asked by checks alone."""
    if not CHECKED:
        return None
    lanes, zero = INT64(vector.count), INT64(0)
    count = builder.select(builder.icmp_signed("<", count, lanes), count, lanes)
    count = builder.select(builder.icmp_signed("<", count, zero), zero, count)
    return builder.mul(count, INT64(size_bytes(vector)))


@intrinsic
def load_first_as(typing_context, prototype, array, index, count):
    """Return the first `count` lanes of what `load_as` loads, then zeros; no memory behind those lanes is touched."""
    vector = Vector(prototype.dtype)

    def emit(context, builder, sig, args):
        wanted = context.get_value_type(vector)
        of_bytes = array.dtype != prototype.dtype
        stored = ir.VectorType(BYTE, vector.lanes) if of_bytes else wanted
        element = "i8" if of_bytes else f"f{prototype.dtype.bitwidth}"
        alignment = INT32(1 if of_bytes else size_bytes(wanted))
        pointer = emit_pointer(context, builder, array, *args[1:3])
        address = emit_access(context, builder, pointer, _emit_first_bytes(builder, args[3], stored))
        address = builder.bitcast(address, stored.as_pointer())
        mask = _emit_first(builder, args[3], wanted)
        name = f"llvm.masked.load.v{vector.lanes}{element}.p0"
        loaded = emit_call(builder, name, stored, [address, alignment, mask, full(stored, 0)])
        return builder.uitofp(loaded, wanted) if of_bytes else loaded

    return vector(prototype, array, types.intp, types.intp), emit


@intrinsic
def store_first(typing_context, array, index, vector, count):
    """Write the first `count` lanes of a vector from element `index` on; no memory behind them is touched."""

    def emit(context, builder, sig, args):
        value, count = args[2:]
        pointer = emit_pointer(context, builder, array, *args[:2])
        size = _emit_first_bytes(builder, count, value.type)
        address = builder.bitcast(emit_access(context, builder, pointer, size, True), value.type.as_pointer())
        alignment = INT32(size_bytes(value.type))
        mask = _emit_first(builder, count, value.type)
        name = f"llvm.masked.store.v{value.type.count}f{array.dtype.bitwidth}.p0"
        emit_call(builder, name, ir.VoidType(), [value, address, alignment, mask])
        return context.get_dummy_value()

    return types.void(array, types.intp, Vector(array.dtype), types.intp), emit


# ---- addresses ----


@intrinsic
def address(typing_context, array, index):
    """Return a pointer to element `index`: Numba passes an array to a function as seven values, a pointer as one."""

    def emit(context, builder, sig, args):
        return emit_pointer(context, builder, array, *args)

    return pointer_type(array.dtype)(array, types.intp), emit


@intrinsic
def advance(typing_context, pointer, count):
    """Return the pointer `count` elements further on."""

    def emit(context, builder, sig, args):
        return emit_advance(builder, *args)

    return pointer(pointer, types.intp), emit


@intrinsic
def store_element(typing_context, array, index, number):
    """Write a number to element `index`. Numba's own way to write it allows for an index that is negative."""

    def emit(context, builder, sig, args):
        emit_store_element(context, builder, args[2], emit_pointer(context, builder, array, *args[:2]))
        return context.get_dummy_value()

    return types.void(array, types.intp, array.dtype), emit


@intrinsic
def opaque(typing_context, index):
    """Return the index, of which LLVM does not know what it was made of: it could be any."""

    def emit(context, builder, sig, args):
        return emit_opaque(builder, args[0])

    return types.intp(types.intp), emit


@intrinsic
def prefetch_to_write(typing_context, array, index):
    """Ask for the cache line of ``array[index]`` for writing, without waiting for it."""

    def emit(context, builder, sig, args):
        pointer = emit_access(context, builder, emit_pointer(context, builder, array, *args), 1)
        pointer = builder.bitcast(pointer, BYTE.as_pointer())
        for_writing, to_the_nearest_cache, of_data = INT32(1), INT32(3), INT32(1)
        emit_call(builder, "llvm.prefetch.p0", ir.VoidType(), [pointer, for_writing, to_the_nearest_cache, of_data])
        return context.get_dummy_value()

    return types.void(array, types.intp), emit


# ---- transposes ----


@intrinsic
def transpose_square(typing_context, source, start, stride, target, target_start, target_stride):
    """Write the transpose of a square of `lanes` rows of one vector each."""
    # target (lanes, lanes) = source (lanes, lanes)ᵀ, rows `target_stride` and `stride` elements apart
    vector = Vector(source.dtype)

    def emit(context, builder, sig, args):
        def rows(array_type, array, start, stride):
            first = emit_pointer(context, builder, array_type, array, start)
            return [emit_advance(builder, first, builder.mul(stride, INT64(i))) for i in range(vector.lanes)]

        square = [emit_load(context, builder, row, context.get_value_type(vector)) for row in rows(source, *args[:3])]
        for value, row in zip(emit_transpose(builder, square), rows(target, *args[3:])):
            emit_store(context, builder, value, row)
        return context.get_dummy_value()

    index = types.intp
    return types.void(source, index, index, target, index, index), emit
