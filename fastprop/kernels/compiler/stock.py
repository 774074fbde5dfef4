"""Numba's compiler with Numba's passes: functions are optimized and compiled in the kernels that call them, once."""

from numba.core.compiler import Compiler

from fastprop.kernels.compiler.bounds import CHECKED, check_elements
from fastprop.kernels.compiler.linking import StockInlineLibrary, StockKernelLibrary


class Linked:
    """A compiler that puts code into a library of its own class."""

    _library_class = None

    def __init__(self, typing_context, target_context, library, args, return_type, flags, local_types):
        library = self._library_class(target_context.codegen(), "fastprop")
        library.enable_object_caching()
        flags = self._set(flags)
        super().__init__(typing_context, target_context, library, args, return_type, flags, local_types)
        if CHECKED:
            check_elements(self.state.targetctx)

    @staticmethod
    def _set(flags):
        return flags


class Callee:
    """A compiler of functions that only kernels call, which have no entry point for Python."""

    def compile_extra(self, function):
        """Compile a function and let callers find it."""
        # Numba finds the code of a function by the object that is its entry point for Python. This function has none: a
        # callable of its own stands for it (`object().__format__` makes a new one each time).
        compiled = super().compile_extra(function)._replace(entry_point=object().__format__)
        context = self.state.targetctx
        context.insert_user_function(compiled.entry_point, compiled.fndesc, [compiled.library])
        return compiled


class StockKernelCompiler(Linked, Compiler):
    """Compile an entry point."""

    _library_class = StockKernelLibrary


class StockInlineCompiler(Callee, Linked, Compiler):
    """Compile a function that only kernels call."""

    _library_class = StockInlineLibrary

    @staticmethod
    def _set(flags):
        flags.no_compile = True
        return flags
