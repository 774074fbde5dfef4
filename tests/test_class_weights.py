"""Class weights: the weight of each row that follows from its class."""

import numpy as np
import pytest

import fastprop as fp
from fastprop.data import Dataset, Split, balanced, weighted
from tests.compare import assert_refused

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(12, 2))
LABELS = np.array([0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2])
ONES = np.ones(12)
SOFTMAX = fp.MLP((2, 3), output="softmax", dtype="float64")
SIGMOID = fp.MLP((2, 1), output="sigmoid", dtype="float64")


def weights_of(class_weight, y=LABELS, network=SOFTMAX, sample_weight=None):
    """Return what each row weighs."""
    data = Dataset.of(X, y, network, "mse", sample_weight)
    split = Split.of(None, data, network, "mse", class_weight)
    return (balanced(split) if isinstance(class_weight, str) else split).data.weights


def test_without_class_weights_sample_weights_are_as_they_were():
    data = Dataset.of(X, LABELS, SOFTMAX, "mse", ONES)
    assert weighted(data, None) is data


SHAPES = {
    "labels": (LABELS, SOFTMAX),
    "a column of labels": (LABELS[:, None], SOFTMAX),
    "whole floats": (LABELS * 1.0, SOFTMAX),
    "one-hot rows": (np.eye(3)[LABELS], SOFTMAX),
}
BINARY_SHAPES = {
    "0 and 1": (LABELS > 0) * 1,
    "0.0 and 1.0": (LABELS > 0) * 1.0,
    "bool": LABELS > 0,
    "a column": (LABELS > 0)[:, None],
}


@pytest.mark.parametrize(("y", "network"), SHAPES.values(), ids=SHAPES)
def test_balanced_classes_weigh_alike(y, network):
    np.testing.assert_allclose(weights_of("balanced", y, network), np.repeat([2 / 3, 1, 2], [6, 4, 2]))


@pytest.mark.parametrize("y", BINARY_SHAPES.values(), ids=BINARY_SHAPES)
def test_a_sigmoid_output_has_two_classes(y):
    for class_weight in ({1: 3.0}, {True: 3}, [1, 3], np.array([1.0, 3.0])):
        np.testing.assert_allclose(weights_of(class_weight, y, SIGMOID), np.repeat([1, 3], 6))


@pytest.mark.parametrize(("y", "network"), SHAPES.values(), ids=SHAPES)
def test_a_label_that_is_not_named_weighs_1_and_sample_weights_count_too(y, network):
    each = np.repeat([3, 1, 0.5], [6, 4, 2])
    np.testing.assert_allclose(weights_of({0: 3, 2: 0.5}, y, network), each)
    np.testing.assert_allclose(weights_of({0: 3, 2: 0.5}, y, network, np.arange(12)), each * np.arange(12))


def test_a_class_may_be_named_and_a_series_is_a_mapping():
    pandas = pytest.importorskip("pandas")
    network = fp.MLP((2, 3), output="softmax", class_names=("ant", "bee", "cat"))
    each = np.repeat([1, 2, 5], [6, 4, 2])
    for class_weight in ({"bee": 2.0, "cat": 5}, {1: 2, "cat": 5}, pandas.Series({2: 5.0, 1: 2.0})):
        np.testing.assert_array_equal(weights_of(class_weight, network=network), each)
    words = "class_weight names label 'dog' but the labels are ant, bee, cat: name one of these"
    assert_refused(ValueError, words, weights_of, {"dog": 2.0}, network=network)


def test_validation_rows_without_a_class_are_refused_too():
    words = "class_weight weighs rows by their class, but validation y holds numbers for 3 softmax outputs"
    shares = np.full((12, 3), 1 / 3)
    for class_weight in ("balanced", {0: 2.0}):
        how = {"epochs": 1, "validation": (X, shares), "class_weight": class_weight}
        assert_refused(ValueError, words, fp.train, SOFTMAX, X, LABELS, **how)


@pytest.mark.peers
def test_balanced_weights_are_those_of_scikit_learn():
    utils = pytest.importorskip("sklearn.utils")
    theirs = utils.compute_class_weight("balanced", classes=np.unique(LABELS), y=LABELS)
    np.testing.assert_allclose(weights_of("balanced"), theirs[LABELS], rtol=1e-14)
    np.testing.assert_allclose(weights_of(theirs), theirs[LABELS], rtol=1e-14)  # an array by label is taken as well


@pytest.mark.parametrize(
    ("value", "error", "words"),
    [
        (
            "even",
            TypeError,
            "class_weight must map labels to weights, be an array with the weight",
        ),
        (2.0, TypeError, "class_weight must map labels to weights, be an array with the weight"),
        ({7: 1.0}, ValueError, "class_weight names label 7 but the labels are from 0 to 2: name one of these"),
        ({0.5: 1.0}, ValueError, "class_weight names label 0.5 but the labels are from 0 to 2: name one of these"),
        ({1: -1.0}, ValueError, "class_weight[1] must be at least 0 and finite, not -1.0: give a number"),
        ({1: "2"}, TypeError, "class_weight[1] must be a number, not '2': give a float"),
        ([1.0, 2.0], ValueError, "class_weight has shape (2,) but there are 3 classes: give the weight of each"),
        ({0: 0, 1: 0, 2: 0}, ValueError, "class_weight gives every row the weight 0, which leaves out all rows"),
    ],
)
def test_class_weights_are_refused_where_they_do_not_fit_the_labels(value, error, words):
    assert_refused(error, words, weights_of, value)


NO_CLASSES = {
    "whole numbers": (LABELS * 1000.0, fp.MLP((2, 1), output="identity")),
    "0 and 1 of a linear output": (LABELS > 0, fp.MLP((2, 1), output="identity")),
    "numbers": (X, fp.MLP((2, 2), output="identity")),
    "shares": (np.abs(np.sin(LABELS)), fp.MLP((2, 1), output="sigmoid")),
    "labels, each yes or no": (X > 0, fp.MLP((2, 2), output="sigmoid")),
}


@pytest.mark.parametrize("value", ["balanced", {0: 2.0}, [1.0, 2.0]], ids=str)
@pytest.mark.parametrize(("y", "network"), NO_CLASSES.values(), ids=NO_CLASSES)
def test_class_weights_are_refused_where_rows_have_no_class(value, y, network):
    assert_refused(ValueError, "class_weight weighs rows by their class, but y holds", weights_of, value, y, network)


def test_sample_weights_are_checked_beside_class_weights():
    assert_refused(ValueError, "sample_weight has shape (5,)", weights_of, "balanced", LABELS, SOFTMAX, ONES[:5])
