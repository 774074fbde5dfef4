import dataclasses

import numpy as np
import pytest

import fastprop as fp


def test_plain_descent_is_the_default():
    assert fp.SGD() == fp.SGD(learning_rate=0.1, momentum=0.0, nesterov=False)


@pytest.mark.parametrize("number", [1, np.float32(1), np.int64(1), np.array(1.0)[()]])
def test_a_learning_rate_of_any_kind_of_number_is_a_float(number):
    assert type(fp.SGD(number).learning_rate) is float
    assert fp.SGD(number) == fp.SGD(1.0)


def test_an_optimizer_cannot_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        fp.SGD(0.1).learning_rate = 0.2


def test_what_replaces_a_value_is_checked_too():
    with pytest.raises(ValueError, match="momentum"):
        dataclasses.replace(fp.SGD(0.1, momentum=0.9), momentum=2)
