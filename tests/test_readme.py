"""Each example of the README and its pages runs by itself, after the commands that it names, and runs again."""

import os
import re
import subprocess
import sys
import sysconfig

import pytest

import fastprop as fp
from tests import readme_blocks
from tests.processes import ROOT, unmeasuring
from tests.readme_blocks import PAGES, README, Block

BLOCKS = readme_blocks.blocks()
EXAMPLES = [block for block in BLOCKS if block.language in ("python", "sh") and not block.installs]

HIDING = """
import sys


class Hidden:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {names}:
            raise ModuleNotFoundError(f"{{name}} is not what the README says to install", name=name)


sys.meta_path.insert(0, Hidden())
"""
"""A `sitecustomize` that hides the libraries which a command of the README does not install."""


@pytest.mark.slow
@pytest.mark.parametrize("block", EXAMPLES, ids=lambda block: f"{block.heading}: {block.code.splitlines()[-1]:.40}")
def test_an_example_runs_by_itself_and_again_in_the_same_folder(block, tmp_path):
    hiding = tmp_path / "hiding"
    hiding.mkdir()
    (hiding / "sitecustomize.py").write_text(HIDING.format(names=set(readme_blocks.forbidden(block.extras)) or "()"))
    folder = tmp_path / "folder"
    folder.mkdir()
    command = [sys.executable, "example.py"] if block.language == "python" else ["bash", "-e", "example.sh"]
    (folder / command[-1]).write_text(block.code)
    path = {
        "PATH": f"{sysconfig.get_path('scripts')}:{os.environ['PATH']}",
        "PYTHONPATH": f"{hiding}:{ROOT}",
    }
    for _ in range(2):
        done = subprocess.run(command, cwd=folder, env=unmeasuring() | path, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        assert done.stdout
        assert "Warning" not in done.stderr
    for file in re.findall(r"[\w-]+\.(?:png|html|csv|safetensors|jsonl|json|npz|checkpoint)\b", block.code):
        assert (folder / file).stat().st_size, file


def test_no_two_examples_go_on_from_one_file():
    kept = [re.findall(r"\b(?:journal|checkpoint)\W+([\w-]+\.\w+)", block.code) for block in EXAMPLES]
    names = [name for of_block in kept for name in set(of_block)]
    assert len(names) >= 3
    assert len(names) == len(set(names)), "a reader who runs both in one folder is refused"


def test_all_blocks_are_run():
    assert {block.language for block in BLOCKS} == {"python", "sh", "text"}
    assert len(EXAMPLES) >= 14
    run = (ROOT / ".ci" / "run").read_text()
    commands = [line for block in BLOCKS if block.installs for line in block.code.splitlines()]
    named = re.findall(r"readme_command '(.*?)'", run)
    assert [[name in line for name in named].count(True) for line in commands] == [1] * len(named)
    assert [next(name for name in named if name in line) for line in commands] == named


def test_a_picture_is_what_an_example_draws():
    drawn = "".join(block.code for block in BLOCKS)
    for name in re.findall(r"\]\(\.images/(.*?)\)", README):
        assert (ROOT / ".images" / name).stat().st_size
        assert re.search(rf"\b{name}\b", drawn), name


def test_the_rungs_that_it_names_are_those_of_its_example():
    example = next(block.code for block in BLOCKS if "print(result.best, result.rungs)" in block.code)
    names = "halving", "samples", "epochs"
    halving, samples, epochs = (int(re.search(rf"{name}=(\d+)", example)[1]) for name in names)
    told = re.search(r"after (\d+), (\d+) and (\d+) of (\d+) epochs", " ".join(README.split()))
    assert told, "it names no rungs"
    assert list(map(int, told.groups())) == fp.Halving(halving).rungs(epochs, samples)


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_to_headings_and_files(page):
    text = (ROOT / page).read_text()
    links = re.findall(r"\]\((?!https?:)([^)#]*)(?:#(.*?))?\)", text)
    assert links
    for file, anchor in links:
        target = (ROOT / page).parent / file if file else ROOT / page
        assert target.exists(), file
        assert not anchor or anchor in anchors(target), anchor


def anchors(path):
    """Return the anchors of the headings of a page, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", path.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in headings}


def test_the_readme_is_a_landing_page():
    assert len(README.splitlines()) < 450, "move what few need to .github/GUIDE.md"


@pytest.mark.slow
def test_extras_that_no_command_names_are_hidden():
    hidden = readme_blocks.forbidden(("plot",))
    assert {"pandas", "sklearn", "optuna"} <= set(hidden)
    assert not {"matplotlib", "numpy", "numba", "PIL", "tqdm"} & set(hidden)
    assert Block("sh", "fastprop info", (), "").installs is False
