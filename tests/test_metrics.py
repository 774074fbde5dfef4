"""Scores are compared with scikit-learn and with values by hand; which of them fit a task."""

import numpy as np
import pytest

from fastprop import metrics
from fastprop.task import Task

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


RANDOM = np.random.default_rng(0)
NUMBERS, NEAR = RANDOM.normal(size=(2, 50, 3))
LABELS, TWO = RANDOM.integers(4, size=50), RANDOM.integers(2, size=50)
FOUR_WAYS, TWO_WAYS = RANDOM.dirichlet(np.ones(4), 50), RANDOM.dirichlet(np.ones(2), 50)
ROUNDED = TWO_WAYS.round(1)  # with ties
CERTAIN = np.eye(4, dtype=np.float32)[RANDOM.integers(4, size=50)]


@pytest.mark.peers
@pytest.mark.parametrize(
    ("name", "outputs", "y", "theirs"),
    [
        ("accuracy", FOUR_WAYS, LABELS, lambda sklearn: sklearn.accuracy_score(LABELS, FOUR_WAYS.argmax(axis=1))),
        ("roc_auc", TWO_WAYS, TWO, lambda sklearn: sklearn.roc_auc_score(TWO, TWO_WAYS[:, 1])),
        ("roc_auc", ROUNDED[:, 1:], TWO[:, None] * 1.0, lambda sklearn: sklearn.roc_auc_score(TWO, ROUNDED[:, 1])),
        ("roc_auc", ROUNDED, np.eye(2)[TWO], lambda sklearn: sklearn.roc_auc_score(TWO, ROUNDED[:, 1])),
        ("log_loss", FOUR_WAYS, LABELS, lambda sklearn: sklearn.log_loss(LABELS, FOUR_WAYS)),
        ("log_loss", CERTAIN, LABELS, lambda sklearn: sklearn.log_loss(LABELS, CERTAIN)),
        ("log_loss", TWO_WAYS[:, 1:], TWO[:, None] * 1.0, lambda sklearn: sklearn.log_loss(TWO, TWO_WAYS[:, 1])),
        ("log_loss", FOUR_WAYS, np.eye(4)[LABELS], lambda sklearn: sklearn.log_loss(LABELS, FOUR_WAYS)),
        ("r2", NEAR, NUMBERS, lambda sklearn: sklearn.r2_score(NUMBERS, NEAR)),
        ("mse", NEAR, NUMBERS, lambda sklearn: sklearn.mean_squared_error(NUMBERS, NEAR)),
        ("mae", NEAR, NUMBERS, lambda sklearn: sklearn.mean_absolute_error(NUMBERS, NEAR)),
    ],
)
def test_scores_are_those_of_scikit_learn(name, outputs, y, theirs):
    sklearn = pytest.importorskip("sklearn.metrics")
    score = metrics.SCORES[name].measure(outputs, y)
    assert type(score) is float
    assert score == pytest.approx(theirs(sklearn), rel=1e-6 if outputs.dtype == np.float32 else 1e-13)


@pytest.mark.parametrize("name", metrics.SCORES)
def test_a_better_prediction_has_a_better_score(name):
    score = metrics.SCORES[name]
    y = np.array([[0.0], [1.0], [0.0], [1.0]])
    better, worse = (score.measure(np.array(outputs), y) for outputs in ([[0.1], [0.9], [0.2], [0.8]], [[0.6]] * 4))
    assert better > worse if score.higher_is_better else better < worse


def test_the_area_under_the_curve_of_one_class_is_unknown():
    assert np.isnan(metrics.roc_auc(TWO_WAYS, np.zeros(50, int)))


TASKS = {
    "classes": (Task("classes", 3, "softmax", "cross_entropy"), "accuracy log_loss"),
    "two classes": (Task("classes", 2, "softmax", "cross_entropy"), "accuracy roc_auc log_loss"),
    "classes, no probabilities": (Task("classes", 2, "identity", "mse"), "accuracy roc_auc"),
    "one-hot": (Task("one-hot", 3, "softmax", "cross_entropy"), "accuracy log_loss r2 mse mae"),
    "labels": (Task("labels", 2, "sigmoid", "binary_cross_entropy"), "label_accuracy r2 mse mae"),
    "binary": (Task("binary", 1, "sigmoid", "binary_cross_entropy"), "accuracy roc_auc log_loss r2 mse mae"),
    "numbers": (Task("numbers", 2, "identity", "mse"), "r2 mse mae"),
}


@pytest.mark.parametrize(("task", "fitting"), TASKS.values(), ids=TASKS)
def test_each_task_has_the_scores_that_fit_it(task, fitting):
    assert [name for name, score in metrics.SCORES.items() if metrics.fits(score.needs, task)] == fitting.split()
    assert metrics.default_score(task) == fitting.split()[0]
    for name in metrics.SCORES:
        if name in fitting.split():
            assert metrics.checked_names([name], task) == (name,)
            assert metrics.checked_score(name, task) == name
        else:
            with pytest.raises(ValueError, match=f"metric '{name}' needs .* are not: choose from"):
                metrics.checked_names([name], task)
            with pytest.raises(ValueError, match=f"score '{name}' needs .* are not: choose from"):
                metrics.checked_score(name, task)
