"""Checks, when `runs` is imported, that what has a row in one table also has one in the others.

Without this check, a missing row would give a wrong result in some later run, and no error.
"""

from dataclasses import fields
from typing import get_args

from fastprop import c_header, options, reference
from fastprop.integrations import onnx_models, torch_modules
from fastprop.kernels import activations, losses, optimizers, schedules, update_rules
from fastprop.options.optimizers import HYPERPARAMETERS, PER_LANE
from fastprop.options.schedules import AfterWarmup

HELP = "see .github/CONTRIBUTING.md for what a new one needs"
"""The end of each message."""


def check_tables():
    """Raise ImportError if two tables that must have the same names have not, or if their rows do not agree."""
    names_of = lambda classes: [each.__name__ for each in classes]  # noqa: E731
    in_optimizers = [field.name for optimizer in options.OPTIMIZERS for field in fields(optimizer)]
    rules = [rule for optimizer in options.DESCENTS for rule in optimizer.rules]
    for what, table, other in (
        ("activation", activations.ACTIVATIONS, reference.ACTIVATIONS),
        ("activation", onnx_models.ACTIVATIONS, reference.ACTIVATIONS),
        ("activation", torch_modules.ACTIVATIONS, reference.ACTIVATIONS),
        ("activation", c_header.ACTIVATIONS, reference.ACTIVATIONS),
        ("loss", losses.LOSSES, reference.LOSSES),
        ("update rule", update_rules.RULES, rules),
        ("optimizer", names_of(options.DESCENTS), reference.OPTIMIZERS),
        ("hyperparameter", update_rules.GIVEN, PER_LANE),
        ("hyperparameter", HYPERPARAMETERS, in_optimizers),
        ("schedule", schedules.SCHEDULES, names_of(get_args(AfterWarmup))),
        ("schedule", names_of(options.SCHEDULES), reference.SCHEDULES),
        ("clip", optimizers.CLIPS, names_of(options.CLIPS)),
        ("clip", reference.CLIPS, names_of(options.CLIPS)),
    ):
        _check_same(what, table, other)
    for what, table in (
        ("activation", activations.ACTIVATIONS),
        ("loss", losses.LOSSES),
        ("update rule", update_rules.RULES),
        ("schedule", schedules.SCHEDULES),
    ):
        codes = [row.code for row in table.values()]
        if len(set(codes)) < len(codes):
            raise ImportError(f"the code of each {what} must be another one, not {codes}: {HELP}.")
    for name, row in losses.LOSSES.items():
        if row.from_logits != (reference.LOSSES[name].output is not None):
            raise ImportError(
                f"loss {name!r} must be computed from logits in kernels and reference or in none: {HELP}."
            )
    for option in get_args(AfterWarmup):
        constants = {field.name for field in fields(option)} - {"by"}
        _check_same(f"constant of {option.__name__}", schedules.SCHEDULES[option.__name__].constants, constants)


def _check_same(what, names, others):
    if missing := set(names) ^ set(others):
        raise ImportError(f"{what} {', '.join(sorted(missing))} has a row in one table and none in another: {HELP}.")
