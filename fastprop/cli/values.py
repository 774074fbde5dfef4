"""Converts the strings of the command line to hyperparameters, hidden layers, factors of layers and schedules."""

import argparse
import re

import fastprop as fp
from fastprop.options import OPTIMIZERS, SCHEDULES
from fastprop.options.schedules import UNITS

OPTIMIZER_NAMES = {option.__name__.lower(): option for option in OPTIMIZERS}
"""Optimizers by the name that the command line has for them: ``rmsprop`` is `RMSprop`."""

SCHEDULE_NAMES = {
    re.sub("(?<!^)(?=[A-Z])", "-", re.sub("Decay$|^ReduceOn", "", option.__name__)).lower(): option
    for option in SCHEDULES
}
"""Schedules, likewise by name: ``one-cycle`` is `OneCycle`, and ``cosine`` is `CosineDecay`."""

_SPACES = {"geomspace": fp.geomspace, "linspace": fp.linspace, "loguniform": fp.loguniform, "uniform": fp.uniform}
"""By name, the functions and distributions that stand for several values of a hyperparameter."""


def values(text):
    """Return the values of a hyperparameter: 0.1 or 0.1,0.3, or a range or distribution such as geomspace:0.1:1:8."""
    name, *parameters = text.split(":")
    try:
        if not parameters:
            return [float(value) for value in name.split(",")]
        return _SPACES[name](float(parameters[0]), float(parameters[1]), *map(int, parameters[2:]))
    except (KeyError, IndexError, ValueError, TypeError):
        raise argparse.ArgumentTypeError(
            f"{text!r} is not 0.1 or 0.1,0.3 or geomspace:FIRST:LAST:COUNT with positive numbers, nor linspace:… or "
            "loguniform:LOW:HIGH or uniform:…"
        ) from None


def hidden(text):
    """Return the sizes of the hidden layers: 32 or 64x32."""
    try:
        return tuple(int(size) for size in text.split("x"))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not 32 or 64x32") from None


def layer_rates(text):
    """Return a factor of the learning rate for each layer: 0.5x1x1."""
    try:
        return tuple(float(factor) for factor in text.split("x"))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not numbers for each layer such as 0.5x1x1") from None


def list_of(convert):
    """Return a function that converts each part of a string, which commas separate."""
    return lambda text: [convert(part) for part in text.split(",")]


def schedule(text):
    """Return a schedule: step:10:0.5 is ``StepDecay(10, 0.5)``, warmup:5+cosine is ``Warmup(5, CosineDecay())``.

    ``constant`` stands for None.
    """
    if text == "constant":
        return None
    first, _, then = text.partition("+")
    name, *parameters = first.split(":")
    try:
        options = {"by": parameters.pop()} if parameters and parameters[-1] in UNITS else {}
        if then:
            options["then"] = schedule(then)
        parameters = (int(parameter) if parameter.isdigit() else float(parameter) for parameter in parameters)
        return SCHEDULE_NAMES[name](*parameters, **options)
    except (KeyError, ValueError, TypeError) as error:
        known = " or ".join(SCHEDULE_NAMES)
        raise argparse.ArgumentTypeError(f"{text!r} is not {known}, or numbers as in step:10:0.5 ({error})") from None
