"""One word for one thing: names that had another word once do not come back, in the package, tests and benchmarks."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FILES = sorted(path for folder in ("fastprop", "tests", "benchmarks") for path in (ROOT / folder).rglob("*.py"))

RETIRED = {
    "abreast": "interleaved",
    "admit": "push_bounded",
    "bend": "huber_delta",
    "breathe": "cpu_pause",
    "buried": "DIVERGED",
    "bury": "record_divergence",
    "crews": "workers",
    "give_way": "sched_yield",
    "judge": "check_losses_finite",
    "likes": "prototypes",
    "least": "minimum or min_…",
    "loneoutcome": "DetachedResults",
    "most": "maximum or max_…",
    "parameter_starts": "layer_offsets",
    "penalised": "with_l1",
    "place": "offset, position or path",
    "places": "offsets, position_names or paths",
    "seek_infinite": "find_non_finite_weights",
    "setting": "TrainingOptions",
    "slope": "derivative or delta",
    "straight": "unrolled",
    "turned": "transposed",
    "waits_in_vain": "should_stop_early",
}
"""By the retired name in lower case, the one that took over. Prose may need some of these words; a name does not."""


def names(source):
    """Yield the names that a file gives to functions, classes, arguments, variables and attributes."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            yield node.name
        elif isinstance(node, ast.arg):
            yield node.arg
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield node.attr


def retired(source):
    return {name: RETIRED[name.strip("_").lower()] for name in names(source) if name.strip("_").lower() in RETIRED}


@pytest.mark.slow
def test_no_name_is_a_retired_one():
    found = {path.relative_to(ROOT).as_posix(): retired(path.read_text("utf-8")) for path in FILES}
    assert {path: names for path, names in found.items() if names} == {}


def test_retired_names_are_found():
    source = "def bury(judge):\n    self._place, Most = 1, 2\n    left = other.turned\n\nclass Setting: pass"
    assert set(retired(source)) == {"bury", "judge", "_place", "Most", "Setting"}
