"""Pointers to structs: a named tuple is written to memory once, and functions are handed its address.

Numba passes a tuple by value: each call takes it apart, an array into seven values, and each callee puts it together
again. Through a pointer, `pointer.field` loads that field alone, and a named tuple inside is a pointer again.

This serves any version of Numba whose arrays have the fields that are known. With others, `refer` returns the tuple.
"""

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.core.errors import TypingError
from numba.core.imputils import lower_getattr_generic
from numba.core.typing.templates import AttributeTemplate
from numba.extending import infer_getattr, intrinsic, models, register_model
from numba.np.numpy_support import as_dtype

from fastprop.kernels.compiler import requirements

_ARRAYS_ARE_KNOWN = not requirements.unmet_by_struct_pointers()

SLOT = ir.IntType(64)
"""The LLVM type of a slot. A number takes one slot; an array takes one for its address and one for each length."""


class StructPointer(types.Type):
    """The address of a named tuple of numbers, C-contiguous arrays and named tuples, laid out in slots.

    `size_bytes` is the size of the struct, `instance_class` the Python class of the named tuple.
    """

    def __init__(self, struct):
        self.struct = struct
        self.instance_class = struct.instance_class
        self.size_bytes = slot_count(struct) * SLOT.width // 8
        super().__init__(f"StructPointer({struct})")

    def field(self, name):
        """Return the slot at which a field begins, and the field's type."""
        index = self.struct.fields.index(name)
        return sum(map(slot_count, self.struct.types[:index])), self.struct.types[index]


@register_model(StructPointer)
class _StructPointerModel(models.PrimitiveModel):
    def __init__(self, manager, pointer_type):
        super().__init__(manager, pointer_type, SLOT.as_pointer())


def slot_count(field_type):
    """Return how many slots a value of a type takes."""
    if isinstance(field_type, types.BaseNamedTuple):
        return sum(map(slot_count, field_type.types))
    if not isinstance(field_type, types.Array):
        return 1
    if field_type.layout != "C":
        raise TypingError(f"{field_type} must be C-contiguous to be a struct's field: there is no slot for strides.")
    return 1 + field_type.ndim


@intrinsic
def refer(typing_context, struct):
    """Write a named tuple to the stack and return a pointer to it, which is valid until the calling kernel returns.

    The kernel hands the pointer to functions that are not inlined, and does not read through it: the loads count on
    memory that never changes, so that LLVM could move them before the writes.
    """
    if not _ARRAYS_ARE_KNOWN:
        return struct(struct), lambda context, builder, sig, args: args[0]

    def emit(context, builder, sig, args):
        pointer = cgutils.alloca_once(builder, SLOT, size=slot_count(struct))
        _store_struct(context, builder, struct, args[0], pointer)
        return pointer

    return StructPointer(struct)(struct), emit


def _store_struct(context, builder, struct, value, pointer):
    for index, field_type in enumerate(struct.types):
        field = builder.extract_value(value, index)
        if isinstance(field_type, types.BaseNamedTuple):
            _store_struct(context, builder, field_type, field, pointer)
        elif isinstance(field_type, types.Array):
            array = context.make_array(field_type)(context, builder, field)
            for slot, part in enumerate([array.data, *cgutils.unpack_tuple(builder, array.shape)]):
                _store(builder, part, _advance(builder, pointer, slot))
        else:
            _store(builder, field, pointer)
        pointer = _advance(builder, pointer, slot_count(field_type))


@infer_getattr
class _Fields(AttributeTemplate):
    key = StructPointer

    def generic_resolve(self, pointer_type, name):
        _, field_type = pointer_type.field(name)
        return StructPointer(field_type) if isinstance(field_type, types.BaseNamedTuple) else field_type


@lower_getattr_generic(StructPointer)
def _load_field(context, builder, pointer_type, pointer, name):
    slot, field_type = pointer_type.field(name)
    pointer = _advance(builder, pointer, slot)
    if isinstance(field_type, types.BaseNamedTuple):
        return pointer
    if isinstance(field_type, types.Array):
        return _load_array(context, builder, field_type, pointer)
    return _load(builder, pointer, context.get_value_type(field_type))


def _load_array(context, builder, array_type, pointer):
    """Make an array as Numba has it, without an owner, from its address and its lengths."""
    position = context.data_model_manager.lookup(array_type).get_field_position
    size = as_dtype(array_type.dtype).itemsize
    whole = context.get_value_type(array_type)
    constants = [None] * len(whole.elements)
    constants[position("nitems")] = 0
    constants[position("itemsize")] = size
    constants[position("shape")] = [0] * array_type.ndim
    constants[position("strides")] = [size] * array_type.ndim
    array = ir.Constant(whole, constants)
    array = builder.insert_value(array, _load(builder, pointer, whole.elements[position("data")]), position("data"))
    count = SLOT(1)
    for axis in reversed(range(array_type.ndim)):
        if axis < array_type.ndim - 1:
            array = builder.insert_value(array, builder.mul(count, SLOT(size)), [position("strides"), axis])
        length = _load(builder, _advance(builder, pointer, 1 + axis), SLOT)
        array = builder.insert_value(array, length, [position("shape"), axis])
        count = builder.mul(count, length)
    return builder.insert_value(array, count, position("nitems"))


def _advance(builder, pointer, slots):
    return builder.gep(pointer, [SLOT(slots)], inbounds=True) if slots else pointer


def _store(builder, value, pointer):
    builder.store(value, builder.bitcast(pointer, value.type.as_pointer()))


def _load(builder, pointer, value_type):
    """Load a value that does not change while the function runs, so that LLVM loads it once."""
    value = builder.load(builder.bitcast(pointer, value_type.as_pointer()))
    value.set_metadata("invariant.load", builder.module.add_metadata([]))
    return value
