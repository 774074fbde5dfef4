"""Estimators learn from data frames, with words and missing cells, as they do from arrays."""

import numpy as np
import pandas
import polars
import pytest
from sklearn import datasets

import fastprop as fp
from fastprop.estimators import MLPRegressor
from tests.estimator_problems import PRICES, X, frame


@pytest.mark.parametrize("library", [pandas, polars], ids=["pandas", "polars"])
def test_frames_have_categories_and_missing_cells(library):
    table = frame(library)
    price = 1e5 * (np.nan_to_num(np.asarray(table["size"], float)) + 3.0 * (np.arange(300) % 3 == 1))
    regressor = MLPRegressor(random_state=0).fit(table, price)
    assert regressor.score(table, price) > 0.95
    assert regressor.feature_names_in_.tolist() == ["size", "town", "rooms"]
    assert regressor.n_features_in_ == 3
    assert {"size is missing", "town=Rome", "rooms"} <= set(regressor.encoder_.feature_names)
    told = MLPRegressor(random_state=0, max_iter=1, categorical_features=["rooms"]).fit(table, price)
    assert "rooms=3" in told.encoder_.feature_names
    by_index = MLPRegressor(random_state=0, max_iter=1, categorical_features=[2]).fit(table, price)
    by_mask = MLPRegressor(random_state=0, max_iter=1, categorical_features=[False, False, True]).fit(table, price)
    assert told.encoder_ == by_index.encoder_ == by_mask.encoder_
    other = table.rename(columns={"town": "city"}) if library is pandas else table.rename({"town": "city"})
    with pytest.raises(ValueError, match="feature names"):
        regressor.predict(other)


def test_arrays_may_lack_cells():
    holes = np.where(np.arange(1200).reshape(300, 4) % 13 == 0, np.nan, X)
    regressor = MLPRegressor(random_state=0).fit(holes, PRICES)
    assert regressor.score(holes, PRICES) > 0.9
    assert "x0 is missing" in regressor.encoder_.feature_names


def test_cells_that_lack_only_later_are_medians(tmp_path):
    holes = np.where(np.arange(1200).reshape(300, 4) % 13 == 0, np.nan, X)
    filled = np.where(np.isnan(holes), np.median(X, axis=0), holes)
    words = r"column 'x0' has no value in 24 of 300 rows; .*: the median of the training rows stands for it"
    for given in (X, pandas.DataFrame(X)):
        regressor = MLPRegressor(random_state=0, max_iter=1).fit(given, PRICES)
        expected = regressor.predict(filled)
        with pytest.warns(fp.DataWarning, match=words if given is X else words.replace("x0", "0")):
            np.testing.assert_array_equal(regressor.predict(holes), expected)
    table = pandas.DataFrame({"size": X[:, 0], "town": ["Bonn", "Rome", "Lyon"] * 100})
    regressor = MLPRegressor(random_state=0, max_iter=1).fit(table, PRICES)
    regressor.save(tmp_path / "model.safetensors")
    expected = regressor.predict(table.assign(size=filled[:, 0]))
    for model in (regressor, fp.load(tmp_path / "model.safetensors")):
        with pytest.warns(fp.DataWarning, match=r"^column 'size' has no value in 24 of 300 rows, but had one in each"):
            np.testing.assert_allclose(model.predict(table.assign(size=holes[:, 0])), expected, rtol=1e-6)


def test_frames_of_numbers_are_as_arrays():
    expected, names = MLPRegressor(random_state=0).fit(X, PRICES).predict(X), ["a", "b", "c", "d"]
    for table in (pandas.DataFrame(X, columns=names), polars.DataFrame(X, names)):
        by_name = MLPRegressor(random_state=0).fit(table, PRICES)
        np.testing.assert_array_equal(by_name.predict(table), expected)
        assert by_name.feature_names_in_.tolist() == names
        assert by_name.encoder_ is None


def test_a_frame_becomes_a_score_in_three_lines():
    wine = datasets.load_wine(as_frame=True)
    classifier = fp.MLPClassifier(random_state=0).fit(wine.data[::2], wine.target[::2])
    assert classifier.score(wine.data[1::2], wine.target[1::2]) > 0.9


@pytest.mark.filterwarnings("ignore:X has feature names", "ignore:The loss still fell")
@pytest.mark.parametrize("library", [pandas, polars])
def test_a_frame_is_predicted_by_positions_after_an_array_with_gaps(library):
    gaps = np.where(X > 2, np.nan, X)
    regressor = MLPRegressor(hidden_layer_sizes=4, max_iter=2, random_state=0).fit(gaps, PRICES)
    frame = library.DataFrame({name: gaps[:, index] for index, name in enumerate("abcd")})
    np.testing.assert_array_equal(regressor.predict(frame), regressor.predict(gaps))


@pytest.mark.parametrize(
    "estimator",
    [
        MLPRegressor(max_iter=1, learning_rate="constant"),
        fp.TabularRegressor(configurations=1, epochs=2),
        fp.SweepCV(MLPRegressor(max_iter=1), {"alpha": [0.0]}, cv=2),
    ],
    ids=["regressor", "tabular", "sweep"],
)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_rows_in_another_order_are_warned_of(estimator):
    table, prices = pandas.DataFrame(X), pandas.Series(PRICES)
    with pytest.warns(fp.DataWarning, match="X and y have the same labels of rows in different orders"):
        estimator.fit(table, prices[::-1])
    with pytest.warns(fp.DataWarning, match="X and y have the same labels of rows in different orders"):
        estimator.score(table, prices[::-1])


def test_weights_in_another_order_are_warned_of():
    weights = pandas.Series(np.ones(len(X)))[::-1]
    with pytest.warns(fp.DataWarning, match="X and sample_weight have the same labels of rows in different orders"):
        MLPRegressor(max_iter=2).partial_fit(pandas.DataFrame(X), PRICES, sample_weight=weights)


def test_warnings_name_classes_as_the_targets_do():
    labels = np.array([*["green", "red"] * 149, "blue", "red"])
    with pytest.warns(fp.DataWarning, match="class blue is not among the 30 rows that are held out"):
        fp.MLPClassifier(max_iter=2, early_stopping=True, random_state=0).fit(X, labels)
