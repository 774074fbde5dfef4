"""``precision="bfloat16"`` of searches for tables: their networks, files, copies, the command line, what is refused."""

import pickle

import numpy as np
import pytest
from sklearn.base import clone

import fastprop as fp
from fastprop import cli
from fastprop.reference import rounded_layers
from tests.compare import assert_refused

SHORT = {"configurations": 2, "epochs": 3, "folds": 2, "numeric_encoding": "standard", "random_state": 0}
X = np.random.default_rng(0).normal(size=(90, 70))
KINDS = (X[:, 0] + X[:, 1] > 0).astype(int)
TARGETS = {fp.TabularClassifier: KINDS, fp.TabularRegressor: X[:, 0] - X[:, 1]}


def searched(estimator, precision="bfloat16", **options):
    return estimator(precision=precision, **SHORT | options).fit(X, TARGETS[estimator])


@pytest.fixture(scope="module")
def classifier():
    return searched(fp.TabularClassifier)


def test_networks_of_all_folds_are_those_of_trainings_by_themselves(classifier):
    assert len(classifier._found.kept) == 2
    for each in classifier._found.kept:
        values = dict(each.values)
        sizes, hidden, seed = (values.pop(name) for name in ("layer_sizes", "hidden", "seed"))
        assert any(rounded_layers(sizes, "bfloat16"))
        optimizer = fp.AdamW(values.pop("learning_rate"), weight_decay=values.pop("weight_decay"))
        how = {"epochs": 3, "standardize": True, "early_stopping": fp.EarlyStopping(3), "seed": seed, **values}
        for (training, held_out), network in zip(classifier._found.folds, each.networks):
            alone = fp.MLP(sizes, hidden=hidden, output="softmax", seed=seed)
            validation = X[held_out], KINDS[held_out]
            how |= {"optimizer": optimizer, "validation": validation, "precision": "bfloat16"}
            fp.train(alone, X[training], KINDS[training], **how)
            np.testing.assert_array_equal(network.flat_parameters, alone.flat_parameters)


@pytest.mark.parametrize("estimator", TARGETS)
def test_networks_differ_from_those_of_float32(estimator):
    rounded, plain, named = (searched(estimator, each) for each in ("bfloat16", None, "float32"))
    np.testing.assert_array_equal(named.out_of_fold_, plain.out_of_fold_)
    ours, theirs = ({each.index: each.networks for each in found._found.kept} for found in (rounded, plain))
    assert ours.keys() == theirs.keys()
    for index in ours:
        for network, other in zip(ours[index], theirs[index]):
            assert network.training["precision"] == "bfloat16"
            assert network.dtype == other.dtype == "float32"
            assert not np.array_equal(network.weights[0], other.weights[0])


def test_predictions_have_no_products_of_bfloat16(classifier):
    ensemble = classifier.ensemble_.ensemble
    exact = np.average([each.in_float64().predict(X) for each in ensemble.networks], axis=0, weights=ensemble.weights)
    np.testing.assert_allclose(classifier.predict_proba(X), exact, rtol=1e-5)


def test_copies_and_files_have_it(classifier, tmp_path):
    assert clone(classifier).get_params()["precision"] == "bfloat16"
    predicted = classifier.predict_proba(X)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(classifier)).predict_proba(X), predicted)
    classifier.save(tmp_path / "kinds.safetensors")
    model = fp.load(tmp_path / "kinds.safetensors")
    assert {each.training["precision"] for each in model.ensemble.networks} == {"bfloat16"}
    np.testing.assert_allclose(model.predict_proba(X), predicted, rtol=1e-6)


def test_a_journal_is_of_one_precision(tmp_path):
    searched(fp.TabularClassifier, journal=tmp_path / "runs", configurations=1)
    with pytest.raises(ValueError, match="whose precision is bfloat16 and not None"):
        searched(fp.TabularClassifier, None, journal=tmp_path / "runs", configurations=1)


def test_the_command_line_finds_the_same_networks(tmp_path):
    file = str(tmp_path / "digits.safetensors")
    line = "fit digits --precision bfloat16 --configurations 1 --epochs 2 --folds 2 --save"
    assert cli.main([*line.split(), file]) == 0
    options = {"configurations": 1, "epochs": 2, "precision": "bfloat16"}
    found = fp.TabularClassifier(**SHORT | options).fit(*fp.datasets.digits())
    for ours, theirs in zip(fp.load(file).networks, found.ensemble_.ensemble.networks, strict=True):
        assert ours.training["precision"] == "bfloat16"
        np.testing.assert_array_equal(ours.parameters, theirs.parameters)


@pytest.mark.parametrize("estimator", TARGETS)
def test_other_precisions_are_refused(estimator):
    with pytest.raises(ValueError, match=f"The 'precision' parameter of {estimator.__name__} must be a str among"):
        searched(estimator, "float16")


def test_targets_that_need_float64_are_refused():
    words = "precision='bfloat16' is for a network of float32, not of float64: leave precision out, or subtract a "
    words += "constant from y, which needs float64 this far from zero."
    assert_refused(ValueError, words, fp.TabularRegressor(precision="bfloat16", **SHORT).fit, X, 1e5 + X[:, 0])
    fp.TabularRegressor(**SHORT).fit(X, 1e5 + X[:, 0])
