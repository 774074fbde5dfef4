"""The command line: bad input is refused by one line, and exit codes say how a command ended."""

import re
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from fastprop import cli
from fastprop.cli import commands
from tests import command_line
from tests.processes import TIMEOUT, output_after_interrupt

compiled, folder = command_line.compiled, command_line.folder

REFUSED = [
    ("frobnicate", "invalid choice: 'frobnicate'"),
    ("sweep", "required: data"),
    ("sweep missing.csv", "there is no file missing.csv: check the path"),
    ("train .", ". is a folder: give one of the files in it"),
    (
        "train text.csv --numeric age --validation 0",
        "column 'age' holds words such as 'old', which are no numbers: drop it",
    ),
    ("sweep prices.csv --target weight", "prices.csv has no column 'weight', only size, age, price: name one of these"),
    (
        "sweep digits --target price",
        "digits has its own target and no names of columns: leave --target",
    ),
    ("sweep empty.csv", "empty.csv"),
    ("train broken.npz", "broken.npz"),
    ("train scalar.npz", "X must have two dimensions"),
    ("train no-rows.npz", "X has no rows: give at least one"),
    (
        "train prices.csv --loss cross_entropy",
        "column 'price' must hold whole numbers or words, for the task",
    ),
    ("train digits --loss hinge", "argument --loss: 'hinge' is not one of mse"),
    ("train digits --epochs -3", "--epochs must be at least 1, not -3: give a larger number"),
    ("train digits --epochs many", "argument --epochs: 'many' is not a whole number"),
    ("sweep digits --batch-size 0", "--batch-size must be at least 1, not 0: give a larger number"),
    ("sweep digits --validation 1.5", "--validation must be at least 0 and below 1, not 1.5: give"),
    ("sweep digits --threads 0", "--threads must be at least 1, not 0: give a larger number"),
    ("sweep digits --optimizer sgd --momentum 1", "--momentum must be at least 0 and below 1, not 1.0: give"),
    ("train digits --optimizer newton", "argument --optimizer: invalid choice: 'newton'"),
    ("train digits --optimizer adam --momentum 0.9", "--optimizer adam has no --momentum: leave it out"),
    ("sweep digits --optimizer lbfgs --learning-rate 0.1", "--optimizer lbfgs has no --learning-rate: leave it out"),
    ("train digits --precision float16", "argument --precision: invalid choice: 'float16'"),
    ("train digits --optimizer lbfgs --precision bfloat16", "LBFGS takes all rows in each step"),
    ("train digits --optimizer lbfgs --clip-norm 1", "LBFGS takes all rows in each step"),
    (
        "train digits --schedule warm:5",
        "argument --schedule: 'warm:5' is not step or exponential or cosine or flat-cosine or cosine-log or one-cycle",
    ),
    ("train digits --schedule steps", "argument --schedule: 'steps' is not"),
    ("train digits --schedule step:0", "every must be at least 1, not 0"),
    ("train digits --schedule cosine+cosine", "argument --schedule: 'cosine+cosine' is not"),
    (
        "train digits --schedule warmup:2+warmup:3",
        "argument --schedule: 'warmup:2+warmup:3' is not warmup:LENGTH[+SCHEDULE] as in",
    ),
    ("train digits --schedule cosine:fast", "argument --schedule: 'cosine:fast' is not"),
    ("train digits --clip-norm fast", "argument --clip-norm: 'fast' is not a number: see"),
    ("train digits --clip-norm -1", "--clip-norm must be at least 0 and finite, not -1.0"),
    ("train digits --early-stopping -1", "--early-stopping must be at least 1, not -1"),
    ("sweep digits --early-stopping soon", "argument --early-stopping: 'soon' is not a number of epochs, or never"),
    ("train digits --activation relux", "argument --activation: 'relux' is not one of sigmoid"),
    (
        "sweep digits --activation relu,relux --learning-rate 0.1",
        "argument --activation: 'relux' is not one of sigmoid",
    ),
    ("find-learning-rate digits --learning-rate 0.1", "unrecognized arguments: --learning-rate 0.1: see"),
    ("train digits --epochs 3 4", "unrecognized arguments: 4: see 'fastprop train --help'"),
    *(
        (f"{command} digits {given}", f"unrecognized arguments: {other} (several values of {advice}): see")
        for command, given, other, advice in (
            ("sweep", "--features a b", "b", "--features are joined by commas: --features a,b"),
            ("fit", "--drop a b --seconds 1", "b", "--drop are joined by commas: --drop a,b"),
            ("train", "--feat=a b", "b", "--features are joined by commas: --features a,b"),
            (
                "sweep",
                "--learning-rate 0.1 0.3",
                "0.3",
                "--learning-rate are joined by commas: --learning-rate 0.1,0.3",
            ),
            ("sweep", "--hidden 16 32", "32", "--hidden are joined by commas: --hidden 16,32"),
            ("train", "--hidden 16 32", "32", "--hidden are joined by x: --hidden 16x32"),
            ("train", "--quantiles 0.1 0.9", "0.9", "--quantiles are joined by commas: --quantiles 0.1,0.9"),
            (
                "find-learning-rate",
                "--drop b --layer-rates 1 b",
                "b",
                "--layer-rates are joined by x: --layer-rates 1xb",
            ),
        )
    ),
    # what is typed counts, also where it is the default
    ("sweep digits --search population --early-stopping 20", "--early-stopping ends networks by themselves"),
    ("sweep digits --search population --early-stopping 19", "--early-stopping ends networks by themselves"),
    ("train digits --optimizer lbfgs --schedule cosine", "not --schedule cosine: leave --schedule out"),
    ("sweep digits --optimizer lbfgs --schedule cosine", "not --schedule cosine: leave --schedule out"),
    ("find-learning-rate digits --epochs 0", "--epochs must be at least 1, not 0"),
    ("find-learning-rate digits --optimizer lbfgs", "argument --optimizer: invalid choice: 'lbfgs'"),
    ("find-learning-rate prices.csv --min-rate 1e3 --max-rate 1e6", "the loss falls at none of the learning rates"),
    ("sweep digits --seeds 0", "seeds"),
    ("sweep digits --cv 1", "--cv must be at least 2, not 1: give a larger number"),
    ("sweep digits --cv 3 --validation 0.2", "--cv holds out each fold's rows, and --validation others: give one"),
    ("sweep digits --score speed", "argument --score: 'speed' is not one of accuracy"),
    ("sweep digits --search pop", "argument --search: 'pop' is not population[:EPOCHS[:SHARE]]"),
    ("sweep digits --search population:2:0.9", "(share must be at most 0.5, not 0.9"),
    (
        "sweep digits --search population --halving 2",
        "--halving stops the worst configurations, and --search population",
    ),
    (
        "sweep digits --search population --hidden 4,8 --learning-rate 1",
        "--hidden has several values, between which no",
    ),
    ("sweep digits --halving 1", "--halving must be at least 2, not 1: give a larger number"),
    ("sweep digits --learning-rate loguniform:0.1:1", "say how many configurations to draw, such as --samples 100"),
    (
        "sweep digits --samples 5 --hidden 4,8",
        "--samples must have a distribution to draw from, and there is none: give one, such as",
    ),
    ("sweep digits --learning-rate loguniform:0.1", "argument --learning-rate: 'loguniform:0.1' is not 0.1 or"),
    ("sweep digits --journal text.csv", "text.csv"),
    ("sweep digits --report nowhere/sweep.html", "nowhere"),
    ("sweep digits --seeds -2", "seeds"),
    ("train digits --seed -2", "--seed must be at least 0, not -2: give"),
    ("sweep digits --hidden 0", "each of --hidden must be at least 1, not 0: give"),
    ("sweep digits --hidden big", "argument --hidden: 'big' is not 32 or 64x32"),
    ("sweep digits --learning-rate fast", "argument --learning-rate: 'fast' is not 0.1 or"),
    ("sweep digits --learning-rate geomspace:1:2", "argument --learning-rate: 'geomspace:1:2' is not"),
    ("sweep digits --learning-rate geomspace:0:1:4", "argument --learning-rate: 'geomspace:0:1:4' is not"),
    ("sweep digits --learning-rate geomspace:-1:1:4", "-1"),
    ("sweep digits --learning-rate geomspace:1:2:0", "geomspace:1:2:0"),
    ("sweep digits --learning-rate 0.1,-1", "--learning-rate must be at least 0 and finite, not -1.0: give"),
    (
        "sweep digits --epochs 1 --learning-rate 1e300",
        "1 of 1 configurations diverged and none finished, so that there is no best: give",
    ),
    ("sweep digits --epochs 1 --learning-rate 0.1 --plot nowhere/sweep.png", "nowhere/sweep.png"),
    ("sweep digits --epochs 1 --learning-rate 0.1 --plot sweep.picture", "picture"),
    ("sweep digits --epochs 1 --learning-rate 0.1 --save nowhere/best.safetensors", "nowhere"),
]


@pytest.mark.parametrize(("line", "words"), REFUSED)
def test_bad_input_is_one_line_on_stderr_and_exit_code_2(capsys, line, words):
    assert cli.main(line.split()) == 2
    errors = re.sub(r".*\|.*\n", "", capsys.readouterr().err.replace("\r", "\n"))  # the progress bar
    assert re.fullmatch(r"\s*fastprop: [^\n]+\n", errors)
    assert words in errors


SCRIPT = Path(sysconfig.get_path("scripts")) / "fastprop"


@pytest.mark.slow
@pytest.mark.parametrize("start", [[sys.executable, "-m", "fastprop"], [SCRIPT]], ids=["module", "script"])
def test_the_command_gives_its_exit_code_to_the_shell(start):
    refused, done = (
        subprocess.run([*start, *line.split()], capture_output=True, text=True, timeout=TIMEOUT)
        for line in ("sweep missing.csv", "exercise")
    )
    assert (refused.returncode, refused.stdout) == (2, "")
    assert re.fullmatch(r"fastprop: there is no file missing\.csv: [^\n]+\n", refused.stderr)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.slow
@pytest.mark.parametrize("command", ["train", "sweep --learning-rate 0.1,0.5"])
def test_ctrl_c_before_anything_is_finished_is_exit_code_130(command):
    script = f"""
from fastprop import cli
from tests.plain_options import plain
from tests.processes import say_go, trains
say_go(ready=trains)
print(cli.main(plain("{command} digits --epochs 1000000").split()))
"""
    assert output_after_interrupt(script).split()[-1] == "130"


def test_ctrl_c_before_a_result_is_there_is_told(monkeypatch, capsys):
    def interrupted(options):
        raise KeyboardInterrupt

    monkeypatch.setattr(commands, "info", interrupted)
    assert cli.main(["info"]) == 130
    assert capsys.readouterr().err == "fastprop: Ctrl-C has ended the command before its result was there.\n"
