"""ONNX files of ensembles: onnxruntime predicts as the ensembles do, from arrays and from columns."""

import numpy as np
import pandas
import pytest
import scipy.sparse

import fastprop as fp
from tests.compare import assert_refused

RANDOM = np.random.default_rng(4)
X = RANDOM.normal(size=(40, 4))
FRAME = pandas.DataFrame({
    "size": np.where(RANDOM.random(120) < 0.2, np.nan, RANDOM.normal(size=120)),
    "age": RANDOM.normal(40, 10, 120),
    "town": RANDOM.choice(["Oslo", "Rome", "Lima"], 120),
})  # fmt: skip
SIGNAL = FRAME["size"].fillna(0) + (FRAME["town"] == "Rome") + RANDOM.normal(size=120) / 5


def run_onnx(path, inputs):
    """Return the outputs of a file by name, as onnxruntime computes them."""
    onnx, onnxruntime = pytest.importorskip("onnx"), pytest.importorskip("onnxruntime")
    onnx.checker.check_model(onnx.load(path), full_check=True)
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    return dict(zip([output.name for output in session.get_outputs()], session.run(None, inputs)))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("sizes", "output"), [((4, 5, 3), "softmax"), ((4, 5, 1), "sigmoid"), ((4, 5, 2), "identity")])
def test_onnxruntime_predicts_as_an_ensemble_does(sizes, output, dtype, tmp_path):
    pytest.importorskip("onnx")
    networks = [fp.MLP(sizes, output=output, dtype=dtype, seed=seed) for seed in range(3)]
    networks[1].input_mean, networks[1].input_scale = np.arange(4.0), np.full(4, 2.0)
    temperature = 1.0 if output == "identity" else 1.7
    ensemble = fp.Ensemble(
        [*networks, fp.MLP((4, 9, 7, sizes[-1]), output=output, dtype=dtype)], [1, 2, 3, 1], temperature=temperature
    )
    ensemble.to_onnx(tmp_path / "e.onnx")
    (outputs,) = run_onnx(tmp_path / "e.onnx", {"X": X.astype(dtype)}).values()
    assert outputs.dtype == dtype
    np.testing.assert_allclose(
        outputs, ensemble.predict(X.astype(dtype)), rtol=1e-5 if dtype == "float32" else 1e-12, atol=1e-6
    )


def test_networks_of_different_inputs_need_columns(tmp_path):
    ensemble = fp.Ensemble([fp.MLP((4, 2)), fp.MLP((5, 2))])
    assert_refused(ValueError, "different ways: predict from a table", ensemble.to_onnx, tmp_path / "e.onnx")
    names = [("a", "b"), ("b", "a")]
    ensemble = fp.Ensemble([fp.MLP((2, 1), feature_names=each) for each in names])
    assert_refused(ValueError, "inputs in different orders", ensemble.to_onnx, tmp_path / "e.onnx")


@pytest.mark.slow
def test_onnxruntime_predicts_from_a_column_that_few_training_rows_had(tmp_path):
    pytest.importorskip("onnx")
    frame = FRAME.assign(rare=np.where(np.arange(120) == 7, 3.0, np.nan), day=pandas.NaT)
    frame.loc[9, "day"] = pandas.Timestamp("2020-03-01")
    options = {"configurations": 2, "epochs": 4, "folds": 3, "random_state": 0}
    model = fp.TabularRegressor(numeric_encoding=["standard", "piecewise"], **options).fit(frame, SIGNAL).to_model()
    rare = [plan for encoder in model.encoders for plan in encoder.plans if plan.name == "rare"]
    assert not all(plan.is_trained for plan in rare)
    model.to_onnx(tmp_path / "m.onnx")
    days = (frame["day"] - pandas.Timestamp("1970-01-01")) / pandas.Timedelta(days=1)
    cells = {"town": frame["town"].to_numpy(object)} | {
        name: values.to_numpy(np.float64) for name, values in (*frame[["size", "age", "rare"]].items(), ("day", days))
    }
    outputs = run_onnx(tmp_path / "m.onnx", {name: each.reshape(-1, 1) for name, each in cells.items()})
    np.testing.assert_allclose(outputs["prediction"][:, 0], model.predict(frame), rtol=1e-4, atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["classes", "numbers"])
def test_onnxruntime_predicts_from_the_columns_of_searched_encodings(kind, tmp_path):
    pytest.importorskip("onnx")
    options = {"configurations": 8, "epochs": 4, "folds": 3, "random_state": 0}
    if kind == "classes":
        estimator = fp.TabularClassifier(calibrate=True, **options).fit(FRAME, np.where(SIGNAL > 0.3, "big", "small"))
    else:
        estimator = fp.TabularRegressor(**options).fit(FRAME, 1e3 * SIGNAL)
    model = estimator.to_model()
    assert len({network.layer_sizes[0] for network in model.ensemble.networks}) == 1 + (kind == "numbers")
    model.to_onnx(tmp_path / "m.onnx")
    columns = {name: FRAME[[name]].to_numpy(object if name == "town" else float) for name in FRAME}
    told = run_onnx(tmp_path / "m.onnx", columns)
    if kind == "classes":
        assert told["class"].tolist() == estimator.predict(FRAME).tolist()
        np.testing.assert_allclose(told["probabilities"], estimator.predict_proba(FRAME), rtol=1e-4)
    else:
        np.testing.assert_allclose(told["prediction"][:, 0], estimator.predict(FRAME), rtol=1e-4, atol=1e-2)


@pytest.mark.slow
def test_onnxruntime_predicts_from_sparse_columns_and_from_bins_of_which_there_are_none(tmp_path):
    pytest.importorskip("onnx")
    frame = FRAME[["age"]].assign(same=7.0)
    options = {"hidden_layer_sizes": (4,), "max_iter": 2, "learning_rate": "cosine", "random_state": 0}
    binned = fp.MLPRegressor(**options, numeric_encoding="piecewise").fit(frame, SIGNAL)
    binned.to_model().to_onnx(tmp_path / "m.onnx")
    new = pandas.DataFrame({"age": [-5.0, 38.0, 200.0], "same": [7.0, 8.0, -1.0]})
    told = run_onnx(tmp_path / "m.onnx", {name: new[[name]].to_numpy() for name in new})
    np.testing.assert_allclose(told["prediction"][:, 0], binned.predict(new), rtol=1e-5)
    sparse = fp.MLPRegressor(**options).fit(scipy.sparse.csr_array(X), X[:, 0])
    sparse.to_model("y").to_onnx(tmp_path / "s.onnx")
    told = run_onnx(tmp_path / "s.onnx", {f"x{index}": column[:, None] for index, column in enumerate(X.T)})
    np.testing.assert_allclose(told["prediction"][:, 0], sparse.predict(X), rtol=1e-5)
