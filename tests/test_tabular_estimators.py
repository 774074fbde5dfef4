"""Tuned ensembles for tables: estimators that keep to scikit-learn's interface, to their time, and to the data."""

import os
import signal
import threading
import time

import numpy as np
import pandas
import pytest
from sklearn.calibration import calibration_curve
from sklearn.datasets import make_friedman1
from sklearn.linear_model import LinearRegression
from sklearn.metrics import accuracy_score, log_loss, mean_squared_error, r2_score
from sklearn.model_selection import KFold, StratifiedKFold
from sklearn.neural_network import MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.class_weight import compute_sample_weight
from sklearn.utils.estimator_checks import parametrize_with_checks

import fastprop as fp
from fastprop import interrupts
from fastprop.tabular import tuning
from fastprop.tabular.column_inputs import searched_inputs
from fastprop.tabular.encoder import named_columns
from fastprop.tabular.ensemble_report import Fitted, calibration, importance, interval
from fastprop.tabular.recipe import RECIPE
from fastprop.tabular.rounds import CountedRounds
from tests.compare import assert_refused

SHORT = {"epochs": 4, "folds": 3, "random_state": 0}
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


RANDOM = np.random.default_rng(2)
ROWS = 150
FRAME = pandas.DataFrame({
    "size": np.where(RANDOM.random(ROWS) < 0.2, np.nan, RANDOM.normal(size=ROWS)),
    "age": RANDOM.normal(40, 10, ROWS),
    "town": RANDOM.choice(["Oslo", "Rome", "Lima"], ROWS),
})  # fmt: skip
SIGNAL = FRAME["size"].fillna(0) + (FRAME["town"] == "Rome") + RANDOM.normal(size=ROWS) / 5
KINDS = pandas.Series(np.where(SIGNAL > 0.3, "big", "small"), name="kind")
PRICES = pandas.Series(2e6 + 1e5 * SIGNAL, name="price")


@pytest.fixture(scope="module")
def classifier():
    return fp.TabularClassifier(configurations=6, numeric_encoding="standard", **SHORT).fit(FRAME, KINDS)


@pytest.fixture(scope="module")
def regressor():
    return fp.TabularRegressor(configurations=4, numeric_encoding="standard", **SHORT).fit(FRAME, PRICES)


def mean_of_networks(model, frame):
    """Return the weighted mean of the outputs of all networks, each with its own encoder."""
    pairs = zip(model.ensemble.networks, model.encoders, strict=True)
    outputs = [network.predict(encoder.transform(frame, np.float64)).astype(float) for network, encoder in pairs]
    return sum(weight * each for weight, each in zip(model.ensemble.weights, outputs))


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


@pytest.fixture(scope="module")
def searched():
    """A regressor that has searched encodings, with networks of both."""
    return fp.TabularRegressor(configurations=8, **SHORT).fit(FRAME, PRICES)


@pytest.mark.slow
def test_networks_of_searched_encodings_predict_by_their_own_encoder(searched, tmp_path):
    chosen = [each for each in searched.configurations_ if each["weight"] > 0]
    assert {each["numeric_encoding"] for each in chosen} == {"standard", "piecewise"}
    model = searched.ensemble_
    expected = np.zeros(ROWS)
    for index, (training, held_out) in enumerate(KFold(3, shuffle=True, random_state=0).split(FRAME)):
        for row, each in enumerate(chosen):
            encoder = fp.tabular.Encoder.fit(FRAME, numeric_encoding=each["numeric_encoding"])
            encoder = encoder.fitted_to(named_columns(FRAME), training)
            network = model.ensemble.networks[3 * row + index]
            assert model.encoders[3 * row + index] == encoder
            outputs = network.predict(encoder.transform(FRAME.iloc[held_out], np.float64))[:, 0]
            expected[held_out] += each["weight"] * outputs
    np.testing.assert_allclose(searched.out_of_fold_[:, 0], expected, rtol=1e-6)
    mean = mean_of_networks(model, FRAME)[:, 0]
    np.testing.assert_allclose(searched.predict(FRAME), mean, rtol=1e-6)
    searched.save(tmp_path / "prices.safetensors")
    loaded = fp.load(tmp_path / "prices.safetensors")
    np.testing.assert_array_equal(loaded.predict(FRAME), searched.predict(FRAME))
    assert_refused(ValueError, "X has 6 columns, but the training data had 3", loaded.predict, np.zeros((2, 6)))
    assert_refused(ValueError, "different ways: predict from a table", loaded.ensemble.predict, np.zeros((2, 6)))
    searched.report(tmp_path / "r.html", FRAME)
    assert "piecewise" in (tmp_path / "r.html").read_text()


@pytest.mark.slow
def test_a_search_of_encodings_has_a_journal_of_each(searched, tmp_path):
    options = searched.get_params() | {"journal": tmp_path / "runs"}
    for _ in range(2):
        again = fp.TabularRegressor(**options).fit(FRAME, PRICES)
        np.testing.assert_array_equal(again.out_of_fold_, searched.out_of_fold_)
    assert sorted(each.name for each in tmp_path.iterdir()) == ["runs", "runs.piecewise"]


def test_what_a_search_of_encodings_tries():
    arrays = np.arange(12.0).reshape(4, 3)
    assert list(searched_inputs(arrays, "search")) == ["standard"]
    table = fp.datasets.read(FRAME.assign(kind=KINDS), "kind").columns
    found = searched_inputs(table, "search")
    assert list(found) == ["standard", "piecewise"]
    assert found["standard"] is table
    frame = FRAME.assign(kind=KINDS)
    expected = fp.datasets.read(frame, "kind", numeric_encoding="piecewise").columns
    assert found["piecewise"].encoder == expected.encoder
    words = fp.datasets.read(frame[["town", "kind"]], "kind").columns
    assert list(searched_inputs(words, "search")) == ["standard"]
    large = np.linspace(1.6e308, 1.7e308, ROWS // 2)  # whose differences are infinite
    too_large = fp.datasets.read(frame.assign(age=np.r_[large, -large]), "kind").columns
    assert list(searched_inputs(too_large, "search")) == ["standard"]
    assert list(searched_inputs(table, "robust")) == ["robust"]
    assert list(searched_inputs(arrays, ["robust", "piecewise"])) == ["standard"]
    found = searched_inputs(fp.datasets.read(frame, "kind", numeric_encoding="robust").columns, ["robust", "standard"])
    assert list(found) == ["robust", "standard"]
    assert found["standard"].encoder == table.encoder
    assert_refused(ValueError, "numeric_encoding is 'bins': name one of", searched_inputs, table, ["standard", "bins"])
    assert_refused(ValueError, "names no encoding", searched_inputs, table, [])


@pytest.mark.slow
def test_each_configuration_is_trained_with_each_seed():
    X = np.random.default_rng(0).normal(size=(60, 3))
    kinds = (X[:, 0] * X[:, 1] > 0).astype(int)
    options = {"epochs": 3, "folds": 2, "random_state": 0, "numeric_encoding": "standard", "threads": 1}
    found = fp.TabularClassifier(configurations=2, seeds=2, **options).fit(X, kinds)
    assert found.n_configurations_ == 2
    pairs = {(each.index, each.values["seed"]) for each in found._found.kept}
    assert pairs <= {(0, 0), (0, 2**32), (1, 1), (1, 1 + 2**32)}
    assert len({seed for _, seed in pairs}) > 1
    for each in found._found.kept:
        values = dict(each.values)
        sizes, hidden, seed, rate = (values.pop(name) for name in ("layer_sizes", "hidden", "seed", "learning_rate"))
        values |= {"optimizer": fp.AdamW(rate, weight_decay=values.pop("weight_decay")), "seed": seed}
        for (training, held_out), network in zip(found._found.folds, each.networks):
            alone = fp.MLP(sizes, hidden=hidden, output="softmax", seed=seed)
            how = {"epochs": 3, "standardize": True, "early_stopping": fp.EarlyStopping(3), **values}
            fp.train(alone, X[training], kinds[training], validation=(X[held_out], kinds[held_out]), **how)
            np.testing.assert_array_equal(alone.flat_parameters, network.flat_parameters)


@pytest.mark.slow
def test_a_search_tries_the_encodings_that_are_named():
    found = fp.TabularRegressor(configurations=9, numeric_encoding=("robust", "standard"), **SHORT).fit(FRAME, PRICES)
    assert {each["numeric_encoding"] for each in found.configurations_} == {"robust", "standard"}
    np.testing.assert_allclose(found.predict(FRAME), mean_of_networks(found.ensemble_, FRAME)[:, 0], rtol=1e-6)


@pytest.mark.parametrize(
    ("configurations", "expected"), [(1, [1]), (2, [1, 1]), (3, [1, 1, 1]), (60, [1, 1, 20, 19, 19])]
)
def test_a_search_of_encodings_begins_with_one_configuration_of_each(configurations, expected):
    rounds = CountedRounds(configurations, encodings=2)
    sizes = []
    while size := rounds.next_size():
        sizes.append(size)
        rounds.ended(size, 0.1)
    assert sizes == expected


@pytest.mark.slow
def test_the_score_of_a_single_configuration_is_scikit_learns():
    one = fp.TabularClassifier(configurations=1, epochs=12, folds=3, random_state=0).fit(FRAME, KINDS)
    folds = StratifiedKFold(3, shuffle=True, random_state=0).split(FRAME, KINDS == "small")
    outputs = one.out_of_fold_ / one.out_of_fold_.sum(axis=1, keepdims=True)  # float32 leaves them near 1
    losses = [log_loss(KINDS.iloc[held], outputs[held], labels=["big", "small"]) for _, held in folds]
    assert one.best_score_ == pytest.approx(np.mean(losses), rel=1e-5)
    assert (one.scoring_, one.configurations_[0]["weight"]) == ("log_loss", 1)
    assert one.out_of_fold_score_ == pytest.approx(log_loss(KINDS, outputs), rel=1e-5)  # weights are no choice
    one = fp.TabularRegressor(configurations=1, epochs=12, folds=3, random_state=0).fit(FRAME, PRICES)
    folds = KFold(3, shuffle=True, random_state=0).split(FRAME)
    errors = [mean_squared_error(PRICES.iloc[held], one.out_of_fold_[held, 0]) ** 0.5 for _, held in folds]
    assert one.best_score_ == pytest.approx(np.mean(errors), rel=1e-5)


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


def test_a_journal_of_other_data_counts_the_rows_that_were_given(tmp_path):
    grid = {"learning_rate": [0.1]}
    for rows in (ROWS, ROWS - 2):
        table = fp.datasets.read(FRAME[:rows].assign(kind=KINDS[:rows]), target="kind")
        how = {"epochs": 1, "cv": 3, "journal": tmp_path / "runs", "threads": 1}
        if rows == ROWS:
            X = table.columns
            fp.sweep((X.shape[1], 2), X, table.y, grid, **how)
    words = rf"X is \({ROWS}, .* float32 and not \({ROWS - 2}, .* y is \({ROWS},\) int64 and not \({ROWS - 2},\) int64"
    with pytest.raises(ValueError, match=words):
        fp.sweep((X.shape[1], 2), table.columns, table.y, grid, **how)


@pytest.mark.slow
def test_a_journal_keeps_the_epochs_that_were_planned(tmp_path, monkeypatch):
    options = {"seconds": 4, "epochs": 40, "folds": 2, "random_state": 0, "journal": tmp_path / "runs"}
    for epoch in (4 / 6 / 12, 4 / 6 / 20):  # seconds, of which there are enough for 12 and for 20 epochs
        monkeypatch.setattr(
            tuning._Search, "_seconds_of_epoch", lambda self, epochs, seconds, epoch=epoch: (epoch, 0.0)
        )
        assert fp.TabularClassifier(**options).fit(FRAME, KINDS).epochs_ == 12
    with pytest.raises(ValueError, match=r"is the journal of another sweep, whose .*epochs is 12 and not 10"):
        fp.TabularClassifier(**options | {"epochs": 10}).fit(FRAME, KINDS)


@pytest.mark.slow
def test_a_score_decides_when_it_is_named():
    options = {"configurations": 3, "epochs": 8, "folds": 2, "random_state": 0, "scoring": "accuracy"}
    found = fp.TabularClassifier(**options).fit(FRAME, KINDS)
    scores = [each["accuracy"] for each in found.configurations_]
    assert scores == sorted(scores, reverse=True)
    assert found.scoring_ == "accuracy"


@pytest.mark.slow
def test_ctrl_c_between_rounds_leaves_the_best_so_far(monkeypatch, capsys):
    calls = []
    sweep = tuning.sweep

    def interrupted(*arguments, **options):
        calls.append(options["epochs"])
        if len(calls) == 6:  # two to see how long an epoch takes, the recipe with each encoding, a round, and this
            raise KeyboardInterrupt
        return sweep(*arguments, **options)

    monkeypatch.setattr(tuning, "sweep", interrupted)
    with pytest.warns(UserWarning, match="Training interrupted by user"):
        found = fp.TabularClassifier(seconds=30, epochs=4, folds=2, random_state=0).fit(FRAME, KINDS)
    assert found.n_configurations_ >= 9
    assert "Ctrl-C has ended the search after" in capsys.readouterr().err
    calls[:] = [1, 1, 1, 1, 1]
    with pytest.raises(KeyboardInterrupt):
        fp.TabularClassifier(seconds=30, epochs=4, folds=2).fit(FRAME, KINDS)
    interrupts.forget()


def test_the_shortest_time_has_a_result():
    found = fp.TabularClassifier(seconds=1e-6, epochs=4, folds=2, random_state=0).fit(FRAME, KINDS)
    assert found.n_configurations_ == 1
    assert found.ensemble_.ensemble.networks[0].layer_sizes[1:-1] == RECIPE.hidden_layer_sizes


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
def test_time_is_kept():
    fp.TabularClassifier(configurations=1, epochs=2, folds=2).fit(FRAME, KINDS)  # has the kernels compiled
    begin = time.perf_counter()
    found = fp.TabularClassifier(seconds=10, random_state=0).fit(FRAME, KINDS)
    assert 8 < time.perf_counter() - begin < 13  # within a tenth on a machine that has nothing else to do
    assert found.n_configurations_ >= 9


@pytest.mark.slow
def test_ctrl_c_in_a_round_leaves_the_best_so_far():
    timer = threading.Timer(4, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    begin = time.perf_counter()
    with pytest.warns(UserWarning, match="Training interrupted by user"):
        found = fp.TabularClassifier(seconds=120, random_state=0).fit(FRAME, KINDS)
    interrupts.forget()
    assert time.perf_counter() - begin < 15
    assert found.score(FRAME, KINDS) > 0.7


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
