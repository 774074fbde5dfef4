"""Tuned ensembles for tables: estimators that keep to scikit-learn's interface and to the data, and their report."""

import numpy as np
import pandas
import pytest
from sklearn.calibration import calibration_curve
from sklearn.datasets import make_friedman1
from sklearn.linear_model import LinearRegression
from sklearn.metrics import accuracy_score, log_loss, r2_score
from sklearn.model_selection import KFold, StratifiedKFold
from sklearn.neural_network import MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.class_weight import compute_sample_weight
from sklearn.utils.estimator_checks import parametrize_with_checks

import fastprop as fp
from fastprop.tabular.encoder import named_columns
from fastprop.tabular.ensemble_report import Fitted, calibration, importance, interval
from tests.compare import assert_refused
from tests.tabular_problems import FRAME, KINDS, PRICES, RANDOM, ROWS, SHORT, mean_of_networks

FEW = {"configurations": 2, "folds": 2, "random_state": 0}


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.SkipTestWarning", "ignore::fastprop.DataWarning")
@parametrize_with_checks(
    [fp.TabularClassifier(epochs=60, **FEW), fp.TabularRegressor(epochs=60, **FEW)],
    expected_failed_checks=lambda _: {
        f"check_sample_weight_equivalence_on_{kind}_data": "rows that are there again are in other folds"
        for kind in ("dense", "sparse")
    },
)
def test_scikit_learns_checks_pass(estimator, check):
    check(estimator)


@pytest.fixture(scope="module")
def classifier():
    return fp.TabularClassifier(configurations=6, numeric_encoding="standard", **SHORT).fit(FRAME, KINDS)


@pytest.fixture(scope="module")
def regressor():
    return fp.TabularRegressor(configurations=4, numeric_encoding="standard", **SHORT).fit(FRAME, PRICES)


def test_predictions_are_those_of_the_weighted_networks(classifier, regressor):
    mean = mean_of_networks(classifier.ensemble_, FRAME)
    np.testing.assert_allclose(classifier.predict_proba(FRAME), mean, rtol=1e-5)
    assert classifier.predict(FRAME).tolist() == np.array(["big", "small"])[mean.argmax(axis=1)].tolist()
    assert classifier.score(FRAME, KINDS) == accuracy_score(KINDS, classifier.predict(FRAME))
    mean = mean_of_networks(regressor.ensemble_, FRAME)[:, 0]
    np.testing.assert_allclose(regressor.predict(FRAME), mean, rtol=1e-6)
    assert regressor.score(FRAME, PRICES) == pytest.approx(r2_score(PRICES, mean), abs=1e-6)


def test_out_of_fold_outputs_are_those_of_networks_that_did_not_see_the_row(classifier):
    weights = [each["weight"] for each in classifier.configurations_]
    assert sum(weights) == pytest.approx(1)
    model = classifier.ensemble_
    folds = list(StratifiedKFold(3, shuffle=True, random_state=0).split(FRAME, KINDS == "small"))
    assert len(model.ensemble.networks) == 3 * np.count_nonzero(weights)
    expected = np.zeros((ROWS, 2))
    for index, (network, encoder) in enumerate(zip(model.ensemble.networks, model.encoders)):
        training, held_out = folds[index % 3]
        assert encoder == model.encoders[0].fitted_to(named_columns(FRAME), training)
        outputs = network.predict(encoder.transform(FRAME.iloc[held_out], np.float64))
        expected[held_out] += 3 * model.ensemble.weights[index] * outputs
    np.testing.assert_allclose(classifier.out_of_fold_, expected, rtol=1e-5)
    np.testing.assert_allclose(classifier.out_of_fold_.sum(axis=1), 1, rtol=1e-15)  # scikit-learn's log_loss warns else


def test_intervals_and_deviations_are_those_of_the_networks_of_folds(classifier, regressor, tmp_path):
    model = regressor.ensemble_
    assert len(model.ensemble.networks) % 3 == 0
    each = [
        network.predict(encoder.transform(FRAME, np.float64)).astype(float)
        for network, encoder in zip(model.ensemble.networks, model.encoders)
    ]
    weights = model.ensemble.weights
    of_folds = [np.average(each[fold::3], axis=0, weights=weights[fold::3]) for fold in range(3)]
    folds = list(KFold(3, shuffle=True, random_state=0).split(FRAME))
    expected = fp.intervals.cv_plus(of_folds, regressor.out_of_fold_, PRICES, folds, coverage=0.8)
    np.testing.assert_allclose(regressor.predict_interval(FRAME, 0.8), expected, rtol=1e-9)
    regressor.save(tmp_path / "prices.safetensors")
    model = fp.load(tmp_path / "prices.safetensors")
    np.testing.assert_allclose(model.predict_interval(FRAME, 0.8), expected, rtol=1e-9)
    mean = np.average(each, axis=0, weights=weights)
    std = np.sqrt(np.average((each - mean) ** 2, axis=0, weights=weights))
    np.testing.assert_allclose(regressor.predict_std(FRAME), std[:, 0], rtol=1e-6)
    np.testing.assert_allclose(model.predict_std(FRAME), std[:, 0], rtol=1e-6)
    assert classifier.predict_std(FRAME).shape == (ROWS, 2)
    assert_refused(ValueError, "intervals lie around", classifier.to_model().predict_interval, FRAME)


def test_calibrated_probabilities_have_the_temperature_of_the_out_of_fold_outputs(classifier, tmp_path):
    options = classifier.get_params() | {"calibrate": True}
    calibrated = fp.TabularClassifier(**options).fit(FRAME, KINDS)
    np.testing.assert_array_equal(calibrated.out_of_fold_, classifier.out_of_fold_)
    temperature = fp.calibration.fit_temperature(classifier.out_of_fold_, KINDS == "small")
    assert calibrated.ensemble_.ensemble.temperature == temperature != 1
    expected = fp.calibration.with_temperature(mean_of_networks(classifier.ensemble_, FRAME), temperature)
    np.testing.assert_allclose(calibrated.predict_proba(FRAME), expected, rtol=1e-5)
    assert calibrated.predict(FRAME).tolist() == classifier.predict(FRAME).tolist()
    calibrated.save(tmp_path / "kinds.safetensors")
    np.testing.assert_allclose(fp.load(tmp_path / "kinds.safetensors").predict_proba(FRAME), expected, rtol=1e-5)


# ---- weights ----

WEIGHTS = np.random.default_rng(4).integers(0, 3, ROWS).astype(float)


@pytest.mark.slow
def test_sample_weights_weigh_scores_and_rows_of_weight_0_are_as_if_left_out(classifier, regressor):
    is_there = WEIGHTS > 0
    options = classifier.get_params() | {"calibrate": True}
    found = fp.TabularClassifier(**options).fit(FRAME, KINDS, WEIGHTS)
    outputs, kinds = found.out_of_fold_[is_there], KINDS[is_there]
    assert np.isnan(found.out_of_fold_[~is_there]).all()
    best = found._found.kept[0]
    losses = [log_loss(KINDS[rows], best.outputs[rows], sample_weight=WEIGHTS[rows]) for _, rows in found._found.folds]
    assert found.best_score_ == pytest.approx(np.mean(losses), rel=1e-5)
    expected = fp.calibration.fit_temperature(outputs, kinds == "small", WEIGHTS[is_there])
    assert found.ensemble_.ensemble.temperature == pytest.approx(expected, rel=1e-9)
    others = found._found.cross_fitted[is_there]
    others = others / others.sum(axis=1, keepdims=True)
    loss = log_loss(kinds, others, sample_weight=WEIGHTS[is_there])
    assert found.out_of_fold_score_ == pytest.approx(loss, rel=1e-5)
    assert found.out_of_fold_score_ != pytest.approx(classifier.out_of_fold_score_, rel=1e-3)
    prices = PRICES.where(is_there, -1e9)
    first, second = (
        fp.TabularRegressor(**regressor.get_params()).fit(FRAME, y, WEIGHTS).predict(FRAME) for y in (PRICES, prices)
    )
    np.testing.assert_array_equal(first, second)


@pytest.mark.slow
def test_equal_weights_change_nothing(classifier):
    found = fp.TabularClassifier(**classifier.get_params()).fit(FRAME, KINDS, np.full(ROWS, 2.0))
    np.testing.assert_array_equal(found.out_of_fold_, classifier.out_of_fold_)


@pytest.mark.slow
def test_class_weights_weigh_the_default_score_but_none_that_is_named():
    options = {"configurations": 2, "epochs": 4, "folds": 3, "random_state": 0, "class_weight": "balanced"}
    kinds = KINDS.where(np.arange(ROWS) % 3 > 0, "big")
    weights = compute_sample_weight("balanced", kinds)
    for scoring, measure in ((None, log_loss), ("accuracy", accuracy_score)):
        found = fp.TabularClassifier(scoring=scoring, **options).fit(FRAME, kinds)
        best, values = found._found.kept[0], []
        for _, rows in found._found.folds:
            outputs = best.outputs[rows]
            answers = found.classes_[outputs.argmax(axis=1)] if scoring else outputs
            given = {} if scoring else {"sample_weight": weights[rows]}
            values.append(measure(kinds[rows], answers, **given))
        assert found.best_score_ == pytest.approx(np.mean(values), rel=1e-5)
    plain = fp.TabularClassifier(**options | {"class_weight": None}).fit(FRAME, kinds)
    of_rare = fp.TabularClassifier(**options | {"class_weight": {"small": 3}}).fit(FRAME, kinds)
    assert of_rare.out_of_fold_[:, 1].mean() > plain.out_of_fold_[:, 1].mean() + 0.1
    numbers = fp.TabularClassifier(**options | {"class_weight": {"tiny": 3}})
    assert_refused(ValueError, "class_weight names ['tiny'], which are no classes", numbers.fit, FRAME, kinds)


@pytest.mark.slow
def test_probabilities_have_a_temperature_by_default_where_no_log_loss_chose_them():
    options = {"configurations": 2, **SHORT}
    by_accuracy = fp.TabularClassifier(scoring="accuracy", **options).fit(FRAME, KINDS)
    expected = fp.calibration.fit_temperature(by_accuracy.out_of_fold_, KINDS == "small")
    assert by_accuracy.ensemble_.ensemble.temperature == expected != 1
    for told in ({"scoring": "log_loss"}, {"scoring": "accuracy", "calibrate": False}):
        assert fp.TabularClassifier(**told, **options).fit(FRAME, KINDS).ensemble_.ensemble.temperature == 1


@pytest.mark.slow
def test_intervals_cover_new_rows():
    covered = []
    for seed in range(5):
        X, y = make_friedman1(1200, noise=2, random_state=seed)
        regressor = fp.TabularRegressor(configurations=6, epochs=40, folds=5, random_state=seed).fit(X[:200], y[:200])
        lower, upper = regressor.predict_interval(X[200:], 0.9).T
        covered.append(((lower <= y[200:]) & (y[200:] <= upper)).mean())
    assert 0.86 < np.mean(covered) < 0.96


def test_a_file_has_all_that_predicts(classifier, regressor, tmp_path):
    classifier.save(tmp_path / "kinds.safetensors")
    model = fp.load(tmp_path / "kinds.safetensors")
    assert model.target_name == "kind"
    assert model.predict(FRAME).tolist() == classifier.predict(FRAME).tolist()
    np.testing.assert_allclose(model.predict_proba(FRAME), classifier.predict_proba(FRAME), rtol=1e-6)
    regressor.to_model("euro").save(tmp_path / "prices.safetensors")
    model = fp.load(tmp_path / "prices.safetensors")
    assert model.target_name == "euro"
    np.testing.assert_array_equal(model.predict(FRAME), regressor.predict(FRAME))


@pytest.mark.slow
def test_the_result_depends_on_random_state_alone(classifier):
    options = classifier.get_params() | {"threads": 1}
    again = fp.TabularClassifier(**options).fit(FRAME, KINDS)
    np.testing.assert_array_equal(again.out_of_fold_, classifier.out_of_fold_)
    other = fp.TabularClassifier(**options | {"random_state": 1}).fit(FRAME, KINDS)
    assert not np.array_equal(other.out_of_fold_, classifier.out_of_fold_)


def test_arrays_may_lack_cells_and_have_categories():
    X = np.column_stack([FRAME["size"], FRAME["age"].round() % 3])
    options = {"configurations": 2, "epochs": 4, "folds": 2, "random_state": 0}
    found = fp.TabularClassifier(categorical_features=[1], **options).fit(X, KINDS)
    assert found.encoder_.feature_names[:2] == ("x0", "x0 is missing")
    assert found.predict(X[:5]).shape == (5,)
    model = found.to_model()
    frame = pandas.DataFrame(X, columns=["x0", "x1"])
    assert model.predict(frame).tolist() == found.predict(X).tolist()


@pytest.mark.slow
def test_a_journal_takes_the_place_of_trainings(classifier, tmp_path):
    options = classifier.get_params() | {"journal": tmp_path / "runs"}
    first = fp.TabularClassifier(**options).fit(FRAME, KINDS)
    lines = (tmp_path / "runs").read_text()
    again = fp.TabularClassifier(**options).fit(FRAME, KINDS)
    assert (tmp_path / "runs").read_text() == lines
    for found in (first, again):
        np.testing.assert_array_equal(found.out_of_fold_, classifier.out_of_fold_)


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (["a"] * ROWS, "y has one class, 'a': give rows of two classes or more"),
        (np.eye(2, dtype=int)[RANDOM.integers(0, 2, ROWS)], "y has several labels of each row: give one class of each"),
        (np.where(np.arange(ROWS) == 3, None, KINDS), "y has no value in 1 of 150 rows, the first in row 3"),
    ],
)
def test_targets_that_are_refused(y, message):
    assert_refused(ValueError, message, fp.TabularClassifier(configurations=1).fit, FRAME, y)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")  # of scikit-learn's network
def test_an_ensemble_is_better_than_a_linear_model_and_scikit_learns_network():
    X, y = make_friedman1(900, noise=0.5, random_state=0)
    found = fp.TabularRegressor(configurations=12, random_state=0).fit(X[:600], y[:600])
    score = found.score(X[600:], y[600:])
    for peer in (LinearRegression(), MLPRegressor(max_iter=1000, random_state=0)):
        assert score > make_pipeline(StandardScaler(), peer).fit(X[:600], y[:600]).score(X[600:], y[600:]) + 0.005


# ---- the report ----


@pytest.fixture
def fitted(classifier):
    """The search of the classifier, and its data."""
    return Fitted(classifier._found, {"standard": fp.datasets.read(FRAME.assign(kind=KINDS), "kind").columns})


@pytest.mark.slow
def test_a_report_is_one_page(classifier, tmp_path):
    classifier.report(tmp_path / "r.html", FRAME)
    page = (tmp_path / "r.html").read_text()
    assert page.count("<svg") == 0
    assert page.count("data:image/svg+xml;base64,") == 3
    for heading in ("Ensemble for kind", "Learning curves", "Calibration", "Permutation importance", "learning rate"):
        assert heading in page
    assert f"<b>{classifier.out_of_fold_score_:.4g} (" in page
    with pytest.raises(ValueError, match="a report needs the inputs of fit, 150 rows, not 149"):
        classifier.report(tmp_path / "r.html", FRAME[1:])


@pytest.mark.slow
def test_a_report_of_numbers_is_one_page(regressor, tmp_path):
    regressor.report(tmp_path / "r.html", FRAME)
    assert "Predictions, out-of-fold" in (tmp_path / "r.html").read_text()


def test_the_interval_holds_what_theory_says():
    y = np.random.default_rng(1).normal(size=400)
    value, low, high = interval(lambda rows: fp.metrics.mse(np.zeros(len(rows)), y[rows]), np.arange(400))
    deviation = np.std(y**2) / np.sqrt(400)  # of the mean, by the central limit theorem
    assert value == pytest.approx(np.mean(y**2))
    np.testing.assert_allclose([low, high], [value - 1.96 * deviation, value + 1.96 * deviation], rtol=0.05)


def test_calibration_is_scikit_learns(classifier):
    confidence, accuracy = calibration(classifier.out_of_fold_, (KINDS == "small").to_numpy())
    outputs = classifier.out_of_fold_
    is_right = outputs.argmax(axis=1) == (KINDS == "small")
    expected = calibration_curve(is_right, outputs.max(axis=1) - 1e-9, n_bins=10, strategy="quantile")
    np.testing.assert_allclose([accuracy, confidence], expected, atol=1e-6)


def test_the_importance_is_that_of_each_folds_networks(fitted):
    names, worse = importance(fitted)
    assert names == ["size", "age", "town"]
    assert worse[0] > worse[1]
    # a column that is permuted among equal cells changes nothing
    constant = FRAME.assign(age=40.0)
    same = fitted._replace(X={"standard": fp.datasets.read(constant.assign(kind=KINDS), "kind").columns})
    assert importance(same)[1][1] == 0
