"""What concerns the thread that runs a kernel: denormal numbers, values shared with other threads, and waiting."""

import sys
import time

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from fastprop.kernels.compiler import IS_X86
from fastprop.kernels.llvm import BYTE, INT32, INT64, emit_call
from fastprop.kernels.pointers import emit_access, emit_pointer

_FLUSH = 0x8040 if IS_X86 else 1 << 24
"""The bits that flush denormals: FTZ and DAZ of x86's MXCSR, or FZ of aarch64's FPCR."""

_YIELD = "SwitchToThread" if sys.platform == "win32" else "sched_yield"
"""The system's function that lets another thread run: POSIX's, or that of Windows, which takes and returns the same."""


@intrinsic
def flush_denormals(typing_context):
    """Have this thread take denormal numbers as zero, and return the state to `restore`.

    Denormals are numbers too small for full precision, such as the derivatives of saturated sigmoids. Each operation
    with one takes over a hundred cycles.
    """

    def emit(context, builder, sig, args):
        old = _emit_get_state(builder)
        _emit_set_state(builder, builder.or_(old, old.type(_FLUSH)))
        return builder.zext(old, INT64) if old.type != INT64 else old

    return types.int64(), emit


@intrinsic
def restore(typing_context, state):
    """Undo `flush_denormals`, which returned `state`."""

    def emit(context, builder, sig, args):
        _emit_set_state(builder, builder.trunc(args[0], INT32) if IS_X86 else args[0])
        return context.get_dummy_value()

    return types.void(types.int64), emit


def _emit_get_state(builder):
    if IS_X86:
        pointer = builder.bitcast(cgutils.alloca_once(builder, INT32), BYTE.as_pointer())
        emit_call(builder, "llvm.x86.sse.stmxcsr", ir.VoidType(), [pointer])
        return builder.load(builder.bitcast(pointer, INT32.as_pointer()))
    return builder.asm(ir.FunctionType(INT64, []), "mrs $0, fpcr", "=r", [], side_effect=True)


def _emit_set_state(builder, state):
    if IS_X86:
        pointer = cgutils.alloca_once_value(builder, state)
        emit_call(builder, "llvm.x86.sse.ldmxcsr", ir.VoidType(), [builder.bitcast(pointer, BYTE.as_pointer())])
    else:
        builder.asm(ir.FunctionType(ir.VoidType(), [INT64]), "msr fpcr, $0", "r", [state], side_effect=True)


@intrinsic
def atomic_add(typing_context, array, index, number):
    """Add to an int64 that other threads also add to, and return what it was; they see what was written before."""

    def emit(context, builder, sig, args):
        pointer = emit_pointer(context, builder, array, *args[:2])
        return builder.atomic_rmw("add", emit_access(context, builder, pointer, 8, writes=True), args[2], "acq_rel")

    return types.int64(array, types.intp, types.int64), emit


@intrinsic
def atomic_load(typing_context, array, index):
    """Return an int64 that other threads change; what they wrote before they changed it is seen from then on."""

    def emit(context, builder, sig, args):
        pointer = emit_pointer(context, builder, array, *args)
        return builder.load_atomic(emit_access(context, builder, pointer, 8), "acquire", 8)

    return types.int64(array, types.intp), emit


@intrinsic
def clock_ns(typing_context, clock):
    """Return the time of one of the system's clocks in nanoseconds; 0 where POSIX's clocks are not known."""

    def emit(context, builder, sig, args):
        if not hasattr(time, "clock_gettime"):
            return INT64(0)
        seconds_and_ns = cgutils.alloca_once(builder, ir.ArrayType(INT64, 2))  # a struct timespec of 64 bits
        zero = INT32(0)
        emit_call(builder, "clock_gettime", INT32, [builder.trunc(args[0], INT32), seconds_and_ns])
        seconds, ns = (builder.load(builder.gep(seconds_and_ns, [zero, INT32(index)])) for index in range(2))
        return builder.add(builder.mul(seconds, INT64(10**9)), ns)

    return types.int64(types.int64), emit


@intrinsic
def cpu_pause(typing_context):
    """Tell the core that this thread waits in a loop."""

    def emit(context, builder, sig, args):
        if IS_X86:
            emit_call(builder, "llvm.x86.sse2.pause", ir.VoidType(), [])
        else:
            builder.asm(ir.FunctionType(ir.VoidType(), []), "yield", "", [], side_effect=True)
        return context.get_dummy_value()

    return types.void(), emit


@intrinsic
def sched_yield(typing_context):
    """Let another thread run on this core, if one is ready to."""

    def emit(context, builder, sig, args):
        emit_call(builder, _YIELD, INT32, [])
        return context.get_dummy_value()

    return types.void(), emit
