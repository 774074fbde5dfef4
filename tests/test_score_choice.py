"""A score that the held-out rows of a fold leave undefined is refused before training, or is not the default."""

import numpy as np
import pytest
import sklearn.metrics

import fastprop as fp
from fastprop.data import held_out_rows
from tests.compare import assert_refused

RANDOM = np.random.default_rng(0)
ROWS = 30
X = RANDOM.normal(size=(ROWS, 3))
LABELS = (X[:, 0] > 0).astype(int)
NUMBERS = X[:, 0]
RATES = {"learning_rate": [1e-9, 0.05, 0.1]}


def sweep(y, outputs, output="identity", **options):
    network = fp.MLP((3, 4, outputs), output=output)
    return fp.sweep(network, X, y, RATES, **{"epochs": 30} | options)


def test_leave_one_out_of_numbers_refuses_r2_and_ranks_by_errors():
    words = "score 'r2' is undefined on the held-out rows of fold 0 of cv, whose y is all alike or lacks a class"
    assert_refused(ValueError, words, sweep, NUMBERS, 1, cv=ROWS, score="r2")
    for score in (None, "mse", "mae"):
        result = sweep(NUMBERS, 1, cv=ROWS, score=score)
        assert result.score_name == ("mse" if score is None else score)
        assert result.best["learning_rate"] == 0.1
    errors = []
    for row in range(ROWS):
        rest = np.arange(ROWS) != row
        network = fp.MLP((3, 4, 1), output="identity")
        fp.train(network, X[rest], NUMBERS[rest], epochs=30, optimizer=fp.SGD(0.1))
        errors.append((network.predict(X[[row]])[0, 0] - NUMBERS[row]) ** 2)
    assert sweep(NUMBERS, 1, cv=ROWS).best["score"] == pytest.approx(np.mean(errors), rel=1e-5)


@pytest.mark.parametrize(("y", "outputs", "output"), [
    (LABELS, 2, "softmax"),
    (LABELS[:, None], 2, "softmax"),
    (np.eye(2)[LABELS], 2, "softmax"),
    (LABELS, 1, "sigmoid"),
    (LABELS > 0, 1, "sigmoid"),
], ids=["labels", "column", "one-hot", "binary", "bool"])  # fmt: skip
def test_a_score_of_two_classes_is_refused_where_one_is_held_out(y, outputs, output):
    even, odd = np.arange(0, ROWS, 2), np.arange(1, ROWS, 2)
    one_class = [(even, odd), (even, odd[LABELS[odd] == 1])]
    for cv, fold in ((ROWS, 0), (one_class, 1)):
        words = f"score 'roc_auc' is undefined on the held-out rows of fold {fold} of cv, whose y is all alike or lacks"
        assert_refused(ValueError, words, sweep, y, outputs, output, cv=cv, score="roc_auc")
    ones = LABELS == 1
    words = "score 'roc_auc' is undefined on the held-out rows, whose y is all alike or lacks a class: hold out other"
    how = {"validation": (X[ones], y[ones]), "score": "roc_auc"}
    assert_refused(ValueError, words, sweep, y, outputs, output, **how)
    assert np.isfinite(sweep(y, outputs, output, cv=3, score="roc_auc").table["score"]).all()


def test_a_share_with_few_of_a_class_has_a_roc_auc():
    """The plain draw holds out none of the five."""
    y = np.zeros(500, int)
    y[np.setdiff1d(np.arange(500), held_out_rows(500, 0.2))[:5]] = 1
    inputs = RANDOM.normal(size=(500, 3)) + y[:, None]
    network = fp.MLP((3, 4, 2), output="softmax")
    result = fp.sweep(network, inputs, y, RATES, epochs=5, validation=0.2, score="roc_auc")
    assert np.isfinite(result.table["score"]).all()


def test_a_score_of_ones_own_is_not_tried_before_training():
    calls = []

    def own(outputs, y):
        calls.append(len(y))
        return float(outputs.mean())

    sweep(NUMBERS, 1, cv=[(np.arange(20), np.arange(20, 30))], score=own, epochs=1)
    assert calls == [10] * 3


def test_counts_of_zero_have_a_poisson_deviance():
    """scikit-learn refuses predictions of 0, which exp outputs never are."""
    counts = np.random.default_rng(1).poisson(np.exp(NUMBERS))
    assert (counts == 0).any()
    held_out = held_out_rows(ROWS, 0.4)
    for score in (sklearn.metrics.mean_poisson_deviance, sklearn.metrics.get_scorer("neg_mean_poisson_deviance")):
        result = sweep(counts, 1, "exp", validation=0.4, score=score, keep="all")
        expected = [
            sklearn.metrics.mean_poisson_deviance(counts[held_out], result.networks[index].predict(X[held_out])[:, 0])
            for index in range(len(result.table))
        ]
        assert np.abs(result.table["score"]) == pytest.approx(np.array(expected), rel=1e-5)
        assert result.ranking[0] == np.argmin(expected)
    words = "score 'mean_gamma_deviance' cannot be measured on the held-out rows, because scikit-learn says"
    assert_refused(
        ValueError, words, sweep, counts, 1, "exp", validation=0.4, score=sklearn.metrics.mean_gamma_deviance
    )
