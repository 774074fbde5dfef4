"""Numba's compiler with the passes that kernels need, for kernels and for the functions that they call."""

from numba.core import typed_passes, untyped_passes
from numba.core.compiler import CompilerBase, Flags
from numba.core.compiler_machinery import PassManager, register_pass
from numba.core.lowering import Lower

from fastprop.kernels.compiler.linking import InlineLibrary, KernelLibrary
from fastprop.kernels.compiler.stock import Callee, Linked
from fastprop.kernels.compiler.struct_pointers import StructPointer


class _SharedFlags(Flags):
    """Numba's options as one object for all functions that share them: compared by identity, not field by field."""

    __slots__ = ()
    __hash__, __eq__ = object.__hash__, object.__eq__

    def copy(self):
        return self


_SHARED_FLAGS = {}
"""The shared object of each set of options."""


class _Lower(Lower):
    """Write LLVM code without what serves reference counts and debuggers, which kernels have none of."""

    def extract_function_arguments(self):
        """Return the arguments, with struct pointers marked as readable: LLVM may then move loads out of loops."""
        values = super().extract_function_arguments()
        for argument_type, value in zip(self.fndesc.argtypes, values):
            if isinstance(argument_type, StructPointer):
                value.attributes.dereferenceable = argument_type.size_bytes
        return values

    def storevar(self, value, name, argidx=None):
        if name in self._singly_assigned_vars:
            self._blk_local_varmap[name] = value
        else:
            self.builder.store(value, self.getvar(name))

    def alloca_lltype(self, name, lltype, datamodel=None):
        with self.builder.goto_entry_block():
            return self.builder.alloca(lltype, name=name)


@register_pass(mutates_CFG=True, analysis_only=False)
class _Lowering(typed_passes.BaseNativeLowering):
    _name = "fastprop_lowering"
    lowering_class = _Lower


class KernelCompiler(Linked, CompilerBase):
    """Compile an entry point.

    Passes for what no kernel contains are left out: closures, generators, ``with`` blocks, lists, array expressions,
    ``prange``, literal unrolling.
    """

    _library_class = KernelLibrary

    def define_pipelines(self):
        passes = PassManager("fastprop")
        for each in (
            untyped_passes.TranslateByteCode,
            untyped_passes.FixupArgs,
            untyped_passes.ReconstructSSA,
            typed_passes.NopythonTypeInference,
            typed_passes.PreLowerStripPhis,
            _Lowering,
            typed_passes.NoPythonBackend,
        ):
            passes.add_pass(each, each.name())
        passes.finalize()
        return [passes]

    @staticmethod
    def _set(flags):
        flags.no_cfunc_wrapper = True  # a wrapper for calls from C
        return _SHARED_FLAGS.setdefault(flags, _SharedFlags(flags))


class InlineCompiler(Callee, KernelCompiler):
    """Compile a function that only kernels call: to LLVM code without an entry point for Python."""

    _library_class = InlineLibrary

    @staticmethod
    def _set(flags):
        flags.no_compile = True
        flags.no_cpython_wrapper = True
        return KernelCompiler._set(flags)


class NoinlineCompiler(InlineCompiler):
    """Compile a function that only kernels call, and keep LLVM from inlining it."""

    def compile_extra(self, function):
        compiled = super().compile_extra(function)
        compiled.library.get_function(compiled.fndesc.llvm_func_name).add_function_attribute("noinline")
        return compiled
