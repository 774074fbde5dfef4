"""The tables of activations, losses, update rules, schedules and options: what is in one is in all that need it."""

import inspect
import re
from dataclasses import is_dataclass
from typing import get_args

import numpy as np
import pytest

import fastprop as fp
from fastprop import c_header, options, reference
from fastprop.checks import HIDDEN_ACTIVATIONS
from fastprop.initialization import INITIALIZATIONS
from fastprop.kernels import activations, losses, schedules, update_rules
from fastprop.metrics import SCORES
from fastprop.options import encoding
from fastprop.options.optimizers import HYPERPARAMETERS, PER_LANE
from fastprop.options.schedules import AfterWarmup
from fastprop.runs.table_checks import check_tables
from fastprop.runs.training_options import OPTIONS, SWEPT, TrainingOptions
from fastprop.sweeping.configurations import HYPERPARAMETERS as SWEEPABLE
from tests.compare import assert_refused
from tests.parts import by_lanes
from tests.processes import ROOT

README = (ROOT / "README.md").read_text()
GUIDE = (ROOT / ".github" / "GUIDE.md").read_text()


# ---- all rows ----


def test_each_thing_has_a_row_in_each_table_that_needs_it():
    check_tables()


RELU, MSE = activations.ACTIVATIONS["relu"], losses.LOSSES["mse"]
DISAGREEING = {
    "a row in one table alone": (
        c_header.ACTIVATIONS,
        "softsign",
        "z / (1 + fabs(z))",
        "activation softsign has a row",
    ),
    "a hyperparameter of no optimizer": (HYPERPARAMETERS, "friction", None, "hyperparameter friction has a row in one"),
    "one code twice": (activations.ACTIVATIONS, "gelu", RELU, "the code of each activation must be another one, not ["),
    "logits": (losses.LOSSES, "mse", MSE._replace(from_logits=True), "loss 'mse' must be computed from logits in kern"),
}


@pytest.mark.parametrize(("table", "name", "row", "words"), DISAGREEING.values(), ids=DISAGREEING)
def test_rows_that_do_not_agree_are_an_error_at_import(table, name, row, words, monkeypatch):
    monkeypatch.setitem(table, name, row)
    assert_refused(ImportError, words, check_tables)


@pytest.mark.parametrize("table", [activations.ACTIVATIONS, losses.LOSSES, update_rules.RULES, schedules.SCHEDULES])
def test_codes_count_from_0_without_a_gap(table):
    first = 1 if table is schedules.SCHEDULES else 0  # 0 is that of no schedule
    assert sorted(row.code for row in table.values()) == list(range(first, first + len(table)))


def test_rows_name_what_there_is():
    assert {row.initialization for row in reference.ACTIVATIONS.values()} <= set(INITIALIZATIONS)
    assert {row.output for row in reference.LOSSES.values()} - {None} <= set(reference.ACTIVATIONS)
    assert max(len(row.constants) for row in schedules.SCHEDULES.values()) <= schedules.MAX_CONSTANTS
    assert max(row.states for row in update_rules.RULES.values()) <= 2


def test_only_what_is_known_to_train_is_initialized_for_rectifiers():
    rectifiers = [name for name, row in reference.ACTIVATIONS.items() if row.initialization == "he_uniform"]
    assert rectifiers == ["relu", "leaky_relu", "elu", "silu", "gelu", "mish"]
    assert [name for name, row in reference.ACTIVATIONS.items() if row.negative_slope] == ["leaky_relu"]


@pytest.mark.parametrize("optimizer", options.DESCENTS)
def test_an_optimizers_rule_is_one_of_its_rules(optimizer):
    rules = {optimizer().rule}
    if hasattr(optimizer(), "momentum"):
        rules.add(optimizer(momentum=0.5).rule)
    if hasattr(optimizer(), "nesterov"):
        rules.add(optimizer(momentum=0.5, nesterov=True).rule)
    assert rules == set(optimizer.rules)


def test_every_option_of_training_that_is_an_object_can_be_written_to_a_file():
    values = {
        "Checkpoint",
        "Halving",
        "MedianStopping",
        "OptunaSearch",
        "PopulationBased",
        "choice",
        "integers",
        "loguniform",
        "uniform",
    }
    classes = {name for name in options.__all__ if is_dataclass(getattr(options, name))}
    assert classes - values == set(encoding.OPTIONS)


def test_train_sweep_and_stream_take_the_options_whose_rows_say_so():
    names = {name: set(inspect.signature(getattr(fp, name)).parameters) for name in ("train", "sweep", "train_stream")}
    assert names["train"] >= set(OPTIONS)
    assert names["sweep"] >= set(SWEPT)
    in_stream = {name for name, row in OPTIONS.items() if row.in_stream}
    assert names["train_stream"] & set(OPTIONS) == in_stream | {"callback"}


def test_the_reference_takes_the_options_whose_rows_say_so():
    how = TrainingOptions(epochs=1)
    assert set(how.for_reference()) <= set(inspect.signature(reference.train).parameters)
    given = {"network", "chunks"}
    assert set(how.for_reference(stream=True)) | given == set(inspect.signature(reference.train_stream).parameters)
    unknown = set(OPTIONS) - set(how.for_reference())
    assert unknown == {"callback", "gradient_norm", "metrics", "checkpoint"}


def test_what_a_sweep_sweeps_is_equal_in_a_pack_or_has_a_lane_for_each_network():
    per_lane = {name for name in SWEPT if OPTIONS[name].pack_key(object.__new__(fp.SGD)) is None}
    assert per_lane == {
        "seed",
        "dropout",
        "layer_rates",
        "bias_rate",
        "bias_decay",
    }  # and of `optimizer` what its `pack_key` leaves out
    assert set(SWEEPABLE) == {*SWEPT, *PER_LANE, "layer_sizes", "hidden", "initialization"}


@pytest.mark.parametrize("optimizer", options.DESCENTS)
@pytest.mark.parametrize("name", PER_LANE)
def test_optimizers_of_a_pack_differ_in_hyperparameters_that_have_a_lane(optimizer, name):
    if name in optimizer.__dataclass_fields__:
        one, another = (optimizer(**{name: value}) for value in (0.25, 0.75))
        assert one.pack_key == another.pack_key


# ---- lists in prose ----


@pytest.mark.parametrize(
    ("text", "names"),
    [
        (README, [*reference.ACTIVATIONS, *reference.LOSSES]),
        (GUIDE, [*SCORES]),
        (README, [each.__name__ for each in (*options.OPTIMIZERS, *options.SCHEDULES, *options.CLIPS)]),
        (fp.train.__doc__, [*reference.LOSSES, *SCORES]),
    ],
)
def test_prose_names_all(text, names):
    assert [name for name in names if not re.search(rf"\b{name}\b", text)] == []


# ---- what a row does not say ----


@pytest.mark.parametrize("name", [name for name in TrainingOptions._fields if OPTIONS[name].column is not None])
def test_a_row_of_an_option_without_its_last_entries_is_safe(name):
    """What a row does not say has a default, by which networks with different values are never packed together."""
    row = type(OPTIONS[name])(OPTIONS[name].check)
    assert row.pack_key("one") != row.pack_key("another")
    assert row.compared_on_resume
    assert row.in_reference


# ---- branches ----


@pytest.mark.slow
def test_an_unknown_code_gives_nan(dtype):
    z = np.linspace(-3, 3, 64).astype(dtype)
    unknown = len(activations.ACTIVATIONS)
    for found in (
        by_lanes(lambda a, b, c, d: activations.activation(unknown, a), z),
        by_lanes(lambda a, b, c, d: activations.activation_backward(unknown, a, b), z, z),
        by_lanes(lambda a, b, c, d: activations.derivative(unknown, a), z),
    ):
        assert np.isnan(found).all()


def test_hidden_activations_are_those_of_any_layer():
    assert set(HIDDEN_ACTIVATIONS) | set(reference.OUTPUT_ONLY) == set(activations.ACTIVATIONS)
    assert {each.__name__ for each in get_args(AfterWarmup)} == set(schedules.SCHEDULES)
