"""Kernels that other kernels call by their addresses: one call serves kernels of many types."""

from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from fastprop.kernels.compiler import requirements
from fastprop.kernels.compiler.bounds import CHECKED, emit_end
from fastprop.kernels.compiler.machine import DISABLED

_KNOWN = not DISABLED and not requirements.unmet_by_calls()


def address_of(kernel, arguments):
    """Compile a kernel for argument types; return its address, or 0 if Numba's calling convention is not known.

    It is 0 as well where Numba compiles nothing.
    """
    if not _KNOWN:
        return 0
    kernel.compile(types.void(*arguments))
    compiled = kernel.overloads[arguments]
    return compiled.library.get_pointer_to_function(compiled.fndesc.llvm_func_name)


@intrinsic
def call(typing_context, address, arguments):
    """Call a kernel by its address, with a tuple of all arguments but the first, which must be no more than a type."""

    def emit(context, builder, sig, args):
        if _KNOWN:  # else the address is 0 and nothing is called
            _emit_call(context, builder, args[0], arguments.types, cgutils.unpack_tuple(builder, args[1]))
        return context.get_dummy_value()

    return types.void(address, arguments), emit


def _emit_call(context, builder, address, argument_types, values):
    function_type = context.call_conv.get_function_type(types.none, (types.voidptr, *argument_types))
    result, error, no_type, *_ = function_type.args
    results = [cgutils.alloca_once(builder, pointer.pointee) for pointer in (result, error)]
    flat = context.get_arg_packer(argument_types).as_arguments(builder, values)
    function = builder.inttoptr(address, function_type.as_pointer())
    status = builder.call(function, [*results, no_type(None), *flat])
    if CHECKED:
        with cgutils.if_unlikely(builder, builder.icmp_signed("!=", status, status.type(0))):
            emit_end(context, builder)
