"""The one file that calls ``numba.njit``: how kernels are compiled, where they are cached, how wide a vector is."""

import hashlib
import os
from pathlib import Path

import llvmlite.binding as llvm
import numba
from numba.core import caching
from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import Compiler

def _lanes():
    """How many float32 lanes a vector has: ``FASTPROP_LANES`` where it is set, else the widest this machine has."""
    forced = os.environ.get("FASTPROP_LANES")
    if forced is not None:
        if forced not in ("1", "4", "8", "16"):
            raise ValueError(f"FASTPROP_LANES must be 1, 4, 8 or 16, not {forced!r}: set one of these or unset it.")
        return int(forced)
    features = llvm.get_host_cpu_features()
    return 16 if features.get("avx512f") else 8 if features.get("avx2") and features.get("fma") else 4


LANES = _lanes()


def kernel(function):
    """Compile an entry point: called from Python, runs without the GIL, kept on disk."""
    return numba.njit(cache=True, nogil=True, error_model="numpy", _nrt=False)(function)


def part(function):
    """Compile a function that becomes a part of each kernel that calls it, in line: a call of it costs nothing."""
    return numba.njit(error_model="numpy", _nrt=False, forceinline=True, pipeline_class=_PartCompiler)(function)


def routine(function):
    """Compile a function that kernels call: for what is long and called from several places."""
    return numba.njit(error_model="numpy", _nrt=False, forceinline=False, pipeline_class=_RoutineCompiler)(function)


class _PartLibrary(JITCodeLibrary):
    """Code that waits for the kernel it is a part of: optimised and made machine code there, once, and not by itself.

    Numba does both for each function and each of its callers: training took 13 s to compile that way, 0 s this way.
    """

    def _optimize_final_module(self):
        pass

    def _finalize_final_module(self):
        self._finalize_dynamic_globals()
        self._finalized = True


class _PartCompiler(Compiler):
    def __init__(self, typing_context, target_context, library, args, return_type, flags, local_types):
        flags.no_compile = flags.no_cpython_wrapper = flags.no_cfunc_wrapper = True
        library = _PartLibrary(target_context.codegen(), "part")
        library.enable_object_caching()
        super().__init__(typing_context, target_context, library, args, return_type, flags, local_types)

    def compile_extra(self, function):
        # Numba finds a function by its entry point from Python. A part has none: a new object's method stands in for it.
        compiled = super().compile_extra(function)._replace(entry_point=object().__format__)
        context = self.state.targetctx
        context.insert_user_function(compiled.entry_point, compiled.fndesc, [compiled.library])
        return compiled


class _RoutineCompiler(_PartCompiler):
    def compile_extra(self, function):
        compiled = super().compile_extra(function)
        compiled.library.get_function(compiled.fndesc.llvm_func_name).add_function_attribute("noinline")
        return compiled


class _WholeFolder:
    """Makes a cached kernel stale after an edit in *any* file of this folder, and keeps one for each number of lanes.

    Numba itself looks at the entry point's own file alone: an edited tile would go on running as it was.
    """

    _folder = Path(__file__).parent

    @classmethod
    def from_function(cls, function, file):
        return super().from_function(function, file) if Path(file).parent == cls._folder else None

    def get_source_stamp(self):
        digest = hashlib.sha256()
        for file in sorted(self._folder.glob("*.py")):
            digest.update(file.name.encode() + file.read_bytes())
        return digest.hexdigest()

    def get_disambiguator(self):
        return f"lanes{LANES}"


class _GivenDirectory(_WholeFolder, caching.UserProvidedCacheLocator):
    """``NUMBA_CACHE_DIR``, where it is set."""


class _BesideTheSource(_WholeFolder, caching.InTreeCacheLocator):
    """``__pycache__`` in this folder, where it can be written."""


class _UserDirectory(_WholeFolder, caching.UserWideCacheLocator):
    """The user's own cache directory, where neither of the others is to be had."""


caching.CacheImpl._locator_classes[:0] = [_GivenDirectory, _BesideTheSource, _UserDirectory]
