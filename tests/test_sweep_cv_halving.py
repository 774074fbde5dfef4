"""`SweepCV` with `halving`: the results of `HalvingGridSearchCV`, by sweeps that stop configurations early."""

import numpy as np
import pandas
import pytest
from sklearn.base import clone
from sklearn.exceptions import FitFailedWarning
from sklearn.experimental import enable_halving_search_cv  # noqa: F401 (HalvingGridSearchCV is found by it)
from sklearn.model_selection import GridSearchCV, GroupKFold, HalvingGridSearchCV, KFold, TimeSeriesSplit

import fastprop as fp
from fastprop.estimators import MLPClassifier, SweepCV, sweep_plan
from fastprop.sweeping.sweep import sweep
from tests.grid_searches import CLASSIFIER, NAMES, X

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
NEW_WORDS = pytest.mark.filterwarnings("ignore:column 'word' has .*, which the network did not learn")


def test_halving_has_the_columns_and_attributes_of_halving_grid_search():
    estimator = clone(CLASSIFIER).set_params(max_iter=4, learning_rate="constant")
    grid = {"learning_rate_init": [1e-4, 0.01, 0.05, 0.1]}
    ours = SweepCV(estimator, grid, cv=3, halving=2).fit(X, NAMES)
    theirs = HalvingGridSearchCV(
        estimator, grid, cv=3, factor=2, resource="max_iter", max_resources=4, min_resources=1
    ).fit(X, NAMES)
    of_resource = {"param_max_iter"}  # their resource is a parameter, ours the number of epochs
    assert set(ours.cv_results_) == {name for name in theirs.cv_results_ if "train_score" not in name} - of_resource
    public = {name for name in vars(theirs) if name.endswith("_") and not name.startswith("_")}
    assert public <= set(dir(ours))
    for name in public & {name for name in vars(theirs) if name.startswith(("n_", "min_", "max_"))}:
        assert getattr(ours, name) == getattr(theirs, name), name


def test_halving_has_a_row_for_each_configuration_at_each_rung():
    estimator = clone(CLASSIFIER).set_params(max_iter=9, learning_rate="constant")
    rates = np.geomspace(1e-4, 0.3, 9).tolist()
    search = SweepCV(estimator, {"learning_rate_init": rates}, cv=3, halving=3).fit(X, NAMES)
    assert (search.n_candidates_, search.n_resources_, search.n_iterations_) == ([9, 3, 1], [1, 3, 9], 3)
    assert search.cv_results_["iter"].tolist() == [0] * 9 + [1] * 3 + [2]
    assert search.cv_results_["n_resources"].tolist() == [1] * 9 + [3] * 3 + [9]
    assert search.best_index_ == 12
    assert (search.min_resources_, search.max_resources_, search.n_remaining_candidates_) == (1, 9, 1)
    assert (search.n_required_iterations_, search.n_possible_iterations_) == (3, 3)
    alone = GridSearchCV(estimator, {"learning_rate_init": [search.best_params_["learning_rate_init"]]}, cv=3)
    assert search.best_score_ == alone.fit(X, NAMES).best_score_


def halved_by_hand(estimator, rates, X, y, refit, **options):
    """Return (rate, epochs, mean test score by name) of each row of a halving by 2, of `GridSearchCV` at each rung."""
    rows = []
    for epochs in (1, 2, 4):
        at_rung = clone(estimator).set_params(max_iter=epochs)
        search = GridSearchCV(at_rung, {"learning_rate_init": rates}, refit=False, **options).fit(X, y)
        names = [name for name in search.cv_results_ if name.startswith(("mean_test", "mean_train"))]
        rows += [(rate, epochs, {name: search.cv_results_[name][i] for name in names}) for i, rate in enumerate(rates)]
        order = np.argsort(-search.cv_results_[f"mean_test_{refit}"], kind="stable")
        rates = [rates[i] for i in sorted(order[: -(-len(rates) // 2)])]
    return rows


WORDS = pandas.DataFrame(X[:, :3], columns=list("abc"))
WORDS["word"] = [f"word{row // 5}" for row in range(len(X))]  # so rare that some folds lack some of them


@NEW_WORDS
@pytest.mark.slow
@pytest.mark.parametrize(
    ("X", "cv"),
    [
        (X, 3),
        (WORDS, KFold(2, shuffle=True, random_state=0)),
        (WORDS, [(np.arange(0, 100), np.arange(100, 150)), (np.arange(40, 150), np.arange(40))]),
        (WORDS, GroupKFold(3)),
        (X, TimeSeriesSplit(3)),
    ],
    ids=["one sweep", "a sweep for each fold", "pairs of rows", "groups", "folds of different sizes"],
)
def test_halving_by_several_scores_is_that_of_scikit_learns_search_at_each_rung(X, cv):
    order = np.random.default_rng(0).permutation(len(X))
    X, y = (X.iloc[order] if X is WORDS else X[order]), NAMES[order]
    if isinstance(cv, GroupKFold):
        cv = list(cv.split(X, y, np.arange(len(y)) % 7))
    estimator = clone(CLASSIFIER).set_params(learning_rate="constant", early_stopping=False)
    rates = [0.2, 1e-4, 0.01, 0.05]
    options = {"scoring": ["accuracy", "neg_log_loss"], "cv": cv, "return_train_score": True}
    expected = halved_by_hand(estimator, rates, X, y, "neg_log_loss", **options)
    search = SweepCV(
        estimator.set_params(max_iter=4), {"learning_rate_init": rates}, halving=2, refit="neg_log_loss", **options
    ).fit(X, y)
    results = search.cv_results_
    found = zip(results["param_learning_rate_init"], results["n_resources"])
    assert list(found) == [(rate, epochs) for rate, epochs, _ in expected]
    for name in ("mean_test_accuracy", "mean_test_neg_log_loss", "mean_train_accuracy", "mean_train_neg_log_loss"):
        np.testing.assert_array_equal(results[name], [scores[name] for _, _, scores in expected], err_msg=name)
    assert (results["mean_score_time"] > 0).all()
    assert search.best_index_ == len(expected) - 1
    assert search.best_score_ == expected[-1][2]["mean_test_neg_log_loss"]


@NEW_WORDS
@pytest.mark.slow
@pytest.mark.parametrize("table", [X, WORDS], ids=["one sweep", "a sweep for each fold"])
def test_candidates_that_are_worse_than_the_median_are_stopped_whatever_sweeps_they_need(table):
    estimator = clone(CLASSIFIER).set_params(learning_rate="constant")
    rates = [0.2, 1e-4, 0.01, 0.05, 1e-5]
    cv = KFold(2, shuffle=True, random_state=0)
    means = []  # of each candidate after each number of epochs
    for epochs in range(1, 5):
        at_rung = clone(estimator).set_params(max_iter=epochs)
        search = GridSearchCV(at_rung, {"learning_rate_init": rates}, cv=cv, refit=False).fit(table, NAMES)
        means.append(search.cv_results_["mean_test_score"])
    left, expected = set(range(5)), []
    for rung in range(4):
        expected += [(rates[i], rung + 1, means[rung][i]) for i in sorted(left)]
        so_far = np.array(means[: rung + 1])
        left = {
            i
            for i in left
            if len(left) == 1 or so_far[:, i].max() >= np.median([so_far[:, j].mean() for j in left - {i}])
        }
    search = SweepCV(
        estimator.set_params(max_iter=4), {"learning_rate_init": rates}, cv=cv, halving=fp.MedianStopping(), refit=False
    ).fit(table, NAMES)
    results = search.cv_results_
    found = zip(results["param_learning_rate_init"], results["n_resources"], results["mean_test_score"])
    assert list(found) == expected
    assert len(expected) < 20


@pytest.mark.slow
def test_all_candidates_of_a_sweep_may_be_stopped():
    estimator = clone(CLASSIFIER).set_params(max_iter=4, learning_rate="constant")
    slow = {"shuffle": [False], "learning_rate_init": [1e-5, 1e-4]}
    fast = {"shuffle": [True], "learning_rate_init": [0.05, 0.2]}
    search = SweepCV(estimator, [slow, fast], cv=3, halving=2).fit(X, NAMES)
    assert search.n_candidates_ == [4, 2, 1]
    results = search.cv_results_
    assert all(results["param_shuffle"][results["iter"] > 0])
    alone = GridSearchCV(estimator, {name: [value] for name, value in search.best_params_.items()}, cv=3)
    assert search.best_score_ == alone.fit(X, NAMES).best_score_


@pytest.mark.slow
@NEW_WORDS
def test_a_candidate_that_ends_by_itself_on_some_folds_keeps_their_scores_at_later_rungs():
    estimator = MLPClassifier((5,), max_iter=8, random_state=0, learning_rate="constant")
    estimator.set_params(early_stopping=True, n_iter_no_change=1, tol=0.01)
    grid, cv = {"learning_rate_init": [1e-4, 0.2]}, KFold(2, shuffle=True, random_state=0)
    search = SweepCV(estimator, grid, cv=cv, halving=fp.Halving(2, min_epochs=4)).fit(WORDS, NAMES)
    theirs = GridSearchCV(estimator, grid, cv=cv, refit=False).fit(WORDS, NAMES)
    results = search.cv_results_
    assert results["n_resources"].tolist() == [4, 4, 8]
    splits = [[each.cv_results_[f"split{fold}_test_score"][-1] for fold in (0, 1)] for each in (search, theirs)]
    assert splits[0] == splits[1]
    unchanged = [results[f"split{fold}_test_score"][1] == splits[0][fold] for fold in (0, 1)]
    assert sorted(unchanged) == [False, True]


@pytest.mark.parametrize("halving", [None, 2])
def test_candidates_that_all_diverge_are_an_error(halving):
    estimator = MLPClassifier((5,), solver="sgd", max_iter=4, random_state=0, learning_rate="constant")
    with pytest.raises(ValueError, match=r"^The training diverged: give a smaller learning_rate_init, or") as raised:
        SweepCV(estimator, {"learning_rate_init": [1e30, 1e31]}, cv=3, halving=halving).fit(X, NAMES)
    assert raised.value.__notes__ == ["All the 6 fits failed."]


@NEW_WORDS
@pytest.mark.parametrize(
    ("table", "epochs_of_all", "sweeps"),
    [(X, 9 * 1 + 3 * 2 + 1 * 6, 1), (WORDS, 9 * 1 + 3 * 3 + 1 * 9, 6)],
    ids=["one sweep", "a sweep for each fold, from the beginning at each rung"],
)
def test_halving_trains_those_alone_that_go_on(table, epochs_of_all, sweeps, monkeypatch):
    epochs = []

    def counted(*args, **options):
        result = sweep(*args, **options)
        epochs.append(result.table["epochs"].sum() * result.fold_scores.shape[2])
        return result

    monkeypatch.setattr(sweep_plan, "sweep", counted)
    estimator = clone(CLASSIFIER).set_params(max_iter=9, learning_rate="constant")
    grid = {"learning_rate_init": np.geomspace(1e-4, 0.3, 9).tolist()}
    cv = KFold(2, shuffle=True, random_state=0)
    SweepCV(estimator, grid, cv=cv, halving=3, refit=False).fit(table, NAMES)
    assert (len(epochs), sum(epochs)) == (sweeps, 2 * epochs_of_all)


@NEW_WORDS
@pytest.mark.filterwarnings("ignore:One or more of the test scores")
def test_halving_counts_each_fit_that_failed_once():
    grid = {"learning_rate_init": [0.01, 1e30, 1e31, 0.1]}
    estimator = MLPClassifier((5,), solver="sgd", max_iter=4, random_state=0, learning_rate="constant")
    search = SweepCV(estimator, grid, cv=KFold(2, shuffle=True, random_state=0), halving=2, refit=False)
    with pytest.warns(FitFailedWarning, match="^4 fits of 8 failed"):
        search.fit(WORDS, NAMES)
    assert search.n_candidates_ == [4, 2, 1]


def test_max_iter_is_no_parameter_of_a_halving_by_epochs_here_and_in_scikit_learn():
    grid = {"max_iter": [2, 3]}
    theirs = HalvingGridSearchCV(CLASSIFIER, grid, resource="max_iter", max_resources=4, cv=3)
    for search in (theirs, SweepCV(CLASSIFIER, grid, halving=2, cv=3)):
        with pytest.raises(ValueError, match="max_iter"):
            search.fit(X, NAMES)
    search = SweepCV(CLASSIFIER, {"max_iter": [4], "alpha": [0.0, 0.1]}, halving=2, cv=3).fit(X, NAMES)
    assert search.n_resources_ == [2, 4]
