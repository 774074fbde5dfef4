"""`fastprop fit` searches an ensemble for a table, says what it found, and saves what the other commands read."""

import csv
import re

import numpy as np
import pytest

import fastprop as fp
from fastprop import cli
from fastprop.cli import fitting
from fastprop.tabular import tuning
from fastprop.tabular.column_inputs import searched_inputs

ROWS = 90
LINE = ["--configurations", "2", "--epochs", "3", "--folds", "2"]


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    random = np.random.default_rng(0)
    towns = ["Oslo", "Rome", "", "Lima"]
    rows = [
        (f"{size:.3f}" if size > -1 else "", towns[index % 4]) for index, size in enumerate(random.normal(size=ROWS))
    ]
    lines = [f"{size},{town},{'ab'[town == 'Rome']},{3e4 + 10 * float(size or 0)}" for size, town in rows]
    (tmp_path / "t.csv").write_text("\n".join(["size,town,kind,price", *lines]))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_classes_of_a_table(capsys):
    assert (
        cli.main(
            [
                "fit",
                "t.csv",
                "--target",
                "kind",
                "--drop",
                "price",
                "--save",
                "m.safetensors",
                "--class-weight",
                "balanced",
                *LINE,
            ]
        )
        == 0
    )
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "task: 2 classes (a, b)"
    assert any(line.startswith("2 configurations of at most 3 epochs in ") for line in lines)
    assert lines[-1] == "ensemble: m.safetensors"
    model = fp.load("m.safetensors")
    assert (model.target_name, model.class_names, model.columns) == ("kind", ("a", "b"), ("size", "town"))
    networks = model.ensemble.networks
    assert networks[0].training["data"]["name"] == "t.csv"
    estimator = fp.TabularClassifier(configurations=2, epochs=3, folds=2, random_state=0)
    table = fp.datasets.read("t.csv", "kind", drop=["price"])
    expected = fp.tabular.tuning.tuned(
        fp.MLP((table.X.shape[1], 2), output="softmax"),
        searched_inputs(table.columns, "search"),
        table.y,
        estimator._search_options(ROWS),
        class_weight="balanced",
    )
    np.testing.assert_array_equal(networks[0].parameters, expected.ensemble.networks[0].parameters)
    assert cli.main(["predict", "m.safetensors", "t.csv"]) == 0
    rows = list(csv.DictReader(capsys.readouterr().out.splitlines()))
    np.testing.assert_allclose([float(row["probability_a"]) for row in rows], model.predict_proba("t.csv")[:, 0])
    assert cli.main(["evaluate", "m.safetensors", "t.csv"]) == 0
    assert "accuracy" in capsys.readouterr().out


@pytest.mark.slow
def test_predictions_say_how_sure_they_are(capsys):
    assert cli.main(["fit", "t.csv", "--save", "m.safetensors", *LINE]) == 0
    model = fp.load("m.safetensors")
    capsys.readouterr()
    assert cli.main(["predict", "m.safetensors", "t.csv", "--interval", "0.8", "--std"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "prediction,lower,upper,std"
    rows = np.array([line.split(",") for line in lines[1:]], float)
    np.testing.assert_allclose(rows[:, 0], model.predict("t.csv"))
    np.testing.assert_allclose(rows[:, 1:3], model.predict_interval("t.csv", 0.8), rtol=1e-6)
    np.testing.assert_allclose(rows[:, 3], model.predict_std("t.csv"), rtol=1e-6)
    lower = model.predict_interval("t.csv", 0.8).reshape(-1, 2)[:, 0].astype(model.ensemble.networks[0].dtype)
    assert [line.split(",")[1] for line in lines[1:]] == [str(number) for number in lower]
    assert cli.main(["info", "m.safetensors"]) == 0
    assert "by the errors of 90 rows" in next(x for x in capsys.readouterr().out.splitlines() if "intervals" in x)
    assert cli.main(["predict", "m.safetensors", "t.csv", "--interval", "0.999"]) == 2
    assert "--interval 0.999 needs 999 rows that are held out, and there are 90" in capsys.readouterr().err
    assert cli.main(["fit", "t.csv", "--target", "kind", "--save", "c.safetensors", "--calibrate", *LINE]) == 0
    temperature = fp.load("c.safetensors").ensemble.temperature
    assert f"temperature {temperature:.3g} of the probabilities" in capsys.readouterr().out
    assert cli.main(["info", "c.safetensors"]) == 0
    assert f" {temperature:.3g}" in next(line for line in capsys.readouterr().out.splitlines() if "temperature" in line)
    assert cli.main(["fit", "t.csv", "--calibrate", *LINE]) == 2
    assert "a temperature makes probabilities of classes" in capsys.readouterr().err
    assert cli.main(["predict", "c.safetensors", "t.csv", "--std"]) == 0
    assert capsys.readouterr().out.startswith("prediction,probability_a,probability_b,std_a,std_b\n")
    assert cli.main(["predict", "c.safetensors", "t.csv", "--interval", "0.8"]) == 2
    assert "intervals lie around predicted numbers" in capsys.readouterr().err
    fp.MLP((64, 10), output="softmax").save("one.safetensors")
    assert cli.main(["predict", "one.safetensors", "digits", "--std"]) == 2
    assert "--std needs an ensemble, and one.safetensors holds one network" in capsys.readouterr().err


@pytest.mark.slow
def test_counts_are_ranked_by_their_loss_and_have_no_other_score(folder, capsys):
    rows = (f"{row % 7},{row % 4}" for row in range(ROWS))
    (folder / "c.csv").write_text("\n".join(["size,goals", *rows]))
    assert cli.main(["fit", "c.csv", "--task", "counts", *LINE]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert any(line.startswith("best configuration: loss ") for line in lines)
    assert re.fullmatch(r"ensemble: \d networks of \d configurations", next(x for x in lines if x.startswith("ens")))


@pytest.mark.slow
def test_numbers_of_a_table_and_arrays(capsys):
    assert cli.main(["fit", "t.csv", "--save", "m.safetensors", "--score", "mae", "--seed", "3", *LINE]) == 0
    assert "best configuration: mae " in capsys.readouterr().out
    predicted = fp.load("m.safetensors").predict("t.csv")
    assert 2e4 < predicted.mean() < 4e4
    assert cli.main(["fit", "digits", "--save", "d.safetensors", *LINE]) == 0
    X, y = fp.datasets.digits()
    assert isinstance(fp.load("d.safetensors"), fp.Ensemble)
    assert (fp.load("d.safetensors").predict(X).argmax(axis=1) == y).mean() > 0.7


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("fit t.csv --seconds=-1", "--seconds must be "),
        ("fit t.csv --configurations 0", "--configurations must be at least 1"),
        ("fit t.csv --numeric-encoding standard,bins", "'bins' is not one of standard, robust, piecewise"),
        ("fit t.csv --seeds 0", "--seeds must be at least 1"),
        ("fit t.csv --folds 1", "--folds must be at least 2"),
        (
            "fit t.csv --class-weight balanced --configurations 1",
            "--class-weight weighs rows by their class, but y holds",
        ),
        ("fit t.csv --score accuracy", "column 'price' must hold whole numbers or words"),
        ("fit t.csv --save m.txt", "--save m.txt must end in .safetensors"),
        ("fit t.csv --precision float16", "argument --precision: invalid choice: 'float16'"),
        (
            "fit t.csv --precision bfloat16",
            "--precision bfloat16 is for a network of float32, not of float64: leave --precision out, or subtract a "
            "constant from y, which needs float64 this far from zero.",
        ),
    ],
)
def test_what_is_refused(line, said, capsys):
    assert cli.main(line.split()) == 2
    assert said in capsys.readouterr().err


@pytest.mark.slow
def test_ctrl_c_saves_the_best_so_far(monkeypatch, capsys):
    search = tuning._Search.train

    def interrupted(self, size, seconds):
        if self.kept:
            raise KeyboardInterrupt
        return search(self, size, seconds)

    monkeypatch.setattr(tuning._Search, "train", interrupted)
    line = ["--seconds", "20", "--epochs", "2", "--folds", "2", "--target", "kind", "--save", "m.safetensors"]
    assert cli.main(["fit", "t.csv", *line]) == 130
    assert "Ctrl-C has ended the search after" in capsys.readouterr().err
    assert fp.load("m.safetensors").predict("t.csv").shape == (ROWS,)
    fp.interrupts.forget()


def test_one_configuration_is_not_told_as_several():
    assert [fitting.counted(count) for count in (1, 2, 0)] == [
        "1 configuration",
        "2 configurations",
        "0 configurations",
    ]
