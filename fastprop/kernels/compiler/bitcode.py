"""Kernels as LLVM bitcode, which the build of the package adds to it: what is left of compiling is machine code.

Python, Numba and LLVM's passes take most of the time of compiling, and what they make is the same on every machine
with the same vectors. So the build keeps it, and a machine that has no kernel yet makes machine code of it for its own
processor. The instructions in it are as exact as any, and so are the results.

A file is a compressed pickle, whose name holds a digest of all that bitcode depends on; another version of Numba,
another edit of a kernel, another Python look for another file, find none, and compile. Whoever can write to this folder
can write to the sources beside it, so that it is read without asking whose it is.
"""

import pickle
import sys
import zlib
from pathlib import Path

from llvmlite import binding
from numba.core.serialize import dumps

from fastprop.kernels.compiler import requirements
from fastprop.kernels.compiler.machine import REGISTERS

_KNOWN = not requirements.unmet_by_bitcode()

FOLDER = Path(__file__).parent.parent / "bitcode"
"""Where the build writes to. The folder is not there in a clone from which nothing was installed."""


def dependencies(codegen):
    """Return what bitcode depends on, beside sources, versions, lanes and signature."""
    return REGISTERS, binding.get_process_triple(), str(codegen.target_data), sys.implementation.cache_tag


def write(name, sig, compiled):
    """Keep the bitcode of a compiled signature."""
    _, *others = compiled._reduce()
    FOLDER.mkdir(exist_ok=True)
    content = dumps((sig, (compiled.library.serialize_using_bitcode(), *others)))
    (FOLDER / name).write_bytes(zlib.compress(content, 9))


def machine_code(name, sig, codegen):
    """Return the compiled code of a signature as `CompileResult` reduces it, or None if there is no bitcode of it."""
    if not _KNOWN:
        return None
    try:
        content = zlib.decompress((FOLDER / name).read_bytes())
    except (OSError, zlib.error):
        return None
    kept_sig, ((library, _, code), *others) = pickle.loads(content)
    if kept_sig != sig:
        return None
    machine_code = codegen._tm.emit_object(binding.parse_bitcode(code))
    return (library, "object", (machine_code, code)), *others
