"""Fixtures of tests of the command line; a test file imports them by name."""

import numpy as np
import pytest

import fastprop as fp
from fastprop import cli
from tests.plain_options import plain


@pytest.fixture(autouse=True, scope="module")
def compiled():
    """The kernels, so that no test reads on stderr that they are being compiled."""
    fp.train(fp.MLP((2, 1)), [[0, 0]], [0], epochs=1)


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """A current directory with a few files."""
    random = np.random.default_rng(0)
    X = random.random((60, 2))
    lines = [f"{a},{b},{3 * a - b}" for a, b in X]
    (tmp_path / "prices.csv").write_text("\n".join(["size,age,price", *lines]))
    (tmp_path / "text.csv").write_text("size,age,price\n1,2,3\n4,old,6\n")
    (tmp_path / "empty.csv").write_text("")
    (tmp_path / "not-a-number.csv").write_text("size,price\n1,2\n1,3\nnan,5\n")
    (tmp_path / "broken.npz").write_bytes(b"PK\x03\x04 and so on")
    np.savez(tmp_path / "scalar.npz", X=np.array(3.0), y=np.arange(2))
    np.savez(tmp_path / "no-rows.npz", X=np.zeros((0, 2)), y=np.zeros(0, int))
    np.savez(tmp_path / "thousands.npz", X=X, y=(X[:, 0] * 1000).astype(int))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def execute(line, capsys):
    """Run a command line; return its exit code, and what it printed on stdout and stderr."""
    return cli.main(plain(line).split()), *capsys.readouterr()


@pytest.fixture
def run(capsys):
    """Run a command line that ends well; return what it printed."""

    def run(line):
        code, output, errors = execute(line, capsys)
        assert code == 0, errors
        return output

    return run
