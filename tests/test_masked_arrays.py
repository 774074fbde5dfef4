"""Masked elements are refused by a sentence: NumPy would take the numbers below the mask."""

import numpy as np
import pytest

import fastprop as fp

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(30, 3))
Y = np.arange(30) % 3
ESTIMATORS = fp.MLPClassifier(max_iter=1), fp.MLPRegressor(max_iter=1)


def masked(array):
    return np.ma.masked_array(array, np.arange(array.size).reshape(array.shape) == 4)


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=["classifier", "regressor"])
@pytest.mark.parametrize("name", ["X", "y", "sample_weight"])
def test_estimators_refuse_them(estimator, name):
    given = {"X": X, "y": Y, "sample_weight": np.ones(30)}
    given[name] = masked(given[name])
    with pytest.raises(ValueError, match=f"^{name} is an array with masked elements: fill them, or leave out"):
        estimator.fit(**given)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("estimator", ESTIMATORS, ids=["classifier", "regressor"])
def test_so_they_do_when_they_predict(estimator):
    with pytest.raises(ValueError, match=r"^X is an array with masked elements"):
        estimator.fit(X, Y).predict(masked(X))


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("estimator", ESTIMATORS, ids=["classifier", "regressor"])
def test_so_they_do_when_they_are_scored(estimator):
    search = fp.SweepCV(estimator, {"alpha": [0.1]}, scoring="r2", cv=2).fit(X, Y)
    for scored in (estimator.fit(X, Y), search):
        with pytest.raises(ValueError, match=r"^y is an array with masked elements"):
            scored.score(X, masked(Y))
    with pytest.raises(ValueError, match=r"^sample_weight is an array with masked elements"):
        estimator.score(X, Y, masked(np.ones(30)))
    with pytest.raises(ValueError, match=r"^y is an array with masked elements"):
        search.fit(X, masked(Y))


def test_an_array_without_a_masked_element_is_one_of_numbers():
    whole = np.ma.masked_array(X, np.zeros(X.shape, bool))
    first, second = (fp.MLPRegressor(max_iter=1, random_state=0) for _ in range(2))
    np.testing.assert_array_equal(first.fit(whole, Y).predict(X), second.fit(X, Y).predict(X))


def test_train_and_sweep_refuse_them():
    for call in (
        lambda: fp.train(fp.MLP((3, 3), output="softmax"), masked(X), Y, epochs=1),
        lambda: fp.sweep((3, 3), X, masked(Y), {"seed": [0]}, epochs=1),
    ):
        with pytest.raises(ValueError, match="is an array with masked elements"):
            call()
