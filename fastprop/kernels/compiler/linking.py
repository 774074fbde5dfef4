"""How the machine code of a kernel comes together: inlined functions are optimized once, in the kernel that has them.

Numba makes a library of LLVM code for each function, optimizes it, links it into the library of each caller and
optimizes that as a whole again. Here a library of an inlined function is neither optimized as a whole nor turned into
machine code by itself: the kernel's library is, with everything that the kernel calls linked in.
"""

from llvmlite import binding
from numba.core.codegen import JITCodeLibrary

_MODULE_LEVEL, _FUNCTION_LEVEL = 1, 3  # LLVM's -O1 and -O3


class _Linking:
    """A library that links its callees in the right order and lets no symbol be seen from outside."""

    def add_linking_library(self, library):
        """Link another library into this one, before the kernel is optimized."""
        super().add_linking_library(library)
        if isinstance(library, _Deferred):
            # LLVM links from a library only what has been called by then: a callee comes after all of its callers.
            callees = dict.fromkeys([library, *library._linking_libraries])
            others = [each for each in self._linking_libraries if each not in callees]
            self._linking_libraries = [*others, *callees]

    def _hide_symbols(self):
        """Give all symbols internal linkage.

        Numba's mangled names hold a counter of the process, so that a kernel from the disk can define another function
        under the name of one that this process defines: LLVM then links the wrong one.
        """
        for function in self._final_module.functions:
            if function.linkage.name == "linkonce_odr":
                function.linkage = "internal"


class _Deferred:
    """A library that is kept as it is for the kernel's library to link and optimize."""

    def finalize(self):
        """End the library without optimizing or compiling it, and let it be linked into several kernels."""
        for function in self._final_module.functions:
            if not function.is_declaration:
                function.linkage = "linkonce_odr"
        self._finalize_dynamic_globals()
        self._finalized = True

    def _get_module_for_linking(self):
        return self._final_module


class StockKernelLibrary(_Linking, JITCodeLibrary):
    """The code of a kernel and of everything that it calls, optimized by Numba's passes."""

    def _optimize_final_module(self):
        self._hide_symbols()
        super()._optimize_final_module()


class StockInlineLibrary(_Deferred, StockKernelLibrary):
    """The code of a function that only kernels call, optimized by Numba's passes."""


class KernelLibrary(_Linking, JITCodeLibrary):
    """The code of a kernel and of everything that it calls, optimized by few passes."""

    def _optimize_final_module(self):
        """Run LLVM's passes over the kernel as a whole."""
        self._hide_symbols()
        builder = self._pass_builder(_MODULE_LEVEL)
        builder.getModulePassManager().run(self._final_module, builder)

    def _optimize_functions(self, module):
        """Run LLVM's passes over each function by itself.

        The module that Numba calls "wrapper" unboxes the arguments of a call from Python. It runs once a call and is
        left unoptimized.
        """
        module.data_layout = self._codegen._data_layout
        functions = [function for function in module.functions if not function.is_declaration]
        if module.name == "wrapper":
            for function in functions:
                function.add_function_attribute("noinline")
                function.add_function_attribute("optnone")
            return
        builder = self._pass_builder(_FUNCTION_LEVEL)
        passes = builder.getFunctionPassManager()
        for function in functions:
            passes.run(function, builder)

    def _pass_builder(self, level):
        """Return LLVM's passes of a level without unrolling and vectorization: the code is in vectors already."""
        options = binding.create_pipeline_tuning_options(speed_level=level)
        options.loop_unrolling = False
        options.loop_vectorization = False
        options.slp_vectorization = False
        return binding.create_pass_builder(self._codegen._tm, options)


class InlineLibrary(_Deferred, KernelLibrary):
    """The code of a function that only kernels call, optimized by few passes."""
