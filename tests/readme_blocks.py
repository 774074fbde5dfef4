"""The blocks of code in the README and its pages, and the libraries that may be imported in each."""

import contextlib
import re
import tomllib
from importlib import metadata
from typing import NamedTuple

from packaging.requirements import Requirement

from tests.processes import ROOT

PAGES = "README.md", ".github/GUIDE.md", ".github/HOW_IT_WORKS.md"
"""The pages whose blocks are run; the first one names the commands that make the environment of all."""

README = (ROOT / PAGES[0]).read_text()
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


class Block(NamedTuple):
    """A block of code."""

    language: str  # "python", "sh" or "text"
    code: str
    extras: tuple[str, ...]  # of the first command, and of the one that is named between this block and the one before
    heading: str  # under which it stands

    @property
    def installs(self):
        """Whether it makes the environment that the others run in; continuous integration runs these."""
        return ".venv/bin/" in self.code


def blocks():
    """Return all blocks of the README and of the pages that it leads to."""
    readme = _blocks_of(README, ())
    others = (_blocks_of((ROOT / page).read_text(), readme[0].extras) for page in PAGES[1:])
    return [*readme, *(block for of_page in others for block in of_page)]


def _blocks_of(page, always):
    """Return the blocks of the text of a page; each has the extras `always`, by default those of the first block."""
    found, before, heading = [], 0, ""
    for match in re.finditer(r"^```(\w+)\n(.*?)^```$", page, re.DOTALL | re.MULTILINE):
        text = page[before : match.start()]
        heading = [heading, *re.findall(r"^#+ (.*)$", text, re.MULTILINE)][-1]
        code = match[2]
        always = always or _extras(code)
        found.append(Block(match[1], code, always + _extras(text), heading))
        before = match.end()
    return found


def forbidden(extras):
    """Return the libraries, by the names under which they are imported, that only extras but these install."""
    options = PROJECT["optional-dependencies"]
    allowed = _closure([*PROJECT["dependencies"], *(each for extra in extras for each in options[extra])])
    every = _closure([each for extra in options.values() for each in extra])
    modules = metadata.packages_distributions()
    return sorted(
        module
        for module, distributions in modules.items()
        if (homes := {_name(each) for each in distributions}) <= every and not homes & allowed
    )


def _extras(text):
    """Return the extras in commands such as pip install '.[plot,tables]'."""
    return tuple(extra for named in re.findall(r"pip install '\.\[(.*?)\]'", text) for extra in named.split(","))


def _closure(requirements):
    """Return the names of the distributions that are installed for these requirements."""
    names, waiting = set(), [Requirement(each) for each in requirements]
    while waiting:
        requirement = waiting.pop()
        name = _name(requirement.name)
        if name == "fastprop-mlp":
            continue
        if name not in names and not (requirement.marker and not requirement.marker.evaluate({"extra": ""})):
            names.add(name)
            with contextlib.suppress(metadata.PackageNotFoundError):
                waiting += map(Requirement, metadata.requires(name) or [])
    return names


def _name(distribution):
    return re.sub(r"[-_.]+", "-", distribution).lower()
