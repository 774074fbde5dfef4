"""A fitted estimator is saved as a model that answers in the unit of the targets, by names of columns and classes."""

import numpy as np
import pandas
import polars
import pytest

import fastprop as fp
from fastprop import cli
from tests.compare import assert_refused

RANDOM = np.random.default_rng(0)
ROWS = 120
FRAME = pandas.DataFrame({
    "size": np.where(np.arange(ROWS) % 7 == 0, np.nan, RANDOM.normal(size=ROWS)),
    "town": [["Oslo", "Rome", "Lima"][row % 3] for row in range(ROWS)],
})  # fmt: skip
NUMBERS = RANDOM.normal(size=(ROWS, 3))
KINDS = pandas.Series([["blue", "green", "red"][row % 3] for row in range(ROWS)], name="kind")
PRICES = pandas.Series(3e5 + 1e5 * NUMBERS[:, 0], name="price")
TARGETS = {
    "three classes": KINDS,
    "two classes": pandas.Series(NUMBERS[:, 0] > 0, name="is large"),
    "whole numbers": pandas.Series(np.arange(ROWS) % 4, name="digit"),
    "prices": PRICES,
    "years": pandas.Series(2000 + 0.01 * NUMBERS[:, 0], name="year"),
    "counts": pandas.Series(RANDOM.poisson(1000 * np.exp(NUMBERS[:, 0])), name="count"),
    "two targets": pandas.DataFrame({"price": PRICES, "shift": NUMBERS[:, 1]}),
}
INPUTS = {"words and gaps": FRAME, "numbers": pandas.DataFrame(NUMBERS, columns=[*"abc"]), "array": NUMBERS}


def fitted(target, X):
    """Return an estimator that is fitted for a moment."""
    if target in ("three classes", "two classes", "whole numbers"):
        return fp.MLPClassifier(16, max_iter=3, random_state=0).fit(X, TARGETS[target])
    loss = "poisson" if target == "counts" else "squared_error"
    return fp.MLPRegressor(loss, 16, max_iter=3, random_state=0).fit(X, TARGETS[target])


@pytest.mark.filterwarnings("ignore:The loss still fell")
@pytest.mark.parametrize("inputs", INPUTS)
@pytest.mark.parametrize("target", TARGETS)
def test_a_saved_estimator_answers_as_it_did(target, inputs, tmp_path):
    X = INPUTS[inputs]
    estimator = fitted(target, X)
    before = estimator.network_.flat_parameters
    estimator.save(tmp_path / "model.safetensors")
    np.testing.assert_array_equal(estimator.network_.flat_parameters, before)
    model = fp.load(tmp_path / "model.safetensors")
    assert model.target_name == {"two targets": "price, shift"}.get(target, getattr(TARGETS[target], "name", None))
    if model.class_names is None:
        unit = np.std(np.asarray(TARGETS[target]), axis=0)
        np.testing.assert_allclose(model.predict(X) / unit, estimator.predict(X) / unit, rtol=1e-5, atol=1e-5)
    else:
        assert model.class_names == tuple(map(str, estimator.classes_))
        np.testing.assert_array_equal(model.predict(X), estimator.predict(X).astype(str))
        np.testing.assert_allclose(model.predict_proba(X), estimator.predict_proba(X), atol=1e-6)


def test_targets_far_from_zero_keep_their_digits():
    regressor = fitted("years", NUMBERS)
    model = regressor.to_model()
    assert model.network.dtype == "float64"
    # float32 holds numbers near 2000 to 1.2e-4 only, and the targets differ by 1e-2
    np.testing.assert_allclose(model.predict(NUMBERS), regressor.predict(NUMBERS), atol=1e-6)


def test_columns_of_a_saved_estimator_are_found_by_name(tmp_path):
    regressor = fitted("prices", INPUTS["numbers"])
    regressor.save(tmp_path / "price.safetensors", "dollars")
    model = fp.load(tmp_path / "price.safetensors")
    assert model.target_name == "dollars"
    other_order = polars.DataFrame(
        {"more": ["x"] * ROWS, **{name: INPUTS["numbers"][name].to_numpy() for name in "cba"}}
    )
    np.testing.assert_array_equal(model.predict(other_order), model.predict(NUMBERS))
    with pytest.raises(ValueError, match="the table has no column 'b', but the training data had"):
        model.predict(other_order.drop("b"))


ENCODINGS = ["standard", "robust", "piecewise", ["standard", "piecewise"]]


@pytest.mark.parametrize("gaps", [True, False])
@pytest.mark.parametrize("encoding", ENCODINGS, ids=str)
def test_an_array_is_to_a_model_the_columns_that_it_is_to_the_estimator(encoding, gaps, tmp_path):
    random = np.random.default_rng(5)
    X = random.normal(7, [1, 100, 5], (120, 3)).astype(np.float32)
    if gaps:
        X[::7, 1] = np.nan
    y = X[:, 0] * 2 + random.normal(size=120)
    options = {"numeric_encoding": encoding, "random_state": 0}
    regressors = [fp.TabularRegressor(configurations=2, epochs=4, folds=3, **options)]
    if isinstance(encoding, str):
        regressors.append(fp.MLPRegressor(max_iter=3, **options))
    np.savez(tmp_path / "table.npz", X=X, y=y)
    np.save(tmp_path / "table.npy", X)
    for regressor in regressors:
        expected = regressor.fit(X, y).predict(X)
        regressor.save(tmp_path / "model.safetensors")
        model = fp.load(tmp_path / "model.safetensors")
        frame = pandas.DataFrame(X, columns=model.columns)
        for table in (X, frame, tmp_path / "table.npz", str(tmp_path / "table.npy")):
            np.testing.assert_allclose(model.predict(table), expected, rtol=1e-5, atol=1e-6)
        assert_refused(ValueError, "X has 2 columns, but the training data had 3, x0, x1, x2", model.predict, X[:, 1:])


def test_the_shell_predicts_from_arrays_by_an_estimator_of_arrays(tmp_path, capsys):
    X = np.random.default_rng(6).normal(size=(90, 3))
    y = X[:, 0] - X[:, 1]
    regressor = fp.MLPRegressor(numeric_encoding="robust", max_iter=5, random_state=0).fit(X, y)
    regressor.save(tmp_path / "model.safetensors")
    np.savez(tmp_path / "new.npz", X=X, y=y)
    arguments = [str(tmp_path / "model.safetensors"), str(tmp_path / "new.npz")]
    assert cli.main(["predict", *arguments]) == 0
    printed = [float(line) for line in capsys.readouterr().out.splitlines()[1:]]
    np.testing.assert_allclose(printed, regressor.predict(X), rtol=1e-5, atol=1e-6)
    assert cli.main(["evaluate", *arguments, "--target", "y", "--score", "r2"]) == 0
    assert float(capsys.readouterr().out.split()[-1]) == pytest.approx(regressor.score(X, y), abs=1e-5)


def test_the_shell_predicts_and_measures_by_a_saved_estimator(tmp_path, capsys):
    classifier = fitted("three classes", FRAME)
    classifier.save(tmp_path / "kind.safetensors")
    FRAME.assign(kind=KINDS).to_csv(tmp_path / "rows.csv", index=False)
    assert cli.main(["predict", str(tmp_path / "kind.safetensors"), str(tmp_path / "rows.csv")]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "prediction,probability_blue,probability_green,probability_red"
    assert [line.split(",")[0] for line in lines[1:]] == classifier.predict(FRAME).tolist()
    assert cli.main(["evaluate", str(tmp_path / "kind.safetensors"), str(tmp_path / "rows.csv")]) == 0
    accuracy = f"accuracy {classifier.score(FRAME, KINDS):.6g}"
    assert accuracy in capsys.readouterr().out.splitlines()


def test_independent_labels_are_saved_with_their_probabilities():
    labels = (NUMBERS[:, :2] > 0).astype(int)
    classifier = fp.MLPClassifier(16, max_iter=3, random_state=0).fit(NUMBERS, labels)
    np.testing.assert_allclose(classifier.to_model().predict(NUMBERS), classifier.predict_proba(NUMBERS), atol=1e-6)


def test_a_search_saves_its_best_estimator(tmp_path):
    grid = {"learning_rate_init": [1e-5, 1e-2]}
    search = fp.SweepCV(fp.MLPClassifier(16, max_iter=3, random_state=0), grid, cv=2).fit(FRAME, KINDS)
    search.save(tmp_path / "kind.safetensors")
    np.testing.assert_array_equal(fp.load(tmp_path / "kind.safetensors").predict(FRAME), search.predict(FRAME))
    search = fp.SweepCV(fp.MLPClassifier(16, max_iter=3, random_state=0), grid, cv=2, refit=False).fit(FRAME, KINDS)
    with pytest.raises(AttributeError, match="refit=False leaves no best estimator: fit with refit=True"):
        search.to_model()


@pytest.mark.parametrize("target", ["three classes", "two classes", "prices", "counts"])
def test_onnx_of_an_estimator_takes_the_columns_as_they_are(target, tmp_path):
    onnxruntime = pytest.importorskip("onnxruntime")
    pytest.importorskip("onnx")
    estimator = fitted(target, FRAME)
    estimator.to_model().to_onnx(tmp_path / "model.onnx")
    session = onnxruntime.InferenceSession(str(tmp_path / "model.onnx"), providers=["CPUExecutionProvider"])
    columns = {"size": FRAME[["size"]].to_numpy(), "town": FRAME[["town"]].to_numpy(object)}
    names = [output.name for output in session.get_outputs()]
    told = dict(zip(names, session.run(None, columns)))
    if target in ("prices", "counts"):
        np.testing.assert_allclose(told["prediction"][:, 0], estimator.predict(FRAME), rtol=1e-5)
    else:
        assert told["class"].tolist() == estimator.predict(FRAME).astype(str).tolist()
