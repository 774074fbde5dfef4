"""The command line predicts and evaluates: files of any kind, tables as people have them, and arrays."""

import csv
import io
import subprocess
import sys

import numpy as np
import pandas
import pytest

import fastprop as fp
from fastprop import cli
from fastprop.data import held_out_rows
from tests import cli_tables, command_line
from tests.cli_tables import SPECIES, X
from tests.processes import TIMEOUT

folder = cli_tables.folder
run = cli_tables.run
compiled = command_line.compiled


# ---- predict ----


def rows_of(text):
    return list(csv.DictReader(io.StringIO(text)))


def test_classes_are_predicted_by_name_with_probabilities(run, folder):
    run("train words.csv --epochs 5 --save n.safetensors")
    code, output, errors = run("predict n.safetensors words.csv")
    assert (code, errors) == (0, "")
    rows = rows_of(output)
    expected = fp.load("n.safetensors").predict_proba("words.csv")
    assert list(rows[0]) == ["prediction", "probability_cat", "probability_dog", "probability_emu"]
    assert [row["prediction"] for row in rows] == [["cat", "dog", "emu"][label] for label in expected.argmax(axis=1)]
    probabilities = [[float(cell) for cell in list(row.values())[1:]] for row in rows]
    np.testing.assert_allclose(probabilities, expected, rtol=1e-5)
    assert run("predict n.safetensors words.csv --output p.csv")[:2] == (0, "predictions: p.csv (90 rows)\n")
    assert (folder / "p.csv").read_text() == output


def test_columns_are_found_by_name(run, folder):
    run("train words.csv --epochs 1 --save n.safetensors")
    expected = run("predict n.safetensors words.csv")[1]
    frame = pandas.read_csv("words.csv")
    frame[["species", "b", "a"]].to_csv("other_order.csv")
    frame[["b", "a"]].assign(name="x").to_csv("without.csv", sep=";", decimal=",", index=False)
    frame[["a"]].to_csv("lacks.csv", index=False)
    assert run("predict n.safetensors other_order.csv")[1] == expected
    assert run("predict n.safetensors without.csv")[1] == expected
    code, output, errors = run("predict n.safetensors lacks.csv")
    assert (code, output) == (2, "")
    assert errors == "fastprop: lacks.csv: the table has no column 'b', but the training data had: give it.\n"


def test_numbers_and_yes_or_no_are_predicted(run):
    run("train prices.csv --epochs 1 --learning-rate 0.01 --save n.safetensors")
    numbers = [float(row["prediction"]) for row in rows_of(run("predict n.safetensors prices.csv")[1])]
    np.testing.assert_allclose(numbers, fp.load("n.safetensors").predict("prices.csv"), rtol=1e-5)
    run("train floats.csv --loss binary_cross_entropy --epochs 9 --save n.safetensors")
    rows = rows_of(run("predict n.safetensors floats.csv")[1])
    assert list(rows[0]) == ["prediction", "probability_2"]
    assert all((row["prediction"] == "2") == (float(row["probability_2"]) > 0.5) for row in rows)


def test_digits_and_npz_files_are_predicted_from(run):
    run("train digits --epochs 3 --save n.safetensors")
    pixels, labels = fp.datasets.digits()
    np.savez("d.npz", X=pixels)
    output = run("predict n.safetensors digits")[1]
    assert run("predict n.safetensors d.npz")[1] == output
    assert np.mean([int(row["prediction"]) for row in rows_of(output)] == labels) > 0.8


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("predict words.csv words.csv", "words.csv is no network that fastprop saved"),
        ("predict n.safetensors missing.csv", "there is no file missing.csv"),
        ("predict n.safetensors digits", "X has 64 columns, but the training data had 2, a, b: give these"),
        ("predict n.safetensors", "required: data"),
    ],
)
def test_what_cannot_be_predicted_is_refused(run, line, message):
    run("train words.csv --epochs 1 --save n.safetensors")
    code, output, errors = run(line)
    assert (code, output) == (2, "")
    assert message in errors


@pytest.mark.slow
@pytest.mark.parametrize(
    "line", ["sweep words.csv --epochs 20 --save n.safetensors", "train words.csv --save n.safetensors"]
)
def test_the_network_is_written_even_if_nothing_reads_what_is_printed(folder, line):
    script = f"{sys.executable} -m fastprop {line} | head -1; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, timeout=TIMEOUT)
    assert done.stdout.splitlines() == ["task: 3 classes (cat, dog, emu)", "141"]
    assert "Error" not in done.stderr
    assert fp.load("n.safetensors").class_names == ("cat", "dog", "emu")


@pytest.mark.slow
def test_a_pipe_that_is_closed_ends_the_command_quietly(run):
    run("train words.csv --epochs 1 --save n.safetensors")
    pandas.concat([pandas.read_csv("words.csv")] * 500).to_csv("long.csv", index=False)
    line = f"{sys.executable} -m fastprop predict n.safetensors long.csv | head -2; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", line], capture_output=True, text=True, timeout=TIMEOUT)
    assert done.stderr == ""
    assert done.stdout.splitlines()[0].startswith("prediction,")
    assert done.stdout.splitlines()[2] == "141"


# ---- tables of all kinds ----


def mixed_table(rows=120):
    random = np.random.default_rng(1)
    frame = pandas.DataFrame(
        {"age": random.normal(40, 9, rows).round(1), "town": random.choice(["Oslo", "Rome"], rows)}
    )
    frame["vip"] = random.random(rows) < 0.4
    frame["price"] = (1e4 * frame.age + 5e5 * (frame.town == "Rome") + 2e5 * frame.vip).round()
    frame["kind"] = np.where(frame.price > 6e5, "dear", "cheap")
    frame.loc[::9, "age"] = np.nan
    return frame


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_a_model_answers_tables_as_people_have_them(capsys, folder, ending):
    frame = mixed_table()
    options = {"index": False}
    getattr(frame.drop(columns="kind"), f"to_{ending}")(folder / f"t.{ending}", **options)
    assert cli.main(["train", f"t.{ending}", "--save", "n.safetensors"]) == 0
    output = capsys.readouterr().out
    assert "column age   number; missing cells are the median" in output
    loss = float(output.split("on the held-out rows ")[1].split()[0])
    model = fp.load("n.safetensors")
    predicted = model.predict(frame)
    held_out = held_out_rows(len(frame), 0.2)
    mse = np.mean((predicted - frame.price)[held_out] ** 2)
    np.testing.assert_allclose(loss, mse, rtol=1e-3)
    assert cli.main(["predict", "n.safetensors", f"t.{ending}", "--output", "p.csv"]) == 0
    np.testing.assert_allclose(pandas.read_csv("p.csv").prediction, predicted, rtol=1e-6)
    capsys.readouterr()
    assert cli.main(["evaluate", "n.safetensors", f"t.{ending}", "--score", "mae"]) == 0
    mae = np.abs(predicted - frame.price).mean()
    np.testing.assert_allclose(float(capsys.readouterr().out.split("mae ")[1]), mae, rtol=1e-5)


def test_classes_of_a_mixed_table_are_evaluated(capsys, folder):
    frame = mixed_table()
    frame.drop(columns="price").to_csv("t.csv", index=False)
    assert cli.main(["sweep", "t.csv", "--samples", "2", "--cv", "3", "--epochs", "20", "--save", "n.safetensors"]) == 0
    model = fp.load("n.safetensors")
    accuracy = np.mean(model.predict(frame) == frame.kind)
    assert accuracy > 0.85
    capsys.readouterr()
    assert cli.main(["evaluate", "n.safetensors", "t.csv"]) == 0
    printed = dict(line.split() for line in capsys.readouterr().out.splitlines())
    assert (printed["rows"], float(printed["accuracy"])) == ("120", pytest.approx(accuracy, rel=1e-5))
    frame.assign(kind="odd").drop(columns="price").to_csv("odd.csv", index=False)
    assert cli.main(["evaluate", "n.safetensors", "odd.csv"]) == 2
    words = "has 'odd' as the target of row 0, column 'kind', but the model knows only cheap, dear"
    assert words in capsys.readouterr().err
    frame.drop(columns="town").to_csv("without.csv", index=False)
    assert cli.main(["predict", "n.safetensors", "without.csv"]) == 2
    told = "fastprop: without.csv: the table has no column 'town', but the training data had: give it.\n"
    assert capsys.readouterr().err == told


def test_a_score_that_the_rows_leave_undefined_is_not_among_those_of_a_model(run):
    run("train prices.csv --epochs 1 --save m.safetensors")
    pandas.read_csv("prices.csv").assign(price=2.0).to_csv("equal.csv", index=False)
    printed = dict(line.split() for line in run("evaluate m.safetensors equal.csv")[1].splitlines())
    predicted = fp.load("m.safetensors").predict("equal.csv")
    np.testing.assert_allclose(float(printed["mse"]), np.mean((predicted - 2) ** 2), rtol=1e-5)
    assert "r2" not in printed


def test_a_network_without_an_encoder_answers_tables_and_arrays(run):
    network = fp.MLP((2, 3), output="softmax", feature_names=["b", "a"], class_names=["cat", "dog", "emu"])
    network.save("n.safetensors")
    expected = network.predict(X[:, ::-1]).argmax(axis=1)
    rows = rows_of(run("predict n.safetensors words.csv")[1])
    assert [row["prediction"] for row in rows] == [network.class_names[label] for label in expected]
    np.savez("ba.npz", X=X[:, ::-1], y=SPECIES)
    accuracy = np.mean(np.array(network.class_names)[expected] == SPECIES)
    for line in ("words.csv --target species", "ba.npz"):
        printed = run(f"evaluate n.safetensors {line} --score accuracy")[1]
        assert printed == f"rows 90\naccuracy {accuracy:.6g}\n"
    assert "features    b, a\n" in run("info n.safetensors")[1]


def test_a_target_of_one_class_is_refused(capsys, folder):
    mixed_table().assign(kind="dear").to_csv("t.csv", index=False)
    assert cli.main(["train", "t.csv"]) == 2
    assert "all rows have the target 'dear' in column 'kind'" in capsys.readouterr().err
