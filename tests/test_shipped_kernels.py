"""Kernels that come with the package as bitcode are what calls need, give the same bits, and are never run stale."""

import hashlib
import importlib.util
from types import SimpleNamespace

import numpy as np
import pytest

import fastprop as fp
from fastprop import shipped_kernels
from fastprop.kernels import compiler
from fastprop.kernels.compiler import bitcode
from tests.processes import ROOT, run_measured_python

IN_FOLDER = """
from pathlib import Path
from fastprop.kernels.compiler import bitcode
bitcode.FOLDER = Path({folder!r})
"""
ADD = """
from fastprop.kernels import compiler, peak
compiler.add_to_package(peak._run, (1,))
"""
MEASURE = """
import sys
from fastprop.kernels.peak import _run as kernel
kernel(1)
compiled = "numba.np.arrayobj" in sys.modules
print(sum(kernel.stats.cache_hits.values()), sum(kernel.stats.cache_misses.values()), compiled)
"""
FROM_DISK, COMPILED = "1 0 False\n", "0 1 True\n"
LEARN = """
import numpy as np
import fastprop as fp
from fastprop.kernels import epochs
from tests import test_shipped_kernels
print(*test_shipped_kernels.digests())
print([sum(kernel.stats.cache_misses.values()) for kernel in (epochs.train, epochs.predict)])
"""


def run(folder, cache, code, **environment):
    """Run code in a process of its own, which finds bitcode in one folder and keeps compiled kernels in another."""
    return run_measured_python(IN_FOLDER.format(folder=str(folder)) + code, NUMBA_CACHE_DIR=str(cache), **environment)


@pytest.fixture
def measured(tmp_path):
    """A folder with the bitcode of one short kernel, and a function that runs this with the cache of a name."""
    folder = tmp_path / "bitcode"
    run(folder, tmp_path / "none", ADD)
    return folder, lambda name, **environment: run(folder, tmp_path / name, MEASURE, **environment)


@pytest.mark.slow
def test_machine_code_is_made_of_it_once_and_kept(measured):
    folder, measure = measured
    assert measure("cache") == FROM_DISK
    (file,) = folder.iterdir()
    file.unlink()
    assert measure("cache") == FROM_DISK
    assert measure("another cache") == COMPILED


@pytest.mark.slow
@pytest.mark.parametrize(
    "damage",
    [lambda content: b"", lambda content: content[: len(content) // 2], lambda content: content[:-1] + b"?"],
    ids=["empty", "torn", "changed"],
)
def test_a_damaged_file_is_as_good_as_none(measured, damage):
    folder, measure = measured
    (file,) = folder.iterdir()
    file.write_bytes(damage(file.read_bytes()))
    assert measure("cache") == COMPILED


@pytest.mark.slow
def test_other_vectors_and_other_compilers_look_for_other_files(measured):
    _, measure = measured
    other_lanes = {"FASTPROP_LANES": "4" if compiler.LANES != 4 else "8"}
    for name, other in {"lanes": other_lanes, "stock": {"FASTPROP_STOCK_NUMBA": "1"}}.items():
        assert measure(name, **other) == COMPILED


def test_what_it_depends_on_is_in_the_name_of_a_file(tmp_path, monkeypatch):
    monkeypatch.setattr(bitcode, "FOLDER", tmp_path)
    codegen = SimpleNamespace(target_data="layout")
    names = {bitcode.dependencies(codegen)}
    monkeypatch.setattr(bitcode, "REGISTERS", 7)
    names.add(bitcode.dependencies(codegen))
    monkeypatch.setattr(bitcode.sys, "implementation", SimpleNamespace(cache_tag="another-python"))
    names.add(bitcode.dependencies(codegen))
    names.add(bitcode.dependencies(SimpleNamespace(target_data="another layout")))
    assert len(names) == 4


def test_it_is_used_for_its_signature_and_its_version_of_numba_alone(tmp_path, monkeypatch):
    monkeypatch.setattr(bitcode, "FOLDER", tmp_path / "bitcode")
    library = SimpleNamespace(serialize_using_bitcode=lambda: ("kernel", "bitcode", b"code"))
    bitcode.write("kernel.nbc", "sig", SimpleNamespace(library=library, _reduce=lambda: ("object", "others")))
    codegen = SimpleNamespace(_tm=SimpleNamespace(emit_object=lambda module: b"machine " + module))
    monkeypatch.setattr(bitcode.binding, "parse_bitcode", lambda code: code)
    made = ("kernel", "object", (b"machine code", b"code")), "others"
    assert bitcode.machine_code("kernel.nbc", "sig", codegen) == made
    assert bitcode.machine_code("kernel.nbc", "another", codegen) is None
    assert bitcode.machine_code("another.nbc", "sig", codegen) is None
    monkeypatch.setattr(bitcode, "_KNOWN", False)
    assert bitcode.machine_code("kernel.nbc", "sig", codegen) is None


def digests():
    """Train a network alone and two in a pack, and predict; return a digest of each result."""
    random = np.random.default_rng(0)
    X, y = random.random((40, 5), np.float32), random.integers(0, 3, 40)
    network = fp.MLP((5, 4, 3), output="softmax", seed=0)
    history = fp.train(network, X, y, epochs=2, optimizer=fp.Adam(0.01), validation=0.2)
    swept = fp.sweep((5, 4, 3), X, y, {"learning_rate": [0.1, 0.2], "seed": range(8)}, epochs=2)
    results = network.parameters, network.predict(X), history.validation_loss, swept.table["loss"]
    return [hashlib.sha256(each.tobytes()).hexdigest() for each in results]


@pytest.mark.slow
def test_those_that_come_with_the_package_are_what_calls_need_and_give_the_same_bits(tmp_path):
    run(tmp_path / "bitcode", tmp_path / "none", "from fastprop.shipped_kernels import add; add()")
    assert run(tmp_path / "bitcode", tmp_path / "cache", LEARN) == " ".join(digests()) + "\n[0, 0]\n"


@pytest.fixture
def started(tmp_path, monkeypatch):
    """What was given to processes that were to be started, and the code with which they end."""
    found = SimpleNamespace(environments=[], code=0)

    def start(command, env):
        found.environments.append(env)
        return SimpleNamespace(wait=lambda: found.code)

    monkeypatch.setattr(shipped_kernels.subprocess, "Popen", start)
    monkeypatch.setattr(bitcode, "FOLDER", tmp_path / "bitcode")
    (tmp_path / "bitcode").mkdir()
    (tmp_path / "bitcode" / "stale.nbc").touch()
    return found


@pytest.mark.parametrize(("is_x86", "processors"), [(True, ["x86-64-v3", "x86-64-v4"]), (False, [None])])
def test_each_kind_of_processor_has_kernels_and_earlier_ones_are_removed(is_x86, processors, started, monkeypatch):
    monkeypatch.setattr(compiler, "IS_X86", is_x86)
    monkeypatch.delenv("NUMBA_CPU_NAME", raising=False)
    shipped_kernels.add_all()
    assert [each.get("NUMBA_CPU_NAME") for each in started.environments] == processors
    assert not bitcode.FOLDER.exists()


def test_a_build_that_cannot_compile_them_says_so(started):
    started.code = 1
    with pytest.raises(RuntimeError, match="the kernels cannot be compiled: the error stands above"):
        shipped_kernels.add_all()


@pytest.mark.parametrize("code", [0, 1])
def test_a_wheel_without_kernels_is_built_with_a_warning(code, monkeypatch):
    pytest.importorskip("hatchling")
    spec = importlib.util.spec_from_file_location("add_kernels", ROOT / ".build" / "add_kernels.py")
    hook = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(hook)
    commands, warnings = [], []
    monkeypatch.setattr(
        hook.subprocess, "run", lambda command, cwd: commands.append(command) or SimpleNamespace(returncode=code)
    )
    app = SimpleNamespace(display_warning=warnings.append)
    hook.KernelsHook(str(ROOT), {}, None, None, "", "wheel", app).initialize("standard", {})
    assert [each[1:] for each in commands] == [["-m", "fastprop.shipped_kernels"]]
    assert len(warnings) == code
