"""Scores are compared with scikit-learn and with values by hand; which of them fit a task."""

import functools
import warnings

import numpy as np
import pytest
import sklearn.metrics

import fastprop as fp
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


@pytest.mark.parametrize("name", metrics.SCORES)
def test_a_better_prediction_has_a_better_score(name):
    score = metrics.SCORES[name]
    y = np.array([[0.0], [1.0], [0.0], [1.0], [0.0]])
    better, worse = (score.function(np.array(each), y) for each in ([[0.1], [0.9], [0.2], [0.8], [0.1]], [[0.6]] * 5))
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


# ---- functions and objects as scores of a sweep ----

DIGITS = fp.datasets.digits()
RATES = {"learning_rate": [1e-5, 0.5]}


def sweep(score, X=DIGITS[0], y=DIGITS[1], sizes=(64, 10), grid=RATES, **options):
    return fp.sweep(sizes, X, y, grid, score=score, **{"epochs": 3, "validation": 0.2, **options})


@pytest.mark.parametrize("name", ["log_loss", "f1", "roc_auc"])
def test_a_function_of_fastprop_ranks_as_its_name_does(name):
    by_name, by_function = sweep(name), sweep(getattr(metrics, name))
    np.testing.assert_array_equal(by_function.table["score"], by_name.table["score"])
    assert by_function.best["learning_rate"] == by_name.best["learning_rate"] == 0.5
    assert by_function.score_name == name


def test_a_score_may_say_that_the_lowest_is_best():
    wrong = lambda outputs, y: np.mean(outputs.argmax(axis=1) != y)  # noqa: E731
    assert sweep(metrics.Score("share wrong", wrong, higher_is_better=False)).best["learning_rate"] == 0.5
    assert sweep(wrong).best["learning_rate"] == 1e-5
    assert_refused(ValueError, "needs must be one of anything, classes", metrics.Score, "a", wrong, needs="words")
    assert_refused(TypeError, "function must be callable, not 3: give a function", metrics.Score, "a", 3)


LINE = np.random.default_rng(0).normal(size=(60, 3))
SUM = LINE @ [1.0, 2.0, 3.0]


def sweep_of_sum(score, y=SUM, **options):
    return sweep(score, LINE, y, (3, 8, 1), {"learning_rate": [1e-3, 0.05, 0.1]}, **options)


def test_a_function_that_changes_what_it_gets_changes_nothing_else():
    def in_place(outputs, y):
        outputs *= 50
        outputs += 200
        y *= 50
        y += 200
        return -np.sqrt(np.mean((outputs[:, 0] - y) ** 2))

    def clean(outputs, y):
        return -50 * np.sqrt(np.mean((outputs[:, 0] - y) ** 2))

    np.testing.assert_allclose(sweep_of_sum(in_place).table["score"], sweep_of_sum(clean).table["score"], rtol=1e-5)
    network = fp.MLP((3, 8, 1), output="identity")
    history = fp.train(network, LINE, SUM, epochs=2, metrics=(in_place, "rmse", clean))
    np.testing.assert_allclose(history.metrics["in_place"], history.metrics["clean"], rtol=1e-5)
    np.testing.assert_allclose(-history.metrics["clean"] / 50, history.metrics["rmse"], rtol=1e-6)


BROADCASTS = {
    "an error": lambda outputs, y: -np.mean((outputs - y) ** 2),
    "a comparison": lambda outputs, y: np.mean((outputs > 0) == (y > 0)),
    "scaled outputs": lambda outputs, y: np.mean(np.abs(2 * outputs + 1 - y)),
}


@pytest.mark.parametrize("score", BROADCASTS.values(), ids=BROADCASTS)
@pytest.mark.parametrize("backend", ["kernels", "reference"])
def test_outputs_and_y_that_broadcast_to_a_matrix_are_refused(score, backend):
    words = (
        "combines arrays of shapes (12, 1) and (12,), which gives a matrix, as outputs are (12, 1) and y is "
        "(12,), at configuration 0 (learning_rate=0.001): compare outputs[:, 0] with y of shape (n,)"
    )
    assert_refused(ValueError, words, sweep_of_sum, score, backend=backend, threads=1)
    assert_refused(
        ValueError,
        "(60, 1) and (60,)",
        fp.train,
        fp.MLP((3, 1), output="identity"),
        LINE,
        SUM,
        epochs=1,
        metrics=[score],
    )


NO_NUMBERS = {
    "None": (None, "returned None for outputs of shape (12, 1) and y of shape (12,)"),
    "a list": ([1.0, 2.0], "returned [1.0, 2.0] of shape (2,)"),
    "an array of one": (np.ones(1), "of shape (1,)"),
    "a complex number": (1j, "returned 1j"),
    "a string": ("0.5", "returned '0.5'"),
    "a bool": (True, "returned True"),
    "a dict": ({"f1": 0.5}, "returned {'f1': 0.5}"),
}


@pytest.mark.parametrize(("result", "words"), NO_NUMBERS.values(), ids=NO_NUMBERS)
def test_a_score_that_is_no_number_is_refused_with_its_name_and_the_configuration(result, words):
    score = metrics.Score("half", lambda outputs, y: result)
    assert_refused(ValueError, words, sweep_of_sum, score)
    assert_refused(ValueError, "at configuration 0 (learning_rate=0.001): a score is", sweep_of_sum, score, threads=1)


def test_any_kind_of_one_number_is_a_score():
    from decimal import Decimal
    from fractions import Fraction

    for half in (0.5, np.float32(0.5), np.array(0.5), Fraction(1, 2), Decimal("0.5"), np.longdouble(0.5)):
        assert (sweep_of_sum(lambda outputs, y, half=half: half).table["score"] == 0.5).all()
    assert (sweep_of_sum(lambda outputs, y: 3).table["score"] == 3).all()


def fail_on_noise(outputs, y):
    return 1 / int((outputs.argmax(axis=1) == 1).sum() > 10)


@pytest.mark.parametrize("options", [{}, {"backend": "reference"}, {"cv": 2, "validation": None}, {"halving": 3}])
def test_a_score_that_raises_is_told_once_and_its_configuration_ranks_last(options):
    grid = [{"learning_rate": 0.0, "batch_size": 1000}, {"learning_rate": 0.5}, {"learning_rate": 0.0}]
    words = r"score 'fail_on_noise' raised ZeroDivisionError: .* at configuration [02] \(learning_rate=0.0"
    with pytest.warns(RuntimeWarning, match=words) as warned:
        result = sweep(fail_on_noise, grid=grid, **options)
    assert len(warned) == 1
    np.testing.assert_array_equal(result.table["score"], [np.nan, 1, np.nan])
    assert result.best["learning_rate"] == 0.5


def test_a_metric_that_raises_is_told_once_and_is_nan_there():
    calls = []

    def late(outputs, y):
        calls.append(1)
        return 1 / (len(calls) - 2)

    with pytest.warns(
        RuntimeWarning, match=r"metric 'late' raised ZeroDivisionError: .* after epoch 1: it is NaN where it fails"
    ):
        history = fp.train(fp.MLP((3, 1), output="identity"), LINE, SUM, epochs=3, metrics=(late, "mse"))
    np.testing.assert_array_equal(history.metrics["late"], [-1, np.nan, 1])
    assert np.isfinite(history.metrics["mse"]).all()


@pytest.mark.parametrize(
    "function",
    [lambda estimator, X, y: 1.0, lambda outputs: 1.0, fp.MLP((2, 1)).predict],
    ids=["three", "one", "method"],
)
def test_a_function_of_other_parameters_is_refused_before_training(function):
    words = "a score is called with outputs and y, but "
    assert_refused(ValueError, words, sweep_of_sum, function)
    assert_refused(ValueError, words, sweep_of_sum, metrics.Score("own", function))
    assert_refused(ValueError, words, fp.train, fp.MLP((3, 1)), LINE, SUM > 0, epochs=1, metrics=(function,))


def test_metrics_of_one_name_are_refused():
    words = "metrics has 'mse' twice: give each another name, such as fp.metrics.Score('a', …)."
    assert_refused(
        ValueError,
        words,
        fp.train,
        fp.MLP((3, 1), output="identity"),
        LINE,
        SUM,
        epochs=1,
        metrics=("mse", metrics.mse),
    )


def test_an_infinite_score_is_told_and_ranks_last():
    infinite = metrics.Score("log", lambda outputs, y: -np.inf if np.std(outputs) < 0.9 else 1.0)
    with pytest.warns(RuntimeWarning, match=r"score 'log' returned -inf, which is not finite, for outputs of shape"):
        result = sweep_of_sum(infinite, epochs=30)
    assert result.best["score"] == 1
    assert np.isnan(result.table["score"]).any()


# ---- scikit-learn's scorers and metrics as scores ----


def named(name):
    return sklearn.metrics.get_scorer(name)


PRECISION_OF_CLASS_0 = sklearn.metrics.make_scorer(sklearn.metrics.precision_score, pos_label=0, zero_division=0)
BINARY = (LINE, (SUM > 0).astype(int), (3, 8, 1))
CLASSES = (*fp.datasets.digits(), (64, 10))
MULTILABEL = (LINE, np.column_stack([SUM > 0, LINE[:, 0] > 0]), (3, 8, 2))
OF_SKLEARN = {
    # data, loss, score, direction, and what it is of held-out y and outputs
    "an error of numbers": (
        (LINE, SUM, (3, 8, 1)), None, sklearn.metrics.mean_squared_error, False,
        lambda t, o: np.mean((o[:, 0] - t) ** 2),
    ),
    "an error that knows truth from prediction": (
        (LINE, SUM, (3, 8, 1)), None, sklearn.metrics.mean_absolute_percentage_error, False,
        lambda t, o: np.mean(np.abs((o[:, 0] - t) / t)),
    ),
    "a scorer of numbers": (
        (LINE, SUM, (3, 8, 1)), None, named("neg_root_mean_squared_error"), True,
        lambda t, o: -np.sqrt(np.mean((o[:, 0] - t) ** 2)),
    ),
    "a metric that no scorer has": (
        (LINE, SUM, (3, 8, 1)), None, sklearn.metrics.mean_pinball_loss, False,
        lambda t, o: np.mean(np.abs(t - o[:, 0])) / 2,
    ),
    "a partial function": (
        CLASSES, None, functools.partial(sklearn.metrics.f1_score, average="macro"), True,
        lambda t, o: sklearn.metrics.f1_score(t, o.argmax(axis=1), average="macro"),
    ),
    "a scorer with arguments": (
        CLASSES, None, sklearn.metrics.make_scorer(sklearn.metrics.fbeta_score, beta=2, average="macro"), True,
        lambda t, o: sklearn.metrics.fbeta_score(t, o.argmax(axis=1), beta=2, average="macro"),
    ),
    "a scorer of an own function": (
        CLASSES, None, sklearn.metrics.make_scorer(lambda t, p: np.mean(t != p), greater_is_better=False), True,
        lambda t, o: -np.mean(t != o.argmax(axis=1)),
    ),
    "probabilities of several classes": (
        CLASSES, None, named("roc_auc_ovr"), True,
        lambda t, o: sklearn.metrics.roc_auc_score(t, o, multi_class="ovr"),
    ),
    "log loss": (CLASSES, None, sklearn.metrics.log_loss, False, lambda t, o: sklearn.metrics.log_loss(t, o)),
    "one sigmoid output": (
        BINARY, "binary_cross_entropy", sklearn.metrics.roc_auc_score, True,
        lambda t, o: sklearn.metrics.roc_auc_score(t, o[:, 0]),
    ),
    "one sigmoid output, predicted classes": (
        BINARY, "binary_cross_entropy", sklearn.metrics.f1_score, True,
        lambda t, o: sklearn.metrics.f1_score(t, o[:, 0] > 0.5),
    ),
    "one sigmoid output, probabilities": (
        BINARY, "binary_cross_entropy", named("neg_brier_score"), True,
        lambda t, o: -np.mean((o[:, 0] - t) ** 2),
    ),
    "class 0 is the positive one": (
        BINARY, "binary_cross_entropy", PRECISION_OF_CLASS_0, True,
        lambda t, o: sklearn.metrics.precision_score(t, o[:, 0] > 0.5, pos_label=0, zero_division=0),
    ),
    "two outputs without probabilities": (
        (LINE, BINARY[1], (3, 8, 2)), "mse", named("roc_auc"), True,
        lambda t, o: sklearn.metrics.roc_auc_score(t, o[:, 1] - o[:, 0]),
    ),
    "one-hot": (
        (CLASSES[0], np.eye(10)[CLASSES[1]], (64, 10)), "cross_entropy", named("balanced_accuracy"), True,
        lambda t, o: sklearn.metrics.balanced_accuracy_score(t.argmax(axis=1), o.argmax(axis=1)),
    ),
    "independent labels": (
        MULTILABEL, "binary_cross_entropy", named("f1_macro"), True,
        lambda t, o: sklearn.metrics.f1_score(t, o > 0.5, average="macro"),
    ),
    "probabilities of independent labels": (
        MULTILABEL, "binary_cross_entropy", sklearn.metrics.roc_auc_score, True,
        lambda t, o: sklearn.metrics.roc_auc_score(t, o),
    ),
}  # fmt: skip


@pytest.mark.parametrize(("data", "loss", "score", "higher", "expected"), OF_SKLEARN.values(), ids=OF_SKLEARN)
def test_a_scorer_or_metric_of_scikit_learn_measures_what_it_does_there(data, loss, score, higher, expected):
    X, y, sizes = data
    held_out = X[::3], y[::3]
    grid = {"learning_rate": [0.01, 0.1, 0.5]}
    result = fp.sweep(sizes, X, y, grid, score=score, loss=loss, epochs=20, validation=held_out, keep="all")
    assert result.higher_is_better == higher
    for index, network in result.networks.items():
        value = expected(held_out[1], network.predict(held_out[0]))
        assert result.table["score"][index] == pytest.approx(value, rel=1e-5)
    best = result.table["score"].max() if higher else result.table["score"].min()
    assert result.best["score"] == best


@pytest.mark.parametrize(
    ("score", "name"),
    [
        (named("neg_mean_squared_error"), "neg_mean_squared_error"),
        (sklearn.metrics.make_scorer(sklearn.metrics.r2_score), "r2"),
        (functools.partial(sklearn.metrics.mean_pinball_loss, alpha=0.1), "mean_pinball_loss(alpha=0.1)"),
        (sklearn.metrics.max_error, "max_error"),
    ],
)
def test_a_score_of_scikit_learn_has_a_name_that_says_what_it_is(score, name):
    assert sweep_of_sum(score).score_name == name
    history = fp.train(fp.MLP((3, 1), output="identity"), LINE, SUM, epochs=1, metrics=(score, "mse"))
    assert list(history.metrics) == [name, "mse"]


def test_a_score_with_a_function_of_scikit_learn_has_its_arguments_in_the_right_order():
    share = sklearn.metrics.mean_absolute_percentage_error
    own = metrics.Score("share", share, higher_is_better=False)
    np.testing.assert_array_equal(sweep_of_sum(own).table["score"], sweep_of_sum(share).table["score"])


NOT_OF_SKLEARN = {
    "several classes": (CLASSES, sklearn.metrics.f1_score, "score 'f1_score' cannot be measured on the held-out rows"),
    "a curve of several classes": (CLASSES, sklearn.metrics.roc_auc_score, "multi_class must be in ('ovo', 'ovr')"),
    "numbers as classes": ((LINE, SUM, (3, 8, 1)), sklearn.metrics.accuracy_score, "continuous is not supported"),
    "a table": (CLASSES, sklearn.metrics.confusion_matrix, "does not say which value of"),
    "two columns of no order": (
        CLASSES,
        sklearn.metrics.cohen_kappa_score,
        "make a scorer of it, sklearn.metrics.make_sc",
    ),
    "distances": (CLASSES, sklearn.metrics.pairwise.euclidean_distances, "does not say which value of"),
    "several scores": (CLASSES, sklearn.metrics.check_scoring(scoring=["accuracy", "f1_macro"]), "does not say which"),
    "negative numbers": ((LINE, SUM, (3, 8, 1)), sklearn.metrics.mean_squared_log_error, "because scikit-learn says"),
}


@pytest.mark.parametrize(("data", "score", "words"), NOT_OF_SKLEARN.values(), ids=NOT_OF_SKLEARN)
def test_what_scikit_learn_does_not_tell_or_cannot_measure_is_refused_before_training(data, score, words):
    assert_refused(ValueError, words, sweep, score, *data)


def test_a_metric_that_the_rows_do_not_define_is_refused():
    words = (
        "metric 'r2' is undefined on the rows that are measured, whose y is all alike or lacks a class: choose another"
    )
    assert_refused(ValueError, words, fp.train, fp.MLP((3, 1)), LINE, SUM * 0, epochs=1, metrics=("r2",))


@pytest.mark.parametrize("score", ["average_precision", "matthews", "f1"])
def test_other_scores_of_one_class_are_refused_as_well(score):
    words = f"score '{score}' is undefined on the held-out rows of fold 1 of cv, whose y is all alike or lacks a class"
    even, odd = np.arange(0, 60, 2), np.arange(1, 60, 2)
    folds = [(even, odd), (even, odd[SUM[odd] <= 0])]
    y = (SUM > 0).astype(int)
    assert_refused(ValueError, words, sweep, score, LINE, y, (3, 8, 2), cv=folds, validation=None)
