"""pdoc makes pages of the docstrings, by the command of the README: without a warning, with every public name."""

import inspect
import re
import subprocess
import sys

import pytest

import fastprop as fp
from tests.processes import ROOT


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """The pages, by the name of the module."""
    pytest.importorskip("pdoc")
    folder = tmp_path_factory.mktemp("pages")
    command = [sys.executable, "-W", "error", "-m", "pdoc", "--template-directory", ROOT / ".github" / "pages"]
    made = subprocess.run([*command, "--output-directory", folder, "fastprop"], capture_output=True, text=True)
    assert made.returncode == 0, made.stderr
    assert made.stderr == ""
    return {path.stem: path.read_text() for path in folder.rglob("*.html")}


def anchors(page):
    return set(re.findall(r' id="([^"]+)"', page))


def docstrings(page):
    return re.findall(r'<div class="docstring">(.*?)</div>\n', page, re.DOTALL)


@pytest.mark.slow
def test_every_public_name_has_an_entry(pages):
    modules = {name for name in fp.__all__ if inspect.ismodule(getattr(fp, name))}
    assert modules == {"calibration", "datasets", "intervals", "metrics", "reference"}
    assert anchors(pages["fastprop"]) >= set(fp.__all__) - modules
    for module in modules:
        assert anchors(pages[module]) >= set(getattr(fp, module).__all__), module


@pytest.mark.slow
def test_methods_that_a_network_inherits_have_an_entry(pages):
    methods = {f"MLP.{name}" for name, _ in inspect.getmembers(fp.MLP, callable) if not name.startswith("_")}
    assert methods >= {"MLP.save", "MLP.to_onnx", "MLP.predict"}
    assert anchors(pages["fastprop"]) >= methods


@pytest.mark.slow
def test_sections_of_docstrings_are_headings(pages):
    """A page that is read as Markdown alone has lines of parameters as code, and underlined headings."""
    for name in ("fastprop", "calibration", "datasets", "intervals", "metrics", "reference"):
        text = "".join(docstrings(pages[name]))
        assert re.findall(r"<h6[^>]*>Examples</h6>", text), name
        assert not re.findall(r"<em>.*?</em>|<h[1-5]|-----|<hr|``|<li>\*\*<", text), name


def test_the_first_page_names_everything_by_task():
    named = set(re.findall(r"`(\w+)`", fp.__doc__))
    assert named == set(fp.__all__)
