"""Weights of rows: rows of weight 0 are as if left out, and those of classes go for held-out rows, too."""

import numpy as np
import pytest

import fastprop as fp
from fastprop import reference
from fastprop.data import Dataset, Split, cross_validation_folds, held_out_rows
from tests.compare import assert_refused, assert_same_bits

RANDOM = np.random.default_rng(0)
ROWS = 60
X = RANDOM.normal(size=(ROWS, 4))
LABELS = np.arange(ROWS) % 3

WEIGHTS = np.bincount(RANDOM.integers(0, ROWS, ROWS), minlength=ROWS)
"""How often a bootstrap draws each row; some are 0."""


def trained(rows=slice(None), sizes=(4, 3, 3), **options):
    network = fp.MLP(sizes, output="softmax")
    history = fp.train(network, X[rows], LABELS[rows], epochs=3, batch_size=7, **options)
    return history.loss, history.validation_loss, network.predict(X)


@pytest.mark.parametrize("options", [
    {},
    {"standardize": True, "validation": 0.3},
    {"class_weight": "balanced"},
    {"class_weight": "balanced", "validation": 0.3},
    {"backend": "reference"},
    {"optimizer": fp.LBFGS(), "validation": 0.3},
    {"shuffle": False},
], ids=str)  # fmt: skip
def test_rows_of_weight_0_are_as_if_left_out(options):
    if isinstance(options.get("optimizer"), fp.LBFGS):
        options = options | {"batch_size": 32}
    counted = WEIGHTS > 0
    network, twin = (fp.MLP((4, 3, 3), output="softmax") for _ in range(2))
    how = {"epochs": 3, "batch_size": 7} | options
    one = fp.train(network, X, LABELS, sample_weight=WEIGHTS, **how)
    other = fp.train(twin, X[counted], LABELS[counted], sample_weight=WEIGHTS[counted], **how)
    for history, parts in ((one, network), (other, twin)):
        history.parts = history.loss, history.validation_loss, [history.score], parts.parameters
    assert_same_bits(one.parts, other.parts)


def test_a_class_of_weight_0_is_as_if_left_out():
    counted = LABELS != 1
    assert_same_bits(trained(class_weight={1: 0}), trained(counted))
    assert_same_bits(trained(class_weight={1: 0}, validation=0.3), trained(counted, validation=0.3))


def test_a_sweep_leaves_out_rows_of_weight_0():
    counted = WEIGHTS > 0
    for options in ({"cv": 3}, {"validation": 0.3}, {"cv": 3, "class_weight": "balanced", "standardize": True}):
        how = {"epochs": 3, "score": "accuracy"} | options
        grid = {"learning_rate": [0.1, 0.5]}
        one = fp.sweep((4, 3, 3), X, LABELS, grid, sample_weight=WEIGHTS, **how)
        other = fp.sweep((4, 3, 3), X[counted], LABELS[counted], grid, sample_weight=WEIGHTS[counted], **how)
        assert_same_bits([one.history, one.table["score"]], [other.history, other.table["score"]])
        assert_same_bits([one.best_network.parameters], [other.best_network.parameters])


def test_a_range_test_and_a_stream_leave_out_rows_of_weight_0():
    counted = WEIGHTS > 0
    found, streamed = [], []
    for rows in (slice(None), counted):
        network = fp.MLP((4, 3, 3), output="softmax")
        chunks = [(X[rows], LABELS[rows], WEIGHTS[rows])] * 2
        streamed.append([fp.train_stream(network.copy(), chunks, batch_size=7).loss])
        found.append([fp.find_learning_rate(network, X[rows], LABELS[rows], sample_weight=WEIGHTS[rows]).losses])
    assert_same_bits(*streamed)
    assert_same_bits(*found)


def test_a_chunk_of_rows_that_all_weigh_0_is_skipped():
    chunks = [(X[rows], LABELS[rows], weight) for rows, weight in ((slice(30), None), (slice(9), np.zeros(9)))]
    losses = [
        [fp.train_stream(fp.MLP((4, 3, 3), output="softmax"), some).loss]
        for some in ([chunks[1], chunks[0], chunks[1], chunks[0]], [chunks[0]] * 2)
    ]
    assert_same_bits(*losses)


def test_the_reference_by_itself_leaves_out_rows_of_weight_0():
    """A minibatch of them alone makes no step."""
    weights = np.repeat([0.0, 1.0], ROWS // 2)
    how = {"epochs": 2, "batch_size": 10, "loss": "cross_entropy", "optimizer": fp.SGD(0.1), "shuffle": False}
    ended = []
    for rows, y in ((slice(None), LABELS[:, None]), (slice(ROWS // 2, ROWS), LABELS)):
        network = reference.Network.of(fp.MLP((4, 3), output="softmax"))
        record = reference.train(network, X[rows], y[rows], sample_weight=weights[rows], **how)
        ended.append([record.loss, *network.arrays])
    assert_same_bits(*ended)


def test_folds_of_rows_that_all_weigh_0_are_refused():
    weights = np.ones(ROWS)
    weights[:30] = 0
    pairs = [(np.arange(30, 60), np.arange(30))]
    words = "the held-out rows of fold 0 of cv all have the weight 0: give at least one"
    how = {"epochs": 1, "cv": pairs, "sample_weight": weights}
    assert_refused(ValueError, words, fp.sweep, (4, 3), X, LABELS, {"seed": [0]}, **how)


@pytest.mark.parametrize("class_weight", [None, "balanced", {0: 2.0, 2: 0.5}, [1.0, 3.0, 0.0]], ids=str)
@pytest.mark.parametrize("backend", ["kernels", "reference"])
def test_validation_rows_weigh_what_they_weigh_as_a_share(class_weight, backend):
    weights = RANDOM.random(ROWS) + 0.1
    held_out = held_out_rows(ROWS, 0.2)
    rows = np.setdiff1d(np.arange(ROWS), held_out)
    how = {"epochs": 3, "backend": backend, "class_weight": class_weight}
    if isinstance(class_weight, list):  # a class that is left out leaves a share of other rows
        kept = LABELS != 2
        held_out = np.flatnonzero(kept)[held_out_rows(kept.sum(), 0.2)]
        rows = np.setdiff1d(np.arange(ROWS), held_out)
    validation = X[held_out], LABELS[held_out], weights[held_out]
    histories = []
    for y, some, given in ((LABELS, slice(None), 0.2), (LABELS, rows, validation)):
        network = fp.MLP((4, 3, 3), output="softmax", dtype="float64")
        history = fp.train(network, X[some], y[some], sample_weight=weights[some], validation=given, **how)
        histories.append((history.loss, history.validation_loss, network.parameters))
    for one, other in zip(*histories):
        np.testing.assert_allclose(one, other, rtol=1e-12)


def test_a_sweep_weighs_validation_rows_too():
    weights = RANDOM.random(ROWS) + 0.1
    how = {"epochs": 2, "validation": (X[:20], LABELS[:20], weights[:20]), "class_weight": "balanced"}
    result = fp.sweep((4, 3, 3), X, LABELS, {"learning_rate": [0.1]}, **how)
    history = fp.train(fp.MLP((4, 3, 3), output="softmax"), X, LABELS, **how)
    assert_same_bits([result.history[0]], [history.validation_loss])


def test_validation_rows_that_all_weigh_0_are_refused():
    words = "validation weights gives every row the weight 0"
    assert_refused(ValueError, words, trained, validation=(X, LABELS, np.zeros(ROWS)))


@pytest.mark.parametrize("cv", [3, None])
def test_classes_are_balanced_by_the_training_rows_of_each_fold(cv):
    network = fp.MLP((4, 3, 3), output="softmax")
    y = LABELS * (RANDOM.random(ROWS) > 0.3)
    how = {"epochs": 2, "class_weight": "balanced"}
    validation = 0.2 if cv is None else None
    result = fp.sweep(network, X, y, {"learning_rate": [0.1]}, cv=cv, validation=validation, **how)
    data = Dataset.of(X, y, network, "cross_entropy")
    split = Split.of(validation, data, network, "cross_entropy")
    folds = cross_validation_folds(cv, X, y, data) if cv else [(split.rows, split.held_out_rows, None)]
    losses = []
    for rows, held_out, _ in folds:
        each = len(rows) / (3 * np.bincount(y[rows]))[y]  # scikit-learn's formula
        given = {"sample_weight": each[rows], "validation": (X[held_out], y[held_out], each[held_out])}
        losses.append(fp.train(network.copy(), X[rows], y[rows], epochs=2, **given).validation_loss)
    np.testing.assert_allclose(result.history[0], np.mean(losses, axis=0), rtol=1e-6)
