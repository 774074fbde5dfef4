import numpy as np
import pytest

from fastprop import metrics

ACCURACIES = {
    "labels": ([[0.9, 0.1], [0.2, 0.8], [0.7, 0.3], [0.6, 0.4]], [0, 1, 1, 0], 0.75),
    "one-hot targets": ([[0.9, 0.1], [0.2, 0.8]], [[1.0, 0.0], [1.0, 0.0]], 0.5),
    "one probability, targets": ([[0.9], [0.2], [0.5], [0.7]], [[1.0], [0.0], [0.0], [0.0]], 0.75),
    "one probability, labels": ([[0.9], [0.2], [0.5], [0.7]], [1, 1, 1, 1], 0.5),
    "a tie goes to the first output": ([[0.5, 0.5]], [0], 1.0),
}


@pytest.mark.parametrize(("outputs", "y", "expected"), ACCURACIES.values(), ids=ACCURACIES)
def test_accuracy_is_the_share_of_rows_with_the_right_class(outputs, y, expected):
    assert metrics.accuracy(np.array(outputs), np.array(y)) == expected


Y = np.array([[1.0, 7.0], [2.0, 7.0], [3.0, 7.0]])
COEFFICIENTS = {
    "a perfect prediction": (Y[:, :1], Y[:, :1], 1),
    "the mean": (np.full((3, 1), 2.0), Y[:, :1], 0),
    "worse than the mean": (Y[::-1, :1], Y[:, :1], -3),
    "an average over outputs": (np.column_stack([Y[:, 0], [2, 2, 2]]), Y[:, [0, 0]], 0.5),
    "a constant output does not count": (Y + np.array([0, 5]), Y, 1),
    "nothing but constants": (Y[:, 1:], Y[:, 1:], np.nan),
}


@pytest.mark.parametrize(("outputs", "y", "expected"), COEFFICIENTS.values(), ids=COEFFICIENTS)
def test_r2_is_the_share_of_the_variance_that_is_explained(outputs, y, expected):
    np.testing.assert_equal(metrics.r2(outputs, y), expected)


def test_r2_of_float32_outputs_is_computed_in_float64():
    y = 1e4 + np.arange(1000)[:, None]
    assert metrics.r2(y.astype(np.float32), y.astype(np.float32)) == 1
    assert metrics.r2((y + 1).astype(np.float32), y.astype(np.float32)) == pytest.approx(1 - 1000 / np.var(y) / 1000)
