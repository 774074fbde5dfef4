"""The three decorators of all compiled functions, and which compiler they use."""

import os
import warnings

import numba
from numba import types
from numba.extending import register_jitable

from fastprop.kernels.compiler import requirements
from fastprop.kernels.compiler.bounds import CHECKED, CheckedKernel
from fastprop.kernels.compiler.machine import DISABLED


def _known(options):
    """Return those of the options that this version of Numba knows."""
    return {name: value for name, value in options.items() if requirements.has_option(name)}


# Without reference counts nothing can allocate, and less code is compiled.
_OPTIONS = {"error_model": "numpy"} | _known({"_nrt": False})

# Each wrapper for calls from C or Python holds a copy of all that is inlined. Kernels have no need of array rewrites.
_STOCK_KERNEL_OPTIONS = _known({"no_cfunc_wrapper": True, "no_rewrites": True})
_STOCK_OPTIONS = _STOCK_KERNEL_OPTIONS | _known({"no_cpython_wrapper": True})


def _uses_stock_numba():
    """Return whether plain ``numba.njit`` compiles: where the user asks for that, or where Numba is not as expected."""
    asked = os.environ.get("FASTPROP_STOCK_NUMBA", "0")
    if asked not in ("0", "1"):
        raise ValueError(f"FASTPROP_STOCK_NUMBA must be 0 or 1, not {asked!r}: set one of these or unset it.")
    unmet = [] if asked == "1" else requirements.unmet_by_compiler()
    if unmet:
        warnings.warn(
            f"fastprop does not know Numba {numba.__version__} ({unmet[0]}), so that compiling takes several times as "
            "long; results stay the same: install a version of Numba that fastprop was tested with, or set "
            "FASTPROP_STOCK_NUMBA=1 to do without this warning.",
            stacklevel=2,
        )
    return asked == "1" or bool(unmet)


STOCK = _uses_stock_numba()
"""Whether plain ``numba.njit`` compiles, instead of the kernels' own compiler."""

_CACHED = not requirements.unmet_by_cache()

if CHECKED and requirements.unmet_by_linking():
    raise RuntimeError(
        f"FASTPROP_CHECK_BOUNDS needs a version of Numba that fastprop was tested with, not {numba.__version__}: "
        "install one, or unset the variable."
    )

if STOCK and not requirements.unmet_by_linking():
    from fastprop.kernels.compiler.stock import StockInlineCompiler, StockKernelCompiler

    _STOCK_KERNEL_OPTIONS["pipeline_class"] = StockKernelCompiler
    _STOCK_OPTIONS["pipeline_class"] = StockInlineCompiler
if not STOCK:
    from fastprop.kernels.compiler.pipeline import InlineCompiler, KernelCompiler, NoinlineCompiler
if _CACHED:
    from fastprop.kernels.compiler.cache import KernelCache


def kernel(function, cached=True):
    """Compile an entry point: it is called from Python, runs without the GIL, and is kept on disk if `cached`.

    A kernel counts no references, and so it cannot allocate.
    """
    if DISABLED:
        return _refuse_disabled
    options = _STOCK_KERNEL_OPTIONS if STOCK else {"pipeline_class": KernelCompiler}
    compiled = numba.njit(nogil=True, **_OPTIONS, **options)(function)
    if cached and _CACHED:
        compiled._cache = KernelCache(function, ("stock" if STOCK else "own") + (" checked" if CHECKED else ""))
    return CheckedKernel(compiled) if CHECKED else compiled


def add_to_package(compiled, arguments):
    """Compile a kernel for the types of its arguments, and add its bitcode to the package."""
    sig = tuple(map(compiled.typeof_pyval, arguments))
    compiled._cache.disable()  # what was found there has no bitcode
    compiled.compile(sig)
    compiled._cache.write_bitcode(sig, compiled.overloads[sig])


def _refuse_disabled(*arguments):
    """Stand for each kernel where Numba compiles nothing."""
    raise RuntimeError(
        "the kernels cannot run, because the environment variable NUMBA_DISABLE_JIT is set: unset it, or train with "
        'backend="reference".'
    )


def inline(function):
    """Compile a function that becomes a part of each kernel that calls it."""
    return _callee(function, inline_options())


def inline_options():
    """Return Numba's options for a function that becomes a part of each kernel that calls it."""
    return _OPTIONS | {"forceinline": True} | (_STOCK_OPTIONS if STOCK else {"pipeline_class": InlineCompiler})


def noinline(function):
    """Compile a function that kernels call and that stays a function: for long ones, which are then compiled once."""
    options = _STOCK_OPTIONS if STOCK else {"pipeline_class": NoinlineCompiler}
    return _callee(function, _OPTIONS | {"forceinline": False} | options)


def _callee(function, options):
    """Compile a function for other compiled functions, once for constants and variables of one type.

    Numba would otherwise compile it for each literal value of an argument.
    """
    if STOCK:
        return register_jitable(**options)(function)
    compiled = numba.njit(**options)(function)

    def get_call_template(args, keywords):
        return type(compiled).get_call_template(compiled, tuple(map(types.unliteral, args)), keywords)

    compiled.get_call_template = get_call_template
    return compiled
