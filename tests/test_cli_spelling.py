"""Messages of the command line name options as they are typed, and remedies that can be typed."""

import argparse
import re
import shlex

import numpy as np
import pytest

from fastprop import checks, cli
from fastprop.cli import spelling, values
from fastprop.cli.parser import make_parser
from tests import command_line
from tests.test_cli_refused import REFUSED

compiled, folder = command_line.compiled, command_line.folder

OF_PYTHON = re.compile(r"\bfp\.|\w=['\"(\w]|\w\(|\b(True|False|None|int|float|str|grid|dtype)\b|\[['\"]")
"""What no shell knows: names of fastprop, arguments with values, calls, constants, types, entries by name."""

NAMES_OF_VALUES = ("leaky_relu", "binary_cross_entropy", "cross_entropy", "median_absolute_error", "explained_variance")
NAMES_OF_VALUES += ("balanced_accuracy", "roc_auc", "average_precision", "log_loss", "label_accuracy", "label_f1")
NAMES_OF_VALUES += ("label_roc_auc",)

MORE = """\
train prices.csv --validation 0.999
train huge.npz --no-standardize --epochs 1
train large.npz --no-standardize --epochs 1
sweep rare.csv --epochs 1 --cv 5 --learning-rate 0.1 --score roc_auc
sweep prices.csv --cv 100 --learning-rate 0.1
sweep prices.csv --learning-rate 0.1 --validation 0 --score r2
sweep digits --momentum uniform:0:0.9 --optimizer sgd
sweep digits --dropout 0,1 --learning-rate 0.1
sweep digits --samples 0
sweep digits --seeds 100000000000 --learning-rate 0.1
train prices.csv --class-weight balanced
train prices.csv --loss cross_entropy --task numbers
train thousands.npz --drop a
train digits --resume
train digits --optimizer lbfgs --checkpoint run.checkpoint
train digits --optimizer lbfgs --schedule warmup:2+step:3
train digits --optimizer lbfgs --dropout 0.1
train digits --learning-rate 1e30 --epochs 1 --hidden 4 --optimizer sgd --early-stopping 0
train digits --hidden 100000000000
train digits --hidden 4,4
train digits --schedule warmup
train digits --schedule step:x
train digits --schedule step:2:3
train digits --schedule warmup:2+cosine:0.1:0.2:0.3
train digits --weight-decay nan
train digits --early-stopping 1.5
train digits --seed 99999999999999999999
train digits --batch-size 99999999999999999999999
find-learning-rate digits --optimizer lbfgs
find-learning-rate digits --epochs 1 --min-rate 1 --max-rate 0.1
find-learning-rate digits --validation 0.00001
verify --threads 0
evaluate nowhere.safetensors digits --score nothing
predict prices.csv prices.csv
info prices.csv
train digits --hidden 4 --layer-rates 1x1x1
train digits --hidden 4 --layer-rates 1x-1
train digits --bias-rate -1
train digits --bias-decay -1
train digits --layer-rates 1xa
train digits --layer-rates 1x1 --optimizer lbfgs
train prices.csv --numeric-encoding bin""".splitlines()


@pytest.fixture(autouse=True)
def files(folder):
    random = np.random.default_rng(0)
    X = random.random((60, 2))
    np.savez("huge.npz", X=X * [1e6, 1], y=X[:, 0])
    np.savez("large.npz", X=X * 1e39, y=X[:, 0])
    lines = [f"{row % 7},{'ab'[row % 2] if row else 'c'}" for row in range(60)]
    (folder / "rare.csv").write_text("\n".join(["size,kind", *lines]))


@pytest.mark.parametrize("line", [*(line for line, _ in REFUSED), *MORE])
def test_no_message_speaks_python(capsys, folder, line):
    cli.main(line.split())
    errors = re.sub(r"argument --schedule: .*?nor one|X must have .* shape \(\)", "", capsys.readouterr().err)
    errors = errors.replace(str(folder), "")
    assert errors
    assert not OF_PYTHON.search(errors), errors
    words = set(re.findall(r"[a-z]+_[a-z0-9_]+", errors)) - set(NAMES_OF_VALUES)
    assert not words, errors


def _remade(command, given):
    """Run a command, then one with other arguments; return what the second says."""
    assert cli.main(command.split()) == 0
    return cli.main(f"{command} {given}".split())


TRAINING = "train digits --hidden 4 --epochs 2 --checkpoint run.checkpoint"
QUANTILES = "train prices.csv --hidden 4 --epochs 1 --quantiles 0.1,0.9 --checkpoint run.checkpoint"
SWEEP = "sweep digits --hidden 4 --epochs 1 --learning-rate 0.1 --journal runs.jsonl"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("command", "other", "said"),
    [
        (TRAINING, "--resume --learning-rate 0.5", "--learning-rate is 0.003 and not 0.5:"),
        (TRAINING, "--resume --optimizer sgd", "--optimizer is adamw and not sgd:"),
        (TRAINING, "--resume --schedule step:3", "--schedule is cosine and not step:3,"),
        (
            TRAINING,
            "--resume --clip-norm 2 --early-stopping 3",
            "--clip-norm is none and not 2, --early-stopping is 20",
        ),
        (TRAINING, "--resume --early-stopping never", "--early-stopping is 20 and not never:"),
        (TRAINING, "--resume --hidden 8x3", "--hidden is 4 and not 8x3,"),
        (
            TRAINING,
            "--resume --epochs 3",
            "--epochs is 2 and not 3: give what it was given, name another file, or leave",
        ),
        (TRAINING, "--resume --task counts", "--loss is cross_entropy and not poisson,"),
        (QUANTILES, "--resume --quantiles 0.2,0.8", "whose --quantiles is 0.1,0.9 and not 0.2,0.8: give"),
        (QUANTILES, "--resume --drop age", "whose sizes of all layers is (2, 4, 2) and not (1, 4, 2), "),
        (SWEEP, "--batch-size 64 --dropout 0.1", "--batch-size is 32 and not 64, --dropout is 0.3 and not 0.1:"),
        (SWEEP, "--no-standardize", "--standardize is yes and not no:"),
        (SWEEP, "--class-weight balanced", "--class-weight is no and not yes:"),
    ],
)
def test_what_differs_from_an_earlier_run_is_said_in_options(capsys, command, other, said):
    assert _remade(command, other) == 2
    errors = capsys.readouterr().err
    assert said in errors
    assert not OF_PYTHON.search(errors), errors


SCHEDULES = "step:3 step:3:0.5 exponential:0.9 cosine cosine:0.1:step flat-cosine:0.3 one-cycle warmup:5 constant "
SCHEDULES += "warmup:5+cosine:0.25 plateau:0.5:3 inverse-scaling:0.25 cosine-log:3:epoch"


@pytest.mark.parametrize("text", SCHEDULES.split())
def test_a_schedule_is_written_as_the_parser_reads_it(text):
    option = values.schedule(text)
    assert values.schedule(spelling.value("schedule", repr(option))) == option


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("average", "EMA(decay=0.9, start_epoch=0)"),
        ("halving", "Halving(factor=3, min_epochs=2)"),
        ("feature_names", "('a', 'b')"),
        ("momentum", "-0.5"),
        ("cv", "splitters[0](n_splits=3)"),
        ("schedule", "ClipNorm()"),
        ("schedule", "Warmup("),
    ],
)
def test_what_began_in_python_is_told_as_it_is_where_no_option_says_it(name, text):
    assert spelling.value(name, text) == text


def test_a_loss_is_told_by_its_name_and_by_the_parameter_that_differs():
    assert spelling.value("loss", "Huber(delta=2.0)") == "huber"
    pinball = "Pinball(quantiles=(0.1, 0.9))"
    assert spelling.parts("loss", "'mse'", pinball) == [("loss", "'mse'", pinball)]
    smooth = "CrossEntropy(label_smoothing=0.1)"
    assert spelling.parts("loss", smooth, "'cross_entropy'") == [("label_smoothing", "0.1", None)]
    assert spelling.parts("loss", "'cross_entropy'", smooth) == [("label_smoothing", None, "0.1")]


@pytest.mark.parametrize("command", ["sweep", "train", "find-learning-rate"])
def test_every_option_is_called_by_its_flag(capsys, command):
    parser = make_parser()
    options = parser.parse_args([command, "digits"])
    with pytest.raises(SystemExit):
        parser.parse_args([command, "--help"])
    flags = set(re.findall(r"(?<=  )--[a-z-]+", capsys.readouterr().out))
    told = spelling.spelling(options)
    names = filter(told.knows, vars(options).keys() | spelling.OPTION_NAMES.keys())
    assert {told.name(name) for name in names} == flags - {"--quantiles"}  # another way to give --loss


def test_outside_of_a_command_messages_speak_python():
    options = argparse.Namespace(learning_rate=None, resume=False)
    with checks.spelled_as(spelling.spelling(options)):
        assert checks.argument("learning_rate", "0.1") == "--learning-rate 0.1"
        assert checks.argument("resume", "True") == "--resume"
    assert checks.argument("learning_rate", "0.1") == "learning_rate=0.1"


def test_a_remedy_can_be_typed_as_it_is_told(capsys, folder):
    lines = [f"{'?' if row == 3 else row % 7}.5,{row % 3},{row * 0.5}" for row in range(60)]
    (folder / "mixed.csv").write_text("\n".join(['"size, in m",n,price', *lines]).replace("?.5", "?"))
    command = ["train", "mixed.csv", "--epochs", "1", "--hidden", "4"]
    assert cli.main(command) == 2
    remedies = re.findall(r"(--(?:categorical|drop) '.*?')", capsys.readouterr().err)
    assert len(remedies) == 2
    for remedy in remedies:
        assert cli.main([*command, *shlex.split(remedy)]) == 0


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("train prices.csv --features size --drop size", "column 'size' is named both as a feature and as one to drop"),
        ("train https://example.org/a.csv", "there is no file https://example.org/a.csv: check"),
    ],
)
def test_it_is_told_what_was_typed(capsys, line, said):
    assert cli.main(line.split()) == 2
    assert said in capsys.readouterr().err
