"""The one file that calls ``numba.njit``: how kernels are compiled, where they are cached, how wide a vector is."""

import functools
import hashlib
import os
import platform
import uuid
from pathlib import Path

import numba
import numpy as np
from llvmlite import binding
from numba.core import caching, typed_passes, types, untyped_passes
from numba.core.codegen import JITCodeLibrary, get_host_cpu_features
from numba.core.compiler import CompilerBase, Flags
from numba.core.compiler_machinery import PassManager, register_pass
from numba.core.lowering import Lower

from fastprop.kernels.struct_pointers import Reference

_FEATURES = set((numba.config.CPU_FEATURES or get_host_cpu_features()).split(","))

# Numba initializes no assembly parser. LLVM then aborts the process at the first inline assembly that is not empty, as
# there is on aarch64: "Inline asm not supported by this streamer" (https://github.com/numba/llvmlite/issues/271).
binding.initialize_native_asmparser()


def _registers(machine, features):
    """Return how many vector registers a machine has, by its name and its features."""
    return 32 if machine in ("aarch64", "arm64") or "+avx512vl" in features else 16


REGISTERS = _registers(platform.machine(), _FEATURES)
"""How many vector registers the machine has."""


def _lanes():
    """How many float32 lanes a vector has: ``FASTPROP_LANES`` where it is set, else the widest this machine has."""
    forced = os.environ.get("FASTPROP_LANES")
    if forced is not None:
        if forced not in ("1", "4", "8", "16"):
            raise ValueError(f"FASTPROP_LANES must be 1, 4, 8 or 16, not {forced!r}: set one of these or unset it.")
        return int(forced)
    return 16 if "+avx512f" in _FEATURES else 8 if {"+avx2", "+fma"} <= _FEATURES else 4


LANES = _lanes()


def lanes(dtype):
    """How many lanes of `dtype` a vector has."""
    return max(1, LANES * 4 // np.dtype(dtype).itemsize)


def kernel(function):
    """Compile an entry point: called from Python, runs without the GIL, kept on disk.

    No kernel counts references, and so none can allocate: counted, 2-2-1 took 0.24 ms an epoch, and now 0.13.
    """
    compiled = numba.njit(cache=True, nogil=True, error_model="numpy", _nrt=False, pipeline_class=_KernelCompiler)(
        function
    )
    # Numba numbers the files of a kernel's types, and two processes that compile at once would write to one number.
    files = compiled._cache._cache_file
    files._data_name_pattern = files._data_name_pattern.replace("{number", f"{uuid.uuid4().hex[:8]}.{{number")
    return compiled


def inline(function):
    """Compile a function that becomes a part of each kernel that calls it, in line: calling it costs nothing."""
    return _for_any_value(numba.njit(**inline_options())(function))


def inline_options():
    """Numba's options for a part."""
    return {"error_model": "numpy", "_nrt": False, "forceinline": True, "pipeline_class": _InlineCompiler}


def noinline(function):
    """Compile a function that kernels call, for what is long: in line, compiling them took 2 s more."""
    return _for_any_value(
        numba.njit(error_model="numpy", _nrt=False, forceinline=False, pipeline_class=_NoinlineCompiler)(function)
    )


def _for_any_value(compiled):
    """Have one version serve constants and variables: Numba makes one for each constant, which took 3 s more."""

    def get_call_template(args, keywords):
        return type(compiled).get_call_template(compiled, tuple(map(types.unliteral, args)), keywords)

    compiled.get_call_template = get_call_template
    return compiled


class _KernelLibrary(JITCodeLibrary):
    """Code that keeps its parts to itself.

    Numba numbers functions in the order of their compilation, so that a kernel from the disk may have other code
    under the name of one compiled here: left open to each other, it called that, and predicted wrongly.
    """

    def add_linking_library(self, library):
        super().add_linking_library(library)
        if isinstance(library, _InlineLibrary):  # after all that call them: LLVM links what has been called by then
            parts = dict.fromkeys([library, *library._linking_libraries])
            others = [each for each in self._linking_libraries if each not in parts]
            self._linking_libraries = [*others, *parts]

    def _optimize_final_module(self):
        for function in self._final_module.functions:
            if function.linkage.name == "linkonce_odr":
                function.linkage = "internal"
        builder = self._pass_builder(1)
        builder.getModulePassManager().run(self._final_module, builder)

    def _optimize_functions(self, module):
        module.data_layout = self._codegen._data_layout
        functions = [function for function in module.functions if not function.is_declaration]
        if module.name == "wrapper":  # takes Python's objects apart, once a call: left as it is, it took 0.2 s less
            for function in functions:
                function.add_function_attribute("noinline")
                function.add_function_attribute("optnone")
            return
        builder = self._pass_builder(3)
        passes = builder.getFunctionPassManager()
        for function in functions:
            passes.run(function, builder)

    def _pass_builder(self, level):
        """Little, as LLVM goes: each part well by itself, then together. All is unrolled and in vectors already.

        Numba's own pipelines took 2.4 s more of a cold start, for kernels that were no faster (2-2-1 2 % slower).
        """
        options = binding.create_pipeline_tuning_options(speed_level=level)
        options.loop_unrolling = options.loop_vectorization = options.slp_vectorization = False
        return binding.create_pass_builder(self._codegen._tm, options)


class _SharedFlags(Flags):
    """Numba's options as one object for all parts: told apart option by option, they took 0.6 s."""

    __slots__ = ()
    __hash__, __eq__ = object.__hash__, object.__eq__

    def copy(self):
        return self


_SHARED_FLAGS = {}


class _Lower(Lower):
    """Writes LLVM's code without what is there for counted references and for debuggers: a fifth of it, and 0.5 s."""

    def extract_function_arguments(self):
        values = super().extract_function_arguments()
        for kind, value in zip(self.fndesc.argtypes, values):
            if isinstance(kind, Reference):  # so that LLVM moves loads out of loops: 1 to 2 % of all runs
                value.attributes.dereferenceable = kind.size_bytes
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
    _name = "lowering"
    lowering_class = _Lower


class _KernelCompiler(CompilerBase):
    """Numba's compiler without the passes for what kernels have none of, such as closures: 0.5 s."""

    _library_class = _KernelLibrary

    def __init__(self, typing_context, target_context, library, args, return_type, flags, local_types):
        library = self._library_class(target_context.codegen(), "fastprop")
        library.enable_object_caching()
        self._set(flags)
        flags = _SHARED_FLAGS.setdefault(flags, _SharedFlags(flags))
        super().__init__(typing_context, target_context, library, args, return_type, flags, local_types)

    def define_pipelines(self):
        passes = PassManager("kernels")
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
        flags.no_cfunc_wrapper = True  # for calls from C


class _InlineLibrary(_KernelLibrary):
    """Code that is optimized and made machine code once, in the kernel that it is a part of.

    Numba does both for each function by itself and again in each of its callers: that took 13 s, this takes 7.
    Linked into each of its callers and not into the kernel alone, the parts took 0.3 s more.
    """

    def finalize(self):
        for function in self._final_module.functions:
            if not function.is_declaration:
                function.linkage = "linkonce_odr"
        self._finalize_dynamic_globals()
        self._finalized = True

    def _get_module_for_linking(self):
        return self._final_module


class _InlineCompiler(_KernelCompiler):
    _library_class = _InlineLibrary

    @staticmethod
    def _set(flags):
        flags.no_compile = flags.no_cpython_wrapper = True
        _KernelCompiler._set(flags)

    def compile_extra(self, function):
        # Numba knows a function by its entry point from Python. A part has none: a new object's method stands in.
        compiled = super().compile_extra(function)._replace(entry_point=object().__format__)
        context = self.state.targetctx
        context.insert_user_function(compiled.entry_point, compiled.fndesc, [compiled.library])
        return compiled


class _NoinlineCompiler(_InlineCompiler):
    def compile_extra(self, function):
        compiled = super().compile_extra(function)
        compiled.library.get_function(compiled.fndesc.llvm_func_name).add_function_attribute("noinline")
        return compiled


@functools.cache
def _digest():
    """What identifies the kernels' code: every file of this folder."""
    files = sorted(Path(__file__).parent.glob("*.py"))
    return hashlib.sha256(b"".join(file.name.encode() + file.read_bytes() for file in files)).hexdigest()[:16]


class _WholeFolder:
    """Keeps a cached kernel for each number of lanes, and throws it away after an edit in *any* file of this folder.

    Numba itself looks at the entry point's own file alone: an edited tile would go on running as it was.
    """

    @classmethod
    def from_function(cls, function, file):
        if Path(file).parent != Path(__file__).parent:
            return None
        locator = super().from_function(function, file)
        if locator is not None:
            for stale in Path(locator.get_cache_path()).glob("*-lanes*.nb[ci]"):
                if _digest() not in stale.name:
                    stale.unlink(missing_ok=True)
        return locator

    def get_source_stamp(self):
        return _digest()

    def get_disambiguator(self):
        return f"lanes{LANES}-{_digest()}"


class _GivenDirectory(_WholeFolder, caching.UserProvidedCacheLocator):
    """``NUMBA_CACHE_DIR``, where it is set."""


class _BesideTheSource(_WholeFolder, caching.InTreeCacheLocator):
    """``__pycache__`` in this folder, where it can be written."""


class _UserDirectory(_WholeFolder, caching.UserWideCacheLocator):
    """The user's own cache directory, where neither of the others is to be had."""


caching.CacheImpl._locator_classes[:0] = [_GivenDirectory, _BesideTheSource, _UserDirectory]
