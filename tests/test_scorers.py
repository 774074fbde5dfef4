"""Scorers and metrics of scikit-learn as scores of a sweep measure what they do there."""

import functools

import numpy as np
import pytest
import sklearn.metrics

import fastprop as fp
from fastprop import metrics
from tests.compare import assert_refused

DIGITS = fp.datasets.digits()
RATES = {"learning_rate": [1e-5, 0.5]}


def sweep(score, X=DIGITS[0], y=DIGITS[1], sizes=(64, 10), grid=RATES, **options):
    return fp.sweep(sizes, X, y, grid, score=score, **{"epochs": 3, "validation": 0.2, **options})


LINE = np.random.default_rng(0).normal(size=(60, 3))
SUM = LINE @ [1.0, 2.0, 3.0]
OF_SUM = LINE, SUM, (3, 8, 1), {"learning_rate": [1e-3, 0.05]}


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
    assert sweep(score, *OF_SUM).score_name == name
    history = fp.train(fp.MLP((3, 1), output="identity"), LINE, SUM, epochs=1, metrics=(score, "mse"))
    assert list(history.metrics) == [name, "mse"]


def test_a_score_with_a_function_of_scikit_learn_has_its_arguments_in_the_right_order():
    share = sklearn.metrics.mean_absolute_percentage_error
    own = metrics.Score("share", share, higher_is_better=False)
    np.testing.assert_array_equal(sweep(own, *OF_SUM).table["score"], sweep(share, *OF_SUM).table["score"])


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
    "a score of each class": (
        CLASSES,
        functools.partial(sklearn.metrics.f1_score, average=None),
        "score 'f1_score(average=None)' is an array of shape (10,) on the held-out rows, and no number",
    ),
    "several scores": (CLASSES, sklearn.metrics.check_scoring(scoring=["accuracy", "f1_macro"]), "does not say which"),
    "negative numbers": ((LINE, SUM, (3, 8, 1)), sklearn.metrics.mean_squared_log_error, "because scikit-learn says"),
}


@pytest.mark.parametrize(("data", "score", "words"), NOT_OF_SKLEARN.values(), ids=NOT_OF_SKLEARN)
def test_what_scikit_learn_does_not_tell_or_cannot_measure_is_refused_before_training(data, score, words):
    assert_refused(ValueError, words, sweep, score, *data)


@pytest.mark.filterwarnings("ignore:all 60 rows are of class 0")
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


HINGES = {
    "several classes": ("softmax", 10, DIGITS[1], np.log),
    "two classes": ("softmax", 2, DIGITS[1] > 4, lambda p: np.log(p[:, 1]) - np.log(p[:, 0])),
    "one sigmoid": ("sigmoid", 1, DIGITS[1] > 4, lambda p: np.log(p[:, 0]) - np.log1p(-p[:, 0])),
}


@pytest.mark.parametrize(("output", "outputs", "y", "logits"), HINGES.values(), ids=HINGES)
def test_decision_values_of_probabilities_are_their_logits(output, outputs, y, logits):
    network, y = fp.MLP((64, outputs), output=output), y.astype(int)
    options = {"validation": (DIGITS[0][:300], y[:300]), "epochs": 1, "score": sklearn.metrics.hinge_loss}
    result = fp.sweep(network, DIGITS[0], y, {"learning_rate": [0.01, 0.1]}, keep=2, **options)
    assert not result.higher_is_better
    for index, kept in result.networks.items():
        expected = sklearn.metrics.hinge_loss(y[:300], logits(kept.predict(DIGITS[0][:300]).astype(float)))
        assert result.table["score"][index] == pytest.approx(expected, rel=1e-6)


def test_a_score_of_classes_is_refused_for_numbers_in_words():
    words = "score 'hinge_loss' needs classes, their probabilities or decision values, which outputs trained on numbers"
    assert_refused(ValueError, words, sweep, sklearn.metrics.hinge_loss, *OF_SUM)
