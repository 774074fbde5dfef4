"""How the command line writes arguments, for messages: ``--learning-rate 0.1`` is ``learning_rate=0.1`` of Python."""

import ast
import re
import shlex
from dataclasses import fields

from fastprop.checks import Spelling
from fastprop.cli import values
from fastprop.options import LOSS_OPTIONS
from fastprop.tabular.columns import listed

OPTION_NAMES = {
    "hidden": "activation",
    "layer_sizes": "hidden",
    "coverage": "interval",
    "clip": "clip_norm",
    "limit": "clip_norm",  # of ClipNorm
    "patience": "early_stopping",  # of EarlyStopping
}
"""By the name of an argument in Python, the name of the option of the command line, where the two differ."""

NOT_OPTIONS = "command", "data", "network", "output"
"""What the parser calls other things than options, or options that are no arguments in Python."""

_LOSS_NAMES = {option.__name__: option.name for option in LOSS_OPTIONS}

_OF_OPTION = {"ClipNorm": "limit", "EarlyStopping": "patience"}
"""By the class of an option in Python, the argument that is its value on the command line."""


def spelling(options):
    """Return the `Spelling` of a command with these options, an ``argparse.Namespace``, whose names follow from flags.

    An argument that the command does not have is called as in Python.
    """
    known = {name: name for name in vars(options) if name not in NOT_OPTIONS}
    flags = known | {name: other for name, other in OPTION_NAMES.items() if other in known}
    flags = {name: f"--{other.replace('_', '-')}" for name, other in flags.items()}
    flags |= {"quantiles": "--quantiles"} if "loss" in known else {}  # of Pinball
    switches = {name for name, given in vars(options).items() if isinstance(given, bool)}

    def named(name):
        name = _plain(name)
        return flags.get(name) or (name.replace("_", " ") if name.isidentifier() else name)

    def assigned(name, text):
        flag = named(name)
        if _plain(name) in switches:
            return flag if text == "True" else f"--no-{flag[2:]}"
        return f"{flag} {shlex.quote(value(name, text))}"

    return Spelling(
        knows=lambda name: _plain(name) in flags,
        name=named,
        value=value,
        assigned=assigned,
        parts=parts,
    )


def _plain(name):
    """Return the name of an argument, also of an entry such as ``grid['momentum']``."""
    return re.sub(r"^grid\['(\w+)'\]$|^(\w+)='\w+'$", r"\1\2", name)


def value(name, text):
    """Return a value of an argument as the command line has it, of a text of Python such as ``ClipNorm(limit=1.0)``.

    What the command line has no words for stays as it is: a run may have begun in Python.

    Examples
    --------
    >>> from fastprop.cli.spelling import value
    >>> value("layer_sizes", "(64, 32, 16, 10)"), value("clip", "ClipNorm(limit=1.0)"), value("epochs", "5")
    ('32x16', '1', '5')
    >>> value("schedule", "Warmup(length=5, then=CosineDecay(final=0.1, by='epoch'), by='epoch')")
    'warmup:5+cosine:0.1'
    """
    try:
        node = ast.parse(str(text), mode="eval").body
        return _written(name, node)
    except (SyntaxError, ValueError, TypeError, LookupError, RecursionError):
        return str(text)


def parts(name, text, other):
    """Return what differs of two values, each as (name, value, value) in texts of Python."""
    if value(name, text) != value(name, other):
        return [(name, text, other)]
    if name == "layer_sizes":  # the sizes of inputs or outputs differ
        return [("sizes of all layers", text, other)]
    given, ours = (_arguments(each) for each in (text, other))
    pairs = ((each, given.get(each), ours.get(each)) for each in given | ours)
    return [(each, *pair) for each, *pair in pairs if pair[0] != pair[1]] or [(name, text, other)]


def _arguments(text):
    """Return the arguments of a call in Python, by name, as texts."""
    node = ast.parse(str(text), mode="eval").body if "(" in str(text) else None
    return {each.arg: ast.unparse(each.value) for each in node.keywords} if isinstance(node, ast.Call) else {}


def _written(name, node):
    if isinstance(node, ast.Constant):
        if node.value is None:
            return {"schedule": "constant", "patience": "never"}.get(name, "none")
        if isinstance(node.value, bool):
            return "yes" if node.value else "no"
        return re.sub(r"\.0$", "", str(node.value))
    if isinstance(node, ast.Tuple) and name == "layer_sizes":
        return "x".join(str(ast.literal_eval(size)) for size in node.elts[1:-1]) or "none"
    if isinstance(node, ast.Tuple) and name == "layer_rates":
        return "x".join(f"{ast.literal_eval(rate):g}" for rate in node.elts)
    if isinstance(node, ast.Tuple) and name == "quantiles":
        return ",".join(f"{ast.literal_eval(quantile):g}" for quantile in node.elts)
    if isinstance(node, ast.List):
        return listed([_written(name, each) for each in node.elts])
    if not isinstance(node, ast.Call):
        raise ValueError(f"{ast.unparse(node)} is no value")
    kind = getattr(node.func, "attr", None) or getattr(node.func, "id", "")
    if kind in _LOSS_NAMES:
        return _LOSS_NAMES[kind]
    if kind in _OF_OPTION:
        given = {each.arg: each.value for each in node.keywords}
        return _written(_OF_OPTION[kind], given.get(_OF_OPTION[kind]) or node.args[0])
    if kind == "PopulationBased":
        given = {each.arg: ast.literal_eval(each.value) for each in node.keywords}
        return ":".join(["population", *(f"{given[each]:g}" for each in ("epochs", "share") if given.get(each))])
    if kind.lower() in values.OPTIMIZER_NAMES:
        return kind.lower()
    if kind.lower() in values.SPACES:
        numbers = [*node.args, *(each.value for each in node.keywords if each.arg in ("low", "high"))]
        return ":".join([kind.lower(), *(f"{ast.literal_eval(each):g}" for each in numbers)])
    return _schedule(kind, {each.arg: each.value for each in node.keywords})


def _schedule(kind, given):
    """Return a schedule as the command line has it: its name, and its numbers up to the last that is no default."""
    names = {option.__name__: name for name, option in values.SCHEDULE_NAMES.items()}
    name = names[kind]
    option = values.SCHEDULE_NAMES[name]
    then = given.pop("then", None)
    rows = [field for field in fields(option) if field.name in given]
    texts = [_written("", given[field.name]) for field in rows]
    while rows and texts[-1] == re.sub(r"\.0$", "", str(rows[-1].default)):
        rows.pop()
        texts.pop()
    following = [] if then is None or isinstance(then, ast.Constant) else [_written("schedule", then)]
    return "+".join([":".join([name, *texts]), *following])
