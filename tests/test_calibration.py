"""Temperatures of probabilities: that of the lowest log loss, and that of a known distribution."""

import numpy as np
import pytest
from scipy.optimize import minimize_scalar
from scipy.special import softmax
from scipy.stats import norm
from sklearn.metrics import log_loss

import fastprop as fp
from tests.compare import assert_refused

RANDOM = np.random.default_rng(4)
LOGITS = RANDOM.normal(0, 3, (400, 3))
LABELS = np.array([RANDOM.choice(3, p=row) for row in softmax(LOGITS / 2.5, axis=1)])
TOO_SURE = softmax(LOGITS, axis=1)


def best_temperature(logits, y):
    """Return the temperature of the lowest sum of log loss and prior, as SciPy and scikit-learn find it."""

    def cost(log):
        loss = log_loss(y, softmax(logits / np.exp(log), axis=1), normalize=False)
        return loss - norm.logpdf(np.exp(-log), loc=1, scale=0.3)

    return np.exp(minimize_scalar(cost, bounds=(-2, 2), options={"xatol": 1e-9}).x)


def test_the_temperature_is_that_of_the_lowest_log_loss():
    expected = best_temperature(LOGITS, LABELS)
    for probabilities, y in [(TOO_SURE, LABELS), (TOO_SURE, np.eye(3)[LABELS]), (TOO_SURE, LABELS[:, None])]:
        assert fp.calibration.fit_temperature(probabilities, y) == pytest.approx(expected, rel=1e-6)
    assert fp.calibration.fit_temperature(TOO_SURE.astype(np.float32), LABELS) == pytest.approx(expected, rel=1e-5)
    scaled = fp.calibration.with_temperature(TOO_SURE, expected)
    np.testing.assert_allclose(scaled, softmax(LOGITS / expected, axis=1), rtol=1e-9)


@pytest.mark.slow
def test_the_temperature_of_a_known_distribution_is_found():
    logits = RANDOM.normal(0, 4, (40_000, 4))
    noise = RANDOM.gumbel(size=logits.shape)
    y = (logits / 3 + noise).argmax(axis=1)  # class k with the probability softmax(logits / 3)
    assert fp.calibration.fit_temperature(softmax(logits, axis=1), y) == pytest.approx(3, rel=0.03)
    assert fp.calibration.fit_temperature(softmax(logits / 9, axis=1), y) == pytest.approx(1 / 3, rel=0.03)


def test_one_output_is_the_probability_of_the_second_class():
    p, y = TOO_SURE[:, 1] / TOO_SURE[:, :2].sum(axis=1), (LABELS == 1).astype(int)
    both = np.column_stack([1 - p, p])
    expected = fp.calibration.fit_temperature(both, y)
    for given in (p, p[:, None]):
        assert fp.calibration.fit_temperature(given, y) == pytest.approx(expected)
        scaled = fp.calibration.with_temperature(given, expected)
        assert scaled.shape == given.shape
        np.testing.assert_allclose(scaled.ravel(), fp.calibration.with_temperature(both, expected)[:, 1])


def test_rows_that_no_fold_held_out_do_not_count():
    p = TOO_SURE.copy()
    p[:30] = np.nan
    expected = fp.calibration.fit_temperature(TOO_SURE[30:], LABELS[30:])
    assert fp.calibration.fit_temperature(p, LABELS) == expected


def test_probabilities_of_0_and_networks_that_are_never_wrong():
    p = np.eye(3)[LABELS]
    few = slice(0, 40)
    assert 0.5 < fp.calibration.fit_temperature((0.97 * p + 0.015 * (1 - p))[few], LABELS[few]) < 1
    assert fp.calibration.fit_temperature(p, LABELS) == pytest.approx(1)
    p[0] = np.roll(p[0], 1)
    assert 1 < fp.calibration.fit_temperature(p, LABELS) <= 20
    np.testing.assert_array_equal(fp.calibration.with_temperature(np.eye(3), 1), np.eye(3))


@pytest.mark.parametrize(
    ("message", "p", "y"),
    [
        ("probabilities must be numbers from 0 to 1", [[1.5, -0.5]], [0]),
        ("cannot be compared", TOO_SURE, LABELS[1:]),
        ("a score of classes needs classes from 0 to 2", TOO_SURE, LABELS + 1),
        ("outputs must have a row for each prediction", np.full((2, 2), np.nan), [0, 1]),
    ],
)
def test_what_is_refused(message, p, y):
    assert_refused(ValueError, message, fp.calibration.fit_temperature, p, y)


def test_temperatures_that_are_refused():
    assert_refused(ValueError, "temperature must be above 0", fp.calibration.with_temperature, TOO_SURE, 0)
    assert_refused(ValueError, "probabilities must have shape", fp.calibration.with_temperature, 0.5, 1)
