"""A file of a model holds all that there is to know of it: network, columns, classes, training, data and versions."""

import hashlib
import json

import numpy as np
import pandas
import pytest

import fastprop as fp
from fastprop import cli
from fastprop.tabular import Encoder
from tests.compare import assert_refused

safetensors = pytest.importorskip("safetensors")
numpy_files = pytest.importorskip("safetensors.numpy")

RANDOM = np.random.default_rng(0)
ROWS = 80
FRAME = pandas.DataFrame({
    "size": [None if row % 7 == 0 else float(row) for row in range(ROWS)],
    "town": [["Oslo", "Rome", "Lima"][row % 3] for row in range(ROWS)],
    "kind": [*"ab"] * (ROWS // 2),
})  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Return a folder with a table and the model that the command line makes of it."""
    folder = tmp_path_factory.mktemp("model")
    FRAME.to_csv(folder / "towns.csv", index=False)
    line = f"train {folder / 'towns.csv'} --epochs 2 --hidden 4 --optimizer sgd --save {folder / 'm.safetensors'}"
    assert cli.main(line.split()) == 0
    return folder


def description(path):
    with safetensors.safe_open(path, "numpy") as file:
        return json.loads(file.metadata()["fastprop"])


def test_a_file_tells_all(folder):
    told = description(folder / "m.safetensors")
    assert told["class_names"] == ["a", "b"]
    assert [column["name"] for column in told["table"]["columns"]] == ["size", "town"]
    training = told["training"]
    assert (training["epochs"], training["rows"], training["held_out_rows"]) == (2, 64, 16)
    assert training["optimizer"]["name"] == "SGD"
    assert training["optimizer"]["learning_rate"] == 0.5
    checksum = hashlib.sha256((folder / "towns.csv").read_bytes()).hexdigest()
    assert training["data"] == {"name": "towns.csv", "sha256": checksum, "rows": 80}
    assert told["file"]["numpy"] == np.__version__
    assert {"format", "fastprop", "numba"} < set(told["file"])
    assert fp.load(folder / "m.safetensors").network.training == training


def test_info_prints_what_a_file_tells(folder, capsys):
    assert cli.main(["info", str(folder / "m.safetensors")]) == 0
    lines = capsys.readouterr().out.splitlines()
    by_name = {line[:15].strip(): line[16:].strip() for line in lines}
    assert by_name["network"].startswith("MLP((5, 4, 2)")
    assert by_name["classes"] == "a, b"
    assert by_name["optimizer"].startswith("SGD (learning_rate 0.5, momentum 0.9")
    assert by_name["data"].startswith("towns.csv (sha256 ")
    assert lines[-2].startswith("column size  number; missing cells are the median")
    assert lines[-1] == "column town  category of 3 (Oslo, Rome, Lima)"


def test_info_of_a_network_and_of_no_network(tmp_path, capsys):
    network = fp.MLP((2, 3, 1), seed=0)
    network.save(tmp_path / "n.safetensors")
    assert cli.main(["info", str(tmp_path / "n.safetensors")]) == 0
    assert "network     MLP((2, 3, 1)" in capsys.readouterr().out
    assert cli.main(["info", str(tmp_path / "none.safetensors")]) == 2
    assert "none.safetensors is missing" in capsys.readouterr().err


def test_networks_know_their_last_training(tmp_path):
    X, y = RANDOM.normal(size=(20, 2)), RANDOM.normal(size=20)
    network = fp.MLP((2, 3, 1), output="identity", seed=0)
    assert network.training is None
    fp.train(network, X, y, epochs=2, schedule=fp.CosineDecay(), seed=4)
    told = network.training
    assert (told["epochs"], told["seed"], told["loss"], told["schedule"]["name"]) == (2, 4, "mse", "CosineDecay")
    assert json.loads(json.dumps(told)) == network.copy().training
    result = fp.sweep((2, 3, 1), X, y, {"learning_rate": [0.1, 0.2]}, epochs=2, cv=2, keep="all")
    rates = {index: each.training["optimizer"]["learning_rate"] for index, each in result.networks.items()}
    assert rates == {0: 0.1, 1: 0.2}
    assert result.best_network.training["rows"] == 20
    assert result.best_network.training["epochs_done"] == 2


def test_a_file_of_a_later_version_is_refused(tmp_path):
    path = tmp_path / "later.safetensors"
    network = fp.MLP((2, 3, 1), seed=0)
    about = network.about | {"file": {"format": 99, "fastprop": "9.1"}, "made_up": 3}
    numpy_files.save_file(network.state_dict(), path, {"fastprop": json.dumps(about)})
    with pytest.raises(ValueError, match=r"later.safetensors is a file of fastprop 9.1, which this version"):
        fp.load(path)


def test_a_model_of_numbers_has_no_probabilities():
    table = fp.datasets.read(pandas.DataFrame({"size": [1.5, 2, 4], "price": [1.5, 2.5, 3]}))
    model = fp.TableModel(fp.MLP((1, 1), output="identity"), table.encoder, "price")
    words = "the network predicts numbers, which have no probabilities: call predict."
    assert_refused(ValueError, words, model.predict_proba, [[1.0]])
    assert repr(model).startswith("TableModel(MLP((1, 1), hidden=")
    assert repr(model).endswith(", 'price')")


def test_a_model_needs_the_columns_of_a_table():
    words = "arrays have no columns that could be encoded: save the network itself."
    assert_refused(ValueError, words, fp.TableModel, fp.MLP((1, 1)), None, "y")


def test_a_model_is_made_of_networks_and_encoders():
    encoder, network = Encoder.fit(FRAME[["size"]]), fp.MLP((2, 1))
    ensemble = fp.Ensemble([network, network])
    assert_refused(TypeError, "network must be an MLP", fp.TableModel, ensemble, encoder, "y")
    assert_refused(TypeError, "encoder must be an Encoder", fp.TableModel, network, [encoder], "y")
    assert_refused(TypeError, "ensemble must be an Ensemble", fp.TableEnsemble, network, [encoder], "y")
    assert_refused(TypeError, "encoders[1] must be an Encoder", fp.TableEnsemble, ensemble, [encoder, None], "y")
    assert_refused(TypeError, "target_name must be a str", fp.TableEnsemble, ensemble, [encoder] * 2, None)
    assert_refused(ValueError, "2 networks and 1 encoders", fp.TableEnsemble, ensemble, [encoder], "y")


@pytest.mark.parametrize("is_ensemble", [False, True], ids=["network", "ensemble"])
def test_a_stream_that_can_be_read_once_is_predicted_from(is_ensemble):
    arrow = pytest.importorskip("pyarrow")
    table = fp.datasets.read(FRAME, "kind")
    networks = [fp.MLP((5, 4, 2), output="softmax", class_names=table.class_names, seed=seed) for seed in range(2)]
    model = fp.TableModel(networks[0], table.encoder, "kind")
    if is_ensemble:
        model = fp.TableEnsemble(fp.Ensemble(networks), [table.encoder] * 2, "kind")
    expected = model.predict_proba(FRAME)
    frame = arrow.Table.from_pandas(FRAME[["town", "kind", "size"]])
    np.testing.assert_array_equal(model.predict_proba(frame.to_reader()), expected)
    np.testing.assert_array_equal(model.predict(frame.to_reader()), model.predict(FRAME))
    with pytest.raises(ValueError, match="the table has none of the columns size, town of the training data, but kind"):
        model.predict(frame.select(["kind"]).to_reader())


def test_new_levels_are_warned_of_by_name_once(folder):
    model = fp.load(folder / "m.safetensors")
    frame = pandas.DataFrame({"size": [1.0, None, 3.0], "town": ["Paris", "Rome", "Paris"]})
    with pytest.warns(fp.DataWarning, match="column 'town' has 'Paris', which the network did not learn") as caught:
        predicted = model.predict_proba(frame)
    assert len(caught) == 1
    X = np.array([[1.0, 0, 0, 0, 0], [model.encoder.plans[0].center, 1, 0, 1, 0], [3.0, 0, 0, 0, 0]])
    np.testing.assert_array_equal(predicted, model.network.predict(X))
    assert model.predict(frame.assign(town="Rome")).tolist()  # without a warning


# ---- ONNX ----


def cells(frame, plans):
    """Return the columns of a frame as an ONNX graph takes them."""
    feeds = {}
    for plan in plans:
        column = frame[plan.name]
        if plan.kind == "category":
            feeds[plan.name] = np.array([["" if pandas.isna(cell) else str(cell)] for cell in column], dtype=object)
        elif plan.kind == "date":
            days = (pandas.to_datetime(column) - pandas.Timestamp("1970-01-01")) / pandas.Timedelta(days=1)
            feeds[plan.name] = days.to_numpy(np.float64)[:, None]
        else:
            feeds[plan.name] = column.to_numpy(np.float64, na_value=np.nan)[:, None]
    return feeds


def answers(model, frame, path):
    """Return by name what onnxruntime makes of a frame, with the model written to a file."""
    onnxruntime = pytest.importorskip("onnxruntime")
    pytest.importorskip("onnx")
    model.to_onnx(path)
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    used = [plan for plan in model.encoder.plans if plan.kind != "left out"]
    return dict(zip([each.name for each in session.get_outputs()], session.run(None, cells(frame, used))))


def table(rows=3000):
    random = np.random.default_rng(1)
    frame = pandas.DataFrame({
        "size": random.normal(1000, 5, rows),
        "town": random.choice(["Oslo", "Rome", "Lima"], rows),
        "sold": pandas.Timestamp("2020-01-01") + pandas.to_timedelta(random.integers(0, 900, rows), "D"),
        "is_new": random.random(rows) > 0.5,
        "rooms": random.integers(1, 5, rows),
    })  # fmt: skip
    frame["kind"] = np.array(["small", "medium", "large"])[np.digitize(frame["size"], [997, 1003])]
    frame["price"] = 1e5 * frame["rooms"] + 1e6 * frame["is_new"]
    frame.loc[::9, "size"] = np.nan
    frame.loc[::11, "town"] = None
    frame.loc[::13, "sold"] = pandas.NaT
    frame.loc[:1, "town"] = "Ulm"
    return frame


def test_onnx_takes_an_empty_cell_as_the_loaded_model_does(tmp_path):
    frame = pandas.DataFrame(
        {"town": ["Oslo", "", "Rome", None] * 20, "size": RANDOM.normal(size=80), "kind": [*"abbc"] * 20}
    )
    data = fp.datasets.read(frame, "kind")
    network = fp.MLP((data.X.shape[1], 4, 3), output="softmax", dtype="float64", class_names=data.class_names)
    fp.train(network, data.columns, data.y, epochs=2, standardize=True)
    model = fp.TableModel(network, data.encoder, "kind")
    expected = model.predict_proba(frame)
    found = answers(model, frame[["town", "size"]], tmp_path / "m.onnx")
    np.testing.assert_allclose(found["probabilities"], expected, rtol=1e-12, atol=1e-12)
    np.testing.assert_array_equal(model.predict_proba(frame.assign(town=frame["town"].replace("", None))), expected)
    frame.to_csv(tmp_path / "m.csv", index=False)
    np.testing.assert_array_equal(model.predict_proba(tmp_path / "m.csv"), expected)


NEW = pandas.DataFrame({
    "size": [1001.0, np.nan, 990, 1010],
    "town": ["Rome", None, "Paris", "Ulm"],
    "sold": pandas.to_datetime(["2021-03-04", "1969-12-31", None, "2030-01-01"]),
    "is_new": [True, False, True, False],
    "rooms": [1, 2, 9, 4],
})  # fmt: skip


@pytest.mark.parametrize(
    ("target", "output", "n_out", "dtype", "numeric_encoding"),
    [
        ("kind", "softmax", 3, "float32", "standard"),
        ("is_new", "sigmoid", 1, "float64", "standard"),
        ("price", "identity", 1, "float32", "standard"),
        ("kind", "softmax", 3, "float64", "robust"),
        ("is_new", "sigmoid", 1, "float64", "piecewise"),
    ],
)
def test_onnx_answers_as_the_loaded_model(tmp_path, target, output, n_out, dtype, numeric_encoding):
    frame = table().drop(columns={"kind", "price"} - {target})
    data = fp.datasets.read(frame, target, categorical=["rooms"], numeric_encoding=numeric_encoding)
    names = {"kind": data.class_names, "is_new": ["no", "yes"], "price": None}[target]
    network = fp.MLP((data.X.shape[1], 6, n_out), hidden="tanh", output=output, dtype=dtype, class_names=names)
    y = data.y / 1e5 if target == "price" else data.y
    fp.train(network, data.columns, y, epochs=2, standardize=True)
    fp.TableModel(network, data.encoder, target).save(tmp_path / "m.safetensors")
    model = fp.load(tmp_path / "m.safetensors")
    assert "town is another" in model.encoder.feature_names
    new = NEW.drop(columns=target, errors="ignore")
    found = answers(model, new, tmp_path / "m.onnx")
    with pytest.warns(fp.DataWarning, match="column 'town' has 'Paris'"):
        expected = model.predict(new)
    tolerance = 1e-5 if dtype == "float32" else 1e-12
    if names is None:
        np.testing.assert_allclose(found["prediction"][:, 0], expected, rtol=tolerance, atol=tolerance)
        return
    assert found["class"].tolist() == expected.tolist()
    with pytest.warns(fp.DataWarning):
        np.testing.assert_allclose(found["probabilities"], model.predict_proba(new), rtol=tolerance, atol=tolerance)
