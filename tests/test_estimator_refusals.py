"""What estimators cannot learn is refused by a sentence that names it and says what to do."""

import numpy as np
import pandas
import polars
import pytest
import scipy.sparse
from sklearn.exceptions import ConvergenceWarning, DataConversionWarning

import fastprop as fp
from fastprop.estimators import MLPClassifier, MLPRegressor, TabularRegressor
from tests.estimator_problems import LABELS, PRICES, X, frame


def test_what_is_wrong_is_said():
    with pytest.raises(ValueError, match="y has one class, 'above': give rows of two classes or more"):
        MLPClassifier().fit(X, ["above"] * len(X))
    with pytest.raises(TypeError, match="y holds labels of the types int, str: give words alone"):
        MLPClassifier().fit(X[:3], np.array(["a", 1, "b"], object))
    with pytest.raises(ValueError, match="y has no value in 1 of 3 rows, the first in row 1: remove such rows"):
        MLPClassifier().fit(X[:3], np.array(["a", None, "b"], object))
    with pytest.raises(ValueError, match="X has two columns called 'a': rename one"):
        MLPClassifier().fit(pandas.DataFrame(X, columns=["a", "b", "a", "c"]), LABELS)
    with pytest.raises(ValueError, match="X has two columns called 'a': rename one"):
        MLPClassifier(max_iter=1).fit(pandas.DataFrame(X, columns=[*"abcd"]), LABELS).predict(
            pandas.DataFrame(X, columns=[*"abac"])
        )
    with pytest.raises(ValueError, match="y, column 'size', has one class, 'big': give rows of two classes or more"):
        MLPClassifier().fit(X, pandas.Series(["big"] * len(X), name="size"))
    with pytest.raises(ValueError, match="y, column 'size', has no value in 1 of 300 rows, the first in row 2: remove"):
        MLPClassifier().fit(X, pandas.DataFrame({"size": ["big", "small", None, *["big"] * (len(X) - 3)]}))
    with pytest.raises(ValueError, match="column 'b' has no value in any of the 300 rows"):
        MLPClassifier().fit(pandas.DataFrame({"a": X[:, 0], "b": None}), LABELS)
    with pytest.raises(TypeError, match=r"X is sparse, but has columns to encode: make it dense, such as by X.toarray"):
        MLPClassifier(categorical_features=[0]).fit(scipy.sparse.csr_array(X), LABELS)
    with pytest.raises(ValueError, match="categorical_features marks 2 columns, but X has 4: mark each"):
        MLPClassifier(categorical_features=[True, False]).fit(X, LABELS)
    with pytest.raises(ValueError, match="'solver' parameter"):
        MLPClassifier(solver="newton").fit(X, LABELS)
    with pytest.raises(ValueError, match="hidden_layer_sizes must be > 0"):
        MLPClassifier((4, -1)).fit(X, LABELS)
    with pytest.raises(ValueError, match="there is no column 'age'"):
        MLPClassifier(categorical_features=["age"]).fit(frame(pandas), LABELS)
    with pytest.raises(ValueError, match=r"categorical_features holds \[9\]: count the 4 columns of X from 0"):
        MLPClassifier(categorical_features=[9]).fit(X, LABELS)
    with pytest.warns(DataConversionWarning):
        MLPRegressor(max_iter=1).fit(X, PRICES[:, None])
    with pytest.warns(ConvergenceWarning, match="larger max_iter"):
        MLPRegressor(max_iter=2, learning_rate="constant").fit(X, PRICES)


@pytest.mark.parametrize("estimator", [MLPClassifier, MLPRegressor])
def test_weights_of_which_none_is_above_zero_are_refused(estimator):
    X, y = np.arange(8.0)[:, np.newaxis], np.arange(8) % 2
    with pytest.raises(ValueError, match="sample_weight is above zero for no row"):
        estimator().fit(X, y, sample_weight=-np.ones(8))


@pytest.mark.parametrize("y", [["1", "two"] * 4, pandas.Series([1, "two"] * 4), np.array([1, "two"] * 4, object)])
def test_words_are_no_targets_of_a_regressor_which_names_their_column(y):
    named = ", column 'count'," if isinstance(y, pandas.Series) else ""
    y = y.rename("count") if isinstance(y, pandas.Series) else y
    for estimator in (MLPRegressor(), TabularRegressor(configurations=1)):
        with pytest.raises(ValueError, match=f"^y{named} holds .*two.* in row 1, which is no number: give numbers, or"):
            estimator.fit(np.arange(8.0)[:, np.newaxis], y)


@pytest.mark.parametrize("estimator", [MLPClassifier, MLPRegressor, TabularRegressor])
def test_a_frame_without_columns_is_refused(estimator):
    with pytest.raises(ValueError, match=r"^X is a frame without columns: give at least one\.$"):
        estimator().fit(pandas.DataFrame(index=range(8)), np.arange(8) % 2)


@pytest.mark.parametrize("estimator", [MLPClassifier, MLPRegressor])
def test_dates_are_no_targets(estimator):
    days = pandas.date_range("2026-01-01", periods=8)
    for y in (days.to_numpy(), pandas.Series(days, name="day"), pandas.Series(days - days[0])):
        with pytest.raises(ValueError, match=r"y.* holds dates or times, which have no unit"):
            estimator().fit(np.arange(8.0)[:, np.newaxis], y)


@pytest.mark.parametrize(
    ("inputs", "targets", "error", "said"),
    [
        (pandas.DataFrame({"a": [[1, 2]] * 300}), PRICES, ValueError, "column 'a' holds cells of the type list"),
        (
            polars.LazyFrame({"a": PRICES}),
            PRICES,
            TypeError,
            r"a LazyFrame of polars has no rows yet: call collect\(\)",
        ),
        (X, polars.Series("price", [1.0, None, *PRICES[2:]]), ValueError, "y, column 'price', has no value in 1"),
        (
            X,
            polars.DataFrame({"price": [1.0, 2.0, None, *PRICES[3:]]}),
            ValueError,
            "y, column 'price', has no value in 1 of 300 rows, the first in row 2",
        ),
        (X, [1.0, None, *PRICES[2:]], ValueError, "y has no value in 1 of 300 rows, the first in row 1"),
        (
            X,
            np.where(np.arange(300) == 7, -5000, PRICES),
            ValueError,
            "y holds -5000 in row 7, but loss='poisson' needs",
        ),
    ],
    ids=["lists", "LazyFrame", "null", "null in a frame", "None", "negative counts"],
)
def test_what_cannot_be_learned_is_refused_by_its_name(inputs, targets, error, said):
    regressor = MLPRegressor("poisson", max_iter=2)
    with pytest.raises(error, match=said):
        regressor.fit(inputs, targets)
    if error is TypeError:  # before scikit-learn looks at the rows
        with pytest.raises(error, match=said):
            fp.SweepCV(regressor, {"alpha": [0.1]}).fit(inputs, targets)
