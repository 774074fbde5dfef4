"""The command line on tables as people have them: what the target is taken for, columns and outputs."""

import json
import re
import sys

import numpy as np
import pandas
import pytest

import fastprop as fp
from fastprop import cli
from fastprop.data import held_out_rows
from tests import cli_tables, command_line
from tests.cli_tables import X

folder = cli_tables.folder
run = cli_tables.run
compiled = command_line.compiled


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
