"""A sweep with ``refit=False`` keeps the networks of the folds, and what they give for rows that they did not see."""

import json

import numpy as np
import pandas
import pytest
from sklearn.model_selection import KFold, RepeatedKFold, StratifiedKFold

import fastprop as fp
from fastprop.data import ScaledTargets
from fastprop.tabular.encoder import named_columns
from tests import executors
from tests.compare import assert_refused
from tests.problems import three_classes

X, LABELS = three_classes()
FOLDS = 3
RATES = np.geomspace(0.05, 2, 4)
SPLITS = list(StratifiedKFold(FOLDS, shuffle=True, random_state=0).split(X, LABELS))
STOPPING = fp.EarlyStopping(1)


def sweep(rates=RATES, network=(4, 6, 3), y=LABELS, **options):
    return fp.sweep(
        network, X, y, {"learning_rate": rates}, **{"epochs": 4, "cv": FOLDS, "refit": False, "keep": 2, **options}
    )


def alone(rate, training, held_out, **options):
    """Return the network that `train` makes of the training rows of a fold."""
    network = fp.MLP((4, 6, 3), output="softmax")
    data = (X[held_out], LABELS[held_out])
    options = {"epochs": 4, "optimizer": fp.SGD(rate), "validation": data, **options}
    fp.train(network, X[training], LABELS[training], **options)
    return network


def assert_networks_are_those_of_folds(result, **options):
    """Fail unless each network is what `train` makes of its fold, and out-of-fold outputs are its predictions."""
    assert result.fold_networks
    for index, networks in result.fold_networks.items():
        outputs = np.full((len(X), 3), np.nan, np.float32)
        for network, (training, held_out) in zip(networks, SPLITS, strict=True):
            expected = alone(result.table["learning_rate"][index], training, held_out, **options)
            np.testing.assert_array_equal(network.parameters, expected.parameters)
            outputs[held_out] = expected.predict(X[held_out])
        np.testing.assert_array_equal(result.out_of_fold(index), outputs)


@pytest.mark.parametrize("standardize", [False, True])
@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("early_stopping", [None, STOPPING])
def test_networks_are_those_of_the_folds(standardize, threads, early_stopping):
    result = sweep(threads=threads, standardize=standardize, early_stopping=early_stopping)
    assert list(result.fold_networks) == result.ranking[:2].tolist()
    assert_networks_are_those_of_folds(result, standardize=standardize, early_stopping=early_stopping)
    assert result.networks == {}
    assert result.best_network is None


def test_the_table_is_that_of_the_same_sweep_with_a_last_training():
    np.testing.assert_array_equal(sweep().history, sweep(refit=True).history)


def test_the_score_of_a_fold_is_that_of_its_out_of_fold_outputs():
    result = sweep(keep="all", score="accuracy")
    for index in range(len(RATES)):
        is_right = result.out_of_fold(index).argmax(axis=1) == LABELS
        scores = [is_right[held_out].mean() for _, held_out in SPLITS]
        np.testing.assert_allclose(result.fold_scores[index, -1], scores)


@pytest.mark.parametrize("early_stopping", [None, STOPPING])
def test_networks_go_through_the_rungs_of_a_halving(early_stopping):
    result = sweep(rates=np.geomspace(0.05, 2, 6), halving=2, epochs=8, early_stopping=early_stopping)
    assert_networks_are_those_of_folds(result, epochs=8, early_stopping=early_stopping)


def test_networks_on_the_reference_are_those_of_the_folds():
    result = sweep(backend="reference", epochs=2)
    for index, networks in result.fold_networks.items():
        for network, (training, held_out) in zip(networks, SPLITS):
            expected = alone(RATES[index], training, held_out, epochs=2, backend="reference")
            np.testing.assert_array_equal(network.parameters, expected.parameters)


@pytest.mark.parametrize("executor", [executors.threads, pytest.param(executors.processes, marks=pytest.mark.slow)])
def test_networks_come_back_from_executors(executor):
    with executor() as workers:
        result = sweep(executor=workers)
    expected = sweep()
    assert list(result.fold_networks) == list(expected.fold_networks)
    for index, networks in expected.fold_networks.items():
        for network, other in zip(result.fold_networks[index], networks, strict=True):
            np.testing.assert_array_equal(network.parameters, other.parameters)
        np.testing.assert_array_equal(result.out_of_fold(index), expected.out_of_fold(index))


@pytest.mark.parametrize("halving", [None, 2])
def test_folds_that_a_journal_does_not_have_are_trained_again(tmp_path, halving):
    first = sweep(journal=tmp_path / "runs", halving=halving)
    lines = [json.loads(line) for line in (tmp_path / "runs").read_text().splitlines()]
    assert not any("network" in line for line in lines)
    again = sweep(journal=tmp_path / "runs", halving=halving)
    assert list(again.fold_networks) == list(first.fold_networks)
    for index, networks in first.fold_networks.items():
        for network, other in zip(again.fold_networks[index], networks, strict=True):
            np.testing.assert_array_equal(network.parameters, other.parameters)
        np.testing.assert_array_equal(again.out_of_fold(index), first.out_of_fold(index))
    assert (tmp_path / "runs").read_text().count("\n") == len(lines)


def test_rows_that_several_folds_score_have_the_mean_and_those_of_none_have_nan():
    repeated = list(RepeatedKFold(n_splits=3, n_repeats=2, random_state=1).split(X))
    result = sweep(cv=repeated, keep=1)
    ((index, networks),) = result.fold_networks.items()
    outputs = [network.predict(X[held_out]) for network, (_, held_out) in zip(networks, repeated)]
    mean = np.zeros((len(X), 3))
    for (_, held_out), each in zip(repeated, outputs):
        mean[held_out] += each / 2
    np.testing.assert_allclose(result.out_of_fold(index), mean, rtol=1e-6)
    result = sweep(cv=repeated[:1], keep=1)
    ((index, _),) = result.fold_networks.items()
    is_scored = np.isin(np.arange(len(X)), repeated[0][1])
    np.testing.assert_array_equal(np.isnan(result.out_of_fold(index)).any(axis=1), ~is_scored)


def test_rows_of_weight_zero_have_no_outputs():
    weights = np.ones(len(X))
    weights[::5] = 0
    result = sweep(sample_weight=weights, keep=1)
    ((index, _),) = result.fold_networks.items()
    np.testing.assert_array_equal(np.isnan(result.out_of_fold(index)).all(axis=1), weights == 0)


def test_outputs_of_scaled_targets_and_of_columns_of_tables_are_in_the_unit_and_order_of_the_rows():
    random = np.random.default_rng(3)
    frame = pandas.DataFrame({"a": random.normal(size=80), "b": random.normal(size=80)})
    frame.loc[random.random(80) < 0.3, "a"] = np.nan
    frame["price"] = 1000 * frame["b"] + 1e5
    table = fp.datasets.read(frame, "price")
    network = fp.MLP((3, 8, 1), hidden="relu", output="identity", dtype="float64")
    result = fp.sweep(
        network,
        table.columns,
        ScaledTargets(table.y),
        {"weight_decay": [0.01]},
        optimizer=fp.AdamW(0.02),
        epochs=60,
        cv=4,
        standardize=True,
        refit=False,
    )
    ((index, networks),) = result.fold_networks.items()
    outputs = result.out_of_fold(index)[:, 0]
    assert np.corrcoef(outputs, frame["price"])[0, 1] > 0.95
    for network, (training, held_out) in zip(
        networks, KFold(4, shuffle=True, random_state=0).split(table.X), strict=True
    ):
        encoder = table.encoder.fitted_to(named_columns(frame), training)
        np.testing.assert_allclose(
            network.predict(encoder.transform(frame, np.float64)[held_out])[:, 0], outputs[held_out]
        )


@pytest.mark.parametrize("output", ["identity", "exp"])
def test_a_weighted_ensemble_of_numbers_has_intervals(output, tmp_path):
    y = np.random.default_rng(0).poisson(3, len(X)).astype(float)
    network = fp.MLP((4, 6, 1), output=output, seed=0)
    options = {"epochs": 4, "optimizer": fp.Adam(), "cv": FOLDS, "refit": False, "keep": "all"}
    result = fp.sweep(network, X, y, {"learning_rate": [0.01, 0.1]}, **options)
    ensemble = result.weighted_ensemble(y)
    weights = [0.0, 0.0]
    for index, networks in result.fold_networks.items():
        weights[index] = sum(w for each, w in zip(ensemble.networks, ensemble.weights) if each in networks)
    mean = sum(weights[index] * result.out_of_fold(index).astype(float) for index in range(2))
    predictions = [
        sum(weights[index] * result.fold_networks[index][fold].predict(X).astype(float) for index in range(2))
        for fold in range(FOLDS)
    ]
    folds = list(KFold(FOLDS, shuffle=True, random_state=0).split(X))
    expected = fp.intervals.cv_plus(predictions, mean, y, folds, coverage=0.8)
    np.testing.assert_allclose(ensemble.predict_interval(X, 0.8), expected, rtol=1e-9)
    result.save(tmp_path / "result")
    again = fp.load_sweep(tmp_path / "result").weighted_ensemble(y)
    np.testing.assert_array_equal(again.predict_interval(X, 0.8), ensemble.predict_interval(X, 0.8))
    options["cv"] = [*folds, folds[0]]
    ensemble = fp.sweep(network, X, y, {"learning_rate": [0.01]}, **options).weighted_ensemble(y)
    assert_refused(ValueError, "the ensemble knows none", ensemble.predict_interval, X)


def test_networks_of_quantiles_that_do_not_know_their_loss_are_weighed_by_a_score_that_is_given(tmp_path):
    y = X[:, 0].astype(float)
    options = {"epochs": 2, "loss": fp.Pinball((0.1, 0.9)), "cv": FOLDS, "refit": False}
    result = fp.sweep(fp.MLP((4, 6, 2), output="identity"), X, y, {"learning_rate": [0.01]}, **options)
    result.save(tmp_path / "result")
    assert len(result.weighted_ensemble(y).networks) == FOLDS
    loaded = fp.load_sweep(tmp_path / "result")
    assert_refused(ValueError, "the outputs are several of one target, and", loaded.weighted_ensemble, y)
    ensemble = result.weighted_ensemble(y, score=lambda outputs, y: -fp.metrics.pinball(outputs, y, (0.1, 0.9)))
    assert len(ensemble.networks) == FOLDS
    assert ensemble.fold_errors is None


def test_a_result_that_was_saved_has_networks_and_outputs(tmp_path):
    result = sweep(standardize=True)
    result.save(tmp_path / "result")
    again = fp.load_sweep(tmp_path / "result")
    assert list(again.fold_networks) == list(result.fold_networks)
    for index, networks in result.fold_networks.items():
        for network, other in zip(networks, again.fold_networks[index], strict=True):
            np.testing.assert_array_equal(network.predict(X), other.predict(X))
        np.testing.assert_array_equal(result.out_of_fold(index), again.out_of_fold(index))


def test_an_ensemble_has_the_networks_of_all_folds():
    result = sweep()
    networks = [network for of_row in result.fold_networks.values() for network in of_row]
    outputs = np.mean([network.predict(X).astype(np.float64) for network in networks], axis=0)
    np.testing.assert_allclose(result.ensemble(2).predict(X), outputs, rtol=1e-5)


def test_networks_know_how_they_were_trained():
    result = sweep(keep=1)
    ((index, networks),) = result.fold_networks.items()
    for network, (training, held_out) in zip(networks, SPLITS):
        assert (network.training["rows"], network.training["held_out_rows"]) == (len(training), len(held_out))
        assert network.training["optimizer"]["learning_rate"] == RATES[index]


@pytest.mark.slow
def test_time_that_is_over_leaves_the_networks_of_what_was_begun():
    result = sweep(rates=np.geomspace(0.05, 1, 200), epochs=10**6, seconds=0.2, threads=2, keep="all")
    assert 0 < len(result.fold_networks) < 200
    assert set(result.table["stopped"][list(result.fold_networks)]) == {"out of time"}
    assert all(np.isfinite(result.out_of_fold(index)).all() for index in result.fold_networks)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"cv": None}, "refit=False keeps the networks of the folds of cv"),
        ({"refit": 0}, "refit must be True or False"),
    ],
)
def test_what_is_refused(options, message):
    with pytest.raises((ValueError, TypeError), match=message):
        sweep(**options)


def test_rows_whose_networks_were_not_kept_are_named():
    result = sweep(keep=1)
    other = int(result.ranking[-1])
    with pytest.raises(ValueError, match=f"folds of row {other} were not kept, but those of rows {result.ranking[0]}:"):
        result.out_of_fold(other)
    with pytest.raises(ValueError, match="but those of rows none: "):
        sweep(refit=True).out_of_fold(0)
