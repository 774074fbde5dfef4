"""Ensembles with weights: the greedy choice of these, the mean, and files that the shell reads as well."""

import csv

import numpy as np
import pandas
import pytest
from sklearn.metrics import accuracy_score, log_loss, mean_squared_error
from sklearn.model_selection import KFold

import fastprop as fp
from fastprop import cli
from fastprop.intervals import FoldErrors
from fastprop.sweeping.greedy_weights import cross_fitted, greedy_weights
from fastprop.tabular.encoder import named_columns
from tests.compare import assert_refused
from tests.problems import three_classes

RANDOM = np.random.default_rng(5)
LABELS = RANDOM.integers(0, 3, 60)
PROBABILITIES = [RANDOM.dirichlet([1, 1, 1], 60) * 0.7 + 0.3 * np.eye(3)[LABELS] for _ in range(6)]
ONES = RANDOM.integers(0, 2, 60)
CHANCES = [np.clip(0.3 * ONES + 0.7 * RANDOM.random(60), 0.01, 0.99)[:, None] for _ in range(6)]
NUMBERS = RANDOM.normal(5, 3, 60)
GUESSES = [(NUMBERS + RANDOM.normal(size=60) + offset)[:, None] for offset in (-1, 0, 2, 1, -2, 0.5)]


def chosen_by_hand(outputs, cost, steps):
    """Return the weights of the greedy selection of Caruana et al., written out."""
    bag, bags = [], []
    for _ in range(steps):
        costs = [cost(np.mean([outputs[index] for index in [*bag, more]], axis=0)) for more in range(len(outputs))]
        bag = [*bag, int(np.argmin(costs))]
        bags.append((min(costs), bag))
    _, best = min(bags, key=lambda pair: pair[0])
    return [best.count(index) / len(best) for index in range(len(outputs))]


@pytest.mark.parametrize(
    ("outputs", "y", "activation", "score", "cost"),
    [
        (PROBABILITIES, LABELS, "softmax", None, lambda mean: log_loss(LABELS, mean)),
        (PROBABILITIES, np.eye(3)[LABELS], "softmax", None, lambda mean: log_loss(LABELS, mean)),
        (CHANCES, ONES, "sigmoid", None, lambda mean: log_loss(ONES, mean)),
        (GUESSES, NUMBERS, "identity", None, lambda mean: mean_squared_error(NUMBERS, mean)),
        (PROBABILITIES, LABELS, "softmax", "accuracy", lambda mean: -accuracy_score(LABELS, mean.argmax(axis=1))),
        (GUESSES, NUMBERS, "identity", "mae", lambda mean: np.abs(mean[:, 0] - NUMBERS).mean()),
    ],
)
def test_weights_are_those_of_the_greedy_selection_written_out(outputs, y, activation, score, cost):
    score = None if score is None else fp.metrics.SCORES[score]
    for steps in (1, 3, 12):
        weights = greedy_weights(outputs, y, activation, score=score, steps=steps)
        np.testing.assert_allclose(weights, chosen_by_hand(outputs, cost, steps))
    assert weights.sum() == pytest.approx(1)
    assert (weights > 0).sum() > 1


def test_cross_fitted_outputs_have_weights_that_were_chosen_by_the_other_rows():
    held_out = np.array_split(np.random.default_rng(0).permutation(60), 3)
    made = cross_fitted(GUESSES, NUMBERS, "identity", held_out)
    for part in held_out:
        others = np.setdiff1d(np.arange(60), part)
        seen = [each[others] for each in GUESSES]
        weights = chosen_by_hand(seen, lambda mean, rows=others: mean_squared_error(NUMBERS[rows], mean), 40)
        np.testing.assert_allclose(made[part], sum(weight * each[part] for weight, each in zip(weights, GUESSES)))


@pytest.mark.slow
def test_the_score_of_cross_fitted_outputs_is_that_of_new_rows():
    """On few rows, the weights of 20 candidates that guess look better than they are; cross-fitted ones do not."""
    random = np.random.default_rng(3)
    of_chosen, of_cross_fitted, of_new_rows = [], [], []
    for _ in range(100):
        y = random.normal(size=40)
        outputs = [random.normal(size=(40, 1)) / 2 for _ in range(20)]
        held_out = np.array_split(np.arange(40), 20)
        weights = greedy_weights(outputs, y, "identity")
        of_chosen.append(mean_squared_error(y, np.tensordot(weights, outputs, 1)[:, 0]))
        of_cross_fitted.append(mean_squared_error(y, cross_fitted(outputs, y, "identity", held_out)[:, 0]))
        of_new_rows.append(1 + (weights**2).sum() / 4)  # the variance of y, and that of the mean of candidates
    assert np.mean(of_chosen) < np.mean(of_new_rows) - 0.1
    deviation = np.std(of_cross_fitted) / 10
    assert np.mean(of_cross_fitted) == pytest.approx(np.mean(of_new_rows), abs=3 * deviation)
    assert deviation < 0.03


def test_rows_that_no_fold_scored_do_not_count():
    outputs = [each.copy() for each in GUESSES]
    for each in outputs:
        each[:20] = np.nan
    expected = greedy_weights([each[20:] for each in GUESSES], NUMBERS[20:], "identity")
    np.testing.assert_array_equal(greedy_weights(outputs, NUMBERS, "identity"), expected)
    outputs[0][...] = np.nan
    assert_refused(ValueError, "no row was held out of the training of all", greedy_weights, outputs, NUMBERS, "mse")


def test_a_row_of_weight_3_counts_as_three_rows():
    weights = np.random.default_rng(1).integers(0, 4, 60).astype(float)
    again = np.repeat(np.arange(60), weights.astype(int))
    tasks = [(PROBABILITIES, LABELS, "softmax", "accuracy"), (GUESSES, NUMBERS, "identity", "mae")]
    for outputs, y, activation, name in tasks:
        for score in (None, fp.metrics.SCORES[name].weighted()):
            chosen = greedy_weights(outputs, y, activation, score=score, sample_weight=weights)
            repeated = [each[again] for each in outputs]
            if score is None and activation == "identity":  # whose errors are in units of y's deviation without weights
                score = fp.metrics.SCORES["mse"]
            np.testing.assert_allclose(chosen, greedy_weights(repeated, y[again], activation, score=score))


def test_a_score_that_is_undefined_everywhere_chooses_the_first():
    score = fp.metrics.Score("none", lambda outputs, y: np.nan)
    assert greedy_weights(GUESSES, NUMBERS, "identity", score=score)[0] == 1


# ---- the ensemble of a sweep ----


@pytest.fixture(scope="module")
def result():
    X, y = three_classes()
    return fp.sweep(
        (4, 6, 3), X, y, {"learning_rate": [0.05, 0.3, 1, 3]}, epochs=4, cv=3, refit=False, keep="all", standardize=True
    )


def test_the_ensemble_of_a_sweep_weighs_the_networks_of_folds(result):
    X, y = three_classes()
    indices = list(result.fold_networks)
    outputs = [result.out_of_fold(index).astype(float) for index in indices]
    expected = chosen_by_hand(outputs, lambda mean: -np.log(mean[np.arange(len(y)), y]).mean(), 40)
    ensemble = result.weighted_ensemble(y)
    mean = sum(
        weight * np.mean([network.predict(X).astype(float) for network in result.fold_networks[index]], axis=0)
        for index, weight in zip(indices, expected)
    )
    np.testing.assert_allclose(ensemble.predict(X), mean, rtol=1e-5, atol=1e-6)
    assert len(ensemble.networks) == 3 * np.count_nonzero(expected)
    by_score = result.weighted_ensemble(y, score="accuracy", steps=1)
    assert by_score.networks == list(result.fold_networks[indices[np.argmax([
        accuracy_score(y, each.argmax(axis=1)) for each in outputs
    ])]])  # fmt: skip


def test_a_row_of_weight_2_counts_twice_in_the_weighted_ensemble_of_a_sweep(result):
    _, y = three_classes()
    row_weights = np.random.default_rng(3).integers(0, 3, len(y)).astype(float)
    outputs = [result.out_of_fold(index).astype(float) for index in result.fold_networks]
    again = np.repeat(np.arange(len(y)), row_weights.astype(int))
    repeated = [each[again] for each in outputs]
    surprise = lambda mean: -np.log(mean[np.arange(len(again)), y[again]]).mean()  # noqa: E731
    wrong = lambda mean: -accuracy_score(y[again], mean.argmax(axis=1))  # noqa: E731
    for score, cost in ((None, surprise), ("accuracy", wrong)):
        ensemble = result.weighted_ensemble(y, score=score, sample_weight=row_weights)
        expected = np.array(chosen_by_hand(repeated, cost, 40))
        np.testing.assert_allclose(ensemble.weights[::3] * 3, expected[expected > 0], rtol=1e-12)
    calibrated = result.weighted_ensemble(y, sample_weight=row_weights, calibrate=True)
    mean = np.tensordot(chosen_by_hand(repeated, surprise, 40), outputs, 1)
    expected = fp.calibration.fit_temperature(mean, y, row_weights)
    assert calibrated.temperature == pytest.approx(expected, rel=1e-9)
    assert calibrated.temperature != pytest.approx(fp.calibration.fit_temperature(mean, y), rel=1e-4)
    own = fp.metrics.Score("own", fp.metrics.accuracy, takes_weights=True)
    weighted = result.weighted_ensemble(y, score=own, sample_weight=row_weights)
    by_name = result.weighted_ensemble(y, score="accuracy", sample_weight=row_weights)
    np.testing.assert_array_equal(weighted.weights, by_name.weights)


def test_which_weights_of_rows_a_weighted_ensemble_refuses(result):
    _, y = three_classes()
    call = result.weighted_ensemble
    assert_refused(ValueError, "sample_weight has shape (2,) but X has", call, y, sample_weight=[1, 2])
    own = fp.metrics.Score("own", lambda outputs, y: 1.0)
    assert_refused(
        ValueError, "score 'own' takes no weights of rows", call, y, score=own, sample_weight=np.ones(len(y))
    )


def test_what_a_weighted_ensemble_needs(result):
    X, y = three_classes()
    plain = fp.sweep((4, 6, 3), X, y, {"learning_rate": [0.1]}, epochs=1, cv=2)
    assert_refused(ValueError, "no networks of folds were kept: sweep with cv, refit=False", plain.weighted_ensemble, y)
    assert_refused(ValueError, "steps must be at least 1, not 0", result.weighted_ensemble, y, steps=0)
    assert_refused(ValueError, "score 'mae' needs numbers", result.weighted_ensemble, y, score="mae")


def test_the_weighted_ensemble_of_a_sweep_is_calibrated_on_out_of_fold_outputs(result):
    X, y = three_classes()
    plain, calibrated = result.weighted_ensemble(y), result.weighted_ensemble(y, calibrate=True)
    weights = dict.fromkeys(result.fold_networks, 0.0)
    for network, weight in zip(plain.networks, plain.weights):
        weights[next(index for index, each in result.fold_networks.items() if network in each)] += weight
    mean = sum(weight * result.out_of_fold(index) for index, weight in weights.items())
    losses = [log_loss(y, fp.calibration.with_temperature(mean, calibrated.temperature * by)) for by in (0.7, 1, 1.4)]
    assert losses[1] == min(losses)
    expected = fp.calibration.with_temperature(plain.predict(X), calibrated.temperature)
    np.testing.assert_allclose(calibrated.predict(X), expected, rtol=1e-5)


# ---- weights and files ----


def test_outputs_are_the_weighted_mean_and_come_back_from_a_file(tmp_path):
    X, _ = three_classes()
    networks = [fp.MLP((4, *hidden, 3), seed=seed) for seed, hidden in enumerate([(5,), (3, 2), ()])]
    networks[1].input_mean, networks[1].input_scale = np.ones(4), np.full(4, 2.0)
    ensemble = fp.Ensemble(networks, [1, 2, 5])
    mean = sum(weight * network.predict(X).astype(float) for weight, network in zip([0.125, 0.25, 0.625], networks))
    np.testing.assert_array_equal(ensemble.predict(X), mean.astype(np.float32))
    ensemble.save(tmp_path / "e.safetensors")
    again = fp.load(tmp_path / "e.safetensors")
    np.testing.assert_array_equal(again.predict(X), ensemble.predict(X))
    assert again.networks[1].layer_sizes == (4, 3, 2, 3)


@pytest.mark.parametrize("given", ["float32", "float64", "uint8"])
def test_networks_of_an_ensemble_predict_to_the_same_bits_as_alone(given):
    X = np.random.default_rng(0).integers(0, 200, (30, 4)).astype(given)
    networks = [fp.MLP((4, *hidden, 2), seed=seed) for seed, hidden in enumerate([(5,), (5,), (3, 2), (5,), (), (5,)])]
    for index, network in enumerate(networks[1:], 1):  # of the last one, the mean is far from 0 for its deviation
        network.input_mean, network.input_scale = (
            np.full(4, 10.0**index),
            np.arange(1.0, 5) if index < 5 else np.ones(4),
        )
    ensemble = fp.Ensemble(networks, [1, 2, 3, 4, 5, 6])
    total = 0.0
    for weight, network in zip(ensemble.weights, networks):
        total = total + weight * network.predict(X).astype(float)
    np.testing.assert_array_equal(ensemble.predict(X), total.astype(np.float32))


@pytest.mark.parametrize("weights", [[1.0], [1, 0], [1, -1], [1, np.inf], [[1, 1]]])
def test_weights_that_are_refused(weights):
    assert_refused((ValueError, TypeError), "weights ", fp.Ensemble, [fp.MLP((2, 1)), fp.MLP((2, 1))], weights)


def test_an_ensemble_that_diverged_is_not_saved(tmp_path):
    network = fp.MLP((2, 1))
    network.weights[0][...] = np.nan
    assert_refused(ValueError, "finite", fp.Ensemble([network]).save, tmp_path / "e.safetensors")


# ---- tables ----

ROWS = 60
FRAME = pandas.DataFrame({
    "size": [None if row % 7 == 0 else float(row * row % 31) for row in range(ROWS)],
    "town": [["Oslo", "Rome", "Lima"][row % 3] for row in range(ROWS)],
    "kind": [*"ab"] * (ROWS // 2),
})  # fmt: skip


@pytest.fixture
def model():
    """A model whose networks have two encoders, one of them fitted to the first rows alone."""
    table = fp.datasets.read(FRAME, "kind")
    encoders = [table.encoder, table.encoder.fitted_to(named_columns(FRAME), np.arange(10))]
    assert encoders[0] != encoders[1]
    networks = [fp.MLP((5, 4, 2), hidden="tanh", output="softmax", seed=seed, class_names=[*"ab"]) for seed in range(3)]
    return fp.TableEnsemble(fp.Ensemble(networks, [1, 2, 1]), [encoders[0], encoders[1], encoders[0]], "kind")


def expected_outputs(model):
    """Return what the networks make of what each one's encoder makes of the table."""
    encoded = [encoder.transform(FRAME, np.float64) for encoder in model.encoders]
    assert not np.array_equal(encoded[0], encoded[1])
    outputs = [network.predict(X).astype(float) for network, X in zip(model.ensemble.networks, encoded)]
    return 0.25 * outputs[0] + 0.5 * outputs[1] + 0.25 * outputs[2]


def test_each_network_of_a_table_has_its_encoder(model, tmp_path):
    np.testing.assert_allclose(model.predict_proba(FRAME), expected_outputs(model), rtol=1e-6)
    model.save(tmp_path / "m.safetensors")
    again = fp.load(tmp_path / "m.safetensors")
    assert again.encoders == model.encoders
    np.testing.assert_array_equal(again.predict_proba(FRAME), model.predict_proba(FRAME))
    np.testing.assert_array_equal(again.predict(FRAME), np.array(["a", "b"])[expected_outputs(model).argmax(axis=1)])


def test_an_array_that_is_encoded_is_for_the_networks_alone(model):
    X = RANDOM.normal(size=(7, 5))
    outputs = [network.predict(X).astype(float) for network in model.ensemble.networks]
    expected = 0.25 * outputs[0] + 0.5 * outputs[1] + 0.25 * outputs[2]
    np.testing.assert_allclose(model.ensemble.predict(X), expected, rtol=1e-6)
    assert_refused(ValueError, "X has 5 columns, but the training data had", model.predict_proba, X)


def test_the_shell_reads_an_ensemble(model, tmp_path, capsys):
    path, table = str(tmp_path / "m.safetensors"), str(tmp_path / "t.csv")
    model.save(path)
    FRAME.to_csv(table, index=False)
    assert cli.main(["predict", path, table]) == 0
    rows = list(csv.DictReader(capsys.readouterr().out.splitlines()))
    expected = expected_outputs(model)
    np.testing.assert_allclose([float(row["probability_b"]) for row in rows], expected[:, 1], rtol=1e-5)
    assert [row["prediction"] for row in rows] == ["ab"[index] for index in expected.argmax(axis=1)]
    assert cli.main(["evaluate", path, table, "--score", "accuracy"]) == 0
    accuracy = np.mean(expected.argmax(axis=1) == np.arange(ROWS) % 2)
    assert capsys.readouterr().out.splitlines() == [f"rows {ROWS}", f"accuracy {accuracy:.6g}"]
    assert cli.main(["info", path]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["networks", "3,", "an", "ensemble"]
    assert "100% of the weight" in lines[1]
    assert "3 of MLP((5, 4, 2)" in lines[1]
    assert lines[-1].startswith("column town  category of 3 (")


def test_the_shell_reads_an_ensemble_without_columns(tmp_path, capsys):
    networks = [fp.MLP((64, 10), output="softmax", seed=seed) for seed in range(2)]
    path = str(tmp_path / "e.safetensors")
    fp.Ensemble(networks).save(path)
    assert cli.main(["evaluate", path, "digits", "--score", "accuracy"]) == 0
    X, y = fp.datasets.digits()
    accuracy = np.mean((networks[0].predict(X) + networks[1].predict(X)).argmax(axis=1) == y)
    assert capsys.readouterr().out.splitlines()[1] == f"accuracy {accuracy:.6g}"
    assert cli.main(["info", path]) == 0


def test_a_new_level_is_told_once(model):
    with pytest.warns(fp.DataWarning, match="column 'town' has 'Bonn'") as told:
        model.predict(FRAME.assign(town="Bonn"))
    assert len(told) == 1


def test_encoders_that_do_not_fit_are_refused(model):
    ensemble, encoder = model.ensemble, model.encoders[0]
    assert_refused(ValueError, "3 networks and 1 encoders", fp.TableEnsemble, ensemble, [encoder], "kind")
    other = fp.datasets.read(FRAME[["size", "kind"]], "kind").encoder
    assert_refused(ValueError, "encoders must make the inputs", fp.TableEnsemble, ensemble, [other] * 3, "kind")


# ---- how sure an ensemble is ----


@pytest.fixture
def of_numbers():
    """An ensemble of 2 configurations and 3 folds, with the folds and out-of-fold outputs of which it is made."""
    X, _ = three_classes()
    folds = list(KFold(3).split(X))
    y = RANDOM.normal(size=len(X))
    configurations = [[fp.MLP((4, size, 1), output="identity", seed=seed) for seed in range(3)] for size in (3, 5)]
    out_of_fold = np.empty(len(X))
    for fold, (_, held_out) in enumerate(folds):
        one, other = (networks[fold].predict(X[held_out]).astype(float)[:, 0] for networks in configurations)
        out_of_fold[held_out] = 0.25 * one + 0.75 * other
    errors = FoldErrors.of(out_of_fold, y, folds)
    ensemble = fp.Ensemble.of_folds(configurations, [0.25, 0.75], fold_errors=errors)
    return ensemble, configurations, (out_of_fold, y, folds)


def test_intervals_of_an_ensemble_are_those_of_its_folds(of_numbers, tmp_path):
    ensemble, configurations, known = of_numbers
    X = RANDOM.normal(size=(7, 4))
    each = [[network.predict(X).astype(float) for network in networks] for networks in configurations]
    expected = fp.intervals.cv_plus([0.25 * one + 0.75 * other for one, other in zip(*each)], *known, coverage=0.8)
    np.testing.assert_allclose(ensemble.predict_interval(X, 0.8), expected, rtol=1e-12)
    ensemble.save(tmp_path / "e.safetensors")
    again = fp.load(tmp_path / "e.safetensors")
    np.testing.assert_array_equal(again.predict_interval(X, 0.8), ensemble.predict_interval(X, 0.8))


def test_the_standard_deviation_is_that_of_the_weighted_outputs(of_numbers):
    ensemble = of_numbers[0]
    X = RANDOM.normal(size=(7, 4))
    outputs = np.stack([network.predict(X).astype(float) for network in ensemble.networks])
    mean = np.average(outputs, axis=0, weights=ensemble.weights)
    expected = np.sqrt(np.average((outputs - mean) ** 2, axis=0, weights=ensemble.weights))
    np.testing.assert_allclose(ensemble.predict_std(X), expected, rtol=1e-12)


def test_a_temperature_is_for_classes_and_comes_back_from_a_file(of_numbers, tmp_path):
    message = "a temperature makes probabilities of classes, which MLP((4, 3, 1)"
    assert_refused(ValueError, message, fp.Ensemble, of_numbers[0].networks[:1], temperature=2)
    networks = [fp.MLP((4, 3, 1), seed=seed) for seed in range(2)]
    ensemble = fp.Ensemble(networks, temperature=2)
    p = fp.Ensemble(networks).predict(np.ones((1, 4))).astype(float)
    odds = np.sqrt(p / (1 - p))
    np.testing.assert_allclose(ensemble.predict(np.ones((1, 4))), odds / (1 + odds), rtol=1e-6)
    ensemble.save(tmp_path / "e.safetensors")
    assert fp.load(tmp_path / "e.safetensors").temperature == 2


def test_intervals_that_are_refused(of_numbers):
    ensemble = of_numbers[0]
    few = fp.Ensemble(ensemble.networks)
    assert_refused(ValueError, "the ensemble knows none: take one of numbers", few.predict_interval, np.ones((1, 4)))
    wrong = ensemble.networks[:4]
    assert_refused(ValueError, "fold_errors of 3 folds", fp.Ensemble, wrong, fold_errors=ensemble.fold_errors)
    assert_refused(TypeError, "fold_errors must be a FoldErrors", fp.Ensemble, wrong, fold_errors=[1.0])
