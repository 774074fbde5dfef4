"""Checks of bounds: a kernel that reaches outside an array ends with an error, instead of a wrong number or a crash.

With ``FASTPROP_CHECK_BOUNDS=1`` each load and each store is compared with the ends of its array first. There are two
ways to memory, and each has one place: elements that compiled Python reads and writes (`check_elements`), and pointers,
vectors and tiles (``kernels/pointers.py``). Fields that are read through struct pointers stand at constant offsets of a
struct of constant size, and are not checked. Results are the same to the last bit; a run takes several times as long.

An access that is refused is reported to `_report`, and the kernel returns with an error. `CheckedKernel` then finds the
array among the kernel's arguments, because compiled code knows arrays by their addresses alone.
"""

import ctypes
import functools
import operator
import os
import threading

import numpy as np
from llvmlite import binding, ir
from numba import types
from numba.core import cgutils

_INT64 = ir.IntType(64)


def _asked():
    asked = os.environ.get("FASTPROP_CHECK_BOUNDS", "0")
    if asked not in ("0", "1"):
        raise ValueError(f"FASTPROP_CHECK_BOUNDS must be 0 or 1, not {asked!r}: set one of these or unset it.")
    return asked == "1"


CHECKED = _asked()
"""Whether kernels check each load and store."""


# ---- in compiled code ----


def emit_check(context, builder, buffer, offset, size, writes):
    """Let the kernel end with an error unless bytes `offset` to `offset + size` are inside a buffer.

    `buffer` is the address and the length of the buffer, in bytes; `size` is an int or an LLVM value, which may be 0.
    """
    address, length = buffer
    if isinstance(size, int):
        outside_unless_empty, size = ir.IntType(1)(1), _INT64(size)
    else:
        outside_unless_empty = builder.icmp_signed(">", size, _INT64(0))
    below = builder.icmp_signed("<", offset, _INT64(0))
    above = builder.icmp_signed(">", builder.add(offset, size), length)
    outside = builder.and_(builder.or_(below, above), outside_unless_empty)
    with cgutils.if_unlikely(builder, outside):
        kind = ir.FunctionType(ir.VoidType(), [_INT64] * 5)
        report = cgutils.get_or_insert_function(builder.module, kind, _SYMBOL)
        builder.call(report, [address, length, offset, size, _INT64(int(writes))])
        emit_end(context, builder)


def emit_end(context, builder):
    """Return from a compiled function with the error of an access out of bounds."""
    context.call_conv.return_user_exc(builder, IndexError, ("A kernel reached outside an array.",))


def check_elements(context):
    """Have all that is compiled in this context check the elements that it reads and writes by their indices."""
    get_function = context.get_function

    def get_checked_function(function, signature, **again):  # Numba calls it again where it finds nothing at first
        implementation = get_function(function, signature, **again)
        key = function.get_impl_key(signature) if isinstance(function, types.Callable) else function
        of_element = key in (operator.getitem, operator.setitem) and isinstance(signature.args[0], types.Array)
        if again or not of_element:
            return implementation

        def emit(builder, args, *location):
            _emit_element_check(context, builder, signature.args, args, writes=key is operator.setitem)
            return implementation(builder, args, *location)

        return functools.update_wrapper(emit, implementation, ("libs",), ())

    context.get_function = get_checked_function


def _emit_element_check(context, builder, kinds, args, writes):
    """Check each index that is a number. Numba cuts slices to what is there; a constant may count from the end."""
    array = context.make_array(kinds[0])(context, builder, args[0])
    strides, lengths = (cgutils.unpack_tuple(builder, each, kinds[0].ndim) for each in (array.strides, array.shape))
    index_kinds, indices = [kinds[1]], [args[1]]
    if isinstance(kinds[1], types.BaseTuple):
        index_kinds, indices = kinds[1].types, cgutils.unpack_tuple(builder, args[1])
    start = builder.ptrtoint(array.data, _INT64)
    element = context.get_abi_sizeof(array.data.type.pointee)
    for kind, index, stride, length in zip(index_kinds, indices, strides, lengths):
        if not isinstance(kind, types.Integer):
            continue
        index = context.cast(builder, index, kind, types.intp)
        if isinstance(index, ir.Constant) and index.constant < 0:
            index = builder.add(length, index)
        # A new axis of length 1 has the stride 0, and a reversed one a negative stride.
        has_order = builder.icmp_signed(">", stride, _INT64(0))
        step = builder.select(has_order, stride, _INT64(element))
        offset, size = builder.mul(index, step), builder.mul(length, step)
        emit_check(context, builder, (start, size), offset, element, writes)
        start = builder.add(start, builder.mul(index, stride))


# ---- the error ----

_SYMBOL = "fastprop_report_access"
"""The name by which kernels call `_report`, so that they can be kept on disk."""

_REFUSED = threading.local()
"""The access that this thread's kernel was refused, as `access`: the arguments of `_report`."""


@ctypes.CFUNCTYPE(None, *[ctypes.c_int64] * 5)
def _report(address, length, offset, size, writes):
    """Remember an access; all but `writes` is in bytes."""
    _REFUSED.access = address, length, offset, size, writes


binding.add_symbol(_SYMBOL, ctypes.cast(_report, ctypes.c_void_p).value)


class CheckedKernel:
    """A kernel whose error says which array it reached out of."""

    def __init__(self, compiled):
        self._compiled = compiled

    def __call__(self, *args):
        try:
            return self._compiled(*args)
        except IndexError:  # kernels raise no other, because they cannot allocate
            names = self._compiled.py_func.__code__.co_varnames
            arrays = dict(_named_arrays(dict(zip(names, args))))
            raise IndexError(_sentence(self._compiled.__name__, arrays, *_REFUSED.access)) from None

    def __getattr__(self, name):
        return getattr(self._compiled, name)


def _named_arrays(values, prefix=""):
    """Yield the name and the array of each array among values by name, and in the named tuples among them."""
    for name, value in values.items():
        if isinstance(value, np.ndarray):
            yield prefix + name, value
        elif hasattr(value, "_asdict"):
            yield from _named_arrays(value._asdict(), f"{prefix}{name}.")


def _sentence(kernel, arrays, address, length, offset, size, writes):
    """Say which elements of which array a kernel was to reach."""
    verb = "write" if writes else "read"
    for name, array in arrays.items():
        distance = address - array.ctypes.data
        if distance >= 0 and distance + length <= array.nbytes and (length > 0 or array.size == 0):
            first, count = (distance + offset) // array.itemsize, size // array.itemsize
            allowed = f"elements {distance // array.itemsize} to {(distance + length) // array.itemsize - 1}"
            wanted = f"element {first}" if count == 1 else f"elements {first} to {first + count - 1}"
            return (
                f"The kernel {kernel} was to {verb} {wanted} of {name}, of which it has "
                f"{allowed if length else 'none'}: this is an error in fastprop, please report it with the call."
            )
    return (
        f"The kernel {kernel} was to {verb} bytes {offset} to {offset + size - 1} of an array of {length} bytes "
        "that is none of its arguments: this is an error in fastprop, please report it with the call."
    )
