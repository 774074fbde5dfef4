"""Estimators take targets as they come: nullable and Arrow columns, objects, and numbers of many digits."""

from decimal import Decimal

import numpy as np
import pandas
import pytest
from sklearn.metrics import accuracy_score

import fastprop as fp

ROWS = 12
X = np.random.default_rng(0).normal(size=(ROWS, 2))
INDEX = np.arange(ROWS) % 3
IDS = 2**60 + INDEX  # which float64 rounds to one number


def classifier():
    return fp.MLPClassifier((4,), max_iter=1, random_state=0)


def searched():
    return fp.SweepCV(classifier(), {"alpha": [0.0]}, cv=2)


def tabular():
    return fp.TabularClassifier(configurations=1, folds=2, epochs=2, random_state=0)


@pytest.mark.parametrize("dtype", ["Int64", "UInt64", "int64[pyarrow]", object])
@pytest.mark.parametrize("make", [classifier, searched, tabular])
def test_ids_that_float64_does_not_tell_apart_are_classes_of_their_own(make, dtype):
    fitted = make().fit(X, pandas.Series(IDS, dtype=dtype))
    classes = getattr(fitted, "best_estimator_", fitted).classes_
    assert classes.dtype.kind in "iu"
    assert classes.tolist() == [2**60, 2**60 + 1, 2**60 + 2]
    assert fitted.score(X, pandas.Series(IDS, dtype=dtype)) == accuracy_score(IDS, fitted.predict(X))


@pytest.mark.parametrize(
    ("y", "expected"),
    [
        (pandas.Series(INDEX > 0, dtype="boolean"), [False, True]),
        (pandas.Series(INDEX > 0, dtype="bool[pyarrow]"), [False, True]),
        (pandas.DataFrame({"id": pandas.array(IDS, "Int64")}), [2**60, 2**60 + 1, 2**60 + 2]),
        ((INDEX > 0).astype(object), [False, True]),
        ((INDEX / 2).astype(object), [0.0, 0.5, 1.0]),
        ([np.int64(each) for each in INDEX], [0, 1, 2]),
    ],
)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.DataConversionWarning")
def test_classes_keep_the_type_in_which_they_came(y, expected):
    if expected == [0.0, 0.5, 1.0]:
        with pytest.raises(ValueError, match="Unknown label type: continuous"):  # as of an array of them
            classifier().fit(X, y)
        return
    classes = classifier().fit(X, y).classes_
    assert classes.tolist() == expected
    assert type(classes.tolist()[0]) is type(expected[0])


def test_classes_of_a_nullable_column_go_on_in_partial_fit():
    y = pandas.Series(IDS, dtype="Int64", name="id")
    fitted = classifier().partial_fit(X, y, classes=y.unique())
    fitted.partial_fit(X[:5], y[:5])
    assert fitted.classes_.tolist() == [2**60, 2**60 + 1, 2**60 + 2]


@pytest.mark.parametrize(
    ("labels", "kinds"),
    [([1, "a", 2.5], "float, int, str"), ([Decimal(1), Decimal(2), Decimal(3)], "Decimal")],
)
def test_labels_of_other_types_are_refused_by_their_types(labels, kinds):
    y = np.empty(ROWS, object)
    y[:] = labels * (ROWS // 3)
    for make in (classifier, tabular):
        with pytest.raises(TypeError, match=f"^y holds labels of the types? {kinds}: give words alone, or numbers"):
            make().fit(X, y)


def test_labels_of_more_than_64_bits_are_refused():
    for labels in ([10**30, 1, 2], [2**63, -1, 0]):
        with pytest.raises(TypeError, match=r"^y holds whole numbers that need more than 64 bits: number the classes"):
            classifier().fit(X, np.array(labels * (ROWS // 3), object))


@pytest.mark.slow
def test_decimals_are_learned_as_the_numbers_that_they_are():
    fitted = [
        fp.MLPRegressor(max_iter=2, learning_rate="cosine", random_state=0).fit(X, y).predict(X)
        for y in (np.array([Decimal(f"{row}.5") for row in range(ROWS)]), np.arange(ROWS) + 0.5)
    ]
    np.testing.assert_array_equal(*fitted)


def test_metrics_tell_of_rows_in_another_order():
    predicted = pandas.Series([1.0, 2.0, 3.0], index=[2, 1, 0])
    with pytest.warns(fp.DataWarning, match="the same labels of rows in different orders"):
        assert fp.metrics.mse(predicted, pandas.Series([1.0, 2.0, 3.0])) == 0
    assert fp.metrics.mse(predicted, predicted) == 0


def test_whole_numbers_that_are_too_large_for_float64_are_refused():
    for make in (fp.MLPRegressor(), fp.TabularRegressor(configurations=1)):
        with pytest.raises(
            ValueError, match=r"^y holds an int in row 0 that is too large for float64: divide by a con"
        ):
            make.fit(X, [10**400] * ROWS)


def test_a_splitter_that_is_a_class_is_refused():
    from sklearn.model_selection import KFold

    with pytest.raises(TypeError, match=r"^cv is the class KFold: give a splitter, such as KFold\(\)\."):
        fp.sweep((2, 4, 1), X, X[:, :1] > 0, {"learning_rate": [0.1]}, epochs=1, cv=KFold)
