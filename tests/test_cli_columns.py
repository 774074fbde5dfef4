"""What the command line is told of columns is obeyed or refused by name, and tables may come from standard input."""

import subprocess
import sys

import numpy as np
import pandas
import pytest

import fastprop as fp
from fastprop import cli
from tests.processes import TIMEOUT

ROWS = 60
CODES = [["01234", "1234", "7.0"][row % 3] for row in range(ROWS)]
TRAINING = ["--epochs", "1", "--hidden", "4", "--optimizer", "sgd"]


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    lines = [f"{code},{row % 5}.5,2024-01-{1 + row % 28:02},{'ab'[row % 2]}" for row, code in enumerate(CODES)]
    (tmp_path / "codes.csv").write_text("\n".join(["code,size,day,kind", *lines]) + "\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_codes_with_zeros_before_them_are_levels_of_their_own(folder, capsys):
    assert cli.main(["train", "codes.csv", "--categorical", "code", "--save", "m.safetensors", *TRAINING]) == 0
    assert "column code  category of 3 (01234, 1234, 7)" in capsys.readouterr().out
    model = fp.load("m.safetensors")
    # "7", "7.0" and the number 7 are one level, in a file as in a frame
    as_file, as_words = (
        model.outputs("codes.csv"),
        pandas.read_csv("codes.csv", dtype={"code": str}, parse_dates=["day"]),
    )
    as_words["code"] = as_words["code"].replace("7.0", "7")
    np.testing.assert_array_equal(model.outputs(as_words), as_file)
    (folder / "sevens.csv").write_text("code,size,day\n7,0.5,2024-01-01\n")
    frame = pandas.DataFrame({"code": [7], "size": [0.5], "day": pandas.to_datetime(["2024-01-01"])})
    np.testing.assert_array_equal(model.outputs("sevens.csv"), model.outputs(frame))
    different = {code: as_file[row].tolist() for row, code in enumerate(CODES) if row % 5 == 0}
    assert different["01234"] != different["1234"]


def test_python_keeps_zeros_before_codes_too():
    table = fp.datasets.read("codes.csv", "kind", categorical=["code"])
    assert table.encoder.feature_names[:3] == ("code=01234", "code=1234", "code=7")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("train codes.csv --numeric day", "column 'day' holds dates, which are not plain numbers: leave it out of"),
        (
            "train codes.csv --features size,kind",
            "column 'kind' of codes.csv, the last one, is named as a feature, and",
        ),
        ("train folder", "folder is a folder: give one of the files in it"),
        ("evaluate m.safetensors bare.csv", "bare.csv has no column 'kind', the target, with which predictions are"),
        (
            "predict m.safetensors rows.csv",
            "rows.csv has none of the columns code, size, day of the training data, but",
        ),
    ],
)
def test_what_cannot_be_obeyed_is_refused_by_name(folder, capsys, line, said):
    cli.main(["train", "codes.csv", "--save", "m.safetensors", *TRAINING])
    frame = pandas.read_csv("codes.csv").drop(columns="kind")
    frame.to_csv("bare.csv", index=False)
    frame.to_csv("rows.csv", index=False, header=False)
    (folder / "folder").mkdir()
    capsys.readouterr()
    assert cli.main(line.split()) == 2
    message = capsys.readouterr().err
    assert said in message
    assert message.count("\n") == 1


def test_the_one_column_that_is_no_feature_is_the_target(capsys):
    assert cli.main(["train", "codes.csv", "--features", "code,day,kind", *TRAINING]) == 0
    assert capsys.readouterr().out.startswith("task: numbers (0.5 to 4.5)")  # those of the column size


@pytest.mark.slow
@pytest.mark.parametrize("name", ["-", "/dev/stdin"])
@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_a_table_may_come_from_standard_input(name, ending):
    if name != "-" and sys.platform == "win32":
        pytest.skip("Windows has no such file")
    if ending == "parquet":
        pytest.importorskip("pyarrow")
        pandas.read_csv("codes.csv", parse_dates=["day"]).to_parquet("codes.parquet", index=False)
    with open(f"codes.{ending}", "rb") as file:
        line = [sys.executable, "-m", "fastprop", "train", name, *TRAINING]
        ended = subprocess.run(line, stdin=file, capture_output=True, text=True, timeout=TIMEOUT)
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.startswith("task: 2 classes (a, b)")


@pytest.mark.slow
def test_a_table_may_come_from_another_command():
    script = f"'{sys.executable}' -m fastprop train <(cat codes.csv) {' '.join(TRAINING)}"
    ended = subprocess.run(["bash", "-c", script], capture_output=True, text=True, timeout=TIMEOUT)
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.startswith("task: 2 classes (a, b)")
