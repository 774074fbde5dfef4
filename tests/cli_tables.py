"""Tables in files, and commands that are run on them; a test file of the command line imports them by name."""

import numpy as np
import pandas
import pytest

from tests.command_line import execute

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(90, 2))
GOALS = RANDOM.poisson(2, 90)
SPECIES = np.array(["cat", "dog", "emu"])[np.digitize(X[:, 0], [-0.5, 0.5])]


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
        code, output, errors = execute(line, capsys)
        return (
            code,
            output,
            "".join(part + "\n" for part in errors.replace("\r", "\n").split("\n") if "|" not in part and part),
        )

    return run
