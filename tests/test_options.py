"""Options: the defaults, checks and update rules of optimizers; the checks of losses and clipping."""

import dataclasses

import numpy as np
import pytest

import fastprop as fp
from tests.compare import assert_refused

OPTIMIZERS = [fp.SGD, fp.Adam, fp.AdamW, fp.RMSprop, fp.Adagrad, fp.Lion]


def test_plain_descent_is_the_default():
    assert fp.SGD() == fp.SGD(learning_rate=0.1, momentum=0.0, nesterov=False, weight_decay=0.0, l1=0.0)


def test_the_defaults_of_adam_are_those_of_its_paper():
    assert fp.Adam() == fp.Adam(learning_rate=1e-3, beta1=0.9, beta2=0.999, epsilon=1e-8, weight_decay=0.0, l1=0.0)


@pytest.mark.parametrize("kind", OPTIMIZERS)
@pytest.mark.parametrize("number", [1, np.float32(1), np.int64(1), np.array(1.0)[()]])
def test_a_learning_rate_of_any_kind_of_number_is_a_float(kind, number):
    assert type(kind(number).learning_rate) is float
    assert kind(number) == kind(1.0)


@pytest.mark.parametrize("kind", OPTIMIZERS)
def test_an_optimizer_cannot_be_changed(kind):
    with pytest.raises(dataclasses.FrozenInstanceError):
        kind(0.1).learning_rate = 0.2


def test_what_replaces_a_value_is_checked_too():
    with pytest.raises(ValueError, match="momentum"):
        dataclasses.replace(fp.SGD(0.1, momentum=0.9), momentum=2)


@pytest.mark.parametrize(
    ("optimizer", "rule"),
    [
        (fp.SGD(), "sgd"),
        (fp.SGD(momentum=0.9), "momentum"),
        (fp.SGD(momentum=0.9, nesterov=True), "nesterov"),
        (fp.Adam(), "adam"),
        (fp.AdamW(), "adamw"),
        (fp.RMSprop(), "rmsprop"),
        (fp.RMSprop(momentum=0.9), "rmsprop_momentum"),
        (fp.Adagrad(), "adagrad"),
        (fp.Lion(), "lion"),
    ],
    ids=str,
)
def test_an_optimizer_names_its_rule(optimizer, rule):
    assert optimizer.rule == rule


@pytest.mark.peers
@pytest.mark.parametrize("kind", [fp.Adam, fp.AdamW, fp.RMSprop, fp.Adagrad])
def test_the_defaults_are_those_of_torch(kind):
    torch = pytest.importorskip("torch")
    theirs = getattr(torch.optim, kind.__name__)([torch.zeros(1, requires_grad=True)]).defaults
    names = {"learning_rate": "lr", "epsilon": "eps", "smoothing": "alpha"}
    for name, value in dataclasses.asdict(kind(l1=0)).items():
        if name.startswith("beta"):
            assert value == theirs["betas"][int(name[-1]) - 1]
        elif name != "l1":
            assert value == theirs[names.get(name, name)]


# ---- losses and clipping ----


@pytest.mark.parametrize(
    ("kind", "value", "error", "words"),
    [
        (fp.Huber, 0.0, ValueError, "delta must be at least 1e-30 and finite, not 0.0: give a number in that range"),
        (fp.Huber, "1", TypeError, "delta must be a number, not '1': give a float"),
        (fp.CrossEntropy, 1.0, ValueError, "label_smoothing must be at least 0 and below 1, not 1.0: give a number"),
        (fp.CrossEntropy, -0.1, ValueError, "label_smoothing must be at least 0 and below 1, not -0.1: give a number"),
        (fp.BinaryCrossEntropy, 1.0, ValueError, "label_smoothing must be at least 0 and below 1, not 1.0: give a"),
        (fp.ClipNorm, -1.0, ValueError, "limit must be at least 0 and finite, not -1.0: give a number in that range"),
        (fp.ClipValue, np.inf, ValueError, "limit must be at least 0 and finite, not inf: give a number in that range"),
        (fp.ClipValue, None, TypeError, "limit must be a number, not None: give a float"),
    ],
)
def test_numbers_of_losses_and_clipping_are_checked(kind, value, error, words):
    assert_refused(error, words, kind, value)
