"""Kernels on disk: compiled once, found by the next process, never run after an edit."""

import re
import shutil

import pytest

from tests.processes import ROOT, run_python

TRAIN = """
import fastprop as fp
from tests import packs
network, data = fp.MLP((2, 2, 1)), ([[0, 1]], [1])
fp.train(network, *data, epochs=1)
options = {"epochs": 1, "batch_size": 1, "loss": "mse", "optimizers": [fp.SGD()] * 2, "seeds": [0, 1]}
packs.train([network.copy(), network.copy()], *data, **options)
from fastprop.kernels.epochs import train as kernel
"""
PREDICT = """
import fastprop as fp
fp.MLP((2, 2, 1)).predict([[0, 1]])
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


def test_each_number_of_lanes_has_kernels_of_its_own(tmp_path):
    def run(lanes):
        return found_and_compiled(PREDICT, NUMBA_CACHE_DIR=str(tmp_path), FASTPROP_LANES=lanes)

    assert [run("4"), run("8"), run("4"), run("8")] == [COMPILED, COMPILED, FOUND, FOUND]


def test_an_edit_of_any_file_makes_kernels_stale(tmp_path):
    shutil.copytree(ROOT / "fastprop", tmp_path / "fastprop", ignore=shutil.ignore_patterns("__pycache__"))
    where = {"directory": tmp_path, "NUMBA_CACHE_DIR": str(tmp_path / "cache")}
    assert found_and_compiled(MEASURE, **where) == COMPILED
    for file in sorted(tmp_path.glob("fastprop/kernels/*.py")):
        with open(file, "a") as source:
            source.write("# edited\n")
        assert found_and_compiled(MEASURE, **where) == COMPILED, file.name
    assert found_and_compiled(MEASURE, **where) == FOUND
    assert len(list(tmp_path.glob("cache/**/*.nbi"))) == 1  # the stale ones are gone


def test_other_lanes_are_refused():
    with pytest.raises(
        RuntimeError, match="FASTPROP_LANES must be 1, 4, 8 or 16, not '3': set one of these or unset it"
    ):
        run_python("import fastprop.kernels.compiler", FASTPROP_LANES="3")


def test_processes_that_compile_at_once_write_files_of_their_own(tmp_path):
    # The second begins before the first has entered its kernel into the index: each finds the index empty.
    predict = "import fastprop as fp\nprint(fp.MLP((2, 2, 1), dtype='{}').predict([[0, 1]])[0, 0])"
    expected = run_python(predict.format("float32"), NUMBA_CACHE_DIR=str(tmp_path))
    (index,) = tmp_path.glob("**/*.nbi")
    first_index = index.rename(index.with_suffix(".first"))
    run_python(predict.format("float64"), NUMBA_CACHE_DIR=str(tmp_path))
    first_index.rename(index)
    assert run_python(predict.format("float32"), NUMBA_CACHE_DIR=str(tmp_path)) == expected


def test_a_kernel_shares_no_code_by_name(tmp_path):
    # Numba numbers functions in the order of their compilation: another process has other code under the same name.
    defined = re.findall(r"^define (.*?)@", run_python(PREDICT + CODE, NUMBA_CACHE_DIR=str(tmp_path)), re.MULTILINE)
    assert any("internal" in words for words in defined)
    assert not [words for words in defined if "linkonce" in words or "weak" in words]
