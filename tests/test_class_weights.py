"""Class weights: the weight of each row that follows from its label."""

import numpy as np
import pytest

from fastprop.data import row_weights
from tests.compare import assert_refused

RANDOM = np.random.default_rng(0)
LABELS = np.arange(12) % 3
TARGETS = RANDOM.random((12, 3))
ONES = np.ones(12)


def test_without_class_weights_sample_weights_are_as_they_were():
    assert row_weights(None, LABELS) is None
    assert row_weights(None, LABELS, ONES) is ONES


@pytest.mark.parametrize("shape", [(6,), (6, 1)])
def test_balanced_classes_weigh_alike(shape):
    y = np.reshape([0, 0, 0, 4, 4, 9], shape)
    np.testing.assert_allclose(row_weights("balanced", y), [2 / 3, 2 / 3, 2 / 3, 1, 1, 2])


@pytest.mark.parametrize("y", [[0, 0, 1, 2], [0.0, 0.0, 1.0, 2.0]])
def test_a_label_that_is_not_named_weighs_1_and_sample_weights_count_too(y):
    np.testing.assert_array_equal(row_weights({0: 3, 2: 0.5}, y), [3, 3, 1, 0.5])
    np.testing.assert_array_equal(row_weights({0: 3}, y, [1, 2, 3, 4]), [3, 6, 3, 4])


@pytest.mark.peers
def test_balanced_weights_are_those_of_scikit_learn():
    utils = pytest.importorskip("sklearn.utils")
    y = RANDOM.integers(5, size=100)
    theirs = utils.compute_sample_weight("balanced", y)
    np.testing.assert_allclose(row_weights("balanced", y), theirs, rtol=1e-14)


@pytest.mark.parametrize(
    ("value", "y", "error", "words"),
    [
        ("even", LABELS, TypeError, "class_weight must map labels to weights or be 'balanced', not 'even': give"),
        (2.0, LABELS, TypeError, "class_weight must map labels to weights or be 'balanced', not 2.0: give one"),
        ("balanced", TARGETS, ValueError, "class_weight needs a whole-number label for each row, not y of shape"),
        ("balanced", TARGETS[:, 0], ValueError, "class_weight needs a whole-number label for each row, not y of"),
        ({7: 1.0}, LABELS, ValueError, "class_weight names label 7 but y holds [0, 1, 2]: name labels that are there"),
        ({1: -1.0}, LABELS, ValueError, "class_weight[1] must be at least 1e-30 and finite, not -1.0: give a number"),
        ({1: "2"}, LABELS, TypeError, "class_weight[1] must be a number, not '2': give a float"),
    ],
)
def test_class_weights_are_refused_where_they_do_not_fit_the_labels(value, y, error, words):
    assert_refused(error, words, row_weights, value, y)


def test_sample_weights_are_checked_beside_class_weights():
    assert_refused(ValueError, "sample_weight has shape (5,)", row_weights, "balanced", LABELS, ONES[:5])
