"""The command line on tables as people have them: what the target is taken for, columns, outputs and predictions."""

import csv
import io
import json
import re
import subprocess
import sys

import numpy as np
import pandas
import pytest

import fastprop as fp
from fastprop import cli
from fastprop.data import held_out_rows
from tests import command_line
from tests.plain_options import plain
from tests.processes import TIMEOUT

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(90, 2))
GOALS = RANDOM.poisson(2, 90)
SPECIES = np.array(["cat", "dog", "emu"])[np.digitize(X[:, 0], [-0.5, 0.5])]


compiled = command_line.compiled


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    frame = pandas.DataFrame(X, columns=["a", "b"])
    frame.assign(species=SPECIES).to_csv(tmp_path / "words.csv", index=False)
    frame.assign(species=SPECIES).to_csv(tmp_path / "index.csv")
    frame.assign(kind=1.0 + (X[:, 0] > 0)).to_csv(tmp_path / "floats.csv", index=False)
    frame.assign(goals=GOALS).to_csv(tmp_path / "goals.csv", index=False)
    frame.assign(price=np.linspace(-3, 3, 90)).to_csv(tmp_path / "prices.csv", index=False)
    frame.assign(big=5000 * X[:, 0], species=SPECIES).to_csv(tmp_path / "sizes.csv", index=False)
    frame.assign(name=[f"n{row}" for row in range(90)], y=X[:, 0]).to_csv(tmp_path / "names.csv", index=False)
    frame.assign(**{"c, in cm": "x", "y": X[:, 0]}).to_csv(tmp_path / "commas.csv", index=False)
    np.savez(tmp_path / "labels.npz", X=X, y=(X > 0).astype(int))
    np.savez(tmp_path / "bools.npz", X=X > 0, y=X[:, 0] > 0)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def run(capsys):
    """Run a command line; return its exit code, and what it printed on stdout and stderr without the progress bar."""

    def run(line):
        code = cli.main(plain(line).split())
        output, errors = capsys.readouterr()
        return (
            code,
            output,
            "".join(part + "\n" for part in errors.replace("\r", "\n").split("\n") if "|" not in part and part),
        )

    return run


@pytest.mark.parametrize(
    ("line", "task", "sizes", "names"),
    [
        ("words.csv", "3 classes (cat, dog, emu)", (2, 32, 3), ("cat", "dog", "emu")),
        ("words.csv --class-weight balanced", "3 classes (cat, dog, emu)", (2, 32, 3), ("cat", "dog", "emu")),
        ("floats.csv", "2 classes (1, 2); --task numbers or counts takes them as such", (2, 32, 2), ("1", "2")),
        ("floats.csv --loss binary_cross_entropy", "yes/no (no: 1, yes: 2)", (2, 32, 1), ("1", "2")),
        ("goals.csv --loss poisson", "counts (0 to 9)", (2, 32, 1), None),
        ("goals.csv --task counts", "counts (0 to 9)", (2, 32, 1), None),
        ("goals.csv --loss mse", "numbers (0 to 9)", (2, 32, 1), None),
        ("prices.csv", "numbers (-3 to 3)", (2, 32, 1), None),
    ],
)
@pytest.mark.parametrize("command", ["train", "sweep"])
def test_the_task_is_said_and_the_network_fits_it(run, command, line, task, sizes, names):
    code, output, errors = run(f"{command} {line} --epochs 1 --learning-rate 0.01 --save n.safetensors")
    assert (code, errors) == (0, "")
    assert output.splitlines()[0] == f"task: {task}"
    network = fp.load("n.safetensors").network
    assert (network.layer_sizes, network.feature_names, network.class_names) == (sizes, ("a", "b"), names)


def test_a_score_decides_the_task(run):
    code, output, _ = run("sweep goals.csv --score r2 --epochs 1 --learning-rate 0.01")
    assert (code, output.splitlines()[0]) == (0, "task: numbers (0 to 9)")


def test_words_are_classes_and_are_learned(run):
    _, output, _ = run("train words.csv --epochs 30 --learning-rate 0.5 --seed 1 --save n.safetensors")
    table = fp.datasets.read("words.csv")
    same = fp.MLP((2, 32, 3), output="softmax", seed=1)
    fp.train(same, *table, epochs=30, optimizer=fp.SGD(0.5, momentum=0.9), validation=0.2, seed=1)
    np.testing.assert_array_equal(fp.load("n.safetensors").network.parameters, same.parameters)
    assert "accuracy 0.9" in output or "accuracy 1.0" in output


def test_json_holds_the_task_and_nothing_else_is_printed(run):
    code, output, errors = run("sweep words.csv --epochs 1 --learning-rate 0.01 --json")
    assert (code, errors, json.loads(output)["task"]) == (0, "", "3 classes (cat, dog, emu)")


def test_notes_on_the_data_are_plain_lines_on_stderr(run):
    code, _, errors = run("train index.csv --epochs 1")
    assert code == 0
    assert errors == (
        "fastprop: the first column of index.csv has no name: it is taken as the index of the rows and left out.\n"
    )


@pytest.mark.parametrize("command", ["train", "sweep --learning-rate 0.01"])
def test_inputs_of_very_different_size_are_named_unless_they_are_standardized(run, capsys, command):
    _, _, errors = run(f"{command} sizes.csv --epochs 1")
    assert errors.startswith("fastprop: X has columns of very different size, from ")
    assert errors.endswith("): standardize them.\n")
    assert cli.main(f"{command} sizes.csv --epochs 1".split()) == 0
    assert "very different size" not in capsys.readouterr().err
    assert run(f"{command} sizes.csv --epochs 1 --drop big")[2] == ""


@pytest.mark.parametrize(
    "options", ["--drop name", "--features a,b", "--features a --features b", "--drop name,y --target b"]
)
def test_columns_are_chosen(run, options):
    code, _, errors = run(f"train names.csv {options} --epochs 1 --save n.safetensors")
    assert (code, errors) == (0, "")
    assert fp.load("n.safetensors").network.feature_names == (("a",) if "target" in options else ("a", "b"))


@pytest.mark.parametrize("drop", ["c, in cm", '"c, in cm"', '"c, in cm",b'])
def test_a_column_whose_name_has_a_comma_can_be_dropped(capsys, drop):
    assert cli.main(["train", "commas.csv", "--epochs", "1", "--save", "n.safetensors", "--drop", drop]) == 0
    assert fp.load("n.safetensors").network.feature_names == (("a",) if drop.endswith("b") else ("a", "b"))


@pytest.mark.parametrize(
    ("data", "task", "header"),
    [
        ("labels.npz", "2 labels, each yes or no", "probability_1,probability_2"),
        (
            "bools.npz",
            "2 classes (0, 1); --task numbers takes them as such",
            "prediction,probability_0,probability_1",
        ),
    ],
)
def test_arrays_of_labels_and_of_bools_are_learned_and_predicted(run, data, task, header):
    code, output, errors = run(f"train {data} --epochs 1 --save n.safetensors")
    assert (code, errors, output.splitlines()[0]) == (0, "", f"task: {task}")
    assert run(f"predict n.safetensors {data}")[1].splitlines()[0] == header


def test_the_plan_of_each_column_is_printed_and_can_be_changed(run):
    code, output, errors = run("train names.csv --epochs 1 --save n.safetensors")
    assert (code, errors) == (0, "")
    assert "numbers: a, b\ncolumn name  left out: its 90 different words in 90 rows are no levels\n" in output
    _, output, _ = run("train names.csv --epochs 1 --categorical name --save n.safetensors")
    assert "column name  category of 90 (" in output
    _, output, _ = run("train goals.csv --target a --categorical goals --epochs 1 --save n.safetensors")
    assert "column goals  category of " in output
    model = fp.load("n.safetensors")
    assert model.network.feature_names[0] == "b"
    assert model.network.feature_names[1].startswith("goals=")


@pytest.mark.parametrize("command", ["train", "sweep --learning-rate 0.01,0.1"])
def test_validation_0_trains_on_all_rows(run, command):
    code, output, _ = run(f"{command} prices.csv --validation 0 --epochs 2 --save n.safetensors")
    assert code == 0
    assert "held-out" not in output
    if command == "train":
        same = fp.MLP((2, 32, 1), output="identity", seed=0)
        X, y = fp.datasets.read("prices.csv")
        fp.train(same, X, (y - y.mean()) / y.std(), epochs=2, optimizer=fp.SGD(0.5, momentum=0.9))
        expected = same.predict(X)[:, 0] * y.std() + y.mean()
        np.testing.assert_allclose(fp.load("n.safetensors").predict("prices.csv"), expected, rtol=1e-4, atol=1e-5)


# ---- outputs ----


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("train words.csv --save nowhere/n.safetensors", "make the folder"),
        ("train words.csv --save n.npz", "--save n.npz must end in .safetensors"),
        ("train words.csv --save made.safetensors", "is a folder"),
        ("train words.csv --checkpoint nowhere/run", "make the folder"),
        ("sweep words.csv --plot a.picture", "--plot a.picture must end in "),
        ("sweep words.csv --plot nowhere/a.png", "make the folder"),
        ("sweep words.csv --report a.txt", "--report a.txt must end in .html"),
        ("sweep words.csv --report nowhere/a.html", "make the folder"),
        ("sweep words.csv --journal nowhere/runs", "make the folder"),
        ("sweep words.csv --journal words.csv", "--journal words.csv is a file that the command names twice"),
        ("find-learning-rate words.csv --plot a.picture", "--plot a.picture must end in "),
        ("predict n.safetensors words.csv --output p.txt", "--output p.txt must end in .csv"),
        ("predict n.safetensors words.csv --output words.csv", "names twice"),
    ],
)
def test_an_output_that_cannot_be_written_is_refused_before_training(run, folder, line, message):
    (folder / "made.safetensors").mkdir()
    code, output, errors = run(line)
    assert (code, output) == (2, "")
    assert errors.count("\n") == 1
    assert message in errors


@pytest.mark.parametrize(
    ("library", "module", "options"),
    [
        ("matplotlib", "matplotlib.figure", "--plot a.png"),
        ("matplotlib", "matplotlib.figure", "--report a.html"),
    ],
)
def test_a_missing_library_is_named_before_training(run, monkeypatch, library, module, options):
    monkeypatch.setitem(sys.modules, module, None)
    code, output, errors = run(f"sweep words.csv {options}")
    assert (code, output) == (2, "")
    assert errors.endswith(f"pip install {library}.\n")


def test_an_output_that_fails_after_training_does_not_lose_the_others(run, folder, monkeypatch):
    def fail(result, path):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(fp.SweepResult, "plot", fail)
    line = "sweep words.csv --epochs 1 --learning-rate 0.1 --save n.safetensors --plot a.png --report a.html"
    code, output, errors = run(line)
    assert code == 1
    assert errors == "fastprop: the picture is not written: [Errno 28] No space left on device\n"
    assert "network: n.safetensors\nreport: a.html\n" in output
    assert fp.load("n.safetensors").network.layer_sizes == (2, 32, 3)
    assert (folder / "a.html").is_file()


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


@pytest.fixture
def prices(folder):
    """A table of 20 prices from 1e5 to 1.2e5, and one of 20 equal prices."""
    frame = pandas.DataFrame(X[:20], columns=["a", "b"])
    frame.assign(price=np.linspace(1e5, 1.2e5, 20)).to_csv(folder / "few.csv", index=False)
    frame.assign(price=np.full(20, 3.5)).to_csv(folder / "equal.csv", index=False)


@pytest.mark.usefixtures("prices")
def test_the_held_out_loss_of_equal_targets_is_printed(run):
    code, output, _ = run("train equal.csv --epochs 3 --validation 0.2")
    loss = re.search(r"on the held-out rows (\S+)\nmse (\S+) on the held-out rows, on which r2 is undefined\n", output)
    assert code == 0
    assert loss[1] == loss[2]


@pytest.mark.usefixtures("prices")
@pytest.mark.parametrize("loss", ["mse", "mae"])
def test_the_error_of_a_single_held_out_number_is_in_its_unit(run, loss):
    _, output, _ = run(f"train few.csv --epochs 3 --validation 0.05 --loss {loss} --save net.safetensors")
    (row,) = held_out_rows(20, 0.05)
    predicted = fp.load("net.safetensors").predict("few.csv")[row]
    expected = (predicted - np.linspace(1e5, 1.2e5, 20)[row]) ** 2
    assert float(re.search(r"mse (\S+) on", output)[1]) == pytest.approx(expected, rel=1e-3)
    line = f"sweep few.csv --epochs 3 --validation 0.05 --loss {loss} --learning-rate 0.01,0.02 --json"
    best = json.loads(run(line + " --save best.safetensors")[1])
    row_of_best = best["configurations"][best["best"]]
    predicted = fp.load("best.safetensors").predict("few.csv")[row]
    assert best["score"] == "mse"
    assert row_of_best["score"] == pytest.approx((predicted - np.linspace(1e5, 1.2e5, 20)[row]) ** 2, rel=1e-3)


def test_the_advice_to_standardize_can_be_followed(run):
    assert run("find-learning-rate sizes.csv --epochs 1 --standardize")[0] == 0


def test_layers_that_no_machine_holds_are_refused_by_their_sizes(run):
    code, _, errors = run("train words.csv --hidden 1000000000000")
    assert code == 2
    assert "--hidden 1000000000000 need 24,000 GB for the parameters, which do not fit into memory" in errors
    for sizes in ((10**7, 10**7, 3), (2**31, 2**31, 3)):
        with pytest.raises(MemoryError, match="layer_sizes"):
            fp.MLP(sizes)
