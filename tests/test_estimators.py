"""The estimators have scikit-learn's interface: what goes in, what comes out, and what is refused."""

import pickle
import signal

import numpy as np
import pandas
import pytest
import scipy.sparse
import sklearn
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.exceptions import NotFittedError
from sklearn.metrics import accuracy_score
from sklearn.model_selection import GridSearchCV, StratifiedKFold, cross_val_score, cross_validate
from sklearn.neural_network import MLPClassifier as PeerClassifier
from sklearn.neural_network import MLPRegressor as PeerRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

import fastprop as fp
from fastprop.data import UNCHANGED, Inputs, TargetScaling, standardization
from fastprop.estimators import MLPClassifier, MLPRegressor, parameters
from fastprop.tabular.recipe import RECIPE
from tests.estimator_problems import LABELS, PRICES, RANDOM, X, frame


@pytest.fixture(scope="module")
def classifier():
    return MLPClassifier(random_state=0).fit(X, LABELS)


@pytest.fixture(scope="module")
def regressor():
    return MLPRegressor(random_state=0).fit(X, PRICES)


@pytest.mark.slow
@pytest.mark.filterwarnings(
    "ignore::sklearn.exceptions.SkipTestWarning", "ignore::sklearn.exceptions.ConvergenceWarning"
)
@parametrize_with_checks(
    [MLPClassifier(), MLPRegressor(), MLPClassifier(solver="lbfgs"), MLPRegressor(solver="adam", early_stopping=False)]
)
def test_scikit_learns_checks_pass(estimator, check):
    check(estimator)


@pytest.mark.parametrize(("ours", "theirs"), [(MLPClassifier, PeerClassifier), (MLPRegressor, PeerRegressor)])
def test_all_parameters_of_scikit_learn_are_there(ours, theirs):
    assert set(theirs().get_params()) <= set(ours().get_params())
    ours(**theirs().get_params())._validate_params()
    assert list(ours().get_params()) == sorted(ours().get_params())


def test_the_defaults_are_those_of_the_recipe():
    options = parameters.training_options(MLPClassifier().get_params(), 2000)
    assert options["optimizer"] == RECIPE.optimizer
    assert options["schedule"] == RECIPE.schedule
    assert options["epochs"] == RECIPE.epochs
    assert options["early_stopping"] == fp.EarlyStopping(RECIPE.patience, 1e-4)
    assert options["validation"] == RECIPE.validation
    assert options["batch_size"] == RECIPE.batch_size(2000)
    assert "dropout" not in options  # which follows from the number of inputs as well


@pytest.mark.parametrize(
    ("given", "rows", "inputs", "dropout"),
    [
        ({}, 2500, 10, 0.3),
        ({}, 2501, 10, 0.05),  # more than 250 rows for each input
        ({}, 2501, 11, 0.3),
        ({}, 32, 10, 0),  # a step takes all rows
        ({"batch_size": 3000}, 3000, 10, 0),
        ({"dropout": 0.5}, 2501, 10, 0.5),
        ({"dropout": 0.5}, 32, 10, 0.5),
        ({"solver": "lbfgs"}, 2000, 10, 0),
    ],
)
def test_the_dropout_falls_where_each_input_has_many_rows(given, rows, inputs, dropout):
    assert parameters.dropout(MLPClassifier(**given).get_params(), rows, inputs) == dropout


def test_a_fit_is_a_training_of_fastprop(regressor):
    scaling = TargetScaling.fit(PRICES[:, None], "mse")
    network = fp.MLP((4, 256, 1), hidden="relu", output="identity", seed=0)
    options = parameters.training_options(regressor.get_params(), len(X))
    options["dropout"] = parameters.dropout(regressor.get_params(), *X.shape)
    fp.train(network, X, scaling.scaled(PRICES[:, None]), seed=0, standardize=True, **options)
    np.testing.assert_array_equal(network.flat_parameters, regressor.network_.flat_parameters)


@pytest.mark.parametrize("dtype", [object, str])
def test_words_in_an_array_are_refused_with_their_place(classifier, dtype):
    words = np.array([[1, 2, 3, 4], [5, 6, "red", 8]], dtype)
    for call in (classifier.predict, lambda words: MLPClassifier().fit(words, ["a", "b"])):
        with pytest.raises(ValueError, match="X holds 'red' in row 1, column 2, which is no number: give a data fr"):
            call(words)


def test_words_are_classes(classifier):
    assert classifier.classes_.tolist() == ["above", "below"]
    assert classifier.score(X, LABELS) > 0.95
    probabilities = classifier.predict_proba(X)
    np.testing.assert_array_equal(classifier.classes_[probabilities.argmax(axis=1)], classifier.predict(X))
    np.testing.assert_allclose(probabilities.sum(axis=1), 1)
    np.testing.assert_allclose(np.exp(classifier.predict_log_proba(X)), probabilities)
    assert classifier.out_activation_ == "logistic"


def test_numbers_are_answered_in_their_own_unit():
    regressor = MLPRegressor(dropout=0, random_state=0).fit(X, PRICES)  # dropout would be in the losses
    predicted = regressor.predict(X)
    assert regressor.score(X, PRICES) > 0.99
    error = ((predicted - PRICES) ** 2).mean() / 2
    assert 0.5 * error < regressor.loss_ < 2 * error
    assert regressor.loss_curve_[0] > 10 * regressor.loss_
    assert regressor.t_ == len(X) * regressor.n_iter_


@pytest.mark.parametrize("name", ["classifier", "regressor"])
def test_coefs_are_those_of_the_network_in_the_units_of_the_data(name, request):
    estimator = request.getfixturevalue(name)
    values = X
    for weights, biases in zip(estimator.coefs_[:-1], estimator.intercepts_[:-1]):
        values = np.maximum(values @ weights + biases, 0)
    values = (values @ estimator.coefs_[-1] + estimator.intercepts_[-1])[:, 0]
    if name == "classifier":
        np.testing.assert_allclose(1 / (1 + np.exp(-values)), estimator.predict_proba(X)[:, 1], atol=1e-5)
    else:
        np.testing.assert_allclose(values, estimator.predict(X), rtol=1e-5)
    assert estimator.n_layers_ == 3


def test_rates_are_predicted_with_a_poisson_loss():
    counts = np.random.default_rng(1).poisson(1000 * np.exp(X[:, 0]))
    regressor = MLPRegressor(loss="poisson", random_state=0).fit(X, counts)
    assert regressor.score(X, 1000 * np.exp(X[:, 0])) > 0.95
    assert regressor.out_activation_ == "exp"
    values = X
    for weights, biases in zip(regressor.coefs_[:-1], regressor.intercepts_[:-1]):
        values = np.maximum(values @ weights + biases, 0)
    rates = np.exp(values @ regressor.coefs_[-1] + regressor.intercepts_[-1])[:, 0]
    np.testing.assert_allclose(rates, regressor.predict(X), rtol=1e-4)


def test_several_targets_have_scales_of_their_own():
    Y = np.column_stack([PRICES, X[:, 2]])
    regressor = MLPRegressor(random_state=0).fit(X, Y)
    assert regressor.predict(X).shape == Y.shape
    assert regressor.score(X, Y) > 0.95


def test_independent_labels():
    Y = (X[:, :3] > 0).astype(int)
    classifier = MLPClassifier(random_state=0, early_stopping=True).fit(X, Y)
    assert classifier.score(X, Y) > 0.8
    assert classifier.predict_proba(X).shape == Y.shape
    assert classifier.classes_.tolist() == [0, 1, 2]
    assert classifier.best_validation_score_ > 0.8
    sparse = MLPClassifier(random_state=0, early_stopping=True).fit(X, scipy.sparse.csr_array(Y))
    np.testing.assert_array_equal(sparse.predict(X), classifier.predict(X))


def test_without_an_end_to_patience_all_epochs_are_trained_and_the_best_weights_kept():
    classifier = MLPClassifier(random_state=0, early_stopping=True, max_iter=20, n_iter_no_change=np.inf)
    options = parameters.training_options(classifier.get_params(), 2000)
    assert options["early_stopping"] == fp.EarlyStopping(None, 1e-4)
    assert classifier.fit(X, LABELS).n_iter_ == 20


def test_early_stopping_measures_rows_that_are_held_out():
    classifier = MLPClassifier(random_state=0, early_stopping=True, max_iter=20).fit(X, LABELS)
    assert len(classifier.validation_scores_) == classifier.n_iter_ == len(classifier.loss_curve_)
    assert classifier.best_validation_score_ == max(classifier.validation_scores_)
    assert classifier.best_loss_ is None
    without = MLPClassifier(random_state=0, max_iter=2).fit(X, LABELS)
    assert without.validation_scores_ is None
    assert without.best_loss_ == min(without.loss_curve_)


def test_classes_have_weights():
    rare = np.where(X[:, 0] > 1, "rare", "common")
    noisy = X + RANDOM.normal(size=X.shape)
    plain, weighted, balanced = (
        MLPClassifier((), random_state=0, class_weight=weight).fit(noisy, rare)
        for weight in (None, {"rare": 5}, "balanced")
    )
    found = [(each.predict(noisy) == "rare").sum() for each in (plain, weighted, balanced)]
    assert found[0] < found[1]
    assert found[0] < found[2]
    with pytest.raises(ValueError, match=r"class_weight names \['Rare'\], which are no classes, and not \['common'"):
        MLPClassifier(class_weight={"Rare": 5}).fit(noisy, rare)
    by_row = MLPClassifier((), random_state=0).fit(noisy, rare, np.where(rare == "rare", 5, 1))
    np.testing.assert_allclose(weighted.predict_proba(X), by_row.predict_proba(X), atol=0.1)


def test_a_row_of_weight_2_counts_as_two_rows():
    weights = np.arange(20) % 3
    some, targets = X[:20], PRICES[:20]
    weighted = MLPRegressor(random_state=0).fit(some, targets, weights)
    repeated = MLPRegressor(random_state=0).fit(some.repeat(weights, axis=0), targets.repeat(weights))
    np.testing.assert_allclose(weighted.predict(X), repeated.predict(X), rtol=1e-9)
    mean, scale = standardization(Inputs(some, UNCHANGED), weights=weights)
    np.testing.assert_allclose(mean, some.repeat(weights, axis=0).mean(axis=0))
    np.testing.assert_allclose(scale, some.repeat(weights, axis=0).std(axis=0))


def test_partial_fit_goes_on():
    classifier = MLPClassifier(random_state=0)
    assert not hasattr(MLPClassifier(solver="lbfgs"), "partial_fit")
    for _ in range(40):
        classifier.partial_fit(X[:150], LABELS[:150], classes=["above", "below"])
        classifier.partial_fit(X[150:], LABELS[150:])
    assert classifier.score(X, LABELS) > 0.95
    assert classifier.t_ == 40 * 300
    assert len(classifier.loss_curve_) == 80
    with pytest.raises(ValueError, match=r"not in `self\.classes_`"):
        classifier.partial_fit(X[:2], ["above", "beyond"])
    with pytest.raises(ValueError, match="early_stopping"):
        MLPRegressor(early_stopping=True).partial_fit(X, PRICES)


@pytest.mark.slow
def test_independent_labels_go_on_in_parts():
    Y = (X[:, :3] > 0).astype(int)
    classifier = MLPClassifier(random_state=0)
    for _ in range(20):
        classifier.partial_fit(X[:150], Y[:150], classes=[0, 1, 2])
        classifier.partial_fit(X[150:], Y[150:])
    assert classifier.classes_.tolist() == [0, 1, 2]
    assert classifier.score(X, Y) > 0.8


@pytest.mark.parametrize("early_stopping", [False, True])
def test_ctrl_c_in_the_first_epoch_leaves_what_it_leaves_in_scikit_learn(early_stopping, monkeypatch):
    theirs = PeerClassifier(random_state=0, early_stopping=early_stopping)
    monkeypatch.setattr(theirs, "_backprop", lambda *arguments: signal.raise_signal(signal.SIGINT))
    monkeypatch.setattr("fastprop.thread_pool.run", lambda runs, count, watch: False)
    found = []
    for classifier in (theirs, MLPClassifier(random_state=0, early_stopping=early_stopping)):
        with pytest.warns(UserWarning, match=r"^Training interrupted by user\.$"):
            classifier.fit(X, LABELS)
        assert set(classifier.predict(X)) <= set(LABELS)
        names = "n_iter_", "t_", "loss_curve_", "best_loss_", "best_validation_score_", "validation_scores_"
        found.append([getattr(classifier, name, None) for name in names])
    assert found[0] == found[1]


@pytest.mark.filterwarnings("ignore::fastprop.DivergenceWarning")
def test_a_training_that_diverges_is_an_error():
    regressor = MLPRegressor(solver="sgd", learning_rate_init=1e30, max_iter=2)
    with pytest.raises(ValueError, match=r"^The training diverged: give a smaller learning_rate_init, or inputs"):
        regressor.fit(X, PRICES)
    with pytest.raises(ValueError, match=r"^The training diverged: give a smaller learning_rate_init, or inputs"):
        regressor.partial_fit(X, PRICES)


def test_a_warm_start_goes_on():
    regressor = MLPRegressor(random_state=0, warm_start=True, max_iter=10)
    losses = [regressor.fit(X, PRICES).loss_ for _ in range(3)]
    assert losses[0] > losses[1] > losses[2]
    assert len(regressor.loss_curve_) == 30
    with pytest.raises(ValueError, match=r"hidden_layer_sizes is \[8\], but the network .* has \[256\]: leave it"):
        regressor.set_params(hidden_layer_sizes=8).fit(X, PRICES)


@pytest.mark.parametrize("name", ["classifier", "regressor"])
def test_clones_and_pickles(name, request):
    estimator = request.getfixturevalue(name)
    copy = pickle.loads(pickle.dumps(estimator))
    np.testing.assert_array_equal(copy.predict(X), estimator.predict(X))
    assert clone(estimator).get_params() == estimator.get_params()
    with pytest.raises(NotFittedError):
        clone(estimator).predict(X)


def test_the_same_seed_gives_the_same_bits(classifier):
    again = MLPClassifier(random_state=0, threads=1).fit(X, LABELS)
    np.testing.assert_array_equal(again.predict_proba(X), classifier.predict_proba(X))
    other = MLPClassifier(random_state=np.random.RandomState(1)).fit(X, LABELS)
    assert (other.predict_proba(X) != classifier.predict_proba(X)).any()


def test_searches_and_pipelines():
    table = frame(pandas)
    encoder = ColumnTransformer(
        [("words", OneHotEncoder(sparse_output=False), ["town"])], remainder="passthrough"
    ).set_output(transform="pandas")
    pipeline = make_pipeline(encoder, MLPClassifier(random_state=0, max_iter=10))
    search = GridSearchCV(pipeline, {"mlpclassifier__hidden_layer_sizes": [(4,), (8, 8)]}, cv=2).fit(table, LABELS)
    assert search.best_score_ > 0.3
    assert "words__town_Oslo" in search.best_estimator_[-1].feature_names_in_
    scores = cross_val_score(make_pipeline(StandardScaler(), MLPRegressor(random_state=0)), X, PRICES, cv=2)
    assert scores.min() > 0.9


@pytest.mark.slow
def test_folds_may_be_trained_in_processes():
    alone = cross_val_score(MLPClassifier(random_state=0), X, LABELS, cv=3)
    np.testing.assert_array_equal(cross_val_score(MLPClassifier(random_state=0), X, LABELS, cv=3, n_jobs=2), alone)


def test_weights_are_routed():
    weights = np.where(LABELS == "above", 1.0, 0.25)
    with sklearn.config_context(enable_metadata_routing=True):
        estimator = MLPClassifier(random_state=0, max_iter=5)
        estimator.set_fit_request(sample_weight=True).set_score_request(sample_weight=True)
        scores = cross_validate(estimator, X, LABELS, cv=2, params={"sample_weight": weights})["test_score"]
    for (train, test), score in zip(StratifiedKFold(2).split(X, LABELS), scores, strict=True):
        fitted = MLPClassifier(random_state=0, max_iter=5).fit(X[train], LABELS[train], weights[train])
        assert accuracy_score(LABELS[test], fitted.predict(X[test]), sample_weight=weights[test]) == score


SOLVED = [(solver, "cosine") for solver in parameters.SOLVERS] + [("sgd", name) for name in parameters.SCHEDULES]


@pytest.mark.parametrize(
    ("solver", "learning_rate"), [*SOLVED, pytest.param("lbfgs", "cosine", marks=pytest.mark.slow)]
)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_all_solvers_and_schedules_train(solver, learning_rate):
    rate = 1e-3 if solver == "lion" else 1e-2
    regressor = MLPRegressor(
        random_state=0, solver=solver, learning_rate=learning_rate, learning_rate_init=rate, max_iter=30, alpha=1e-4
    ).fit(X, PRICES)
    assert regressor.score(X, PRICES) > 0.3


def test_partial_fit_keeps_the_optimizers_state():
    parts = [(X[first : first + 50], PRICES[first : first + 50]) for first in range(0, 300, 50)]
    regressor = MLPRegressor(random_state=0)
    for part in parts:
        regressor.partial_fit(*part)
    network = fp.MLP((4, 256, 1), hidden="relu", output="identity", seed=0)
    network.input_mean, network.input_scale = standardization(Inputs(X[:50], UNCHANGED))
    scaling = TargetScaling.fit(PRICES[:50, None], "mse")
    chunks = [(some, scaling.scaled(prices[:, None])) for some, prices in parts]
    fp.train_stream(network, chunks, optimizer=RECIPE.optimizer, batch_size=RECIPE.smallest_batch)
    np.testing.assert_array_equal(network.flat_parameters, regressor.network_.flat_parameters)
    copy = pickle.loads(pickle.dumps(regressor))
    np.testing.assert_array_equal(copy.predict(X), regressor.predict(X))
    copy.partial_fit(*parts[0])


def test_partial_fit_weighs_classes():
    rare = np.where(X[:, 0] > 1, "rare", "common")
    by_class, by_row = MLPClassifier(random_state=0, class_weight={"rare": 5}), MLPClassifier(random_state=0)
    by_class.partial_fit(X, rare, classes=["common", "rare"])
    by_row.partial_fit(X, rare, np.where(rare == "rare", 5, 1), classes=["common", "rare"])
    assert (by_class.predict(X) == by_row.predict(X)).mean() > 0.9
    with pytest.raises(ValueError, match="class_weight"):
        MLPClassifier(class_weight="balanced").partial_fit(X, rare, classes=["common", "rare"])
    with pytest.raises(ValueError, match="dropout"):
        MLPClassifier(dropout=0.5).partial_fit(X, rare, classes=["common", "rare"])
