"""Features that are made in the kernels from bins and codes: the results are, to the last bit, those of the array."""

import subprocess
import sys

import numpy as np
import pandas
import pytest

import fastprop as fp
from fastprop.data import UNCHANGED, EncodedRows, FeatureGroup, Inputs, Origin, stacked, standardization
from fastprop.tabular.encoder import Encoder, named_columns

RANDOM = np.random.default_rng(0)
ROWS = 400
FRAME = pandas.DataFrame({
    "size": np.where(RANDOM.random(ROWS) < 0.2, np.nan, RANDOM.normal(size=ROWS)),
    "rooms": RANDOM.integers(1, 6, ROWS),
    "town": RANDOM.choice(["Rome", "Oslo", "Ulm"], ROWS),
    "mostly": np.where(RANDOM.random(ROWS) < 0.01, RANDOM.normal(size=ROWS), 1e5),
    "sold": pandas.to_datetime("2024-01-01") + pandas.to_timedelta(RANDOM.integers(0, 900, ROWS), "D"),
})  # fmt: skip
COLUMNS = named_columns(FRAME)
ENCODER = Encoder.fit_columns(COLUMNS, numeric_encoding="piecewise")
DENSE = ENCODER.transform_columns(COLUMNS, np.float64)
ENCODED = ENCODER.inputs_of(COLUMNS)
LABELS = (DENSE[:, 20] + DENSE[:, -1] > 0.3).astype(np.int64)


def test_rows_are_those_of_the_array():
    assert isinstance(ENCODED, EncodedRows)
    assert ENCODED.shape == DENSE.shape == (ROWS, len(ENCODER.feature_names))
    np.testing.assert_array_equal(ENCODED[:], DENSE)
    rows = RANDOM.integers(0, ROWS, 50)
    np.testing.assert_array_equal(ENCODED[rows], DENSE[rows])
    np.testing.assert_array_equal(ENCODED[7:9], DENSE[7:9])
    assert ENCODED[7:7].shape == (0, DENSE.shape[1])


def test_groups_that_are_stacked_may_differ():
    groups = [
        FeatureGroup(3, np.array([2, 0]), np.array([0.5, 2.0]), cumulative=True),
        FeatureGroup(1, np.zeros(2, int), np.ones(2)),
    ]
    one, other = EncodedRows.of_groups(groups), EncodedRows.of_groups(groups[::-1])
    assert one[:].tolist() == [[1, 1, 0.5, 1], [2, 0, 0, 1]]
    assert isinstance(stacked([one, one]), EncodedRows)
    np.testing.assert_array_equal(stacked([one, one])[:], np.concatenate([one[:]] * 2))
    np.testing.assert_array_equal(stacked([one, other])[:], np.concatenate([one[:], other[:]]))


def test_rows_that_are_moved_and_scaled_have_the_bits_of_the_array():
    scale = np.where(np.arange(DENSE.shape[1]) % 3 == 0, 1e-30, 1e-4)
    origin = Origin.of(DENSE.mean(axis=0) + 5, scale, np.float32)
    assert origin.scales
    found, expected = (Inputs(X, UNCHANGED).readable(np.float32, origin) for X in (ENCODED, DENSE))
    np.testing.assert_array_equal(found.values[:], expected.values)
    np.testing.assert_array_equal(found.numbers(np.array([5, 3])), expected.numbers(np.array([5, 3])))


MOMENTS = standardization(Inputs(ENCODED, UNCHANGED))


def test_features_of_groups_are_not_standardized():
    single = [name in ("size is missing", "sold") or name.startswith("sold (") for name in ENCODER.feature_names]
    assert sum(single) == 6
    for found, expected, unchanged in zip(MOMENTS, standardization(Inputs(DENSE, UNCHANGED)), (0, 1)):
        np.testing.assert_array_equal(found, np.where(single, expected, unchanged))


OPTIONS = {
    "several chunks": {"batch_size": 300, "optimizer": fp.Adam(0.01)},
    "steps of all rows": {"optimizer": fp.LBFGS()},
    "two threads": {"batch_size": 128, "threads": 2, "optimizer": fp.SGD(0.1)},
    "weights and held-out rows": {
        "validation": 0.2,
        "sample_weight": np.arange(ROWS) % 3 + 0.5,
        "optimizer": fp.AdamW(0.01),
    },
    "the reference": {"backend": "reference", "batch_size": 50},
}


@pytest.mark.parametrize("standardize", [False, True])
@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
@pytest.mark.slow
def test_training_has_the_bits_of_the_array(options, standardize, dtype):
    networks = []
    for X in (DENSE, ENCODED):
        network = fp.MLP((DENSE.shape[1], 5, 2), output="softmax", seed=0, dtype=dtype)
        if standardize:
            network.input_mean, network.input_scale = MOMENTS
        history = fp.train(network, X, LABELS, epochs=2, **options)
        networks.append((network.parameters, history.loss, network.predict(X)))
    for expected, found in zip(*networks):
        np.testing.assert_array_equal(found, expected)


def test_a_short_training_has_the_bits_of_the_array():
    networks = [fp.MLP((DENSE.shape[1], 5, 2), output="softmax", seed=0) for _ in range(2)]
    networks[0].input_mean, networks[0].input_scale = MOMENTS
    for X, network in zip((DENSE, ENCODED), networks):
        fp.train(network, X, LABELS, epochs=1, standardize=X is ENCODED)
    np.testing.assert_array_equal(networks[1].parameters, networks[0].parameters)


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["kernels", "reference"])
def test_a_sweep_trains_packs_and_folds_on_encoded_rows(backend):
    grid = {"optimizer": [fp.SGD(0.1), fp.SGD(0.01)], "seed": range(3)}
    network = fp.MLP((DENSE.shape[1], 3, 2), output="softmax")
    options = {"epochs": 2, "cv": 2, "backend": backend, "score": "log_loss"}
    expected, found = (fp.sweep(network, X, LABELS, grid, **options) for X in (DENSE, ENCODED))
    np.testing.assert_array_equal(found.fold_scores, expected.fold_scores)
    np.testing.assert_array_equal(found.best_network.parameters, expected.best_network.parameters)


def test_each_fold_has_the_rows_of_its_own_encoder():
    table = fp.datasets.read(FRAME.assign(kind=LABELS), numeric_encoding="piecewise")
    halves = [np.arange(200), np.arange(200, 400), np.arange(200)]
    X, sources, positions = table.columns.fitted_to(halves)
    assert isinstance(X, EncodedRows)
    assert len(X) == 2 * ROWS  # the first set and the last are alike
    for training, position in zip(halves, positions):
        encoder = Encoder.fit_columns(COLUMNS, rows=training, numeric_encoding="piecewise")
        np.testing.assert_array_equal(X[position], encoder.transform_columns(COLUMNS, np.float64))
        np.testing.assert_array_equal(sources[position], np.arange(ROWS))


def test_an_estimator_and_a_saved_model_make_no_array(tmp_path):
    y = np.where(LABELS, "yes", "no")
    options = {"hidden_layer_sizes": 4, "max_iter": 2, "random_state": 0}
    estimator = fp.MLPClassifier(numeric_encoding="piecewise", **options).fit(FRAME, y)
    np.testing.assert_array_equal(estimator.network_.input_scale, MOMENTS[1])
    np.testing.assert_array_equal(estimator.predict_proba(FRAME)[:, 1], estimator.network_.predict(DENSE)[:, 0])
    estimator.save(tmp_path / "m.safetensors")
    model = fp.load(tmp_path / "m.safetensors")
    assert isinstance(model.inputs(FRAME), EncodedRows)
    np.testing.assert_array_equal(model.inputs(FRAME)[:], DENSE)
    np.testing.assert_array_equal(model.outputs(FRAME), estimator.network_.predict(DENSE))


def test_a_number_that_becomes_infinite_is_refused_by_the_name_of_its_feature():
    frame = pandas.DataFrame({"a": [0.0, 1e-300, 1.0], "kind": [*"xyx"]})
    columns = fp.datasets.read(frame, "kind", numeric_encoding="piecewise").columns
    columns._columns["a"].values[2] = 1e300
    inputs = Inputs.of(columns, fp.MLP((2, 2, 2)))
    with pytest.raises(ValueError, match=r"X holds inf at row 2, column 'a \(bin 1\)': remove or replace"):
        inputs.fitted_to([np.arange(2)])


GROWTH = """
import resource, numpy, pandas
from fastprop.estimators import MLPClassifier

def fit(rows):
    frame = pandas.DataFrame(numpy.random.default_rng(0).normal(size=(rows, 20)))
    frame.columns = frame.columns.astype(str)
    MLPClassifier(4, numeric_encoding="piecewise", max_iter=1, early_stopping=False).fit(
        frame, numpy.arange(rows) % 2
    )
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1000

print(-fit(1000) + fit(50_000))
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="other systems count memory in other units")
def test_bins_are_trained_on_without_the_size_of_their_array_in_memory():
    grown = subprocess.run([sys.executable, "-c", GROWTH], capture_output=True, text=True, check=True).stdout
    assert int(grown) < 90  # MB, where the array takes 190 as float32 and 380 as float64
