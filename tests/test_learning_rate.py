"""The search for a learning rate: what it measures, what it suggests, and where it finds none."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.model_selection import KFold

import fastprop as fp
from benchmarks import learning_rates
from fastprop import interrupts, learning_rate
from tests.compare import assert_refused, assert_same_bits

DIGITS = fp.datasets.digits()
RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(600, 8))
Y = np.sin(X[:, 0]) + 0.5 * X[:, 1] + 0.1 * RANDOM.normal(size=600)
CLASSES = (X[:, 0] + X[:, 1] > 0.5).astype(int)

OPTIMIZERS = [
    fp.SGD(),
    fp.SGD(momentum=0.9, nesterov=True),
    fp.Adam(),
    fp.AdamW(),
    fp.RMSprop(),
    fp.Adagrad(),
    fp.Lion(),
]


def classifier(**options):
    return fp.MLP((8, 16, 2), output="softmax", seed=0, **options)


def regressor(**options):
    return fp.MLP((8, 32, 1), hidden="tanh", output="identity", seed=0, **options)


@pytest.fixture(scope="module")
def found():
    """Return what is found for the regressor with a share of the rows held out."""
    return fp.find_learning_rate(regressor(), X, Y, epochs=8, validation=0.25)


# ---- what is measured ----


@pytest.mark.parametrize("index", [9, 4], ids=["goes on", "stopped"])
def test_the_losses_are_those_of_training_at_each_rate(found, index):
    assert found.epochs == [2, 4, 8]
    history = fp.train(regressor(), X, Y, epochs=8, optimizer=fp.SGD(found.rates[index]), validation=0.25)
    reached = np.isfinite(found.losses[:, index])
    assert reached[0]
    losses = history.validation_loss[np.array(found.epochs) - 1]
    np.testing.assert_allclose(found.losses[reached, index], losses[reached], rtol=1e-5)


def test_half_of_the_rates_go_on_from_a_rung_and_those_that_diverge_do_not(found):
    reached = np.isfinite(found.losses)
    assert (np.diff(reached.astype(int), axis=0) <= 0).all()
    assert not reached[0, -1]  # 50 is too high
    counts = reached.sum(axis=1)
    assert len(found.rates) == 15
    assert counts[1:].tolist() == [8, 4]


def test_the_loss_before_training_is_that_of_the_network(found):
    held_out = fp.data.held_out_rows(600, 0.25)
    error = regressor().predict(X[held_out])[:, 0] - Y[held_out]
    assert found.untrained_loss == pytest.approx(np.mean(error**2), rel=1e-5)


def test_of_few_rows_three_fifths_are_held_out_in_turn():
    few = fp.find_learning_rate(regressor(dtype="float64"), X[:50], Y[:50], epochs=1)
    cv = list(KFold(5, shuffle=True, random_state=0).split(X[:50]))[:3]
    folds = fp.sweep(regressor(dtype="float64"), X[:50], Y[:50], {"learning_rate": few.rates}, epochs=1, cv=cv)
    losses = folds.history[:, 0]
    np.testing.assert_array_equal(few.losses[0], np.where(np.isfinite(losses), losses, np.nan))


def test_of_many_rows_a_sample_is_looked_at(monkeypatch):
    seen = []
    sweep = learning_rate.sweep

    def seeing(network, X, *arguments, **options):
        seen.append(len(X))
        return sweep(network, X, *arguments, **options)

    monkeypatch.setattr(learning_rate, "sweep", seeing)
    monkeypatch.setattr(learning_rate, "ROWS", 100)
    one, two, other = (fp.find_learning_rate(regressor(), X, Y, epochs=4, seed=seed) for seed in (0, 0, 1))
    assert seen == [100] * 3
    assert_same_bits([one.losses], [two.losses])
    assert not np.array_equal(one.losses, other.losses)
    pair = fp.find_learning_rate(regressor(), X[:400], Y[:400], epochs=4, validation=(X[400:], Y[400:]))
    assert seen[-1] == 200
    assert pair.suggestion > 0


def test_given_rows_are_measured_with_their_weights():
    weight = np.where(np.arange(200) < 100, 1.0, 3.0)
    given = X[400:], Y[400:], weight
    found = fp.find_learning_rate(regressor(), X[:400], Y[:400], epochs=2, validation=given)
    history = fp.train(regressor(), X[:400], Y[:400], epochs=2, optimizer=fp.SGD(found.rates[8]), validation=given)
    assert found.losses[0, 8] == pytest.approx(history.validation_loss[1], rel=1e-5)


def test_weights_of_rows_and_of_classes_are_those_of_training():
    weight = np.where(CLASSES == 1, 5.0, 1.0)
    by_row, by_class, without = (
        fp.find_learning_rate(classifier(), X, CLASSES, epochs=2, **weights)
        for weights in ({"sample_weight": weight}, {"class_weight": {1: 5.0}}, {})
    )
    assert_same_bits([by_row.losses], [by_class.losses])
    assert not np.array_equal(by_row.losses, without.losses)


@pytest.mark.parametrize(
    "options",
    [
        {"dropout": 0.5},
        {"schedule": fp.OneCycle()},
        {"clip": fp.ClipNorm(1e-3)},
        {"average": fp.EMA(0.99)},
        {"class_weight": "balanced"},
        {"batch_size": 16},
        {"seed": 1},
    ],
    ids=lambda options: next(iter(options)),
)
def test_each_option_of_training_changes_the_losses(options):
    with_option, without = (fp.find_learning_rate(classifier(), X, CLASSES, epochs=2, **each) for each in (options, {}))
    assert not np.array_equal(with_option.losses, without.losses, equal_nan=True)


def test_the_rate_for_standardized_inputs_is_that_for_scaled_ones():
    scales = 10.0 ** np.arange(8)
    columns = (X + 5) * scales
    raw = fp.find_learning_rate(classifier(), columns, CLASSES, standardize=True, epochs=4)
    columns = (columns - columns.mean(axis=0)) / columns.std(axis=0)
    scaled = fp.find_learning_rate(classifier(), columns, CLASSES, epochs=4)
    assert 0.5 < raw.suggestion / scaled.suggestion < 2


def test_the_reference_finds_the_same():
    kernels, reference = (
        fp.find_learning_rate(regressor(dtype="float64"), X[:60], Y[:60], epochs=2, backend=backend, max_rate=0.5)
        for backend in ("kernels", "reference")
    )
    np.testing.assert_allclose(kernels.losses, reference.losses, rtol=1e-9)
    assert kernels.suggestion == reference.suggestion


def test_the_result_depends_neither_on_threads_nor_on_the_rate_of_the_optimizer():
    one, two = (
        fp.find_learning_rate(regressor(), X, Y, epochs=4, optimizer=fp.SGD(rate), threads=threads)
        for rate, threads in ((0.1, 1), (5.0, 3))
    )
    assert_same_bits([one.rates, one.losses], [two.rates, two.losses])
    assert one.suggestion == two.suggestion


def test_the_network_and_the_optimizer_stay_as_they_were():
    network, optimizer = classifier(), fp.Adam(0.7)
    parameters = network.parameters.copy()
    fp.find_learning_rate(network, X, CLASSES, optimizer=optimizer, epochs=1, standardize=True)
    assert_same_bits([network.parameters], [parameters])
    assert network.input_mean is None
    assert optimizer == fp.Adam(0.7)


def test_ctrl_c_ends_the_search(monkeypatch):
    sweep = learning_rate.sweep

    def interrupted(*arguments, **options):
        result = sweep(*arguments, **options)
        interrupts.tell("the sweep")
        return result

    monkeypatch.setattr(learning_rate, "sweep", interrupted)
    with pytest.raises(KeyboardInterrupt):
        fp.find_learning_rate(regressor(), X, Y, epochs=1)


# ---- the suggestion ----


def test_the_suggestion_is_where_rates_are_good_all_around():
    rates = np.geomspace(1e-4, 1, 9)
    losses = np.array([[1.0, 0.9, 0.5, 0.2, 0.12, 0.11, 0.1, np.nan, np.nan]])  # the best is next to one that diverges
    diverged = np.isnan(losses[0])
    found = learning_rate._Found(rates, [1], losses, 1.0, diverged)
    assert rates[4] < found.best_rate() < rates[6]


def test_where_all_rates_end_by_diverging_lower_ones_are_wanted():
    rates = np.geomspace(1e-4, 1, 9)
    losses = np.array([np.geomspace(0.9, 0.1, 9), np.full(9, np.nan)])  # after the second rung there is no loss
    found = learning_rate._Found(rates, [1, 2], losses, 1.0, np.full(9, True))
    assert not found.learns
    assert found.wants_lower_rates
    low, high = np.arange(9) < 3, np.arange(9) >= 3
    losses[0, low] = 0.95, 0.9, 0.92  # stopped after the first rung, from which only those went on that diverged
    found = learning_rate._Found(rates, [1, 2], losses, 1.0, high)
    assert found.learns
    assert rates[0] < found.best_rate() < rates[3]


@pytest.mark.slow
def test_rates_that_diverge_late_have_the_losses_that_they_had():
    """A small error grows along the first input, and falls along the second; the untrained network is stopped."""
    inputs = np.column_stack([100 * np.tile([1, -1], 100), np.repeat(X[:100, 0], 2)])
    validation = inputs[:50], inputs[:50].sum(axis=1)
    options = {"epochs": 16, "batch_size": 200, "validation": validation}

    def network():
        network = fp.MLP((2, 1), output="identity")
        network.weights[0][:, 0] = 1, 0
        return network

    found = fp.find_learning_rate(network(), inputs, inputs.sum(axis=1), min_rate=0.1, max_rate=0.2, **options)
    assert found.epochs[-1] == 16
    assert np.isnan(found.losses[-1]).all()
    for rate, losses in zip(found.rates, found.losses.T):
        with pytest.warns(fp.DivergenceWarning):
            history = fp.train(network(), inputs, inputs.sum(axis=1), optimizer=fp.SGD(rate), **options)
        reached = np.isfinite(losses)
        expected = history.validation_loss[np.array(found.epochs)[reached] - 1]
        np.testing.assert_allclose(losses[reached], expected, rtol=1e-5)


@pytest.mark.slow
def test_an_infinite_loss_before_training_is_above_all_others_and_not_drawn():
    """exp(100) is no float32, and after training for exp(-2 x) the output there is 0."""
    inputs = np.random.default_rng(0).uniform(-1, 1, (60, 1))
    network = fp.MLP((1, 1), output="exp")
    network.weights[0][:] = 1
    held_out = np.array([[100.0], [0.5]])
    options = {"loss": "poisson", "epochs": 8, "batch_size": 8}
    validation = held_out, np.exp(-2 * held_out[:, 0])
    found = fp.find_learning_rate(network, inputs, np.exp(-2 * inputs[:, 0]), validation=validation, **options)
    assert found.untrained_loss == np.inf
    assert 0.01 < found.suggestion < 1


def test_a_longer_training_gets_a_lower_rate():
    short, long = (fp.find_learning_rate(regressor(), X, Y, epochs=epochs).suggestion for epochs in (20, 320))
    assert long == pytest.approx(short * (20 / 320) ** learning_rate.SHRINKAGE)


@pytest.mark.parametrize("rows", [1, 2, 3, 10])
def test_a_few_rows_are_enough(rows):
    assert 1e-4 < fp.find_learning_rate(regressor(), X[:rows], Y[:rows], epochs=4).suggestion < 1


def test_lower_rates_are_tried_where_all_diverge():
    network = fp.MLP((8, 32, 1), hidden="relu", output="identity", seed=0)
    rate = fp.find_learning_rate(network, 1e5 * X, Y, epochs=4).suggestion
    assert 0 < rate < learning_rate.MIN_RATE
    history = fp.train(network, 1e5 * X, Y, epochs=4, optimizer=fp.SGD(rate))
    assert history.loss[-1] < history.loss[0]


def test_where_nothing_generalizes_the_loss_of_the_training_rows_counts():
    noise = np.random.default_rng(1).normal(size=20)
    network = regressor()
    network.weights[-1][:] = 0  # the best prediction for other rows
    found = fp.find_learning_rate(network, X[:20], noise, validation=(X[20:40], np.zeros(20)))
    assert found.losses[0, 0] == pytest.approx(np.mean(noise**2), rel=1e-4)
    assert 1e-4 < found.suggestion < 1


@pytest.mark.slow
@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=str)
def test_training_at_the_suggested_rate_learns_digits(optimizer):
    network = fp.MLP((64, 32, 10), output="softmax", seed=0)
    rate = fp.find_learning_rate(network, *DIGITS, optimizer=optimizer).suggestion
    optimizer = replace(optimizer, learning_rate=rate)
    assert fp.train(network, *DIGITS, epochs=20, optimizer=optimizer, validation=0.2).score > 0.95


JUDGED = {
    "iris, AdamW",
    "cancer, SGD",
    "friedman 3, RMSprop",
    "quantiles, Nesterov",
    "uncorrelated, RMSprop",
    "linear, AdamW, 20 outputs",
    "counts, Nesterov",
    "Hastie, Adagrad",
}
"""Cases on which no choice of the search was made, and which take little time."""


@pytest.mark.slow
def test_training_ends_near_the_loss_of_the_best_rate():
    ratios = {}
    for case in learning_rates.JUDGING:
        if case.name in JUDGED:
            X, y, _, _ = case.load()
            network = case.network(X, y)
            rate = fp.find_learning_rate(network, X, y, optimizer=case.optimizer, **case.options).suggestion
            losses = learning_rates.held_out_losses(case, [rate, *np.geomspace(1e-4, 10, 21)])
            ratios[case.name] = losses[0] / losses.min()
    assert ratios.keys() == JUDGED
    values = np.array(list(ratios.values()))
    assert np.exp(np.log(values).mean()) < 1.25, ratios
    assert (values < 1.2).mean() >= 0.7, ratios


# ---- no suggestion, and bad input ----


@pytest.mark.parametrize("rates", [{"min_rate": 1e3, "max_rate": 1e6}, {"min_rate": 1e200, "max_rate": 1e201}], ids=str)
def test_where_the_loss_does_not_fall_there_is_no_suggestion(rates):
    assert_refused(ValueError, "the loss falls at none of", fp.find_learning_rate, regressor(), X, Y, epochs=2, **rates)


def test_where_nothing_can_be_learned_there_is_no_suggestion():
    network = fp.MLP((2, 1), output="identity")
    network.parameters[:] = 0
    for rows in (50, 1):  # of one row none are held out
        X, y = np.ones((rows, 2)), np.zeros(rows)
        assert_refused(ValueError, "the loss falls at none of", fp.find_learning_rate, network, X, y, epochs=2)


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"min_rate": 0.0}, ValueError, "min_rate must be at least 1e-30 and finite, not 0.0"),
        ({"min_rate": 0.1, "max_rate": 0.1}, ValueError, "max_rate must be at least 0.2 and finite, not 0.1"),
        ({"max_rate": np.inf}, ValueError, "max_rate must be at least 2e-07 and finite, not inf"),
        ({"epochs": 0}, ValueError, "epochs must be at least 1, not 0"),
        ({"batch_size": 0}, ValueError, "batch_size must be at least 1, not 0"),
        ({"optimizer": "adam"}, TypeError, "optimizer must be an SGD or an Adam"),
        ({"loss": "cross_entropy"}, ValueError, "loss 'cross_entropy' is computed from the logits of a softmax"),
        ({"seed": -1}, ValueError, "seed must be at least 0, not -1"),
        ({"dropout": 1.0}, ValueError, "dropout must be"),
        ({"validation": 2.0}, ValueError, "validation must be"),
    ],
)
def test_bad_input_is_refused(options, error, words):
    assert_refused(error, words, fp.find_learning_rate, regressor(), X, Y, **options)


# ---- the picture ----


@pytest.mark.slow
def test_the_losses_are_drawn(found, tmp_path):
    found.plot(tmp_path / "rates.png")
    assert (tmp_path / "rates.png").read_bytes().startswith(b"\x89PNG\r\n\x1a\n")
    assert repr(found).startswith(f"RateSearch: suggestion {found.suggestion:.4g}, of ")
