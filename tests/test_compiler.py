"""How kernels are compiled: what is linked into them, on which machine, and by which compiler."""

import platform

import numba
import numpy as np
import pytest
from llvmlite import binding, ir
from numba import types
from numba.core import callconv, codegen, cpu, dispatcher, lowering, typed_passes
from numba.core import compiler as numba_compiler
from numba.extending import intrinsic

from fastprop.kernels.compiler import STOCK, addresses, noinline, requirements
from fastprop.kernels.compiler.machine import (
    _architecture,
    _host_features,
    _lane_count,
    _multiplies_bfloat16,
    _register_count,
)
from fastprop.kernels.load_store import lanes
from tests.parts import compiled
from tests.processes import run_python

NO_OPERATION = {"x86_64": "nop", "AMD64": "nop", "aarch64": "nop", "arm64": "nop"}


# ---- what is linked into a kernel ----


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


@noinline
def increased(x, step):
    return x + step


@compiled
def increased_by_constants_and_variables(x):
    return increased(x, 1) + increased(x, 2) + increased(x, x)


@pytest.mark.skipif(STOCK, reason="plain numba.njit keeps no list of what it compiled")
def test_one_specialization_serves_constants_and_variables():
    assert increased_by_constants_and_variables(5) == 6 + 7 + 10
    assert len(increased.overloads) == 1


# ---- the machine ----


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


@pytest.mark.parametrize(
    ("features", "lanes"),
    [({"+neon"}, 4), (set(), 4), ({"+avx2"}, 4), ({"+avx2", "+fma"}, 8), ({"+avx2", "+fma", "+avx512f"}, 16)],
)
def test_lanes_follow_from_the_features_where_they_are_not_forced(features, lanes):
    assert _lane_count(None, features) == lanes
    assert _lane_count("1", features) == 1


@pytest.mark.parametrize(
    ("name", "features", "multiplies"),
    [
        ("znver4", {"+avx512bf16", "+avx512vl"}, True),
        ("znver5", {"+avx512f", "+avx512vl"}, False),
        ("sapphirerapids", {"+avx512bf16", "+avx512vl"}, False),
    ],
)
def test_amd_alone_multiplies_pairs_of_bfloat16(name, features, multiplies):
    assert _multiplies_bfloat16(name, features) is multiplies


def test_the_processors_features_are_those_to_which_numba_is_limited(monkeypatch):
    monkeypatch.setattr(numba.config, "CPU_FEATURES", "+avx2,+fma")
    assert _host_features() == {"+avx2", "+fma"}
    monkeypatch.setattr(numba.config, "CPU_FEATURES", None)
    monkeypatch.setattr(numba.config, "ENABLE_AVX", 0)
    assert not any(name.startswith("+avx") for name in _host_features())


@pytest.mark.parametrize(
    ("machine", "name"), [("x86_64", "x86_64"), ("AMD64", "amd64"), ("aarch64", "aarch64"), ("ARM64", "arm64")]
)
def test_the_architecture_is_known_by_each_of_its_names(machine, name):
    assert _architecture(machine) == name


@pytest.mark.parametrize("machine", ["riscv64", "ppc64le", "s390x", "i686", "armv7l", ""])
def test_another_architecture_is_refused_by_a_sentence(machine):
    with pytest.raises(ImportError, match=rf"not for {machine or 'this machine'}: use fastprop\.reference"):
        _architecture(machine)


@pytest.mark.slow
def test_the_reference_computes_on_another_architecture():
    script = """
import platform
platform.machine = lambda: "riscv64"
import fastprop as fp
print(fp.reference.forward(fp.reference.Network([[[2.0]]], [[1.0]], output="identity"), [[3.0]])[-1])
try:
    fp.train
except ImportError as error:
    print(error)
"""
    *_, refused = run_python(script).splitlines()
    assert refused.startswith("fastprop compiles for x86-64 and 64-bit ARM, not for riscv64: use fastprop.reference")


@pytest.mark.slow
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


# ---- which compiler ----


def test_this_version_of_numba_meets_all_requirements():
    assert requirements.unmet_by_struct_pointers() == []
    assert requirements.unmet_by_compiler() == requirements.unmet_by_cache() == requirements.unmet_by_calls() == []
    assert requirements.unmet_by_bitcode() == []


@pytest.mark.parametrize(
    ("owner", "name", "sentence"),
    [
        (lowering.Lower, "storevar", "it writes variables in another way"),
        (codegen.JITCodeLibrary, "_optimize_functions", "its code libraries are optimized elsewhere"),
        (codegen.JITCodeLibrary, "add_linking_library", "its code libraries are linked in another way"),
        (codegen.CPUCodegen, "_init", "its code generator keeps the target machine elsewhere"),
        (cpu.CPUContext, "create_cpython_wrapper", "it names the module of a function's wrapper otherwise"),
        (binding.PassBuilder, "getModulePassManager", "its llvmlite builds passes in another way"),
        (binding.ValueRef, "add_function_attribute", "its llvmlite adds no attributes to functions"),
        (numba_compiler.CompilerBase, "compile_extra", "its compiler class takes other arguments"),
        (typed_passes.BaseNativeLowering, "run_pass", "its compiler has other passes"),
        (numba_compiler.CompileResult, "_fields", "its options or compiled functions have other fields"),
        (dispatcher.Dispatcher, "get_call_template", "its dispatchers resolve calls in another way"),
        (dispatcher.Dispatcher, "enable_caching", "its dispatchers keep their cache elsewhere"),
        (numba_compiler.CompileResult, "_reduce", "its compiled functions cannot be kept as they were"),
        (callconv.CPUCallConv, "get_function_type", "it calls functions in another way"),
        (codegen.JITCodeLibrary, "serialize_using_bitcode", "its libraries are kept in another form"),
    ],
)
def test_a_private_name_that_is_not_as_expected_is_noticed(monkeypatch, owner, name, sentence):
    monkeypatch.setattr(owner, name, lambda self, one, two, three: ())
    groups = requirements.unmet_by_compiler, requirements.unmet_by_cache, requirements.unmet_by_calls
    unmet = [each for group in (*groups, requirements.unmet_by_bitcode) for each in group()]
    assert sentence in unmet


OTHER_NUMBA = """
import warnings
from numba.core.lowering import Lower
before = Lower.alloca_lltype
Lower.alloca_lltype = lambda self, name, lltype, model=None: before(self, name, lltype, model)
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    from fastprop.kernels import peak
    from fastprop.kernels.compiler import STOCK
    peak._run(1)
print(STOCK, *(warning.message for warning in caught), sep="\\n")
"""


@pytest.mark.slow
def test_an_unknown_numba_compiles_by_itself_with_one_warning(tmp_path):
    stock, *warnings = run_python(OTHER_NUMBA, NUMBA_CACHE_DIR=str(tmp_path), FASTPROP_STOCK_NUMBA="0").splitlines()
    assert stock == "True"
    assert len(warnings) == 1
    assert f"does not know Numba {numba.__version__}" in warnings[0]
    assert "install a version of Numba" in warnings[0]
    silent = run_python(OTHER_NUMBA, NUMBA_CACHE_DIR=str(tmp_path), FASTPROP_STOCK_NUMBA="1").splitlines()
    assert silent == ["True"]


def test_where_calls_by_address_are_not_known_there_is_no_address(monkeypatch):
    monkeypatch.setattr(addresses, "_KNOWN", False)
    assert addresses.address_of(None, ()) == 0


@compiled
def call_if_known(where, array):
    addresses.call(where, (array,))
    array[0] = 7


def test_a_kernel_calls_nothing_where_calls_by_address_are_not_known(monkeypatch):
    monkeypatch.setattr(addresses, "_KNOWN", False)
    array = np.zeros(1)
    call_if_known(0, array)
    assert array[0] == 7


CHANGED_NUMBA = """
from numba.core import {module}
{module}.{name} = lambda self, one, two, three: None
from fastprop.kernels import peak
peak._run(1)
"""


@pytest.mark.slow
def test_a_numba_that_keeps_its_cache_elsewhere_compiles_in_each_process(tmp_path):
    code = CHANGED_NUMBA.format(module="dispatcher", name="Dispatcher.enable_caching")
    run_python(code, NUMBA_CACHE_DIR=str(tmp_path))
    assert not [*tmp_path.rglob("*.nbc")]


@pytest.mark.slow
def test_bounds_are_not_checked_by_a_numba_that_links_otherwise():
    code = CHANGED_NUMBA.format(module="codegen", name="JITCodeLibrary.add_linking_library")
    with pytest.raises(RuntimeError, match=rf"version of Numba that fastprop was tested with, not {numba.__version__}"):
        run_python(f"import warnings; warnings.simplefilter('ignore')\n{code}", FASTPROP_CHECK_BOUNDS="1")


@pytest.mark.slow
@pytest.mark.parametrize("variable", ["FASTPROP_STOCK_NUMBA", "FASTPROP_CHECK_BOUNDS"])
def test_other_values_are_refused(variable):
    with pytest.raises(RuntimeError, match=f"{variable} must be 0 or 1, not 'yes': set one of these or unset it"):
        run_python("import fastprop.kernels.compiler", **{variable: "yes"})
