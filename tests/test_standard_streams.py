"""Standard output and error that are closed, full or broken: a command trains, saves, and then complains."""

import io
import os
import subprocess
import sys

import pytest

import fastprop as fp
from fastprop import cli
from fastprop.standard_streams import Unbroken, say
from tests.processes import TIMEOUT

needs_full_device = pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no /dev/full here")

COMMANDS = {
    "train": "train digits --hidden 4 --epochs 1 --batch-size 600 --save n.safetensors",
    "sweep": "sweep digits --hidden 4 --epochs 1 --batch-size 600 --learning-rate 0.1,0.5 --save n.safetensors",
}


class Failing(io.StringIO):
    """A stream that raises at each write."""

    def __init__(self, error):
        super().__init__()
        self._error = error

    def write(self, text):
        raise self._error


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize(
    ("error", "code", "complaint"),
    [
        (OSError(28, "No space left on device"), 1, "the output could not be written: No space left on device\n"),
        (BrokenPipeError(32, "Broken pipe"), 141, None),
    ],
    ids=["full", "broken"],
)
def test_the_network_is_saved_where_output_cannot_be_written(  # as where each line is written at once
    command, error, code, complaint, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "stdout", Failing(error))
    assert cli.main(COMMANDS[command].split()) == code
    errors = capsys.readouterr().err
    assert errors.endswith(complaint) if complaint else "written" not in errors
    assert fp.load("n.safetensors").layer_sizes == (64, 4, 10)


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), BrokenPipeError(), ValueError("closed")])
def test_errors_that_cannot_be_written_end_nothing(error, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "stderr", Failing(error))
    assert cli.main(COMMANDS["train"].split()) == 0
    assert "network: n.safetensors" in capsys.readouterr().out
    assert cli.main(["train", "missing.csv"]) == 2


def test_a_stream_that_is_closed_is_none_and_nothing_is_said_elsewhere(monkeypatch, capsys):
    monkeypatch.setattr(sys, "stderr", None)
    say("nobody hears this")
    assert capsys.readouterr().out == ""


def test_of_a_stream_that_is_closed_the_error_says_so():
    stream = Unbroken(None)
    stream.write("lost")
    assert str(stream.error) == "it is closed"


def test_what_fails_once_is_not_written_again():
    stream = Unbroken(Failing(OSError("full")))
    stream.write("first")
    stream.write("second")
    stream.flush()
    assert str(stream.error) == "full"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("streams", "code", "said"),
    [
        pytest.param(">/dev/full", 1, "No space left on device", marks=needs_full_device),
        pytest.param("2>/dev/full", 0, "", marks=needs_full_device),
        pytest.param(">/dev/full 2>&1", 1, "", marks=needs_full_device),
        (">&-", 1, "the output could not be written"),
        ("2>&-", 0, ""),
        ("<&- >&- 2>&-", 1, ""),
    ],
)
@pytest.mark.parametrize("buffering", ["", "-u"])
def test_a_command_trains_and_saves_before_it_complains(tmp_path, streams, code, said, buffering):
    line = f"{sys.executable} {buffering} -m fastprop {COMMANDS['train']} {streams}"
    done = subprocess.run(["bash", "-c", line], cwd=tmp_path, capture_output=True, text=True, timeout=TIMEOUT)
    assert (done.returncode, "Traceback" in done.stderr, "Exception" in done.stderr) == (code, False, False)
    assert said in done.stderr
    assert fp.load(tmp_path / "n.safetensors").layer_sizes == (64, 4, 10)


@pytest.mark.slow
def test_a_pipe_that_is_closed_at_once_ends_quietly_with_the_network_saved(tmp_path):
    line = f"{sys.executable} -u -m fastprop {COMMANDS['train']} | true; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", line], cwd=tmp_path, capture_output=True, text=True, timeout=TIMEOUT)
    notices = [line for line in done.stderr.splitlines() if "compiling" not in line]
    assert (done.stdout, notices) == ("141\n", [])
    assert fp.load(tmp_path / "n.safetensors").layer_sizes == (64, 4, 10)
