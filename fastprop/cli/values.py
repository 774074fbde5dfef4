"""What the words of the command line stand for: values to sweep, layers, schedules, data."""

import argparse
import re

import fastprop as fp
from fastprop import checks
from fastprop.options import OPTIMIZERS, SCHEDULES
from fastprop.options.schedules import UNITS

OPTIMIZER_NAMES = {kind.__name__.lower(): kind for kind in OPTIMIZERS}

SCHEDULE_NAMES = {
    re.sub("(?<!^)(?=[A-Z])", "-", re.sub("Decay$|^ReduceOn", "", kind.__name__)).lower(): kind for kind in SCHEDULES
}
"""``one-cycle`` is `OneCycle`, and ``cosine`` is `CosineDecay`."""

_SPACES = {"geomspace": fp.geomspace, "linspace": fp.linspace, "loguniform": fp.loguniform, "uniform": fp.uniform}


def values(text):
    """0.1 or 0.1,0.3, or what is spaced between two numbers or drawn from a distribution of them."""
    kind, *rest = text.split(":")
    try:
        if not rest:
            return [float(value) for value in kind.split(",")]
        return _SPACES[kind](float(rest[0]), float(rest[1]), *map(int, rest[2:]))
    except (KeyError, IndexError, ValueError, TypeError):
        raise argparse.ArgumentTypeError(
            f"{text!r} is not 0.1 or 0.1,0.3 or geomspace:FIRST:LAST:COUNT with positive numbers, nor linspace:… or "
            "loguniform:LOW:HIGH or uniform:…"
        ) from None


def hidden(text):
    """32 or 64x32: the sizes of the hidden layers."""
    try:
        return tuple(int(size) for size in text.split("x"))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not 32 or 64x32") from None


def each(kind):
    """The type of several values, each of a `kind`, with commas between them."""
    return lambda text: [kind(one) for one in text.split(",")]


def schedule(text):
    """step:10:0.5 or warmup:5+cosine: a schedule with its numbers, and what comes after a warm-up."""
    first, _, then = text.partition("+")
    name, *numbers = first.split(":")
    try:
        rest = {"by": numbers.pop()} if numbers and numbers[-1] in UNITS else {}
        if then:
            rest["then"] = schedule(then)
        numbers = (int(number) if number.isdigit() else float(number) for number in numbers)
        return SCHEDULE_NAMES[name](*numbers, **rest)
    except (KeyError, ValueError, TypeError) as error:
        known = " or ".join(SCHEDULE_NAMES)
        raise argparse.ArgumentTypeError(f"{text!r} is not {known}, or numbers as in step:10:0.5 ({error})") from None


def keep(text):
    """``best``, ``all`` or a number of networks."""
    return int(text) if text.isdigit() else text


def data(options):
    """The inputs and targets that the command names."""
    if options.data == "digits":
        if options.target is not None:
            raise ValueError("digits has its own target: leave --target out.")
        return fp.datasets.digits()
    return fp.datasets.read(options.data, options.target)


def layer_sizes(X, y, hidden):
    """The sizes of a network's layers for such data."""
    if y.ndim == 2:
        return X.shape[-1], *hidden, y.shape[1]
    return X.shape[-1], *hidden, int(y.max()) + 1 if y.dtype.kind == "i" else 1


def network(options, y, sizes, activation, seed):
    """An untrained network."""
    output = checks.output_for(options.loss, y, sizes[-1])
    return fp.MLP(sizes, hidden=activation, output=output, seed=seed)
