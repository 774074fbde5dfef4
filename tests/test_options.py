import dataclasses

import numpy as np
import pytest

import fastprop as fp


def test_plain_descent_is_the_default():
    assert fp.SGD() == fp.SGD(learning_rate=0.1, momentum=0.0, nesterov=False, weight_decay=0.0)


def test_the_defaults_of_adam_are_those_of_its_paper():
    assert fp.Adam() == fp.Adam(learning_rate=1e-3, beta1=0.9, beta2=0.999, epsilon=1e-8, weight_decay=0.0)


@pytest.mark.parametrize("kind", [fp.SGD, fp.Adam])
@pytest.mark.parametrize("number", [1, np.float32(1), np.int64(1), np.array(1.0)[()]])
def test_a_learning_rate_of_any_kind_of_number_is_a_float(kind, number):
    assert type(kind(number).learning_rate) is float
    assert kind(number) == kind(1.0)


@pytest.mark.parametrize("kind", [fp.SGD, fp.Adam])
def test_an_optimizer_cannot_be_changed(kind):
    with pytest.raises(dataclasses.FrozenInstanceError):
        kind(0.1).learning_rate = 0.2


def test_what_replaces_a_value_is_checked_too():
    with pytest.raises(ValueError, match="momentum"):
        dataclasses.replace(fp.SGD(0.1, momentum=0.9), momentum=2)
