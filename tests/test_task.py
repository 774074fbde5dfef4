"""What the targets are, decided from y, the loss and the output."""

import numpy as np
import pytest

import fastprop as fp
from fastprop import metrics
from fastprop.data import Dataset, Split
from fastprop.task import Task
from tests.compare import assert_refused, assert_same_bits

RANDOM = np.random.default_rng(0)
ROWS = 60
X = RANDOM.normal(size=(ROWS, 4))
LABELS = np.arange(ROWS) % 3
ONE_HOT = np.eye(3)[LABELS]
YES_OR_NO = (RANDOM.random((ROWS, 3)) > 0.5) * 1.0
BINARY = (X[:, 0] > 0).astype(int)
SHARES = RANDOM.random(ROWS)
PROBABILITIES = RANDOM.dirichlet(np.ones(3), ROWS)
COUNTS = RANDOM.poisson(3.0, ROWS)
NUMBERS = RANDOM.normal(size=(ROWS, 3))

# ---- what the targets are ----

Y = {
    "labels": (LABELS, 3),
    "labels of floats": (LABELS * 1.0, 3),
    "a column of labels": (LABELS[:, None], 3),
    "one-hot": (ONE_HOT, 3),
    "one-hot bool": (ONE_HOT > 0, 3),
    "yes or no": (YES_OR_NO, 3),
    "probabilities": (PROBABILITIES, 3),
    "numbers": (NUMBERS, 3),
    "0 and 1": (BINARY, 1),
    "False and True": (BINARY > 0, 1),
    "a column of 0.0 and 1.0": (BINARY[:, None] * 1.0, 1),
    "shares": (SHARES, 1),
    "counts": (COUNTS, 1),
    "rates": (COUNTS + 0.5, 1),
    "a number": (NUMBERS[:, 0], 1),
    "many counts": (np.column_stack([COUNTS] * 3), 3),
}
"""Kinds of y, and the number of outputs."""

MATCHED = {"softmax": "cross_entropy", "sigmoid": "binary_cross_entropy", "exp": "poisson"}
"""By output, the loss that only it has; the others go with any output."""

KINDS = {  # by y: the kind that it has, by output where outputs differ
    "labels": "classes",
    "labels of floats": "classes",
    "a column of labels": "classes",
    "one-hot": {"poisson": "counts", "else": "one-hot"},
    "one-hot bool": {"poisson": "counts", "else": "one-hot"},
    "yes or no": {"poisson": "counts", "sigmoid": "labels", "else": "numbers"},
    "probabilities": "numbers",
    "numbers": "numbers",
    "0 and 1": {"poisson": "counts", "sigmoid": "binary", "else": "numbers"},
    "False and True": {"poisson": "counts", "sigmoid": "binary", "else": "numbers"},
    "a column of 0.0 and 1.0": {"poisson": "counts", "sigmoid": "binary", "else": "numbers"},
    "shares": "numbers",
    "counts": {"poisson": "counts", "else": "numbers"},
    "rates": "numbers",
    "a number": "numbers",
    "many counts": {"poisson": "counts", "else": "numbers"},
}

DEFAULT_SCORES = {
    "classes": "accuracy",
    "one-hot": "accuracy",
    "binary": "accuracy",
    "labels": "label_accuracy",
    "counts": "r2",
    "numbers": "r2",
}

COMBINATIONS = [
    (name, output, loss)
    for name in Y
    for output in ("identity", "tanh", "sigmoid", "softmax", "exp")
    for loss in ("mse", "mae", fp.Huber(0.5), MATCHED.get(output, "mse"))
    if not (output == "softmax" and Y[name][1] == 1)
]


@pytest.mark.parametrize(("name", "output", "loss"), COMBINATIONS, ids=str)
def test_what_targets_are_follows_from_y_loss_and_output(name, output, loss):
    y, outputs = Y[name]
    kind = KINDS[name]
    if isinstance(kind, dict):
        kind = kind.get("poisson" if loss == "poisson" else output, kind["else"])
    task = Task.of(np.asarray(y), outputs, output, loss)
    assert task.kind == kind
    assert metrics.default_score(task).name == DEFAULT_SCORES[kind]
    assert task.shape == np.shape(y)[1:]
    assert task.class_count == {"classes": 3, "one-hot": 3, "binary": 2}.get(kind, 0)
    if task.class_count:
        np.testing.assert_array_equal(task.classes(np.asarray(y)), LABELS if outputs == 3 else BINARY)


TWELVE = tuple("abcdefghijkl")


@pytest.mark.parametrize(
    ("task", "words"),
    [
        (Task("classes", 3, "softmax", "mse"), "3 classes"),
        (Task("classes", 3, "softmax", "mse", names=("ant", "bee", "cat")), "3 classes (ant, bee, cat)"),
        (Task("classes", 12, "softmax", "mse", names=TWELVE), "12 classes (a, b, c, d, e, f, g, h, i, j, …)"),
        (Task("one-hot", 10, "softmax", "mse"), "10 classes"),
        (Task("binary", 1, "sigmoid", "mse"), "2 classes"),
        (Task("labels", 5, "sigmoid", "mse"), "5 labels, each yes or no"),
        (Task("counts", 1, "exp", "poisson"), "counts"),
        (Task("numbers", 2, "identity", "mse"), "numbers"),
    ],
)  # fmt: skip
def test_a_task_describes_itself_in_a_few_words(task, words):
    assert task.described() == words


@pytest.mark.parametrize("name", Y)
def test_y_comes_back_as_it_was_given_and_read_only(name):
    y, outputs = Y[name]
    network = fp.MLP((4, outputs), output="sigmoid" if outputs == 1 else "identity", dtype="float32")
    data = Dataset.of(X, y, network, "mse")
    back = data.as_given(np.arange(7, 20))
    assert back.dtype == np.asarray(y).dtype
    assert not back.flags.writeable
    np.testing.assert_array_equal(back, y[7:20])


def test_y_of_pandas_comes_back_in_its_shape_and_names_its_columns():
    pandas = pytest.importorskip("pandas")
    network = fp.MLP((4, 3), output="sigmoid")
    series, column = pandas.Series(LABELS), pandas.DataFrame({"label": LABELS})
    frame = pandas.DataFrame(YES_OR_NO > 0, columns=["red", "green", "blue"])
    for y, shape in ((series, ()), (column, (1,)), (frame, (3,))):
        data = Dataset.of(X, y, network, "mse")
        assert data.task.shape == data.as_given([1, 2]).shape[1:] == shape
    assert data.task.described() == "3 labels, each yes or no (red, green, blue)"


@pytest.mark.parametrize(("name", "twin"), [
    ("a column of labels", "labels"),
    ("labels of floats", "labels"),
    ("one-hot bool", "one-hot"),
    ("False and True", "0 and 1"),
    ("a column of 0.0 and 1.0", "0 and 1"),
])  # fmt: skip
def test_the_shape_of_y_does_not_change_what_is_trained(name, twin):
    histories = []
    for y, outputs in (Y[name], Y[twin]):
        network = fp.MLP((4, 5, outputs), output="softmax" if outputs > 1 else "sigmoid")
        history = fp.train(network, X, y, epochs=2, validation=0.25, class_weight="balanced")
        histories.append((history.loss, history.validation_loss, [history.score], network.parameters))
    assert_same_bits(*histories)


def test_what_is_held_out_may_be_more_general_than_what_is_trained_on():
    network = fp.MLP((4, 3), output="sigmoid")
    data = Dataset.of(X, ONE_HOT, network, "mse")
    for y, kind in ((ONE_HOT, "one-hot"), (YES_OR_NO, "labels"), (PROBABILITIES, "numbers")):
        assert Split.of((X, y), data, network, "mse").task.kind == kind


# ---- a single softmax output ----


@pytest.mark.parametrize(
    "y", [BINARY, np.ones(ROWS), SHARES, BINARY[:, None]], ids=["0 and 1", "1", "shares", "column"]
)
@pytest.mark.parametrize("loss", [None, "cross_entropy", "mse", "mae", fp.CrossEntropy(0.1)], ids=str)
def test_a_single_softmax_output_is_refused(y, loss):
    network = fp.MLP((4, 3, 1), output="softmax")
    words = "a single softmax output is 1 whatever the inputs are"
    assert_refused(ValueError, words, fp.train, network, X, y, epochs=1, loss=loss)
    assert_refused(ValueError, words, fp.sweep, network, X, y, {"learning_rate": [0.1]}, epochs=1, loss=loss)
    assert_refused(ValueError, words, fp.train_stream, network, [(X, y)], loss=loss)
    assert_refused(ValueError, words, fp.find_learning_rate, network, X, y, loss=loss)
    grid = {"loss": ["cross_entropy"]}
    assert_refused(ValueError, words, fp.sweep, (4, 3, 1), X, y, grid, epochs=1)
