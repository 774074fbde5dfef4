"""Converts the strings of the command line to hyperparameters, hidden layers, factors of layers and schedules."""

import argparse
import re
from dataclasses import MISSING, fields

import fastprop as fp
from fastprop.options import OPTIMIZERS, SCHEDULES
from fastprop.options.schedules import UNITS
from fastprop.tabular.numeric_encodings import NUMERIC_ENCODINGS, SEARCH

OPTIMIZER_NAMES = {option.__name__.lower(): option for option in OPTIMIZERS}
"""Optimizers by the name that the command line has for them: ``rmsprop`` is `RMSprop`."""

SCHEDULE_NAMES = {
    re.sub("(?<!^)(?=[A-Z])", "-", re.sub("Decay$|^ReduceOn", "", option.__name__)).lower(): option
    for option in SCHEDULES
}
"""Schedules, likewise by name: ``one-cycle`` is `OneCycle`, and ``cosine`` is `CosineDecay`."""

EXAMPLE = "as in step:10:0.5 or warmup:5+cosine"
"""How schedules are written, for messages."""

SPACES = {"geomspace": fp.geomspace, "linspace": fp.linspace, "loguniform": fp.loguniform, "uniform": fp.uniform}
"""By name, the functions and distributions that stand for several values of a hyperparameter."""


def joined_by(joint):
    """Return a decorator of functions that convert several values in one string, between which the `joint` stands."""

    def marked(convert):
        convert.joint = joint
        return convert

    return marked


@joined_by(",")
def columns(text):
    """Return the names of columns as they were written: ``problem`` splits them, because a name may have a comma."""
    return text


@joined_by(",")
def values(text):
    """Return the values of a hyperparameter: 0.1 or 0.1,0.3, or a range or distribution such as geomspace:0.1:1:8."""
    name, *parameters = text.split(":")
    try:
        if not parameters:
            return [float(value) for value in name.split(",")]
        return SPACES[name](float(parameters[0]), float(parameters[1]), *map(int, parameters[2:]))
    except (KeyError, IndexError, ValueError, TypeError):
        raise argparse.ArgumentTypeError(
            f"{text!r} is not 0.1 or 0.1,0.3 or geomspace:FIRST:LAST:COUNT with positive numbers, nor linspace:… or "
            "loguniform:LOW:HIGH or uniform:…"
        ) from None


@joined_by("x")
def hidden(text):
    """Return the sizes of the hidden layers: 32 or 64x32."""
    try:
        return tuple(int(size) for size in text.split("x"))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not 32 or 64x32") from None


@joined_by("x")
def layer_rates(text):
    """Return a factor of the learning rate for each layer: 0.5x1x1."""
    try:
        return tuple(float(factor) for factor in text.split("x"))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not numbers for each layer such as 0.5x1x1") from None


@joined_by(",")
def pinball(text):
    """Return the loss of quantiles: 0.1,0.5,0.9."""
    try:
        return fp.Pinball([float(quantile) for quantile in text.split(",")])
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not numbers between 0 and 1 that ascend, as 0.1,0.5,0.9"
        ) from None


def list_of(convert):
    """Return a function that converts each part of a string, which commas separate."""
    return joined_by(",")(lambda text: [convert(part) for part in text.split(",")])


def one_of(names):
    """Return a function that takes one of some names."""

    def checked(text):
        if text not in names:
            raise argparse.ArgumentTypeError(f"{text!r} is not one of {', '.join(names)}")
        return text

    return checked


numeric_encoding = one_of(NUMERIC_ENCODINGS)


def numeric_encodings(text):
    """Return the names of the encodings of numbers that a search tries, or what stands for several."""
    return text if text == SEARCH else list_of(numeric_encoding)(text)


def whole_number(text):
    """Return a whole number."""
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number") from None


def number(text):
    """Return a number."""
    try:
        return float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number") from None


def patience(text):
    """Return a number of epochs, or ``"never"``."""
    if text == "never":
        return text
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of epochs, or never") from None


def search(text):
    """Return a search: population is ``PopulationBased()``, population:5:0.3 is one of 5 epochs and a share of 0.3."""
    name, *numbers = text.split(":")
    given = dict(zip(("epochs", "share"), numbers))
    try:
        if name != "population" or len(numbers) > len(given):
            raise ValueError
        return fp.PopulationBased(**{each: (int if each == "epochs" else float)(given[each]) for each in given})
    except ValueError as error:
        reason = f" ({error})".removesuffix(".)") + ")" if ":" in str(error) and "literal" not in str(error) else ""
        raise argparse.ArgumentTypeError(f"{text!r} is not population[:EPOCHS[:SHARE]]{reason}") from None


def schedule(text):
    """Return a schedule: step:10:0.5 is ``StepDecay(10, 0.5)``, warmup:5+cosine is ``Warmup(5, CosineDecay())``.

    ``constant`` is given back as it is.
    """
    if text == "constant":
        return text
    first, _, then = text.partition("+")
    name, *given = first.split(":")
    if name not in SCHEDULE_NAMES:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not {' or '.join(SCHEDULE_NAMES)}, nor one with numbers {EXAMPLE}"
        )
    option = SCHEDULE_NAMES[name]
    names = [field.name for field in fields(option) if field.name not in ("by", "then")]
    options = {"by": given.pop()} if given and given[-1] in UNITS else {}
    if not _required(option) <= len(given) <= len(names) or (then and not _goes_before(option, then)):
        raise argparse.ArgumentTypeError(f"{text!r} is not {_form(name, names, option)} {EXAMPLE}")
    if then:
        options["then"] = None if then == "constant" else schedule(then)
    try:
        numbers = (int(each) if each.isdigit() else float(each) for each in given)
        return option(*numbers, **options)
    except (ValueError, TypeError) as error:
        reason = f" ({error})".replace(".)", ")") if "convert" not in str(error) else ""
        raise argparse.ArgumentTypeError(f"{text!r} is not {_form(name, names, option)} {EXAMPLE}{reason}") from None


def _goes_before(option, then):
    """Return whether a kind of schedule can go before another one, which is a text."""
    return "then" in option.__dataclass_fields__ and SCHEDULE_NAMES.get(then.partition(":")[0]) is not option


def _required(option):
    """Return how many numbers a schedule must have."""
    return sum(field.default is MISSING for field in fields(option))


def _form(name, names, option):
    """Return how a schedule is written, such as ``step:EVERY[:FACTOR]``."""
    required = _required(option)
    form = name + "".join(f":{each.upper()}" for each in names[:required])
    form += "".join(f"[:{each.upper()}" for each in names[required:]) + "]" * len(names[required:])
    return form + ("[+SCHEDULE]" if "then" in option.__dataclass_fields__ else "")
