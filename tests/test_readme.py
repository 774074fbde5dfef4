"""The examples of the README run unchanged: those in Python, and the commands for the shell."""

import os
import re
import subprocess
import sysconfig

import pytest

from tests.processes import ROOT

BLOCKS = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)


SHELL = re.findall(r"```sh\n(.*?)```", (ROOT / "README.md").read_text().split("### From the shell")[1], re.DOTALL)[:3]


@pytest.mark.slow
def test_the_commands_run_one_after_the_other_and_twice_in_the_same_folder(tmp_path):
    environment = os.environ | {"PATH": f"{sysconfig.get_path('scripts')}:{os.environ['PATH']}"}
    assert sum(block.count("fastprop ") for block in SHELL) == 10
    for _ in range(2):
        for block in SHELL:
            script = f"set -e\n{block}"
            done = subprocess.run(["bash", "-c", script], cwd=tmp_path, env=environment, capture_output=True, text=True)
            assert done.returncode == 0, done.stderr
    assert (tmp_path / "predictions.csv").read_text().startswith("prediction,probability_0,")


@pytest.mark.slow
def test_the_examples_run_one_after_the_other(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = {}
    for code in BLOCKS:
        exec(code, names)
        assert capsys.readouterr().out
    assert names["result"].best["score"] > 0.95
    assert names["history"].score > 0.95
