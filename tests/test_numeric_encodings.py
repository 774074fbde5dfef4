"""Numbers of tables, robustly scaled or in bins: by scikit-learn, or by the formulas of the papers written out."""

import json

import numpy as np
import pandas
import pytest
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, KBinsDiscretizer, RobustScaler

import fastprop as fp
from fastprop import cli
from fastprop.tabular import column_inputs
from fastprop.tabular.encoder import Encoder, named_columns
from fastprop.tabular.numeric_encodings import bin_edges

RANDOM = np.random.default_rng(0)
FRAME = pandas.DataFrame({"size": RANDOM.normal(size=300) ** 3, "rooms": RANDOM.integers(1, 6, 300)})
FRAME["kind"] = np.where(FRAME["size"] > 0.1 * FRAME["rooms"], "large", "small")
NEW = pandas.DataFrame({"size": [-1e3, -0.3, 0.0, 0.7, 2e3], "rooms": [0, 1, 3, 5, 9]})


def piecewise(x, edges):
    """Return equation 1 of Gorishniy, Rubachev and Babenko 2022, term by term."""
    bins = len(edges) - 1
    encoded = []
    for bin_number in range(1, bins + 1):
        left, right = edges[bin_number - 1], edges[bin_number]
        if x < left and bin_number > 1:
            encoded.append(0.0)
        elif x >= right and bin_number < bins:
            encoded.append(1.0)
        else:
            encoded.append((x - left) / (right - left))
    return encoded


def scaled(X):
    """Return the smooth clip of Holzmüller, Grinsztajn and Steinwart 2024 of numbers that RobustScaler has scaled."""
    return X / np.sqrt(1 + (X / 3) ** 2)


def test_robust_scaling_is_that_of_scikit_learn_with_a_smooth_clip():
    encoder = Encoder.fit(FRAME, drop=["kind"], numeric_encoding="robust")
    assert encoder.feature_names == ("size", "rooms")
    scaler = RobustScaler().fit(FRAME[["size", "rooms"]])
    for frame in (FRAME, NEW):
        expected = scaled(scaler.transform(frame[["size", "rooms"]]))
        np.testing.assert_allclose(encoder.transform(frame, np.float64), expected, rtol=1e-14, atol=1e-15)


def test_robust_scaling_takes_half_the_range_where_quartiles_are_equal():
    frame = pandas.DataFrame({"rare": [0.0] * 9 + [4.0], "same": [5.0] * 10, "far": [-1e300] * 5 + [1e308] * 5})
    X = Encoder.fit(frame, numeric_encoding="robust").transform(frame, np.float64)
    np.testing.assert_allclose(X[:, 0], [0] * 9 + [scaled(2.0)])
    np.testing.assert_array_equal(X[:, 1], 0)
    assert np.isfinite(X).all()


def test_bins_are_quantiles_and_their_features_are_those_of_the_formula():
    encoder = Encoder.fit(FRAME, drop=["kind"], numeric_encoding="piecewise")
    peer = KBinsDiscretizer(8, strategy="quantile", quantile_method="linear", encode="ordinal").fit(FRAME[["size"]])
    sizes, rooms = peer.bin_edges_[0], [1.0, 2.0, 3.0, 4.0, 5.0]
    np.testing.assert_allclose(bin_edges(FRAME["size"].to_numpy(), 8), sizes, rtol=1e-12)
    assert encoder.feature_names[7:] == ("size (bin 8)", *(f"rooms (bin {i})" for i in (1, 2, 3, 4)))
    for frame in (FRAME, NEW):
        expected = [piecewise(x, sizes) + piecewise(n, rooms) for x, n in zip(frame["size"], frame["rooms"])]
        np.testing.assert_allclose(encoder.transform(frame, np.float64), expected, rtol=1e-9)
    assert "number in bins (4)" in encoder.lines()[1]


@pytest.mark.parametrize(("rows", "bins"), [(50, 8), (449, 8), (1000, 20), (2400, 48), (5000, 48)])
def test_a_bin_has_50_rows_or_a_column_few_bins(rows, bins):
    frame = pandas.DataFrame({"size": np.random.default_rng(0).normal(size=rows)})
    encoder = Encoder.fit(frame, numeric_encoding="piecewise")
    assert len(encoder.feature_names) == bins
    expected = np.quantile(frame["size"], np.linspace(0, 1, bins + 1))
    np.testing.assert_allclose(encoder.plans[0].constants, expected, rtol=1e-12)


def test_few_numbers_that_differ_have_a_bin_between_each_two():
    frame = pandas.DataFrame({"hour": np.arange(300) % 49})
    assert len(Encoder.fit(frame, numeric_encoding="piecewise").feature_names) == 48


def test_a_column_without_a_difference_is_a_feature_of_zeros():
    frame = pandas.DataFrame({"same": [5.0] * 4, "size": [1.0, 2, 3, 4]})
    encoder = Encoder.fit(frame, numeric_encoding="piecewise")
    assert encoder.feature_names[0] == "same"
    assert encoder.transform(pandas.DataFrame({"same": [7.0], "size": [1.0]})).tolist()[0] == [0.0] * 4


def test_training_rows_decide_the_bins_and_bins_that_they_lack_are_zeros():
    frame = pandas.DataFrame({"rooms": [1.0, 2, 3, 4, np.nan]})
    encoder = Encoder.fit(frame, rows=np.array([0, 1, 3]), numeric_encoding="piecewise")
    assert encoder.feature_names == (*(f"rooms (bin {i})" for i in (1, 2, 3)), "rooms is missing")
    expected = [[0, 0, 0, 0], [1, 0, 0, 0], [1, 0.5, 0, 0], [1, 1, 0, 0], [1, 0, 0, 0]]
    assert encoder.transform(frame).tolist() == expected
    repeated = pandas.DataFrame({"rooms": [1.0, 1, 1, 3]})
    narrow = Encoder.fit(repeated, rows=np.arange(3), numeric_encoding="piecewise")
    assert narrow.transform(frame[:4]).tolist() == [[0], [0], [0], [0]]
    for made in (encoder, narrow):
        assert Encoder.restored(json.loads(json.dumps(made.about))) == made


@pytest.mark.parametrize("encoding", ["robust", "piecewise"])
def test_a_missing_number_is_the_median_and_a_feature_that_says_so(encoding):
    frame = FRAME.assign(size=FRAME["size"].where(FRAME.index % 7 > 0)).drop(columns="kind")
    encoder = Encoder.fit(frame, numeric_encoding=encoding)
    names = list(encoder.feature_names)
    X = encoder.transform(frame, np.float64)
    filled = frame.fillna(frame["size"].median())
    missing = names.index("size is missing")
    np.testing.assert_array_equal(X[:, missing], FRAME.index % 7 == 0)
    np.testing.assert_array_equal(
        X, encoder.transform(filled, np.float64) + np.outer(X[:, missing], np.eye(len(names))[missing])
    )


@pytest.mark.parametrize(
    ("change", "value"),
    [
        ("encoding", "quartic"),
        ("encoding", "standard"),
        ("features", 2.0),
        ("features", 1),
        ("constants", [1.0, 1.0]),
        ("constants", [1.0, float("nan")]),
        ("constants", 3),
        ("kind", "boolean"),
    ],
)
def test_a_plan_that_no_fit_has_written_is_refused(change, value):
    (about,) = Encoder.fit(pandas.DataFrame({"a": [1.0, 2, 4]}), numeric_encoding="piecewise").about
    with pytest.raises(ValueError, match="the plan of a column is not as it was written"):
        Encoder.restored([about | {change: value}])


@pytest.mark.parametrize("encoding", ["robust", "piecewise"])
def test_what_cannot_be_encoded_is_refused(encoding):
    with pytest.raises(ValueError, match="column 'a' holds infinity in row 1"):
        Encoder.fit(pandas.DataFrame({"a": [1.0, np.inf]}), numeric_encoding=encoding)
    with pytest.raises(ValueError, match="numeric_encoding is 'bins': name one of 'standard', 'robust', 'piecewise'"):
        fp.datasets.read(FRAME, numeric_encoding="bins")


def test_bins_of_a_fold_are_never_more_than_those_of_the_table():
    values = np.concatenate([np.zeros(900), np.arange(1, 101)])  # 8 bins of a fold, fewer of the table
    encoder = Encoder.fit(pandas.DataFrame({"a": values}), numeric_encoding="piecewise")
    bins = len(encoder.feature_names)
    folds = encoder.fitted_to({"a": named_columns(pandas.DataFrame({"a": values}))["a"]}, np.arange(901, 1000))
    assert folds.feature_names == encoder.feature_names
    np.testing.assert_allclose(folds.plans[0].constants, np.quantile(values[901:], np.linspace(0, 1, bins + 1)))


def test_numbers_between_which_nothing_can_be_interpolated_are_refused():
    with pytest.raises(
        ValueError, match="column 'a' holds numbers that are too large for numeric_encoding='piecewise'"
    ):
        Encoder.fit(
            pandas.DataFrame({"a": [-1.7e308] * 60 + [*np.linspace(1.6e308, 1.7e308, 60)]}),
            numeric_encoding="piecewise",
        )


def test_each_fold_has_the_bins_of_its_training_rows():
    table = fp.datasets.read(FRAME, numeric_encoding="piecewise")
    n_in = table.columns.shape[1]
    options = {"epochs": 2, "batch_size": 50, "optimizer": fp.SGD(0.1), "shuffle": False}
    halves = [(np.arange(150), np.arange(150, 300)), (np.arange(150, 300), np.arange(150))]
    network = fp.MLP((n_in, 4, 2), output="softmax", seed=0)
    result = fp.sweep(network, table.columns, table.y, {"seed": [0]}, cv=halves, score="log_loss", **options)
    for (training, held_out), found in zip(halves, result.fold_scores[0, 0]):
        encoder = Encoder.fit(FRAME, drop=["kind"], rows=training, numeric_encoding="piecewise")
        X = encoder.transform(FRAME, np.float64)
        alone = fp.MLP((n_in, 4, 2), output="softmax", seed=0)
        fp.train(alone, X[training], table.y[training], **options)
        outputs = alone.predict(X[held_out]).astype(float)
        expected = -np.log(outputs[np.arange(150), table.y[held_out]]).mean()
        np.testing.assert_allclose(abs(found), expected, rtol=1e-5)


def test_an_estimator_scales_as_a_pipeline_does():
    X, y = FRAME[["size", "rooms"]].to_numpy(), FRAME["kind"]
    options = {"hidden_layer_sizes": 8, "random_state": 0, "max_iter": 5}
    found = fp.MLPClassifier(numeric_encoding="robust", **options).fit(X, y)
    peer = make_pipeline(RobustScaler(), FunctionTransformer(scaled), fp.MLPClassifier(**options)).fit(X, y)
    np.testing.assert_allclose(found.predict_proba(X), peer.predict_proba(X), rtol=1e-4)
    binned = fp.MLPClassifier(numeric_encoding="piecewise", **options).fit(FRAME[["size", "rooms"]], y)
    assert binned.network_.layer_sizes[0] == 12


def test_the_command_line_trains_and_predicts_with_bins(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    FRAME.to_csv("houses.csv", index=False)
    line = ["train", "houses.csv", "--hidden", "4", "--epochs", "1", "--numeric-encoding", "piecewise"]
    assert cli.main([*line, "--save", "m.safetensors"]) == 0
    assert "numbers, piecewise: size, rooms" in capsys.readouterr().out
    assert cli.main(["predict", "m.safetensors", "houses.csv"]) == 0
    model = fp.load("m.safetensors")
    assert capsys.readouterr().out.splitlines()[1].split(",")[0] == model.predict("houses.csv")[0]
    assert model.encoder.plans[0].encoding == "piecewise"
    assert cli.main(["info", "m.safetensors"]) == 0
    assert "number in bins (8)" in capsys.readouterr().out
    assert cli.main(["train", "digits", "--numeric-encoding", "robust"]) == 2
    assert "--numeric-encoding out" in capsys.readouterr().err


def test_a_search_leaves_out_an_encoding_of_too_many_features(monkeypatch):
    inputs = fp.datasets.read(FRAME.assign(kind=np.arange(300.0)), "kind").columns
    assert list(column_inputs.searched_inputs(inputs, "search")) == ["standard", "piecewise"]
    features = inputs.in_encoding("piecewise").shape[1]
    monkeypatch.setattr(column_inputs, "MAX_FEATURES", features - 1)
    assert list(column_inputs.searched_inputs(inputs, "search")) == ["standard"]
