"""A journal knows a score by its code and all that it uses: the same in another process, and another after a change."""

import functools
import importlib
import sqlite3
import sys
import threading
import time
import types
from typing import TypeVar

import numba
import numpy as np
import pytest
from sklearn.metrics import f1_score, fbeta_score, make_scorer

import fastprop as fp
from fastprop.fingerprints import NoFingerprintError, fingerprint
from tests.compare import assert_refused
from tests.problems import three_classes
from tests.processes import run_python

X, LABELS = three_classes()

SCORES = """
import functools, math, threading
import numpy as np
from sklearn import metrics
from sklearn.metrics import f1_score, make_scorer
import helper
NAMES = {"ab", "cd", "ef", "gh"}
WEIGHTS = np.arange(3.0)
LOCK = threading.Lock()
def share(outputs, y):
    return float((outputs.argmax(axis=1) == y).mean())
def weighted(outputs, y, power=2):
    '''A docstring.'''
    with LOCK:
        return share(outputs, y) * WEIGHTS.sum() ** power + math.pi + helper.used(y) + metrics.f1_score(y, y)
def imports_inside(outputs, y):
    from sklearn.metrics import f1_score
    return len(NAMES) if "x" in {"x", "y", "z"} else [share(outputs, each) for each in y]
def limited(limit):
    return lambda outputs, y: float((outputs > limit).mean())
class Scorer:
    factor = 2
    def __init__(self, limit):
        self.limit = limit
        self.itself = self
    def __call__(self, outputs, y):
        return self.factor * self.limit
    def method(self, outputs, y):
        return super().__hash__() * 0
scores = {
    "function": share,
    "uses much": weighted,
    "imports": imports_inside,
    "closure": limited(0.5),
    "partial": functools.partial(weighted, power=3),
    "callable": Scorer(3),
    "method": Scorer(3).method,
    "scorer": make_scorer(f1_score, average="macro"),
    "scorer of a function": make_scorer(share, greater_is_better=False),
    "of a package": f1_score,
    "of NumPy": np.mean,
    "cached": functools.lru_cache(share),
}
"""
"""A module of scores, of which each test changes one thing."""

CHANGES = {
    "function": ("== y", "!= y"),
    "uses much": ("axis=1", "axis=-1"),
    "imports": ('"ef"', '"xx"'),
    "closure": ("limited(0.5)", "limited(0.6)"),
    "partial": ("power=3", "power=4"),
    "callable": ("factor = 2", "factor = 3"),
    "method": ("* 0", "* 1"),
    "scorer": ('average="macro"', 'average="micro"'),
    "scorer of a function": ("greater_is_better=False", "greater_is_better=True"),
    "cached": ("axis=1", "axis=-1"),
}

PRINT = """
import sys
sys.path[:0] = [{folder!r}, {root!r}]
from scores import scores
from fastprop.fingerprints import fingerprint
print({{name: fingerprint(score).parts for name, score in scores.items()}})
"""


def printed(folder, source, helper="def used(y): return 1.0\n\ndef unused(): return 2\n", **environment):
    """Return the parts of all scores of a module, by name, as another process sees them."""
    (folder / "scores.py").write_text(source)
    (folder / "helper.py").write_text(helper)
    root = str(fp.__path__[0]).removesuffix("/fastprop")
    code = PRINT.format(folder=str(folder), root=root)
    return eval(run_python(code, PYTHONDONTWRITEBYTECODE="1", **environment))


@pytest.mark.slow
def test_scores_are_the_same_in_another_process_and_others_after_a_change(tmp_path):
    first = printed(tmp_path, SCORES, PYTHONHASHSEED="1")
    moved = "# a comment that moves all lines\n" + SCORES.replace("A docstring", "Another docstring")
    unused = "def used(y): return 1.0\n\ndef unused(): return 3\n"
    assert printed(tmp_path, moved, unused, PYTHONHASHSEED="2") == first
    for name, change in CHANGES.items():
        assert printed(tmp_path, SCORES.replace(*change))[name] != first[name], name
    assert printed(tmp_path, SCORES, "def used(y): return 2.0\n")["uses much"] != first["uses much"]


def scored(function, path):
    return fp.sweep((4, 5, 3), X, LABELS, {"seed": [0]}, epochs=1, validation=0.2, score=function, journal=path)


def named(function, name="score"):
    function.__name__ = name
    return function


def closed_over(value):
    return named(lambda outputs, y: 0.0 * len(str(value)))


PAIRS = {
    "code differs": (named(lambda outputs, y: float(outputs.sum())), named(lambda outputs, y: float(outputs.min()))),
    "'value' differs": (closed_over({"a": [1, 2]}), closed_over({"a": [1, 3]})),
    "defaults differs": (named(lambda outputs, y, n=1: n), named(lambda outputs, y, n=2: n)),
    "keywords differs": (
        functools.partial(fp.metrics.mse, power=2),
        functools.partial(fp.metrics.mse, power=3),
    ),
    "'_kwargs' differs": (make_scorer(fbeta_score, beta=1), make_scorer(fbeta_score, beta=2)),
    "'_sign' differs": (make_scorer(f1_score), make_scorer(f1_score, greater_is_better=False)),
}


@pytest.mark.parametrize(("words", "pair"), PAIRS.items(), ids=PAIRS)
def test_the_part_of_a_score_that_differs_is_named(words, pair):
    first, second = (fingerprint(each).parts for each in pair)
    assert [name for name in first if first[name] != second[name]] == [words.removesuffix(" differs")]


def test_a_journal_of_another_formula_of_the_same_name_is_refused(tmp_path):
    path = tmp_path / "runs.jsonl"
    first, second = PAIRS["code differs"]
    scored(first, path)
    other = named(lambda outputs, y: float(outputs.sum()), "other")
    words = f"{path} is the journal of another sweep, whose code of the score differs: give"
    assert_refused(ValueError, words, scored, second, path)
    assert_refused(ValueError, "whose score is score and not other: give", scored, other, path)


def test_a_journal_of_another_python_is_refused_for_that_reason(tmp_path, monkeypatch):
    path = tmp_path / "runs.jsonl"
    scored(PAIRS["code differs"][0], path)
    monkeypatch.setattr("platform.python_version_tuple", lambda: ("3", "99", "1"))
    version = ".".join(map(str, sys.version_info[:2]))
    assert_refused(ValueError, f"whose Python is {version} and not 3.99: give", scored, PAIRS["code differs"][1], path)


def test_a_score_that_no_other_process_can_compare_is_refused(tmp_path):
    connection = sqlite3.connect(":memory:")
    words = (
        "the journal cannot tell the score score from another, because its 'value' has a Connection, whose content no "
        "other process can compare: leave it out of the score, or leave out the journal."
    )
    assert_refused(ValueError, words, scored, closed_over(connection), tmp_path / "runs.jsonl")
    assert not (tmp_path / "runs.jsonl").exists()
    connection.close()
    for value in ((each for each in [1]), threading.local()):
        with pytest.raises(NoFingerprintError):
            fingerprint(closed_over(value))


class Node:
    def __init__(self, value):
        self.value = value
        self.next = self


def test_cycles_and_equal_content_are_told():
    one, same, other = (fingerprint(closed_over([Node(n), np.arange(3), {"k", n}])).parts for n in (1, 1, 2))
    assert one == same != other


def test_dicts_and_sets_count_by_their_content_and_arrays_by_all_elements():
    def parts(value):
        return fingerprint(closed_over(value)).parts

    assert parts({"a": 1, "b": 2}) == parts({"b": 2, "a": 1})
    assert parts([1, 2]) != parts([2, 1])
    assert parts(1) != parts(1.0) != parts("1")
    large = np.zeros(5000)
    changed = large.copy()
    changed[2500] = 1
    assert parts(large) == parts(np.zeros(5000)) != parts(changed)
    assert parts(large) != parts(large.reshape(2, -1))
    assert parts(np.array(["x", 3], object)) == parts(np.array(["x", 3], object))


CLASS = """
class Limits:
    __slots__ = ("low", "high")
    @staticmethod
    def smallest():
        return 0
    @classmethod
    def largest(cls):
        return 1
    @property
    def width(self):
        return self.high - self.low
"""


def class_of(source):
    return executed(source)["Limits"]


def executed(source, name="limits"):
    """The names that a source defines, in a module that is the user's own."""
    names = {"__name__": name}
    exec(source, names)
    return names


def with_attribute(value):
    function = named(lambda outputs, y: 0.0)
    function.limit = value
    return function


def assigned_later(is_assigned):
    def score(outputs, y):
        return limit

    if is_assigned:
        limit = 0
    return score


CONTENT = {
    "a scalar of NumPy": lambda n: np.float32(n),
    "a dtype": lambda n: np.dtype(f"f{4 * n}"),
    "a masked array": lambda n: np.ma.array([1, 2, 3], mask=[False, n == 1, True]),
    "a view of a mapping": lambda n: types.MappingProxyType({"limit": n}),
    "a method of a dict": lambda n: {"limit": n}.get,
    "a method of an object": lambda n: executed(CLASS.replace("return 0", f"return {n}"))["Limits"]().smallest,
    "a universal function": lambda n: (np.add, np.multiply)[n - 1],
    "a function of Python's own library": lambda n: (time.time, time.monotonic)[n - 1],
    "a function compiled by Numba": lambda n: numba.njit(executed(f"def score(outputs): return {n}")["score"]),
    "a function with attributes": with_attribute,
    "a function with a variable that may not be assigned": lambda n: assigned_later(n == 2),
    "a random state of its own": np.random.RandomState,
    "a module": lambda n: [types.ModuleType(f"limits{n}")],
    **{
        f"a class, of which {change[0]!r} becomes another": lambda n, change=change: class_of(
            CLASS if n == 1 else CLASS.replace(*change)
        )
        for change in [("return 0", "return 3"), ("return 1", "return 3"), (" - ", " + "), ('"low", ', "")]
    },
}
"""What a score may use: a function that makes one thing of 1, and another of 2."""


@pytest.mark.parametrize("make", CONTENT.values(), ids=CONTENT)
def test_what_a_score_uses_counts_by_its_content(make):
    one, same, other = (fingerprint(closed_over(make(n))).parts for n in (1, 1, 2))
    assert one == same != other


def test_numbers_that_numpys_global_functions_have_drawn_do_not_count():
    before = fingerprint(closed_over(np.random.random)).parts
    np.random.random()  # noqa: NPY002 (its state is what a score may use)
    assert fingerprint(closed_over(np.random.random)).parts == before


def test_what_is_nested_too_deeply_or_only_has_a_name_is_refused():
    nested = []
    for _ in range(5000):
        nested = [nested]
    with pytest.raises(NoFingerprintError, match=r"^its 'value' is nested too deeply$"):
        fingerprint(closed_over(nested))
    with pytest.raises(NoFingerprintError, match=r"^its 'value' has a TypeVar, whose content no other process can com"):
        fingerprint(closed_over(TypeVar("T")))


def test_a_module_that_a_score_imports_by_itself_counts_by_its_source(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    score = executed("def score(outputs, y):\n from limits_of_scores import limit\n return limit")["score"]
    absent = fingerprint(score).parts
    found = []
    for content in ("limit = 1", "limit = 1", "limit = 2"):
        (tmp_path / "limits_of_scores.py").write_text(content)
        importlib.invalidate_caches()
        found.append(fingerprint(score).parts)
    assert absent != found[0] == found[1] != found[2]
    assert [name for name in found[0] if found[0][name] != found[2][name]] == ["import of limits_of_scores"]


def test_a_function_that_imports_from_its_own_package_is_known():
    one, other = (executed(f"def score(outputs, y):\n from . import {name}\n return 0")["score"] for name in "ab")
    assert fingerprint(one).parts == fingerprint(one).parts != fingerprint(other).parts


def test_a_function_that_belongs_to_no_module_is_known_by_what_it_uses():
    def compiled(limit):
        names = {"limit": limit}
        exec("def score(outputs, y): return float((outputs > limit).mean())", names)
        return names["score"]

    assert compiled(0.5).__module__ is None
    assert fingerprint(compiled(0.5)) == fingerprint(compiled(0.5))
    assert fingerprint(compiled(0.5)) != fingerprint(compiled(0.7))
