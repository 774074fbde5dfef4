"""The code keeps to the limits of CONTRIBUTING: sizes of functions and files, and who reads private attributes."""

import ast
from pathlib import Path

import pytest

import fastprop as fp

PACKAGE = Path(fp.__file__).parent
FILES = {path.relative_to(PACKAGE).as_posix(): path.read_text("utf-8") for path in sorted(PACKAGE.rglob("*.py"))}

PARAMETERS, LINES_OF_FUNCTION, LINES_OF_FILE = 8, 60, 450

MANY_PARAMETERS = {"train", "sweep", "train_stream", "find_learning_rate", "step", "__init__"}
"""Public functions and constructors that may have more parameters; `step` is the reference's."""

OF_NAMED_TUPLES = {"_replace", "_asdict", "_fields", "_make", "_field_defaults"}

OF_OTHER_LIBRARIES = {"_exit", "_getframe", "_parameter_constraints", "_validate_params", "_repr_png_"}
"""Names of the standard library, scikit-learn and Matplotlib. Numba's stand in `kernels/compiler` alone."""


def functions(source):
    """Yield each function of a file."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield node


def parameter_names(function):
    of = function.args
    names = [each.arg for each in (*of.posonlyargs, *of.args, *of.kwonlyargs, of.vararg, of.kwarg) if each is not None]
    return names[names[:1] in (["self"], ["cls"]) :]


def lines_of_code(function, source):
    """Return how many lines a function has without its head, its docstring, comments and empty lines."""
    body = function.body[isinstance(ast.get_docstring(function), str) :]
    if not body:
        return 0
    lines = source.splitlines()[body[0].lineno - 1 : function.end_lineno]
    return sum(1 for line in lines if line.strip() and not line.strip().startswith("#"))


def private_attributes(source):
    """Return the private names that a file defines, and those that it reads of others than ``self`` and ``cls``."""
    defined, read = {function.name for function in functions(source)}, set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Attribute) and node.attr.startswith("_") and not node.attr.startswith("__"):
            is_own = isinstance(node.value, ast.Name) and node.value.id in ("self", "cls")
            of_super = isinstance(node.value, ast.Call) and ast.unparse(node.value) == "super()"
            (defined if is_own or of_super else read).add(node.attr)
    return defined, read


@pytest.mark.slow
def test_files_and_functions_are_short():
    assert [file for file, source in FILES.items() if len(source.splitlines()) > LINES_OF_FILE] == []
    all_functions = [(file, each) for file, source in FILES.items() for each in functions(source)]
    long = [(file, each.name) for file, each in all_functions if lines_of_code(each, FILES[file]) > LINES_OF_FUNCTION]
    assert long == []
    wide = {(file, each.name) for file, each in all_functions if len(parameter_names(each)) > PARAMETERS}
    assert [(file, name) for file, name in sorted(wide) if name not in MANY_PARAMETERS] == []


@pytest.mark.slow
def test_private_attributes_are_read_where_they_are_made():
    foreign = {}
    for file, source in FILES.items():
        defined, read = private_attributes(source)
        if others := read - defined - OF_NAMED_TUPLES - OF_OTHER_LIBRARIES:
            foreign[file] = sorted(others)
    assert {file: names for file, names in foreign.items() if not file.startswith("kernels/compiler/")} == {}


def test_only_the_option_itself_is_told_by_its_class():
    asked = [file for file, source in FILES.items() if "isinstance(" in source and ", LBFGS)" in source]
    assert len(asked) <= 1, asked


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("def f(self, a, *, b): pass", ["a", "b"]),
        ("def f(a, /, b, *rest, c, **others): pass", ["a", "b", "c", "rest", "others"]),
    ],
)
def test_parameters_are_counted(source, expected):
    assert parameter_names(next(functions(source))) == expected


def test_lines_of_code_are_counted():
    source = 'def f():\n    """Say\n    what."""\n    # why\n    a = 1\n\n    return a\n'
    assert lines_of_code(next(functions(source)), source) == 2


def test_private_attributes_are_found():
    source = "class A:\n    def _a(self):\n        self._b = other._c\n        return other._a"
    assert private_attributes(source) == ({"_a", "_b"}, {"_c", "_a"})
