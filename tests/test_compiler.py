"""How the parts of a kernel come together."""

import platform

import numpy as np
import pytest
from llvmlite import ir
from numba.core import types
from numba.extending import intrinsic

from fastprop.kernels.compiler import noinline
from fastprop.kernels.compiler.machine import _register_count
from fastprop.kernels.load_store import lanes
from tests.parts import compiled
from tests.processes import run_python


@noinline
def tenfold(x):
    return 10 * x


@noinline
def idle(x, array):
    return tenfold(x) if lanes(array) == 0 else x  # never, as LLVM finds out: then nothing here calls the other


@noinline
def busy(x):
    return tenfold(x)


@compiled
def both(x, array):
    return idle(x, array) + busy(x)


def test_what_the_first_of_its_callers_has_no_need_of_is_there_for_the_second():
    assert both(3, np.zeros(1, np.float32)) == 33


@pytest.mark.parametrize(
    ("machine", "features", "registers"),
    [
        ("aarch64", set(), 32),  # as Apple's and Amazon's processors are listed without "+neon"
        ("arm64", {"+neon"}, 32),
        ("x86_64", {"+avx2", "+fma"}, 16),
        ("x86_64", {"+avx512f"}, 16),
        ("x86_64", {"+avx512f", "+avx512vl"}, 32),
    ],
)
def test_vector_registers_follow_from_the_machine(machine, features, registers):
    assert _register_count(machine, features) == registers


NO_OPERATION = {"x86_64": "nop", "AMD64": "nop", "aarch64": "nop", "arm64": "nop"}


@pytest.mark.skipif(platform.machine() not in NO_OPERATION, reason="no instruction to try is known for this machine")
def test_inline_assembly_does_not_abort_the_process():
    assert run_python(ASSEMBLY).strip() == "7"


ASSEMBLY = """
from tests.test_compiler import seven_after_an_instruction
print(seven_after_an_instruction())
"""


@intrinsic
def instruction(typing_context):
    def emit(context, builder, sig, args):
        kind = ir.FunctionType(ir.VoidType(), [])
        builder.asm(kind, NO_OPERATION[platform.machine()], "", [], side_effect=True)
        return context.get_dummy_value()

    return types.void(), emit


@compiled
def seven_after_an_instruction():
    instruction()
    return 7
