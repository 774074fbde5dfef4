"""Learning-rate range tests: the steps, the suggestion, and when a test ends."""

from dataclasses import replace

import numpy as np
import pytest

import fastprop as fp
from fastprop import cost_model, reference
from tests.compare import assert_refused, assert_same_bits

DIGITS = fp.datasets.digits()
RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(600, 8))
Y = np.sin(X[:, 0]) + 0.5 * X[:, 1] + 0.1 * RANDOM.normal(size=600)

OPTIMIZERS = [
    fp.SGD(),
    fp.SGD(momentum=0.9, nesterov=True),
    fp.Adam(),
    fp.AdamW(),
    fp.RMSprop(),
    fp.Adagrad(),
    fp.Lion(),
]


def classifier(dtype="float32"):
    return fp.MLP((64, 32, 10), output="softmax", seed=0, dtype=dtype)


def regressor(dtype="float32"):
    return fp.MLP((8, 32, 1), hidden="tanh", output="identity", seed=0, dtype=dtype)


# ---- the run ----


# those that divide by the size of a gradient would with a smaller epsilon by that of a rounding error
@pytest.mark.parametrize(
    "optimizer", [replace(each, epsilon=1e-2) if hasattr(each, "epsilon") else each for each in OPTIMIZERS], ids=str
)
def test_the_losses_are_those_of_the_reference_step_by_step(optimizer):
    result = fp.find_learning_rate(
        regressor("float64"), X, Y, max_rate=0.1, batch_size=1000, optimizer=optimizer, steps=40
    )
    network, state = reference.Network.of(regressor("float64")), {}
    np.testing.assert_allclose(result.learning_rates, np.geomspace(1e-5, 0.1, 40), rtol=1e-12)
    for rate, loss in zip(result.learning_rates, result.losses):
        assert loss == pytest.approx(reference.loss(network, X, Y[:, None], "mse"), rel=1e-9)
        own = replace(optimizer, learning_rate=rate)
        reference.step(network, X, Y[:, None], "mse", own, state)


def test_each_step_has_rows_of_its_own():
    steps = 56  # of 1797 digits, 56 times 32 rows make an epoch but for 5 rows
    result = fp.find_learning_rate(classifier("float64"), *DIGITS, min_rate=1e-12, max_rate=1e-11, steps=steps)
    losses = result.losses
    assert len(set(losses)) == steps
    network = reference.Network.of(classifier())
    assert losses.mean() == pytest.approx(reference.loss(network, *DIGITS, "cross_entropy"), rel=1e-3)


def test_the_average_is_freed_of_the_zero_that_it_began_with():
    result = fp.find_learning_rate(classifier(), *DIGITS)
    weights = 0.9 ** np.arange(len(result.losses))[::-1]
    assert result.smoothed[0] == pytest.approx(result.losses[0])
    assert result.smoothed[-1] == pytest.approx(np.average(result.losses, weights=weights))


def test_the_test_ends_where_training_diverges():
    result = fp.find_learning_rate(regressor(), X, Y, max_rate=1e4)
    assert 30 < len(result.losses) < 100
    assert not result.smoothed[-1] <= 4 * np.nanmin(result.smoothed)
    assert (result.smoothed[:-1] <= 4 * np.minimum.accumulate(result.smoothed[:-1])).all()
    assert len(result.learning_rates) == len(result.smoothed) == len(result.losses)


def test_the_network_and_the_optimizer_stay_as_they_were():
    network, optimizer = classifier(), fp.Adam(0.7)
    parameters = network.parameters.copy()
    fp.find_learning_rate(network, *DIGITS, optimizer=optimizer)
    assert_same_bits([network.parameters], [parameters])
    assert optimizer == fp.Adam(0.7)


def test_the_result_depends_on_the_seed_and_not_on_the_threads_or_the_rate_of_the_optimizer(monkeypatch):
    monkeypatch.setattr(cost_model, "MEMBER_CYCLES", 1)  # as many members as there may be
    one, two, three, four = (
        fp.find_learning_rate(classifier(), *DIGITS, batch_size=256, optimizer=fp.SGD(rate), threads=threads, seed=seed)
        for rate, threads, seed in ((0.1, 1, 0), (0.1, 2, 0), (5.0, 3, 0), (0.1, 1, 1))
    )
    for other in (two, three):
        assert_same_bits([one.learning_rates, one.losses], [other.learning_rates, other.losses])
        assert one.suggestion == other.suggestion
    assert not np.array_equal(one.losses, four.losses)


def test_weights_and_limits_are_those_of_training():
    options = {"max_rate": 0.1, "batch_size": 2000, "steps": 30}
    weight = np.where(DIGITS[1] == 3, 5.0, 1.0)
    by_row, by_class = (
        fp.find_learning_rate(classifier(), *DIGITS, **options, **weights)
        for weights in ({"sample_weight": weight}, {"class_weight": {3: 5.0}})
    )
    assert_same_bits([by_row.losses], [by_class.losses])
    free, limited = (fp.find_learning_rate(classifier(), *DIGITS, clip=c, **options) for c in (None, fp.ClipNorm(1e-3)))
    assert free.losses[0] == limited.losses[0] != by_row.losses[0]
    assert free.losses[-1] < limited.losses[-1]


# ---- the suggestion ----


@pytest.mark.parametrize("optimizer", [each for each in OPTIMIZERS if not isinstance(each, fp.Lion)], ids=str)
def test_training_at_the_rate_suggested_learns_digits(optimizer):
    network = classifier()
    rate = fp.find_learning_rate(network, *DIGITS, optimizer=optimizer).suggestion
    optimizer = replace(optimizer, learning_rate=rate)
    assert fp.train(network, *DIGITS, epochs=20, optimizer=optimizer, validation=0.2).score > 0.93


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=str)
def test_training_at_the_rate_suggested_learns_numbers(optimizer):
    network = regressor()
    found = fp.find_learning_rate(network, X, Y, optimizer=optimizer)
    assert found.learning_rates[0] < found.suggestion < found.learning_rates[found.smoothed.argmin()]
    optimizer = replace(optimizer, learning_rate=found.suggestion)
    assert fp.train(network, X, Y, epochs=60, optimizer=optimizer, validation=0.2).score > 0.85


# ---- bad input ----


@pytest.mark.parametrize("rates", [{"min_rate": 1e3, "max_rate": 1e6}, {"min_rate": 1e200, "max_rate": 1e201}], ids=str)
def test_where_the_loss_does_not_fall_there_is_no_suggestion(rates):
    assert_refused(ValueError, "the loss does not fall", fp.find_learning_rate, regressor(), X, Y, **rates)


def test_where_nothing_can_be_learned_there_is_no_suggestion():
    network = fp.MLP((2, 1), output="identity")
    network.parameters[:] = 0
    assert_refused(ValueError, "the loss does not fall", fp.find_learning_rate, network, np.ones((50, 2)), np.zeros(50))


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"min_rate": 0.0}, ValueError, "min_rate must be at least 1e-30 and finite, not 0.0"),
        ({"min_rate": 0.1, "max_rate": 0.1}, ValueError, "max_rate must be at least 0.2 and finite, not 0.1"),
        ({"max_rate": np.inf}, ValueError, "max_rate must be at least 2e-05 and finite, not inf"),
        ({"steps": 29}, ValueError, "steps must be at least 30, not 29"),
        ({"steps": 99.5}, TypeError, "steps must be a whole number, not 99.5"),
        ({"batch_size": 0}, ValueError, "batch_size must be at least 1, not 0"),
        ({"optimizer": "adam"}, TypeError, "optimizer must be an SGD or an Adam"),
        ({"loss": "cross_entropy"}, ValueError, "loss 'cross_entropy' is computed from the logits of a softmax"),
        ({"seed": -1}, ValueError, "seed must be at least 0, not -1"),
    ],
)
def test_bad_input_is_refused(options, error, words):
    assert_refused(error, words, fp.find_learning_rate, regressor(), X, Y, **options)


# ---- the picture ----


def test_the_losses_are_drawn(tmp_path):
    fp.find_learning_rate(regressor(), X, Y).plot(tmp_path / "rates.png")
    assert (tmp_path / "rates.png").read_bytes().startswith(b"\x89PNG\r\n\x1a\n")
