"""What the target of a table is taken for, by the options that are named or by its values."""

import numpy as np
import pytest

import fastprop as fp
from fastprop.tabular import Table, targets_of

WORDS = Table(np.ones((4, 1)), np.array([1, 0, 1, 0]), ("a",), "species", ("cat", "dog"))
ONE_HOT = np.eye(3)[[0, 1, 2, 0]]
LABELS = np.array([[1, 1], [0, 1], [0, 0], [1, 0]])


def table(y):
    y = np.asarray(y)
    return Table(np.ones((len(y), 1)), y, ("a",), "y")


WHOLE = table([1.0, 2, 3] * 4)
MANY = table(np.arange(100.0) % 30)
REAL = table([0.5, 1.25, 2])
BINARY = table([0, 1, 1, 0])

TAKEN = [
    (WHOLE, {}, "3 classes (1, 2, 3); task='numbers' or counts takes them as such", 3, "softmax"),
    (WHOLE, {"task": "classes"}, "3 classes (1, 2, 3)", 3, "softmax"),
    (WHOLE, {"loss": "cross_entropy"}, "3 classes (1, 2, 3)", 3, "softmax"),
    (WHOLE, {"score": "accuracy"}, "3 classes (1, 2, 3)", 3, "softmax"),
    (WHOLE, {"task": "numbers"}, "numbers (1 to 3)", 1, "identity"),
    (WHOLE, {"loss": "mse"}, "numbers (1 to 3)", 1, "identity"),
    (WHOLE, {"loss": "huber", "score": "accuracy"}, "numbers (1 to 3)", 1, "identity"),
    (WHOLE, {"score": "r2"}, "numbers (1 to 3)", 1, "identity"),
    (WHOLE, {"loss": "poisson"}, "counts (1 to 3)", 1, "exp"),
    (WHOLE, {"task": "counts"}, "counts (1 to 3)", 1, "exp"),
    (WHOLE, {"task": "counts", "loss": "mse"}, "counts (1 to 3)", 1, "identity"),
    (WHOLE, {"task": "classes", "loss": "mse"}, "3 classes (1, 2, 3)", 3, "identity"),
    (WHOLE, {"loss": "binary_cross_entropy"}, "3 classes (1, 2, 3)", 3, "sigmoid"),
    (table([-1, 1, 1, -1]), {}, "2 classes (-1, 1); task='numbers' takes them as such", 2, "softmax"),
    (table([[3], [5], [5], [3]]), {"task": "classes"}, "2 classes (3, 5)", 2, "softmax"),
    (table(np.array([0, 1, 1], np.uint8)), {"task": "classes"}, "2 classes (0, 1)", 2, "softmax"),
    (BINARY, {"loss": "binary_cross_entropy"}, "yes/no (no: 0, yes: 1)", 1, "sigmoid"),
    (BINARY, {"task": "labels"}, "yes/no (no: 0, yes: 1)", 1, "sigmoid"),
    (MANY, {}, "numbers (0 to 29); task='classes' or counts takes them as such", 1, "identity"),
    (table(np.arange(15.0)), {}, "numbers (0 to 14); task='classes' or counts takes them as such", 1, "identity"),
    (MANY, {"task": "classes"}, "30 classes (0, 1, 2, 3, 4, 5, 6, 7, 8, 9, …)", 30, "softmax"),
    (REAL, {}, "numbers (0.5 to 2)", 1, "identity"),
    (REAL, {"loss": "poisson"}, "rates (0.5 to 2)", 1, "exp"),
    (WORDS, {}, "2 classes (cat, dog)", 2, "softmax"),
    (WORDS, {"loss": "binary_cross_entropy"}, "yes/no (no: cat, yes: dog)", 1, "sigmoid"),
    (table(ONE_HOT), {}, "3 classes (0, 1, 2)", 3, "softmax"),
    (table(LABELS), {}, "2 labels, each yes or no", 2, "sigmoid"),
    (table(LABELS), {"loss": "binary_cross_entropy"}, "2 labels, each yes or no", 2, "sigmoid"),
    (table(LABELS), {"loss": fp.BinaryCrossEntropy(0.1)}, "2 labels, each yes or no", 2, "sigmoid"),
    (table(ONE_HOT), {"loss": fp.BinaryCrossEntropy()}, "3 classes (0, 1, 2)", 3, "sigmoid"),
    (BINARY, {"loss": fp.BinaryCrossEntropy()}, "yes/no (no: 0, yes: 1)", 1, "sigmoid"),
    (WHOLE, {"loss": fp.CrossEntropy(label_smoothing=0.1)}, "3 classes (1, 2, 3)", 3, "softmax"),
    (WHOLE, {"loss": fp.Huber(2.0)}, "numbers (1 to 3)", 1, "identity"),
    (WHOLE, {"loss": fp.Pinball((0.1, 0.9))}, "quantiles 0.1, 0.9 of numbers (1 to 3)", 2, "identity"),
    (table(LABELS), {"task": "numbers"}, "2 columns of numbers (0 to 1)", 2, "identity"),
    (table(LABELS + 0.5), {}, "2 columns of numbers (0.5 to 1.5)", 2, "identity"),
]


@pytest.mark.parametrize(("given", "options", "description", "outputs", "output"), TAKEN)
def test_targets_are_taken_for_what_is_said_or_for_what_they_look_like(given, options, description, outputs, output):
    targets = targets_of(given, **options)
    assert (targets.description, targets.task.outputs, targets.task.output) == (description, outputs, output)


@pytest.mark.parametrize("task", ["numbers", "counts"])
def test_words_that_are_all_numbers_are_taken_as_these_if_told(task):
    padded = Table(np.zeros((4, 1)), np.array([1, 0, 0, 1]), ("x",), "code", ("007", "12,5"))
    targets = targets_of(padded, task=task)
    assert targets.y.tolist() == [12.5, 7, 7, 12.5]
    assert targets.class_names is None
    assert targets.description.endswith("(7 to 12.5)")


def test_classes_are_numbered_in_the_order_of_their_numbers():
    targets = targets_of(table([30.0, 10, 2, 10, 30, 2]))
    assert (targets.y.tolist(), targets.class_names) == ([2, 1, 0, 1, 2, 0], ("2", "10", "30"))


@pytest.mark.parametrize(
    ("given", "options", "message"),
    [
        (REAL, {"task": "classes"}, r"column 'y' must hold whole numbers or words, .* but holds 0.5: .*task='numbers'"),
        (table([1, 2.5, 1]), {"score": "accuracy"}, "but holds 2.5"),
        (
            WORDS,
            {"loss": "mse"},
            r"column 'species' must hold numbers, .* but holds 'dog': name another.*task='classes'",
        ),
        (WORDS, {"score": "r2"}, "must hold numbers"),
        (WORDS, {"task": "counts"}, "must hold numbers"),
        (table([1, -2.0]), {"task": "counts"}, r"counts or rates of at least 0, .* but holds -2.0"),
        (table(LABELS), {"task": "classes"}, r"rows with a single 1 among zeros, .* but holds \[1, 1\]"),
        (table(LABELS * 2), {"task": "labels"}, r"columns of 0 and 1, .* but holds \[2, 2\]"),
        (table([7, 7, 7]), {}, "all rows have the target '7' in column 'y': there is nothing to learn"),
        (WHOLE, {"task": "ranks"}, "task must be one of classes, counts, numbers, labels, not 'ranks'"),
        (table(np.arange(100)), {"task": "classes"}, "100 different values in 100 rows, too many for classes"),
    ],
)
def test_targets_that_do_not_fit_what_is_said_are_refused(given, options, message):
    with pytest.raises(ValueError, match=message):
        targets_of(given, **options)


@pytest.mark.parametrize("y", [[2.0**60, 2.0**60], [-(2.0**53), 1.0, 2.0], [1e20, 2e20]])
def test_numbers_that_float64_rounds_are_no_classes(y):
    words = r"^column 'y' holds '-?\d+', but numbers from 2\*\*53 on cannot be told apart as classes: write words, such"
    with pytest.raises(ValueError, match=words):
        targets_of(table(y * 4))
    assert targets_of(table(y * 4), task="numbers").task.kind == "numbers"
    exact = targets_of(table(np.array([2**60, 2**60 + 1] * 4)))
    assert exact.class_names == ("1152921504606846976", "1152921504606846977")


def test_infinity_among_classes_is_told():
    table = Table(np.zeros((3, 2)), np.array([0.0, np.inf, 1.0]), None, "y")
    with pytest.raises(ValueError, match="y holds infinity: remove or replace"):
        targets_of(table, task="classes")
