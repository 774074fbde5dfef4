"""`SweepCV`: the results of `GridSearchCV`, by one sweep."""

import pickle

import numpy as np
import pytest
import sklearn
from scipy.sparse import csr_matrix
from sklearn.base import clone
from sklearn.datasets import make_multilabel_classification
from sklearn.exceptions import FitFailedWarning
from sklearn.metrics import accuracy_score, balanced_accuracy_score, make_scorer
from sklearn.model_selection import GridSearchCV, GroupKFold, KFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

import fastprop as fp
from fastprop.estimators import MLPClassifier, MLPRegressor, SweepCV
from tests.grid_searches import CLASSES, CLASSIFIER, NAMES, X

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

RANDOM = np.random.default_rng(0)
NUMBERS = 100 + 30 * X @ RANDOM.normal(size=(4, 2)) + RANDOM.normal(size=(150, 2))
REGRESSOR = MLPRegressor(hidden_layer_sizes=(5,), max_iter=6, random_state=0)
RATES = {"learning_rate_init": [1e-4, 0.05]}


def both(estimator, grid, X=X, y=NAMES, fit_params=None, **options):
    """Return a `SweepCV` and a `GridSearchCV` that are fitted alike."""
    given = {"cv": 3, **options}
    return [kind(estimator, grid, **given).fit(X, y, **fit_params or {}) for kind in (SweepCV, GridSearchCV)]


CASES = {
    "classes": (CLASSIFIER, RATES | {"hidden_layer_sizes": [(4,), (3, 3)]}, NAMES, {}),
    "two classes": (CLASSIFIER, RATES, NAMES == "setosa", {"scoring": "roc_auc"}),
    "held-out rows end a training": (
        clone(CLASSIFIER).set_params(early_stopping=True, n_iter_no_change=1, max_iter=20),
        RATES,
        NAMES,
        {"scoring": "neg_log_loss"},
    ),
    "numbers": (REGRESSOR, RATES | {"alpha": [0.0, 1.0]}, NUMBERS, {}),
    "one number": (REGRESSOR, RATES, NUMBERS[:, 0], {"scoring": "neg_mean_absolute_error"}),
    "several solvers and schedules": (
        CLASSIFIER,
        [{"solver": ["adam", "sgd"], "learning_rate": ["constant", "invscaling"]}, {"activation": ["tanh"]}],
        NAMES,
        {},
    ),
    "several numbers of epochs": (REGRESSOR, {"max_iter": [2, 4]}, NUMBERS, {"cv": 4}),
    "numeric encodings": (CLASSIFIER, {"numeric_encoding": ["standard", "robust", "piecewise"]}, NAMES, {}),
    "all rows in a step": (CLASSIFIER, {"solver": ["lbfgs"], "alpha": [0.1, 10]}, NAMES, {"cv": 4}),
    "balanced classes": (clone(CLASSIFIER).set_params(class_weight="balanced"), RATES, NAMES, {}),
}


@pytest.mark.parametrize(("estimator", "grid", "y", "options"), CASES.values(), ids=CASES)
def test_each_split_score_is_that_of_grid_search_to_the_last_bit(estimator, grid, y, options):
    ours, theirs = both(estimator, grid, y=y, **options)
    assert ours.cv_results_.keys() == theirs.cv_results_.keys()
    for name in theirs.cv_results_:
        if name.endswith("test_score"):
            np.testing.assert_array_equal(ours.cv_results_[name], theirs.cv_results_[name], name)
    assert ours.cv_results_["params"] == theirs.cv_results_["params"]
    assert ours.best_params_ == theirs.best_params_
    assert (ours.best_index_, ours.best_score_) == (theirs.best_index_, theirs.best_score_)
    np.testing.assert_array_equal(ours.predict(X), theirs.predict(X))


def test_folds_of_which_one_has_too_few_rows_for_less_dropout_have_the_scores_of_grid_search():
    rows = RANDOM.normal(size=(376, 1))  # of which folds are trained on 250, with a dropout of 0.3, or 251, with 0.05
    estimator = clone(REGRESSOR).set_params(max_iter=2)
    ours, theirs = both(estimator, RATES, rows, np.abs(rows[:, 0]))
    for name in (f"split{fold}_test_score" for fold in range(3)):
        np.testing.assert_array_equal(ours.cv_results_[name], theirs.cv_results_[name], name)


def both_scores(estimator, X, y):
    predicted = estimator.predict(X)
    return {"right": np.mean(predicted == y), "first": np.mean(predicted == "setosa")}


SCORINGS = {
    "a list": (["accuracy", "neg_log_loss"], "neg_log_loss"),
    "a dict": ({"good": "accuracy", "balanced": make_scorer(balanced_accuracy_score)}, "good"),
    "a function": (both_scores, "right"),
    "without refit": (("accuracy", "f1_macro"), False),
    "one score": ("accuracy", True),
    "a rule that chooses": (["accuracy", "f1_macro"], lambda results: int(results["rank_test_f1_macro"].argmin())),
}


@pytest.mark.parametrize(("scoring", "refit"), SCORINGS.values(), ids=SCORINGS)
def test_results_have_the_layout_and_the_values_of_grid_search_key_by_key(scoring, refit):
    options = {"scoring": scoring, "refit": refit, "return_train_score": True}
    ours, theirs = both(CLASSIFIER, RATES | {"alpha": [0.0, 0.1]}, **options)
    assert list(ours.cv_results_) == list(theirs.cv_results_)
    for name, values in theirs.cv_results_.items():
        mine = ours.cv_results_[name]
        assert type(mine) is type(values), name
        if name == "params":
            assert mine == values
            continue
        assert (mine.dtype, mine.shape) == (values.dtype, values.shape), name
        if name.endswith("_time"):
            assert (mine >= 0).all(), name
        else:
            np.testing.assert_array_equal(mine, values, name)
    assert ours.multimetric_ == theirs.multimetric_
    for name in ("best_params_", "best_index_", "best_score_"):
        assert hasattr(ours, name) == hasattr(theirs, name), name
        assert getattr(ours, name, None) == getattr(theirs, name, None), name
    assert hasattr(ours, "best_estimator_") == bool(refit)
    assert isinstance(ours.scorer_, dict) == isinstance(theirs.scorer_, dict)


def test_scores_that_fail_have_the_error_score_under_each_name():
    with pytest.warns(FitFailedWarning, match="3 fits of 6 failed"):
        search = SweepCV(
            CLASSIFIER, {"alpha": [-1.0, 0.1]}, cv=3, scoring=["accuracy", "f1_macro"], refit="f1_macro", error_score=0
        ).fit(X, NAMES)
    assert search.cv_results_["mean_test_accuracy"][0] == search.cv_results_["mean_test_f1_macro"][0] == 0
    assert search.best_params_ == {"alpha": 0.1}


def test_a_score_of_several_that_fails_does_not_lose_the_others():
    def failing(estimator, X, y):
        raise KeyError("no score")

    scoring = {"good": "accuracy", "bad": failing}
    with pytest.warns(UserWarning, match="measurements of the score of 6 failed") as caught:
        search = SweepCV(CLASSIFIER, RATES, cv=3, scoring=scoring, refit="good", error_score=0).fit(X, NAMES)
    assert any("no score" in str(each.message) for each in caught)
    assert search.cv_results_["mean_test_bad"].tolist() == [0, 0]
    assert search.best_score_ == search.cv_results_["mean_test_good"].max() > 0
    with pytest.raises(KeyError, match="no score"):
        SweepCV(CLASSIFIER, RATES, cv=3, scoring=scoring, refit="good", error_score="raise").fit(X, NAMES)


def test_verbose_says_how_many_fits_there_are(capsys):
    SweepCV(CLASSIFIER, RATES, cv=3, verbose=1).fit(X, NAMES)
    assert capsys.readouterr().out == "Fitting 3 folds for each of 2 candidates, totalling 6 fits\n"


def test_sample_weights_go_with_their_rows():
    weight = np.linspace(0.5, 2, len(X))
    weight[::7] = 0
    ours, theirs = both(CLASSIFIER, RATES, fit_params={"sample_weight": weight})
    np.testing.assert_array_equal(ours.cv_results_["mean_test_score"], theirs.cv_results_["mean_test_score"])


def test_missing_cells_and_categories_are_encoded_by_the_training_rows_of_each_split():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(X, columns=list("abcd"))
    frame.loc[RANDOM.choice(150, 20, replace=False), "a"] = np.nan
    frame["e"] = pandas.Categorical(RANDOM.choice(["red", "green", "blue"], 150))
    ours, theirs = both(CLASSIFIER, RATES, X=frame)
    np.testing.assert_array_equal(ours.cv_results_["mean_test_score"], theirs.cv_results_["mean_test_score"])
    assert ours.feature_names_in_.tolist() == list("abcde")


def test_inputs_may_be_sparse_and_labels_several():
    X, labels = make_multilabel_classification(60, n_features=8, random_state=0)
    ours, theirs = both(CLASSIFIER, RATES, X=csr_matrix(X), y=labels)
    np.testing.assert_array_equal(ours.cv_results_["mean_test_score"], theirs.cv_results_["mean_test_score"])


@pytest.mark.parametrize("cv", [KFold(3), GroupKFold(3)], ids=["a class missing in each", "groups"])
def test_splitters_are_those_of_scikit_learn(cv):
    given = {"groups": np.arange(len(X)) % 7} if isinstance(cv, GroupKFold) else {}
    ours, theirs = both(CLASSIFIER, RATES, cv=cv, fit_params=given)
    np.testing.assert_array_equal(ours.cv_results_["mean_test_score"], theirs.cv_results_["mean_test_score"])


def test_metadata_is_routed_to_the_fit_and_to_the_score():
    weight = np.linspace(1, 2, len(X))
    scoring = make_scorer(accuracy_score)
    with sklearn.config_context(enable_metadata_routing=True):
        estimator = clone(CLASSIFIER).set_fit_request(sample_weight=True)
        given = {"scoring": scoring.set_score_request(sample_weight=True), "fit_params": {"sample_weight": weight}}
        ours, theirs = both(estimator, RATES, **given)
    np.testing.assert_array_equal(ours.cv_results_["mean_test_score"], theirs.cv_results_["mean_test_score"])


def test_one_sweep_trains_all_configurations_on_all_folds(monkeypatch):
    calls = []
    monkeypatch.setattr(
        "fastprop.estimators.sweep_plan.sweep", lambda *a, **k: calls.append(len(a[3])) or fp.sweep(*a, **k)
    )
    search = SweepCV(CLASSIFIER, RATES | {"alpha": [0.0, 0.1, 1.0]}, cv=3, refit=False).fit(X, CLASSES)
    assert calls == [6]
    assert search.n_splits_ == 3
    assert not hasattr(search, "best_estimator_")


class Stream:
    """A table that gives its rows as an Arrow C stream alone, as a relation of DuckDB does."""

    def __init__(self, **columns):
        self.table = pytest.importorskip("pyarrow").table(columns)

    def __arrow_c_stream__(self, requested_schema=None):
        return self.table.__arrow_c_stream__(requested_schema)

    def __len__(self):
        return len(self.table)

    def __getitem__(self, name):
        if not isinstance(name, str):
            raise TypeError("indexed by one column name")
        return Stream(name=self.table[name])


@pytest.mark.filterwarnings("ignore:A column-vector y was passed")
def test_tables_without_rows_to_choose_are_taken_as_those_of_arrow():
    inputs, targets = Stream(**dict(zip("abcd", X.T))), Stream(name=NAMES)
    search, alone = (clone(each) for each in (SweepCV(CLASSIFIER, RATES, cv=3), CLASSIFIER))
    search.fit(inputs, targets)
    expected = clone(search).fit(X, NAMES)
    assert search.best_score_ == expected.best_score_
    assert search.score(inputs, targets) == expected.score(X, NAMES)
    assert alone.fit(inputs, targets).score(inputs, targets) == clone(alone).fit(X, NAMES).score(X, NAMES)


def test_it_works_in_a_pipeline_clones_and_pickles():
    search = make_pipeline(StandardScaler(), SweepCV(CLASSIFIER, RATES, cv=3))
    search = pickle.loads(pickle.dumps(clone(search).fit(X, NAMES)))
    assert search.classes_.tolist() == ["setosa", "versicolor", "virginica"]
    assert search[-1].n_features_in_ == 4
    assert search.predict_proba(X).shape == (150, 3)
    assert search.score(X, NAMES) == np.mean(search.predict(X) == NAMES)


def test_a_score_may_be_any_function_of_an_estimator_x_and_y():
    def share(estimator, X, y):
        return float(np.mean(estimator.predict_proba(X).max(axis=1)))

    ours, theirs = both(CLASSIFIER, RATES, scoring=share)
    np.testing.assert_array_equal(ours.cv_results_["mean_test_score"], theirs.cv_results_["mean_test_score"])


def test_what_fails_has_the_error_score():
    def failing(estimator, X, y):
        raise KeyError("no score")

    with pytest.raises(KeyError, match="no score"):
        SweepCV(CLASSIFIER, RATES, cv=3, scoring=failing, error_score="raise").fit(X, NAMES)
    with pytest.warns(FitFailedWarning, match="3 fits of 6 failed"), pytest.warns(UserWarning, match="non-finite"):
        search = SweepCV(CLASSIFIER, {"alpha": [-1.0, 0.1]}, cv=3).fit(X, NAMES)
    assert search.best_params_ == {"alpha": 0.1}
    assert np.isnan(search.cv_results_["mean_test_score"][0])
    with pytest.raises(ValueError, match="'alpha' parameter") as raised:
        SweepCV(CLASSIFIER, {"alpha": [-1.0]}, cv=3).fit(X, NAMES)
    assert raised.value.__notes__ == ["All the 3 fits failed."]


@pytest.mark.filterwarnings("ignore:column .* has no value in 1 of:fastprop.notices.DataWarning")
def test_a_fold_whose_test_rows_alone_lack_cells_has_the_score_of_an_estimator_alone():
    holed = X.copy()
    holed[0, 0] = np.nan
    searches = (each(CLASSIFIER, {"alpha": [0.1]}, cv=3).fit(holed, NAMES) for each in (SweepCV, GridSearchCV))
    scores = [[each.cv_results_[f"split{fold}_test_score"][0] for fold in range(3)] for each in searches]
    np.testing.assert_array_equal(*scores)
    assert np.isfinite(scores).all()


def test_a_fold_whose_sparse_test_rows_alone_lack_a_cell_is_an_error():
    holed = csr_matrix(X)
    holed.data[0] = np.nan
    with pytest.raises(ValueError, match=r"^test rows hold numbers that are missing or infinite, and training rows do"):
        SweepCV(CLASSIFIER, {"alpha": [0.1]}, cv=[(np.arange(50, 150), np.arange(50))], error_score="raise").fit(
            holed, NAMES
        )


def test_scores_of_training_rows_need_weights_above_0():
    search = SweepCV(CLASSIFIER, RATES, cv=3, return_train_score=True)
    with pytest.raises(ValueError, match="return_train_score measures all training rows: leave out those of sample_w"):
        search.fit(X, NAMES, sample_weight=np.arange(150) % 2)


REFUSED = {
    "halving by several scores": (
        CLASSIFIER,
        RATES,
        {"scoring": ["accuracy", "f1_macro"], "refit": False, "halving": 2},
        "halving ranks by one of several scores, which refit names, not False: give refit the name of one, such as 'ac",
    ),
    "several scores without one that decides": (
        CLASSIFIER,
        RATES,
        {"scoring": ["accuracy", "f1_macro"]},
        "refit must be set to a scorer key",
    ),
    "a pipeline": (make_pipeline(CLASSIFIER), RATES, {}, "put SweepCV into a pipeline"),
    "halving of different ends": (
        CLASSIFIER,
        {"max_iter": [2, 3]},
        {"halving": 2},
        "have max_iter of 2 and 3: leave out",
    ),
}


@pytest.mark.parametrize(("estimator", "grid", "options", "words"), REFUSED.values(), ids=REFUSED)
def test_what_it_cannot_do_is_refused_in_a_sentence(estimator, grid, options, words):
    with pytest.raises((ValueError, TypeError), match=words):
        SweepCV(estimator, grid, cv=3, **options).fit(X, NAMES)


def test_the_best_parameters_on_digits_are_those_of_grid_search():
    digits, labels = fp.datasets.digits()
    estimator = clone(CLASSIFIER).set_params(max_iter=3, hidden_layer_sizes=(16,))
    ours, theirs = both(estimator, {"learning_rate_init": [1e-4, 1e-2]}, X=digits[:600], y=labels[:600])
    assert ours.best_params_ == theirs.best_params_ == {"learning_rate_init": 1e-2}
    assert ours.best_score_ == theirs.best_score_


@pytest.mark.slow
@parametrize_with_checks(
    [
        SweepCV(MLPClassifier((5,), max_iter=20, random_state=0), {"learning_rate_init": [0.01, 0.05]}, cv=2),
        SweepCV(
            clone(REGRESSOR).set_params(max_iter=20, learning_rate_init=0.01, dropout=0), {"alpha": [0.0, 0.1]}, cv=2
        ),
    ]
)
@pytest.mark.filterwarnings("ignore")
def test_it_passes_the_checks_of_scikit_learn(estimator, check):
    check(estimator)
