"""What must be true of Numba and llvmlite for the private names that this package uses, checked when it is imported.

Each requirement is a sentence and a test. A test looks at names, parameters and at what a function of Numba refers to
(a method that is overridden must still be called). A test that raises has failed.
"""

import inspect

from llvmlite import binding


def has_option(name):
    """Return whether ``numba.njit`` takes an option."""
    from numba.core.cpu import CPUTargetOptions

    return hasattr(CPUTargetOptions, name)


def unmet_by_compiler():
    """Return the requirements of the kernels' compiler that are not met, as sentences."""
    return _unmet(_COMPILER)


def unmet_by_linking():
    """Return the requirements of compiling each function in the kernels alone that are not met, as sentences."""
    return _unmet(_LINKING)


def unmet_by_cache():
    """Return the requirements of the kernels' cache that are not met, as sentences."""
    return _unmet(_CACHE)


def unmet_by_bitcode():
    """Return the requirements of kernels that come as bitcode that are not met, as sentences."""
    return _unmet(_BITCODE)


def unmet_by_calls():
    """Return the requirements of calls by address that are not met, as sentences."""
    return _unmet(_CALLS)


def unmet_by_struct_pointers():
    """Return the requirements of pointers to structs that are not met, as sentences."""
    return _unmet(_STRUCT_POINTERS)


def _unmet(requirements):
    unmet = []
    for sentence, test in requirements.items():
        try:
            met = test()
        except (AttributeError, ImportError, KeyError, RuntimeError, TypeError, ValueError):
            met = False
        if not met:
            unmet.append(sentence)
    return unmet


def _parameters(function):
    """Return the names of a function's parameters, without `self`."""
    code = inspect.unwrap(function).__code__
    return code.co_varnames[1 : code.co_argcount + code.co_kwonlyargcount]


def _refers_to(function, *names):
    """Return whether a function's code refers to all of these attributes or constants."""
    code = inspect.unwrap(function).__code__
    return set(names) <= {*code.co_names, *(each for each in code.co_consts if isinstance(each, str))}


# ---- linking.py ----


def _library_optimizes_by_overridden_methods():
    from numba.core.codegen import JITCodeLibrary as Library

    return (
        _parameters(Library._optimize_final_module) == ()
        and len(_parameters(Library._optimize_functions)) == 1
        and _refers_to(Library.finalize, "_linking_libraries", "_get_module_for_linking", "_optimize_final_module")
        and _refers_to(Library.finalize, "link_in", "_final_module")
        and _refers_to(Library.add_llvm_module, "_optimize_functions")
    )


def _library_keeps_what_it_links():
    from numba.core.codegen import JITCodeLibrary as Library

    return (
        _parameters(Library.add_linking_library) == ("library",)
        and _refers_to(Library.add_linking_library, "_ensure_finalized", "_linking_libraries", "append")
        and _refers_to(inspect.unwrap(Library._ensure_finalized), "_finalized", "finalize")
        and _parameters(Library._finalize_dynamic_globals) == ()
        and _parameters(Library.enable_object_caching) == ()
        and _parameters(Library.get_function) == ("name",)
    )


def _codegen_has_a_target_machine():
    from numba.core.codegen import CodeLibrary, CPUCodegen, JITCodeLibrary

    return (
        _refers_to(CPUCodegen._init, "_tm", "_data_layout")
        and _refers_to(JITCodeLibrary._optimize_functions, "_data_layout", "_codegen")
        and _refers_to(CodeLibrary.__init__, "_codegen")
    )


def _wrapper_module_has_its_name():
    from numba.core.cpu import CPUContext

    return _refers_to(CPUContext.create_cpython_wrapper, "wrapper", "create_module", "add_ir_module")


def _llvmlite_has_pass_builders():
    options = binding.create_pipeline_tuning_options(speed_level=1)
    names = "loop_unrolling", "loop_vectorization", "slp_vectorization"
    return (
        all(isinstance(getattr(options, name), bool) for name in names)
        and len(_parameters(binding.create_pass_builder)) == 1
        and _parameters(binding.PassBuilder.getModulePassManager) == ()
        and _parameters(binding.PassBuilder.getFunctionPassManager) == ()
    )


def _llvmlite_adds_attributes_to_functions():
    # Up to llvmlite 0.47 they were added to the value that a function returns, and LLVM refused the module.
    module = binding.parse_assembly("define i32 @one() {\nret i32 1\n}")
    module.get_function("one").add_function_attribute("noinline")
    module.verify()
    return "noinline" in str(module)


# ---- pipeline.py ----


def _compiler_takes_its_arguments():
    from numba.core.compiler import CompilerBase

    return (
        len(_parameters(CompilerBase.__init__)) == 7
        and _parameters(CompilerBase.__init__)[2::3] == ("library", "flags")
        and len(_parameters(CompilerBase.compile_extra)) == 1
        and _refers_to(CompilerBase.__init__, "state", "targetctx")
        and _refers_to(CompilerBase._compile_core, "define_pipelines", "flags", "copy")
    )


def _passes_have_their_names():
    from numba.core import typed_passes, untyped_passes
    from numba.core.compiler_machinery import PassManager, register_pass

    untyped = untyped_passes.TranslateByteCode, untyped_passes.FixupArgs, untyped_passes.ReconstructSSA
    typed = typed_passes.NopythonTypeInference, typed_passes.PreLowerStripPhis, typed_passes.NoPythonBackend
    return (
        all(callable(each.name) for each in (*untyped, *typed))
        and _parameters(PassManager.add_pass)[0] == "pss"
        and _parameters(register_pass) == ("mutates_CFG", "analysis_only")
        and _refers_to(typed_passes.BaseNativeLowering.run_pass, "lowering_class", "no_compile", "no_cpython_wrapper")
        and _refers_to(typed_passes.BaseNativeLowering.run_pass, "no_cfunc_wrapper", "library")
    )


def _lowering_stores_by_overridden_methods():
    from numba.core.lowering import Lower

    return (
        _parameters(Lower.extract_function_arguments) == ()
        and _refers_to(Lower.extract_function_arguments, "fnargs", "fndesc", "argtypes")
        and _parameters(Lower.storevar) == ("value", "name", "argidx")
        and _refers_to(Lower.storevar, "_singly_assigned_vars", "_blk_local_varmap", "getvar", "builder")
        and _parameters(Lower.alloca_lltype) == ("name", "lltype", "datamodel")
        and _parameters(Lower.getvar) == ("name",)
    )


def _flags_and_results_have_their_fields():
    from numba.core.base import BaseContext
    from numba.core.compiler import CompileResult, Flags

    flags = "no_compile", "no_cpython_wrapper", "no_cfunc_wrapper", "forceinline"
    return (
        all(name in Flags.options for name in flags)
        and hasattr(Flags, "copy")
        and {"entry_point", "fndesc", "library"} <= set(CompileResult._fields)
        and _parameters(BaseContext.insert_user_function) == ("func", "fndesc", "libs")
    )


# ---- decorators.py ----


def _dispatchers_resolve_calls():
    from numba.core.dispatcher import Dispatcher

    return _parameters(Dispatcher.get_call_template) == ("args", "kws") and has_option("forceinline")


# ---- cache.py ----


def _dispatchers_have_a_cache():
    from numba.core.caching import FunctionCache, _Cache
    from numba.core.dispatcher import Dispatcher

    abstract = {"cache_path", "load_overload", "save_overload", "enable", "disable", "flush"}
    return (
        _refers_to(Dispatcher.compile, "_cache", "load_overload", "save_overload")
        and _refers_to(Dispatcher.enable_caching, "_cache")
        and _Cache.__abstractmethods__ == abstract
        and _parameters(FunctionCache.load_overload) == ("sig", "target_context")
        and _parameters(FunctionCache.save_overload) == ("sig", "data")
    )


def _results_can_be_kept():
    from numba.core.codegen import CPUCodegen
    from numba.core.compiler import CompileResult
    from numba.core.serialize import dumps

    return (
        _parameters(CompileResult._reduce) == ()
        and _parameters(CompileResult._rebuild.__func__)[0] == "target_context"
        and _parameters(CPUCodegen.magic_tuple) == ()
        and isinstance(dumps(()), bytes)
    )


# ---- bitcode.py ----


def _libraries_can_be_taken_apart():
    from numba.core.codegen import CPUCodegen, JITCodeLibrary
    from numba.core.dispatcher import Dispatcher

    return (
        _refers_to(JITCodeLibrary.serialize_using_bitcode, "bitcode", "_final_module", "name")
        and _refers_to(JITCodeLibrary.serialize_using_object_code, "object", "_get_compiled_object", "name")
        and _refers_to(JITCodeLibrary._unserialize.__func__, "object", "_set_compiled_object", "parse_bitcode")
        and _refers_to(CPUCodegen._init, "_tm", "create_target_machine")
        and hasattr(CPUCodegen, "target_data")
        and _parameters(Dispatcher.typeof_pyval) == ("val",)
    )


# ---- struct_pointers.py ----


def _arrays_have_known_fields():
    from numba import types
    from numba.core.datamodel import default_manager

    model = default_manager.lookup(types.Array(types.float64, 2, "C"))
    fields = ("meminfo", "parent", "nitems", "itemsize", "data", "shape", "strides")
    return sorted(map(model.get_field_position, fields)) == [*range(model.field_count)]


# ---- addresses.py ----


def _calling_convention_is_known():
    from numba.core.base import BaseContext
    from numba.core.callconv import CPUCallConv
    from numba.core.codegen import JITCodeLibrary
    from numba.core.datamodel import ArgPacker

    return (
        _parameters(CPUCallConv.get_function_type) == ("restype", "argtypes")
        and _parameters(BaseContext.get_arg_packer) == ("fe_args",)
        and _parameters(ArgPacker.as_arguments) == ("builder", "values")
        and _parameters(JITCodeLibrary.get_pointer_to_function) == ("name",)
    )


_LINKING = {
    "its code libraries are optimized elsewhere": _library_optimizes_by_overridden_methods,
    "its code libraries are linked in another way": _library_keeps_what_it_links,
    "its compiler class takes other arguments": _compiler_takes_its_arguments,
    "its options or compiled functions have other fields": _flags_and_results_have_their_fields,
}

_COMPILER = _LINKING | {
    "its code generator keeps the target machine elsewhere": _codegen_has_a_target_machine,
    "it names the module of a function's wrapper otherwise": _wrapper_module_has_its_name,
    "its llvmlite builds passes in another way": _llvmlite_has_pass_builders,
    "its llvmlite adds no attributes to functions": _llvmlite_adds_attributes_to_functions,
    "its compiler has other passes": _passes_have_their_names,
    "it writes variables in another way": _lowering_stores_by_overridden_methods,
    "its dispatchers resolve calls in another way": _dispatchers_resolve_calls,
}

_CACHE = {
    "its dispatchers keep their cache elsewhere": _dispatchers_have_a_cache,
    "its compiled functions cannot be kept as they were": _results_can_be_kept,
}

_BITCODE = {"its libraries are kept in another form": _libraries_can_be_taken_apart}

_STRUCT_POINTERS = {"its arrays have other fields": _arrays_have_known_fields}

_CALLS = {"it calls functions in another way": _calling_convention_is_known}
