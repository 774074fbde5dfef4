"""Pointers to the elements of arrays: through them, all vectors and tiles are read and written.

A pointer is an address. Where bounds are checked (see ``compiler/bounds.py``), it also knows the array that it points
into, and `emit_access`, through which each load and each store gets its address, compares the two.
"""

import operator

from llvmlite import ir
from numba import types
from numba.core.imputils import lower_builtin
from numba.core.typing.templates import AbstractTemplate, infer_global, signature
from numba.extending import models, register_model

from fastprop.kernels.compiler import CHECKED, emit_check
from fastprop.kernels.llvm import INT64, size_bytes

_ADDRESS, _BUFFER, _LENGTH = range(3)
"""The fields of a checked pointer: an address, that of the array's first element, and the array's bytes."""


class CheckedPointer(types.Type):
    """A pointer to a number or a vector of type `dtype`, with the ends of its array."""

    def __init__(self, dtype):
        self.dtype = dtype
        super().__init__(f"CheckedPointer({dtype})")


def pointer_type(dtype):
    """Return the type of a pointer to `dtype`: an address alone, unless bounds are checked."""
    return CheckedPointer(dtype) if CHECKED else types.CPointer(dtype)


@register_model(CheckedPointer)
class _CheckedPointerModel(models.PrimitiveModel):
    def __init__(self, manager, pointer):
        super().__init__(manager, pointer, _checked(manager.lookup(pointer.dtype).get_data_type()))


def _checked(element):
    return ir.LiteralStructType([element.as_pointer(), INT64, INT64])


def emit_pointer(context, builder, array_type, array, index):
    """Return a pointer to element `index` of a one-dimensional array."""
    array = context.make_array(array_type)(context, builder, value=array)
    if not CHECKED:
        return builder.gep(array.data, [index], inbounds=True)
    pointer = ir.Constant(_checked(array.data.type.pointee), ir.Undefined)
    pointer = builder.insert_value(pointer, builder.gep(array.data, [index]), _ADDRESS)
    pointer = builder.insert_value(pointer, builder.ptrtoint(array.data, INT64), _BUFFER)
    return builder.insert_value(pointer, builder.mul(array.nitems, array.itemsize), _LENGTH)


def emit_advance(builder, pointer, count):
    """Return the pointer `count` elements further on."""
    if not CHECKED:
        return builder.gep(pointer, [count], inbounds=True)
    address = builder.gep(builder.extract_value(pointer, _ADDRESS), [count])
    return builder.insert_value(pointer, address, _ADDRESS)


def emit_cast(builder, pointer, element):
    """Return the pointer as one to elements of another LLVM type."""
    if not CHECKED:
        return builder.bitcast(pointer, element.as_pointer())
    address, buffer, length = (builder.extract_value(pointer, field) for field in (_ADDRESS, _BUFFER, _LENGTH))
    cast = ir.Constant(_checked(element), ir.Undefined)
    cast = builder.insert_value(cast, builder.bitcast(address, element.as_pointer()), _ADDRESS)
    return builder.insert_value(builder.insert_value(cast, buffer, _BUFFER), length, _LENGTH)


def emit_access(context, builder, pointer, size, writes=False):
    """Return the address of a pointer, from which `size` bytes are read, or written if `writes`.

    `size` is an int, or an LLVM value, which may be 0.
    """
    if not CHECKED:
        return pointer
    address, buffer, length = (builder.extract_value(pointer, field) for field in (_ADDRESS, _BUFFER, _LENGTH))
    offset = builder.sub(builder.ptrtoint(address, INT64), buffer)
    emit_check(context, builder, (buffer, length), offset, size, writes)
    return address


# ---- loads and stores ----


def emit_load_element(context, builder, pointer):
    """Load what a pointer points to."""
    element = pointer.type.elements[_ADDRESS].pointee if CHECKED else pointer.type.pointee
    return builder.load(emit_access(context, builder, pointer, context.get_abi_sizeof(element)))


def emit_store_element(context, builder, value, pointer):
    """Store a number where a pointer points."""
    size = context.get_abi_sizeof(value.type)
    builder.store(value, emit_access(context, builder, pointer, size, writes=True))


def emit_load(context, builder, pointer, vector):
    """Load a vector from an element's pointer, whose address need not be a multiple of the vector's size."""
    address = emit_access(context, builder, pointer, context.get_abi_sizeof(vector))
    return builder.load(builder.bitcast(address, vector.as_pointer()), align=size_bytes(vector))


def emit_store(context, builder, value, pointer):
    """Store a vector at an element's pointer, whose address need not be a multiple of the vector's size."""
    address = emit_access(context, builder, pointer, context.get_abi_sizeof(value.type), writes=True)
    builder.store(value, builder.bitcast(address, value.type.as_pointer()), align=size_bytes(value.type))


@infer_global(operator.getitem)
class _Element(AbstractTemplate):
    """Type ``pointer[i]`` as Numba does for pointers that are addresses alone."""

    def generic(self, args, keywords):
        if isinstance(args[0], CheckedPointer) and isinstance(args[1], types.Integer):
            return signature(args[0].dtype, args[0], types.intp)


@lower_builtin(operator.getitem, CheckedPointer, types.intp)
def _emit_element(context, builder, sig, args):
    return emit_load_element(context, builder, emit_advance(builder, *args))
