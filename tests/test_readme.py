"""The Python examples of the README run unchanged."""

import re

import pytest

from tests.processes import ROOT

BLOCKS = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)


@pytest.mark.slow
def test_the_examples_run_one_after_the_other(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = {}
    for code in BLOCKS:
        exec(code, names)
        assert capsys.readouterr().out
    assert names["result"].best["score"] > 0.95
    assert names["history"].score > 0.95
