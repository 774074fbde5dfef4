"""The commands that train nothing: the exercise, facts about the machine, help and version."""

from pathlib import Path

import pytest

import fastprop as fp
from fastprop import cli


@pytest.fixture
def run(capsys):
    """Run a command line that ends well; return what it printed."""

    def run(line):
        code = cli.main(line.split())
        output, errors = capsys.readouterr()
        assert (code, errors) == (0, "")
        return output

    return run


EXERCISE = {
    "a1": "0.55724785 0.62010643",
    "a2": "0.67932855",
    "loss": "0.00042731",
    "W1 after": "0.20005555 0.40006365 0.10003333 0.30003819",
    "W2 after": "0.50050187 0.60055848",
    "b1 after": "0.10011110 0.20012730",
    "b2 after": "0.10090062",
}


def test_the_exercise_prints_every_number_on_the_way(run):
    lines = run("exercise").splitlines()
    for name, numbers in EXERCISE.items():
        assert any(line.startswith(name) and numbers in line for line in lines), name


def test_info_names_lanes_threads_peak_and_the_place_of_the_cache(run):
    facts = dict(line.split(maxsplit=1) for line in run("info").splitlines())
    assert facts["fastprop"] == fp.__version__
    assert int(facts["lanes"].split()[0]) in (1, 4, 8, 16)
    assert int(facts["threads"]) >= 1
    assert float(facts["peak"].split()[0]) > 0
    assert Path(facts["cache"]).is_dir()


def test_without_a_command_the_commands_are_listed(run):
    assert "usage: fastprop" in run("")


def test_the_version_is_printed(capsys):
    with pytest.raises(SystemExit) as exit:
        cli.main(["--version"])
    assert (exit.value.code, capsys.readouterr().out) == (0, f"fastprop {fp.__version__}\n")


@pytest.mark.parametrize(
    "line", ["--help", "sweep --help", "train --help", "predict --help", "find-learning-rate --help"]
)
def test_help_is_printed(capsys, line):
    with pytest.raises(SystemExit) as exit:
        cli.main(line.split())
    assert exit.value.code == 0
    assert "usage: fastprop" in capsys.readouterr().out
