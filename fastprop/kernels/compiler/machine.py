"""What the compiler knows of the machine: its features, its vector registers and their lanes."""

import os
import platform

import numba
import numpy as np
from llvmlite import binding

_X86_64 = ("x86_64", "amd64")
_ARM_64 = ("aarch64", "arm64")


def _architecture(machine):
    """Return the name of the machine as `_X86_64` or `_ARM_64` has it; Windows writes the same names in capitals.

    On another machine LLVM would end the process at the first instruction that it does not have.
    """
    name = machine.lower()
    if name not in _X86_64 + _ARM_64:
        raise ImportError(
            f"fastprop compiles for x86-64 and 64-bit ARM, not for {machine or 'this machine'}: "
            "use fastprop.reference, which is plain NumPy."
        )
    return name


_ARCHITECTURE = _architecture(platform.machine())

IS_X86 = _ARCHITECTURE in _X86_64
"""Whether the machine is an x86-64; else it is a 64-bit ARM."""

# Numba initializes no assembly parser. LLVM then aborts the process at the first inline assembly that is not empty, as
# there is on aarch64: "Inline asm not supported by this streamer" (https://github.com/numba/llvmlite/issues/271).
binding.initialize_native_asmparser()

DISABLED = bool(numba.config.DISABLE_JIT)
"""Whether Numba compiles nothing, because ``NUMBA_DISABLE_JIT`` is set. Kernels cannot run in the interpreter."""


def _host_features():
    """Return LLVM's names of what the processor can do, such as "+avx2", as ``NUMBA_…`` variables limit them."""
    if numba.config.CPU_FEATURES is not None:
        return set(numba.config.CPU_FEATURES.split(","))
    features = binding.get_host_cpu_features()
    without_avx = not numba.config.ENABLE_AVX
    return {f"+{name}" for name, has in features.items() if has and not (without_avx and name.startswith("avx"))}


def _register_count(machine, features):
    """Return how many vector registers a machine of this name and these features has."""
    return 32 if machine in _ARM_64 or "+avx512vl" in features else 16


def _lane_count(forced, features):
    """Return how many float32 lanes a vector has: `forced` if it is not None, else the most these features allow."""
    if forced is not None:
        if forced not in ("1", "4", "8", "16"):
            raise ValueError(f"FASTPROP_LANES must be 1, 4, 8 or 16, not {forced!r}: set one of these or unset it.")
        return int(forced)
    if "+avx512f" in features:
        return 16
    return 8 if {"+avx2", "+fma"} <= features else 4


_FEATURES = _host_features()

REGISTERS = _register_count(_ARCHITECTURE, _FEATURES)
"""How many vector registers the machine has."""

LANES = _lane_count(os.environ.get("FASTPROP_LANES"), _FEATURES)
"""How many float32 lanes a vector has."""


def _multiplies_bfloat16(name, features):
    """Return whether one instruction, VDPBF16PS, multiplies pairs of bfloat16 faster than float32 is multiplied.

    Processors of Intel have it, too, but are said to be slower with it than with float32. It was measured on Zen 5.
    """
    return name.startswith("znver") and {"+avx512bf16", "+avx512vl"} <= features


_NAME = numba.config.CPU_NAME or binding.get_host_cpu_name()

MULTIPLIES_BFLOAT16 = LANES > 1 and _multiplies_bfloat16(_NAME, _FEATURES)
"""Whether vectors have an instruction for products of pairs of bfloat16 that pays."""


MULTIPLIES_WORDS = LANES == 16 and "+avx512dq" in _FEATURES
"""Whether vectors have an instruction for products of uint64, VPMULLQ; else each takes many instructions."""


def lanes(dtype):
    """Return how many lanes of `dtype` a vector has."""
    return max(1, LANES * 4 // np.dtype(dtype).itemsize)
