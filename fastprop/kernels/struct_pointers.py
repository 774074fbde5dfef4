"""References: a kernel's named tuples laid down in memory once, so that its parts are handed an address each.

By value Numba takes a tuple apart at each call and puts it together again in each part, an array into 7 numbers: that
was a third of all code, and took 1.5 s of a cold start. `reference.field` loads what it is asked for, and a tuple in a
tuple is a reference again.
"""

from llvmlite import ir
from numba.core import cgutils, types
from numba.core.errors import TypingError
from numba.core.imputils import lower_getattr_generic
from numba.core.typing.templates import AttributeTemplate, infer_getattr
from numba.extending import intrinsic, models, register_model
from numba.np.numpy_support import as_dtype

SLOT = ir.IntType(64)
"""What a number takes; an array takes one for its address and one for each dimension's length."""

COUNT, DATA, SHAPE, STRIDES = 2, 4, 5, 6  # what Numba has in an array, and the size of an element


class Reference(types.Type):
    """The address of a named tuple of numbers, arrays and named tuples."""

    def __init__(self, referred):
        self.referred, self.instance_class = referred, referred.instance_class
        self.size_bytes = slots(referred) * SLOT.width // 8
        super().__init__(f"Reference({referred})")

    def field(self, name):
        """Where a field begins, in slots, and its type."""
        index = self.referred.fields.index(name)
        return sum(map(slots, self.referred.types[:index])), self.referred.types[index]


@register_model(Reference)
class _ReferenceModel(models.PrimitiveModel):
    def __init__(self, manager, reference):
        super().__init__(manager, reference, SLOT.as_pointer())


def slots(kind):
    """How many slots something of a type takes."""
    if isinstance(kind, types.BaseNamedTuple):
        return sum(map(slots, kind.types))
    if not isinstance(kind, types.Array):
        return 1
    if kind.layout != "C":
        raise TypingError(f"{kind} must be contiguous, row by row, to be referred to: there is no slot for strides.")
    return 1 + kind.ndim


@intrinsic
def refer(typing_context, referred):
    """Lay a named tuple down, to be read until the kernel returns: by routines and their parts, not by the kernel.

    What reads it counts on its not being written to: LLVM might move that to before it is written here.
    """

    def emit(context, builder, sig, args):
        place = cgutils.alloca_once(builder, SLOT, size=slots(referred))
        _lay_down(context, builder, referred, args[0], place)
        return place

    return Reference(referred)(referred), emit


def _lay_down(context, builder, kind, value, place):
    if isinstance(kind, types.BaseNamedTuple):
        for index, field in enumerate(kind.types):
            _lay_down(context, builder, field, builder.extract_value(value, index), place)
            place = _further(builder, place, slots(field))
    elif isinstance(kind, types.Array):
        array = context.make_array(kind)(context, builder, value)
        for index, number in enumerate([array.data, *cgutils.unpack_tuple(builder, array.shape)]):
            _lay_down(context, builder, None, number, _further(builder, place, index))
    else:
        builder.store(value, builder.bitcast(place, value.type.as_pointer()))


@infer_getattr
class _Fields(AttributeTemplate):
    key = Reference

    def generic_resolve(self, reference, name):
        _, kind = reference.field(name)
        return Reference(kind) if isinstance(kind, types.BaseNamedTuple) else kind


@lower_getattr_generic(Reference)
def _field(context, builder, reference, place, name):
    start, kind = reference.field(name)
    place = _further(builder, place, start)
    if isinstance(kind, types.BaseNamedTuple):
        return place
    if not isinstance(kind, types.Array):
        return _load(builder, place, context.get_value_type(kind))
    size, whole = as_dtype(kind.dtype).itemsize, context.get_value_type(kind)
    array = ir.Constant(whole, [None, None, 0, size, None, [0] * kind.ndim, [size] * kind.ndim])
    array, count = builder.insert_value(array, _load(builder, place, whole.elements[DATA]), DATA), SLOT(1)
    for axis in range(kind.ndim)[::-1]:
        if axis < kind.ndim - 1:
            array = builder.insert_value(array, builder.mul(count, SLOT(size)), [STRIDES, axis])
        length = _load(builder, _further(builder, place, 1 + axis), SLOT)
        array, count = builder.insert_value(array, length, [SHAPE, axis]), builder.mul(count, length)
    return builder.insert_value(array, count, COUNT)


def _further(builder, place, count):
    return builder.gep(place, [SLOT(count)], inbounds=True) if count else place


def _load(builder, place, kind):
    """Load what nothing writes to while a routine runs: LLVM then loads it once, whatever else is written."""
    value = builder.load(builder.bitcast(place, kind.as_pointer()))
    value.set_metadata("invariant.load", builder.module.add_metadata([]))
    return value
