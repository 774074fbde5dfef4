"""Scores are compared with scikit-learn and with values by hand; which of them fit a task."""

import warnings

import numpy as np
import pytest
import sklearn.metrics

from fastprop import metrics
from fastprop.task import Task
from tests.compare import assert_refused

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


# ---- scikit-learn ----

RANDOM = np.random.default_rng(0)
NUMBERS, NEAR = RANDOM.normal(size=(2, 51, 3))
LABELS, TWO = RANDOM.integers(4, size=50), RANDOM.integers(2, size=50)
FOUR_WAYS, TWO_WAYS = RANDOM.dirichlet(np.ones(4), 50), RANDOM.dirichlet(np.ones(2), 50)
TIED = TWO_WAYS.round(1)
CERTAIN = np.eye(4, dtype=np.float32)[RANDOM.integers(4, size=50)]
ONE = TWO_WAYS[:, 1:]
NEARLY_CERTAIN = np.float32([[1e-9, 1], [1e-12, 1], [0.3, 0.7]])
YES_OR_NO, THEIR_OUTPUTS = RANDOM.integers(2, size=(50, 3)), RANDOM.random((50, 3))

TWO_CLASSES = {
    "two softmax outputs": (TWO_WAYS, TWO, TWO_WAYS),
    "float32": (TWO_WAYS.astype(np.float32), TWO, TWO_WAYS.astype(np.float32)),
    "nearly certain in float32": (NEARLY_CERTAIN, np.array([0, 1, 1]), NEARLY_CERTAIN),
    "one sigmoid output": (ONE, TWO, TWO_WAYS),
    "one output as predict gives it, y as a column": (ONE, TWO[:, None] * 1.0, TWO_WAYS),
    "one output in one dimension": (ONE[:, 0], TWO, TWO_WAYS),
    "one-hot": (TWO_WAYS, np.eye(2)[TWO], TWO_WAYS),
    "ties": (TIED, TWO, TIED),
    "ties of one output": (TIED[:, 1:], TWO == 1, TIED),
    "lists": (TWO_WAYS.tolist(), TWO.tolist(), TWO_WAYS),
}


def truth(y):
    y = np.array(y)
    return y.argmax(axis=1) if y.ndim == 2 and y.shape[1] > 1 else y.reshape(-1).astype(int)


@pytest.mark.parametrize(("outputs", "y", "two_ways"), TWO_CLASSES.values(), ids=TWO_CLASSES)
def test_scores_of_two_classes_are_those_of_scikit_learn(outputs, y, two_ways):
    t, p = truth(y), two_ways[:, 1]
    predicted = (p > 0.5).astype(int)
    for name, expected in {
        "accuracy": sklearn.metrics.accuracy_score(t, predicted),
        "balanced_accuracy": sklearn.metrics.balanced_accuracy_score(t, predicted),
        "f1": sklearn.metrics.f1_score(t, predicted),
        "matthews": sklearn.metrics.matthews_corrcoef(t, predicted),
        "roc_auc": sklearn.metrics.roc_auc_score(t, p),
        "average_precision": sklearn.metrics.average_precision_score(t, p),
        "log_loss": sklearn.metrics.log_loss(t, np.column_stack([1 - p, p])),
    }.items():
        score = metrics.SCORES[name].function(outputs, y)
        assert type(score) is float
        assert score == pytest.approx(expected, rel=1e-6 if name == "log_loss" else 1e-13), name


CLASS_SCORES = [name for name, score in metrics.SCORES.items() if score.needs in ("classes", "probabilities")]


@pytest.mark.parametrize("name", CLASS_SCORES)
def test_arguments_in_the_order_of_scikit_learn_are_refused(name):
    words = "outputs hold whole numbers, and y holds 0.7 at row 1: give first what predict returned, then y"
    assert_refused(ValueError, words, metrics.SCORES[name].function, [0, 1, 1], [0.0, 0.7, 0.2])
    assert_refused(ValueError, words, metrics.SCORES[name].function, [1, 0], [[1.0, 0.0], [0.7, 0.3]])


FOUR_CLASSES = {
    "labels": (FOUR_WAYS, LABELS, FOUR_WAYS),
    "labels in a column": (FOUR_WAYS, LABELS[:, None] * 1.0, FOUR_WAYS),
    "one-hot": (FOUR_WAYS, np.eye(4)[LABELS], FOUR_WAYS),
    "certain, in float32": (CERTAIN, LABELS, CERTAIN),
    "ties": (FOUR_WAYS.round(1), LABELS, FOUR_WAYS.round(1)),
    "a class that is never predicted": (FOUR_WAYS * [1, 1, 1, 0], LABELS, FOUR_WAYS * [1, 1, 1, 0]),
    "a class without a row": (FOUR_WAYS, LABELS % 3, FOUR_WAYS),
}


@pytest.mark.parametrize(("outputs", "y", "p"), FOUR_CLASSES.values(), ids=FOUR_CLASSES)
def test_scores_of_several_classes_are_those_of_scikit_learn(outputs, y, p):
    t, predicted = truth(y), p.argmax(axis=1)
    expected = {
        "accuracy": sklearn.metrics.accuracy_score(t, predicted),
        "f1": sklearn.metrics.f1_score(t, predicted, average="macro"),
        "matthews": sklearn.metrics.matthews_corrcoef(t, predicted),
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of classes without a row
        expected["balanced_accuracy"] = sklearn.metrics.balanced_accuracy_score(t, predicted)
    one_against_rest = [(t == k, p[:, k]) for k in range(4)]
    if len(set(t)) == 4:
        expected["roc_auc"] = np.mean([sklearn.metrics.roc_auc_score(*each) for each in one_against_rest])
        expected["average_precision"] = sklearn.metrics.average_precision_score(np.eye(4)[t], p)
    else:
        expected["roc_auc"] = expected["average_precision"] = np.nan
    if np.allclose(p.sum(axis=1), 1):
        expected["log_loss"] = sklearn.metrics.log_loss(t, p, labels=range(4))
    for name, value in expected.items():
        score = metrics.SCORES[name].function(outputs, y)
        assert score == pytest.approx(value, rel=1e-6 if p.dtype == np.float32 else 1e-13, nan_ok=True), name
    if len(set(t)) == 4 and "log_loss" in expected:
        assert metrics.roc_auc(outputs, y) == pytest.approx(sklearn.metrics.roc_auc_score(t, p, multi_class="ovr"))


def test_scores_of_independent_labels_are_those_of_scikit_learn():
    predicted = THEIR_OUTPUTS > 0.5
    for outputs in (THEIR_OUTPUTS, THEIR_OUTPUTS.round(1)):
        predicted = outputs > 0.5
        assert metrics.label_accuracy(outputs, YES_OR_NO) == np.mean(predicted == YES_OR_NO)
        assert metrics.label_accuracy(outputs, YES_OR_NO) == pytest.approx(
            1 - sklearn.metrics.hamming_loss(YES_OR_NO, predicted)
        )
        assert metrics.label_f1(outputs, YES_OR_NO) == pytest.approx(
            sklearn.metrics.f1_score(YES_OR_NO, predicted, average="macro")
        )
        assert metrics.label_roc_auc(outputs, YES_OR_NO) == pytest.approx(
            sklearn.metrics.roc_auc_score(YES_OR_NO, outputs)
        )
    assert np.isnan(metrics.label_roc_auc(THEIR_OUTPUTS, YES_OR_NO * [1, 1, 0]))


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("columns", [slice(None), slice(1), 0], ids=["three outputs", "one output", "one dimension"])
def test_scores_of_numbers_are_those_of_scikit_learn(columns, dtype):
    outputs, y = NEAR[:, columns].astype(dtype), NUMBERS[:, columns].astype(dtype)
    for name, theirs in {
        "r2": "r2_score",
        "explained_variance": "explained_variance_score",
        "mse": "mean_squared_error",
        "rmse": "root_mean_squared_error",
        "mae": "mean_absolute_error",
        "median_absolute_error": "median_absolute_error",
    }.items():
        expected = getattr(sklearn.metrics, theirs)(y.astype(np.float64), outputs.astype(np.float64))
        assert metrics.SCORES[name].function(outputs, y) == pytest.approx(expected, rel=1e-13), name


def test_scores_of_weighted_rows_are_those_of_scikit_learn():
    random = np.random.default_rng(0)
    classes, weights, numbers = random.integers(0, 3, 80), random.integers(0, 4, 80) * 1.5, random.normal(size=(80, 2))
    outputs, near = random.dirichlet(np.ones(3), 80).round(2), numbers + random.normal(size=(80, 2))
    outputs[:, 0] = 1 - outputs[:, 1:].sum(axis=1)
    of_one, is_one, ours, theirs = outputs[:, 1], classes == 1, metrics, sklearn.metrics
    of_each = [theirs.roc_auc_score(classes == k, outputs[:, k], sample_weight=weights) for k in range(3)]
    given = classes, outputs.argmax(axis=1)
    pairs = {
        "accuracy": (ours.accuracy(outputs, classes, weights), theirs.accuracy_score, given),
        "balanced": (ours.balanced_accuracy(outputs, classes, weights), theirs.balanced_accuracy_score, given),
        "f1": (ours.f1(of_one, is_one, weights), theirs.f1_score, (is_one, of_one > 0.5)),
        "matthews": (ours.matthews(outputs, classes, weights), theirs.matthews_corrcoef, given),
        "roc_auc": (ours.roc_auc(of_one, is_one, weights), theirs.roc_auc_score, (is_one, of_one)),
        "precision": (
            ours.average_precision(of_one, is_one, weights),
            theirs.average_precision_score,
            (is_one, of_one),
        ),
        "log_loss": (ours.log_loss(outputs, classes, weights), theirs.log_loss, (classes, outputs)),
        "mse": (ours.mse(near, numbers, weights), theirs.mean_squared_error, (numbers, near)),
        "rmse": (ours.rmse(near, numbers, weights), theirs.root_mean_squared_error, (numbers, near)),
        "mae": (ours.mae(near, numbers, weights), theirs.mean_absolute_error, (numbers, near)),
        "r2": (ours.r2(near, numbers, weights), theirs.r2_score, (numbers, near)),
        "variance": (ours.explained_variance(near, numbers, weights), theirs.explained_variance_score, (numbers, near)),
    }
    for name, (value, score, arguments) in pairs.items():
        assert value == pytest.approx(score(*arguments, sample_weight=weights), rel=1e-12), name
    assert ours.roc_auc(outputs, classes, weights) == pytest.approx(np.mean(of_each), rel=1e-12)
    assert_refused(ValueError, "sample_weight has shape (2,), but there are 80", ours.mse, near, numbers, weights[:2])
    assert_refused(ValueError, "must be finite, at least 0", ours.mse, near, numbers, -weights)


@pytest.mark.parametrize("name", metrics.SCORES)
def test_a_better_prediction_has_a_better_score(name):
    score = metrics.SCORES[name]
    y = np.array([[0.0], [1.0], [0.0], [1.0], [0.0]])
    own = {"quantiles": (0.4,)} if score.needs == "quantiles" else {}
    better, worse = (
        score.function(np.array(each), y, **own) for each in ([[0.1], [0.9], [0.2], [0.8], [0.1]], [[0.6]] * 5)
    )
    assert better > worse if score.higher_is_better else better < worse


UNKNOWN = {
    "a curve of one class": (metrics.roc_auc, TWO_WAYS, np.zeros(50, int)),
    "precision of one class": (metrics.average_precision, TWO_WAYS, np.ones(50, int)),
    "no row of class 1": (metrics.f1, [0.1, 0.2], [0, 0]),
    "a correlation with one class": (metrics.matthews, [0.1, 0.9], [0, 0]),
    "a curve of several classes of which one has no row": (metrics.roc_auc, FOUR_WAYS, LABELS % 3),
}


@pytest.mark.parametrize(("score", "outputs", "y"), UNKNOWN.values(), ids=UNKNOWN)
def test_what_y_leaves_unknown_is_nan(score, outputs, y):
    assert np.isnan(score(outputs, y))


def test_one_class_alone_that_is_predicted_is_no_correlation():
    assert metrics.matthews([0.1, 0.2], [0, 1]) == 0 == sklearn.metrics.matthews_corrcoef([0, 1], [0, 0])


# ---- shapes ----


def test_a_score_takes_what_predict_gives_and_y_in_any_of_its_shapes():
    import pandas as pd

    for y in (TWO, TWO[:, None], TWO.tolist(), pd.Series(TWO), pd.DataFrame({"y": TWO}), TWO.astype(float), TWO == 1):
        for score in (metrics.accuracy, metrics.roc_auc, metrics.log_loss, metrics.f1):
            assert score(ONE, y) == score(ONE, TWO)
        assert metrics.mse(ONE, y) == np.mean((ONE[:, 0] - TWO) ** 2)


REFUSED = {
    "numbers of other rows": (
        metrics.mse,
        ONE,
        TWO[:-1],
        "outputs of shape (50, 1) cannot be compared with y of shape",
    ),
    "numbers with a column too many": (
        metrics.r2,
        ONE,
        np.zeros((50, 2)),
        "outputs of shape (50, 1) cannot be compared",
    ),
    "labels as numbers": (metrics.mae, FOUR_WAYS, LABELS, "(50, 4) cannot be compared with y of shape (50, 1)"),
    "a row": (metrics.mse, ONE, TWO[None], "cannot be compared with y of shape (1, 50)"),
    "classes of other rows": (metrics.accuracy, FOUR_WAYS, LABELS[1:], "(50, 4) cannot be compared with y of shape"),
    "other one-hot rows": (
        metrics.f1,
        FOUR_WAYS,
        np.eye(5)[LABELS],
        "(50, 4) cannot be compared with y of shape (50, 5)",
    ),
    "probabilities of other one-hot rows": (
        metrics.log_loss,
        FOUR_WAYS,
        np.eye(5)[LABELS],
        "(50, 4) cannot be compared with y of shape (50, 5)",
    ),
    "one probability for two columns": (
        metrics.log_loss,
        ONE,
        np.eye(2)[TWO],
        "(50, 1) cannot be compared with y of shape (50, 2)",
    ),
    "a label too high": (
        metrics.accuracy,
        FOUR_WAYS,
        LABELS + 1,
        "y holds 4, but a score of classes needs classes from 0",
    ),
    "labels of one output": (metrics.log_loss, ONE, TWO + 1, "y holds 2.0, but a score of classes needs"),
    "several labels a row": (
        metrics.accuracy,
        THEIR_OUTPUTS,
        YES_OR_NO,
        "which is not one class: give one class for each",
    ),
    "half a class": (metrics.accuracy, FOUR_WAYS, LABELS / 2, "but a class is a whole number"),
    "no rows": (metrics.mse, np.zeros((0, 1)), np.zeros(0), "outputs must have a row for each prediction, not shape"),
    "three dimensions": (metrics.mse, np.zeros((2, 1, 1)), np.zeros(2), "not shape (2, 1, 1): give (n,) or (n, n_out)"),
    "NaN": (metrics.accuracy, [[np.nan, 1.0]], [0], "outputs must be finite, but some are NaN or infinite"),
}


@pytest.mark.parametrize(("score", "outputs", "y", "words"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_compared_is_refused_and_never_broadcast(score, outputs, y, words):
    assert_refused(ValueError, words, score, outputs, y)


# ---- tasks ----

OF_CLASSES = "accuracy balanced_accuracy f1 matthews roc_auc average_precision"
OF_NUMBERS = "r2 explained_variance mse rmse mae median_absolute_error"
OF_LABELS = "label_accuracy label_f1 label_roc_auc"

TASKS = {
    "classes": (Task("classes", 3, "softmax", "cross_entropy"), f"{OF_CLASSES} log_loss"),
    "classes, no probabilities": (Task("classes", 3, "identity", "mse"), OF_CLASSES),
    "one-hot": (Task("one-hot", 3, "softmax", "cross_entropy"), f"{OF_CLASSES} log_loss {OF_NUMBERS}"),
    "one-hot, by their squares": (Task("one-hot", 3, "sigmoid", "mse"), f"{OF_CLASSES} {OF_NUMBERS}"),
    "labels": (Task("labels", 2, "sigmoid", "binary_cross_entropy"), f"{OF_LABELS} {OF_NUMBERS}"),
    "binary": (Task("binary", 1, "sigmoid", "binary_cross_entropy"), f"{OF_CLASSES} log_loss {OF_NUMBERS}"),
    "numbers": (Task("numbers", 2, "identity", "mse"), OF_NUMBERS),
    "counts": (Task("counts", 1, "exp", "poisson"), OF_NUMBERS),
}


@pytest.mark.parametrize(("task", "fitting"), TASKS.values(), ids=TASKS)
def test_each_task_has_the_scores_that_fit_it(task, fitting):
    assert [name for name, score in metrics.SCORES.items() if score.fits(task)] == fitting.split()
    assert metrics.default_score(task).name == fitting.split()[0]
    for name in metrics.SCORES:
        if name in fitting.split():
            assert metrics.chosen_metrics([name], task) == (metrics.SCORES[name],)
            assert metrics.chosen(name, "score", task) is metrics.SCORES[name]
        else:
            with pytest.raises(ValueError, match=f"metric '{name}' needs .* are not: choose from"):
                metrics.chosen_metrics([name], task)
            with pytest.raises(ValueError, match=f"score '{name}' needs .* are not: choose from"):
                metrics.chosen(name, "score", task)


@pytest.mark.parametrize("name", ["label_accuracy", "pinball", "median_absolute_error"])
def test_scores_that_cannot_weigh_rows_name_those_that_can(name):
    message = f"score '{name}' cannot weigh rows: choose from accuracy, "
    assert_refused(ValueError, message, metrics.SCORES[name].weighted)
