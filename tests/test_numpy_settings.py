"""`np.seterr`: harmless errors in fastprop raise nothing, and functions of users keep their settings."""

import numpy as np
import pytest

import fastprop as fp
from fastprop import numpy_settings, reference

rng = np.random.default_rng(0)
X = np.where(rng.random((60, 4)) < 0.1, 1e-50, rng.normal(size=(60, 4)))
Y = rng.integers(0, 2, 60)


@pytest.fixture(autouse=True)
def everything_raises():
    with np.errstate(all="raise"):
        yield
        assert np.geterr() == dict.fromkeys(("divide", "over", "under", "invalid"), "raise")


def classifier():
    return fp.MLP((4, 5, 2), output="softmax")


def chunks():
    assert np.geterr()["under"] == "raise"
    yield X, Y


def refuse_other_settings(*arguments):
    assert np.geterr()["under"] == "raise"
    return 0.0


def plots():
    result = fp.sweep((4, 5, 2), X, Y, {"learning_rate": [1e-300, 0.2], "seed": [0, 1]}, epochs=2, validation=0.2)
    result.plot()
    fp.train(classifier(), X * 1e-40, Y, epochs=2, optimizer=fp.SGD(1e-300)).plot()


OF_RUNS = {"epochs": 1, "sample_weight": np.where(Y, 1, 1e-40)}

CALLS = {
    "train": lambda: fp.train(
        classifier(), X, Y, validation=0.2, callback=refuse_other_settings, metrics=[refuse_other_settings], **OF_RUNS
    ),
    "the reference trains": lambda: fp.train(
        classifier(), X, Y, callback=refuse_other_settings, backend="reference", **OF_RUNS
    ),
    "sweep": lambda: fp.sweep(
        (4, 5, 2), X, Y, {"learning_rate": [0.1, 0.2]}, score=refuse_other_settings, cv=2, standardize=True, **OF_RUNS
    ),
    "train_stream": lambda: fp.train_stream(classifier(), chunks(), callback=refuse_other_settings),
    "find_learning_rate": lambda: fp.find_learning_rate(classifier(), X, Y, epochs=1),
    "predict": lambda: classifier().predict(X),
    "flat_parameters": lambda: setattr(classifier(), "flat_parameters", np.full(37, 1e-50)),
    "a regressor": lambda: (
        fp.MLPRegressor(max_iter=1, n_iter_no_change=1).partial_fit(X, np.where(Y, 1e-140, 2e-140)).predict(X)
    ),
    "a regressor becomes a model": lambda: (
        fp.MLPRegressor(max_iter=1, n_iter_no_change=1).partial_fit(X, np.where(Y, 1e-140, 2e-140)).to_model("y")
    ),
    "a network in float64 and back": lambda: fp.MLP.restored(
        classifier().about,
        fp.MLP.restored(
            classifier().about | {"dtype": "float64"},
            {name: np.full(values.shape, 1e-50) for name, values in classifier().state_dict().items()},
        ).state_dict(),
    ),
    "geomspace": lambda: fp.geomspace(1e-300, 1e300, 7),
    "linspace": lambda: fp.linspace(-1e300, 1e-300, 7),
    "plots": lambda: plots(),
    "mse": lambda: fp.metrics.mse(np.full((2, 1), 1e300), np.zeros((2, 1))),
    "the reference predicts": lambda: reference.forward(reference.Network.of(classifier()), X * 1e4),
    "gradients of the reference": lambda: reference.gradients(
        reference.Network.of(classifier()), X * 1e4, Y, "cross_entropy"
    ),
}


@pytest.mark.parametrize("name", CALLS)
def test_no_harmless_error_of_numpy_is_raised(name):
    CALLS[name]()


def test_a_function_that_a_function_of_the_user_calls_has_its_own_settings():
    @numpy_settings.own
    def inner():
        return np.geterr()["under"]

    @numpy_settings.own
    def outer():
        return numpy_settings.call_as_caller(lambda: (inner(), np.geterr()["under"])), inner()

    assert outer() == (("ignore", "raise"), "ignore")


def test_an_error_of_a_function_of_the_user_is_raised():
    with pytest.raises(FloatingPointError, match="underflow"):
        fp.train(classifier(), X, Y, epochs=1, callback=lambda epoch, history: np.exp(np.float64(-800)))
