"""The README's Python runs as it stands."""

import re

import pytest

from tests.compare import ROOT

BLOCKS = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)


@pytest.mark.parametrize("code", BLOCKS)
def test_the_example_runs(code, capsys):
    names = {}
    exec(code, names)
    assert names["result"].best["score"] > 0.95
    assert capsys.readouterr().out
