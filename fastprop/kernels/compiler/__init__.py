"""How kernels are compiled: decorators, machine, pointers to structs. The one package that calls ``numba.njit``.

``@kernel`` compiles an entry point, ``@inline`` a function that becomes a part of each kernel that calls it, and
``@noinline`` a function that kernels call. Kernels have a compiler of their own, which shares Numba's front end and
differs in what follows: few passes (`pipeline`), each function optimized once (`linking`), a cache on disk that sees an
edit of any file (`cache`). Kernels that come with the package are bitcode, of which each machine makes its own machine
code (`bitcode`). With ``FASTPROP_STOCK_NUMBA=1`` ``numba.njit`` compiles with its own passes instead, and keeps
`linking` alone, if its requirements are met (`stock`). With ``FASTPROP_CHECK_BOUNDS=1`` both check each load and each
store (`bounds`). Results are the same to the last bit.

The compiler uses private names of Numba and llvmlite. `requirements` checks them at import. If one is not as it was in
the versions that fastprop was tested with, plain ``numba.njit`` compiles, with one warning. All of them, as read in
Numba 0.68.1 and llvmlite 0.50:

==================================================== =============== ===================================================
name                                                 used in         what breaks without it
==================================================== =============== ===================================================
``codegen.JITCodeLibrary`` (subclassed):             linking         compiling takes several times as long
``_optimize_final_module``, ``_optimize_functions``
``JITCodeLibrary.finalize``,                         linking         each inlined function is optimized in each caller
``_get_module_for_linking``, ``_finalized``,
``_finalize_dynamic_globals``, ``_final_module``
``JITCodeLibrary.add_linking_library``,              linking         functions are missing in a kernel
``_linking_libraries``
``JITCodeLibrary._codegen``, its ``_tm`` and         linking         LLVM's passes do not know the processor
``_data_layout``
module name "wrapper" of                             linking         unboxing of arguments is optimized in vain
``CPUContext.create_cpython_wrapper``
``binding.create_pass_builder``,                     linking         LLVM runs no passes, or all of Numba's
``create_pipeline_tuning_options``, ``PassBuilder``
``compiler.CompilerBase`` (subclassed): arguments,   stock, pipeline Numba's passes and libraries compile the kernels
``compile_extra``, ``define_pipelines``, ``state``
``untyped_passes.*``, ``typed_passes.*``,            pipeline        the list of passes cannot be made
``PassManager``, ``register_pass``
``BaseNativeLowering.lowering_class``                pipeline        LLVM code is written by Numba's own class
``lowering.Lower`` (subclassed): ``storevar``,       pipeline        a fifth more LLVM code
``alloca_lltype``, ``getvar``,
``_singly_assigned_vars``, ``_blk_local_varmap``
``Lower.extract_function_arguments``                 pipeline        loads through struct pointers stay in loops
``Flags`` (subclassed): ``copy``, ``no_compile``,    pipeline        options are compared field by field; each inlined
``no_cpython_wrapper``, ``no_cfunc_wrapper``                         function becomes machine code
``CompileResult``, ``insert_user_function``          stock, pipeline callers do not find an inlined function
options ``_nrt``, ``forceinline``                    decorators      references are counted; functions stay functions
``Dispatcher.get_call_template``                     decorators      a function is compiled for each literal argument
``Dispatcher._cache``, ``caching._Cache``            cache           kernels are compiled in every process
``CompileResult._reduce``, ``_rebuild``,             cache           kernels are compiled in every process
``has_dynamic_globals``, ``magic_tuple``,
``serialize.dumps``
``JITCodeLibrary.serialize_using_bitcode`` and the   bitcode         each machine compiles the kernels from Python
form of ``serialize_using_object_code``,
``Codegen.target_data``, ``Dispatcher.typeof_pyval``
fields of ``ArrayModel``                             struct_pointers named tuples are passed by value
``BaseContext.get_function``, ``get_impl_key``,      bounds          elements read by their index are not checked
``call_conv.return_user_exc``
``call_conv.get_function_type``,                     addresses       packs of tiny networks train layer by layer
``get_arg_packer``, ``get_pointer_to_function``
==================================================== =============== ===================================================

``cgutils``, ``imputils``, ``typing.templates`` and ``models`` are used as Numba's manual for extensions does.
"""

from fastprop.kernels.compiler.addresses import address_of, call
from fastprop.kernels.compiler.bounds import CHECKED, emit_check
from fastprop.kernels.compiler.decorators import STOCK, add_to_package, inline, inline_options, kernel, noinline
from fastprop.kernels.compiler.machine import (
    DISABLED,
    IS_X86,
    LANES,
    MULTIPLIES_BFLOAT16,
    MULTIPLIES_WORDS,
    REGISTERS,
    lanes,
)
from fastprop.kernels.compiler.struct_pointers import refer

__all__ = [
    "CHECKED",
    "DISABLED",
    "IS_X86",
    "LANES",
    "MULTIPLIES_BFLOAT16",
    "MULTIPLIES_WORDS",
    "REGISTERS",
    "STOCK",
    "add_to_package",
    "address_of",
    "call",
    "emit_check",
    "inline",
    "inline_options",
    "kernel",
    "lanes",
    "noinline",
    "refer",
]
