"""Kernels on disk: they are compiled once, found by the next process, and never run after an edit."""

import os
import re
import shutil
import subprocess
import sys

import pytest

from fastprop.kernels.compiler import cache
from tests.processes import ROOT, run_python

pytestmark = pytest.mark.slow  # kernels are compiled anew, in processes of their own

TRAIN = """
import fastprop as fp
from tests import packs
network, data = fp.MLP((2, 2, 1), dtype="float64"), ([[0, 1]], [1])  # no kernels of float64 come with the package
fp.train(network, *data, epochs=1)
options = {"epochs": 1, "batch_size": 1, "loss": "mse", "optimizers": [fp.SGD()] * 2, "seeds": [0, 1]}
packs.train([network.copy(), network.copy()], *data, **options)
from fastprop.kernels.epochs import train as kernel
"""
PREDICT = """
import fastprop as fp
fp.MLP((2, 2, 1), dtype="float64").predict([[0, 1]])
from fastprop.kernels.epochs import predict as kernel
"""
MEASURE = """
from fastprop.kernels.peak import _run as kernel
kernel(1)
"""
FOUND, COMPILED = (1, 0), (0, 1)
COUNT = "print(sum(kernel.stats.cache_hits.values()), sum(kernel.stats.cache_misses.values()))\n"
CODE = "print(*kernel.inspect_llvm().values())"


def counts(line):
    return tuple(map(int, line.split()))


def found_and_compiled(code, **where):
    """Run a script in a new process; return how often its `kernel` was found on the disk and how often compiled."""
    return counts(run_python(code + COUNT, **where))


def test_the_next_process_compiles_nothing_and_what_the_first_compiled_allocates_nothing(tmp_path):
    first, code = run_python(TRAIN + COUNT + CODE, NUMBA_CACHE_DIR=str(tmp_path)).split("\n", maxsplit=1)
    assert counts(first) == (0, 2)  # for networks alone and side by side
    assert found_and_compiled(TRAIN, NUMBA_CACHE_DIR=str(tmp_path)) == (2, 0)
    assert "define" in code
    assert not re.findall(r"@\"?(?:NRT_\w*|\w*alloc)\b", code)


def test_a_kernel_from_the_disk_waits_for_nothing_that_only_compiling_needs(tmp_path):
    code = PREDICT + "import sys; print('numba.np.arrayobj' in sys.modules)"
    assert [run_python(code, NUMBA_CACHE_DIR=str(tmp_path)) for _ in range(2)] == ["True\n", "False\n"]


def test_each_number_of_lanes_has_kernels_of_its_own(tmp_path):
    def run(lanes):
        return found_and_compiled(PREDICT, NUMBA_CACHE_DIR=str(tmp_path), FASTPROP_LANES=lanes)

    assert [run("4"), run("8"), run("4"), run("8")] == [COMPILED, COMPILED, FOUND, FOUND]


def test_an_edit_of_any_file_makes_kernels_stale(tmp_path):
    shutil.copytree(ROOT / "fastprop", tmp_path / "fastprop", ignore=shutil.ignore_patterns("__pycache__"))
    where = {"directory": tmp_path, "NUMBA_CACHE_DIR": str(tmp_path / "cache")}
    assert found_and_compiled(MEASURE, **where) == COMPILED
    for file in (tmp_path / "fastprop" / "kernels" / name for name in ("tile.py", "compiler/linking.py")):
        with open(file, "a") as source:
            source.write("# edited\n")
        assert found_and_compiled(MEASURE, **where) == COMPILED, file.name
    assert found_and_compiled(MEASURE, **where) == FOUND
    assert len(list(tmp_path.glob("cache/**/*.nbc"))) == 1  # the stale ones are gone


def test_every_file_of_the_kernels_is_in_the_digest(tmp_path, monkeypatch):
    shutil.copytree(ROOT / "fastprop" / "kernels", tmp_path / "kernels", ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(cache, "_KERNELS", tmp_path / "kernels")
    digests = {cache._source_digest.__wrapped__()}
    files = sorted(tmp_path.rglob("*.py"))
    for file in files:
        file.write_bytes(file.read_bytes() + b"# edited\n")
        digests.add(cache._source_digest.__wrapped__())
    assert len(digests) == 1 + len(files) > 20


def test_other_lanes_are_refused():
    with pytest.raises(
        RuntimeError, match="FASTPROP_LANES must be 1, 4, 8 or 16, not '3': set one of these or unset it"
    ):
        run_python("import fastprop.kernels.compiler", FASTPROP_LANES="3")


@pytest.mark.parametrize(
    "damage",
    [lambda content: b"", lambda content: content[: len(content) // 2], lambda content: content[:-1] + b"?"],
    ids=["empty", "torn", "changed"],
)
def test_a_damaged_file_is_compiled_and_written_anew(tmp_path, damage):
    def run():
        return found_and_compiled(MEASURE, NUMBA_CACHE_DIR=str(tmp_path))

    assert run() == COMPILED
    (file,) = tmp_path.glob("**/*.nbc")
    file.write_bytes(damage(file.read_bytes()))
    assert [run(), run()] == [COMPILED, FOUND]
    assert [*tmp_path.glob("**/*.nbc*")] == [file]


def test_a_folder_that_cannot_be_written_to_is_passed_over(tmp_path):
    not_a_folder = tmp_path / "file"
    not_a_folder.touch()
    code = MEASURE + "print(kernel.stats.cache_path)"
    assert run_python(code, NUMBA_CACHE_DIR=str(not_a_folder)).strip() == str(ROOT / "fastprop/kernels/__pycache__")


def test_a_user_without_a_home_and_without_a_folder_to_write_to_compiles_in_memory(tmp_path):
    code = f"""
import os, pathlib, pwd
import fastprop.kernels.epochs
from fastprop.kernels.compiler import cache
os.environ.pop("HOME", None)
os.environ.pop("XDG_CACHE_HOME", None)
def unknown(user):
    raise KeyError(user)
pwd.getpwuid = unknown
not_a_folder = pathlib.Path({str(tmp_path)!r}) / "file"
not_a_folder.touch()
cache._KERNELS = not_a_folder
cache.tempfile.tempdir = str(not_a_folder)
{MEASURE}
print(kernel.stats.cache_path)"""
    assert run_python(code, NUMBA_CACHE_DIR="").strip() == "None"


USERS_LOCATORS = {"NUMBA_CACHE_LOCATOR_CLASSES": "UserProvidedCacheLocator,InTreeCacheLocator"}


def test_locators_set_by_the_user_bring_back_no_kernels_of_another_width_or_source(tmp_path):
    shutil.copytree(ROOT / "fastprop", tmp_path / "fastprop", ignore=shutil.ignore_patterns("__pycache__"))
    where = {"directory": tmp_path, "NUMBA_CACHE_DIR": str(tmp_path / "cache")} | USERS_LOCATORS

    def run(lanes):
        return found_and_compiled(MEASURE, FASTPROP_LANES=lanes, **where)

    assert [run("4"), run("8"), run("4")] == [COMPILED, COMPILED, FOUND]
    with open(tmp_path / "fastprop" / "kernels" / "tile.py", "a") as source:
        source.write("# edited\n")
    assert run("4") == COMPILED


def test_caches_of_other_packages_are_as_numba_made_them():
    run_python("""
from numba.core import caching, dispatcher
before = [*caching.CacheImpl._locator_classes], dispatcher.FunctionCache, caching.FunctionCache._impl_class
import fastprop.kernels.epochs
assert before == ([*caching.CacheImpl._locator_classes], dispatcher.FunctionCache, caching.FunctionCache._impl_class)
assert all(each.__module__ == "numba.core.caching" for each in caching.CacheImpl._locator_classes)
""")


def test_the_kernels_own_compiler_and_stock_numba_keep_kernels_apart(tmp_path):
    def run(stock):
        return found_and_compiled(MEASURE, NUMBA_CACHE_DIR=str(tmp_path), FASTPROP_STOCK_NUMBA=stock)

    assert [run("0"), run("1"), run("0"), run("1")] == [COMPILED, COMPILED, FOUND, FOUND]


def test_processes_that_compile_at_once_write_the_same_file_whole(tmp_path):
    command = [sys.executable, "-c", MEASURE + COUNT]
    environment = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path)}
    processes = [subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE) for _ in range(3)]
    assert all(process.wait() == 0 for process in processes)
    for process in processes:
        process.stdout.close()
    assert found_and_compiled(MEASURE, NUMBA_CACHE_DIR=str(tmp_path)) == FOUND
    assert len([*tmp_path.glob("**/*.nbc*")]) == 1


def test_a_kernel_shares_no_code_by_name(tmp_path):
    # Numba numbers functions in the order of their compilation: another process has other code under the same name.
    defined = re.findall(r"^define (.*?)@", run_python(PREDICT + CODE, NUMBA_CACHE_DIR=str(tmp_path)), re.MULTILINE)
    assert any("internal" in words for words in defined)
    assert not [words for words in defined if "linkonce" in words or "weak" in words]
