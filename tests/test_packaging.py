"""The names, files and hints of an installation of fastprop."""

import importlib
import re
import subprocess
import sys
import tomllib

import numpy as np
import pytest

import fastprop as fp
from fastprop.tabular import dialect
from tests.processes import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def instructions():
    """Return the files that may tell a reader what to install."""
    folders = (ROOT / name for name in ("fastprop", "benchmarks", ".ci", ".github"))
    inside = (path for folder in folders for path in folder.rglob("*") if path.suffix in {"", ".py", ".md"})
    return [
        path for path in (*inside, *ROOT.glob("*.md"), *ROOT.glob("*.toml"), *ROOT.glob("*.json")) if path.is_file()
    ]


def test_nothing_tells_to_install_the_other_project_of_that_name():
    other = re.compile(r"pip install [^\n&]*(?<![\w./-])fastprop(?!-mlp|\.)\b|[\"']fastprop\[")
    assert len(instructions()) > 50
    assert not [f"{path}: {found[0]}" for path in instructions() for found in other.finditer(path.read_text())]


@pytest.mark.parametrize("line", ["pip install fastprop", "pip install -U 'fastprop[dask]'", '["fastprop[plot]"]'])
def test_the_other_project_would_be_found(line, tmp_path, monkeypatch):
    (tmp_path / "README.md").write_text(line)
    monkeypatch.setattr(sys.modules[__name__], "instructions", lambda: [tmp_path / "README.md"] * 51)
    with pytest.raises(AssertionError, match=r"README\.md"):
        test_nothing_tells_to_install_the_other_project_of_that_name()


def train_with_lbfgs():
    fp.train(fp.MLP((2, 2, 1)), np.zeros((4, 2)), np.zeros(4), epochs=1, optimizer=fp.LBFGS())


def sweep(**options):
    return fp.sweep((2, 2, 1), np.zeros((4, 2)), np.zeros((4, 1)), {"learning_rate": [0.1]}, epochs=1, **options)


def search_with_optuna():
    study = type("Study", (), {"ask": None, "directions": ["minimize"]})()
    sweep(samples=1, search=fp.OptunaSearch(study))


@pytest.mark.parametrize(
    ("library", "module", "call"),
    [
        ("onnx", "onnx", lambda: fp.MLP((2, 2, 1)).to_onnx("network.onnx")),
        ("torch", "torch", lambda: fp.MLP((2, 2, 1)).to_torch()),
        ("scipy", "scipy.optimize", train_with_lbfgs),
        ("optuna", "optuna", search_with_optuna),
        ("matplotlib", "matplotlib.figure", lambda: sweep().plot("sweep.png")),
        ("pandas", "pandas", lambda: sweep().to_pandas()),
        ("pyarrow", "pyarrow.csv", lambda: dialect.detect("table.csv")),
    ],
)
def test_the_hint_for_a_missing_library_names_it(library, module, call, monkeypatch):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ImportError, match=rf"pip install {library}\.$"):
        call()
    hinted = [requirement for extra in PROJECT["optional-dependencies"].values() for requirement in extra]
    assert any(requirement.startswith(f"{library}>=") for requirement in hinted)


def test_estimators_without_scikit_learn_name_it(monkeypatch):
    monkeypatch.delitem(sys.modules, "fastprop.estimators", raising=False)
    monkeypatch.setitem(sys.modules, "sklearn", None)
    with pytest.raises(ImportError, match=r"pip install scikit-learn\.$"):
        importlib.import_module("fastprop.estimators")  # fp.MLPClassifier keeps what an earlier test has imported


def test_the_code_and_the_digits_have_licenses():
    assert PROJECT["license"] == "MIT AND CC-BY-4.0"
    code, digits = ((ROOT / name).read_text() for name in PROJECT["license-files"])
    assert code.startswith("MIT License")
    assert "CC BY 4.0" in digits
    assert "Alpaydin" in digits


@pytest.mark.slow
def test_import_waits_for_no_library_but_numpy():
    heavy = (
        "numba",
        "llvmlite",
        "matplotlib",
        "scipy",
        "pandas",
        "optuna",
        "safetensors",
        "onnx",
        "torch",
        "distributed",
        "importlib.metadata",
    )
    script = f"import sys, fastprop; print([name for name in {heavy} if name in sys.modules])"
    assert subprocess.run([sys.executable, "-c", script], capture_output=True, text=True).stdout == "[]\n"


def test_dir_lists_what_is_public_and_nothing_else():
    assert dir(fp) == sorted([*fp.__all__, "__version__"])
    for name in dir(fp):  # tab completion asks for each of them
        assert getattr(fp, name) is not None


@pytest.mark.slow
def test_tab_completes_names_that_are_imported_on_use():
    script = "import fastprop as fp, rlcompleter; print(rlcompleter.Completer({'fp': fp}).complete('fp.train_s', 0))"
    assert subprocess.run([sys.executable, "-c", script], capture_output=True, text=True).stdout == "fp.train_stream(\n"
