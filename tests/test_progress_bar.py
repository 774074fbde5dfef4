"""The progress bar: where it is shown, and that it never ends a training."""

import io
import os
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest
import tqdm.auto

import fastprop as fp
from fastprop import progress_bar
from tests.compare import assert_same_bits
from tests.processes import TIMEOUT

X = np.random.default_rng(0).normal(size=(20, 3))


def train():
    return fp.train(fp.MLP((3, 4, 1), output="identity"), X, X[:, :1], epochs=3, progress=True)


def sweep():
    return fp.sweep((3, 4, 1), X, X[:, :1], {"seed": range(3)}, epochs=3, progress=True)


def stream():
    return fp.train_stream(fp.MLP((3, 4, 1), output="identity"), [(X, X[:, :1])] * 3, loss="mse", progress=True)


class Terminal(io.StringIO):
    """A terminal to which only the first `writes` writes succeed; then they raise `error`."""

    def __init__(self, error=None, writes=0):
        super().__init__()
        self.error = error
        self.writes = writes

    def isatty(self):
        return True

    def write(self, text):
        self.writes -= 1
        if self.error is not None and self.writes < 0:
            raise self.error
        return super().write(text)


@pytest.mark.parametrize("function", [train, sweep, stream])
def test_a_terminal_shows_the_bar_and_a_log_file_does_not(function, monkeypatch, tmp_path):
    function()  # which may say that it compiles
    monkeypatch.setattr(sys, "stderr", Terminal())
    function()
    assert "3/3" in sys.stderr.getvalue()
    with open(tmp_path / "log", "w") as log:
        monkeypatch.setattr(sys, "stderr", log)
        function()
    assert (tmp_path / "log").read_text() == ""


def test_the_bar_of_a_sweep_shows_the_best_so_far(monkeypatch):
    sweep()  # which may say that it compiles
    monkeypatch.setattr(sys, "stderr", Terminal())
    result = sweep()
    assert f"best loss {result.best['loss']:.4g}: " in sys.stderr.getvalue()
    y = (X[:, 0] > 0).astype(int)
    monkeypatch.setattr(sys, "stderr", Terminal())
    result = fp.sweep(
        (3, 4, 2), X, y, {"seed": range(4)}, epochs=4, validation=0.5, score="accuracy", halving=2, progress=True
    )
    assert "until epoch 1: " in sys.stderr.getvalue()
    best = np.nanmax(-result.rung_costs)
    assert f"until epoch 4, best accuracy {best:.4g}: " in sys.stderr.getvalue()


def closed():
    stream = Terminal()
    stream.close()
    return stream


UNWRITABLE = {
    "none": lambda: None,
    "closed": closed,
    "broken from the start": lambda: Terminal(BrokenPipeError("gone")),
    "broken later": lambda: Terminal(OSError(5, "Input/output error"), writes=3),
    "of no known kind": lambda: Terminal(RuntimeError("the kernel of the notebook is gone"), writes=3),
}


@pytest.mark.parametrize("stream_of", UNWRITABLE.values(), ids=UNWRITABLE)
@pytest.mark.parametrize("function", [train, sweep, stream])
def test_a_bar_that_cannot_be_written_ends_no_training(function, stream_of, monkeypatch):
    whole = function()
    monkeypatch.setattr(sys, "stderr", stream_of())
    done = function()
    monkeypatch.undo()
    columns = ("loss",) if function is sweep else ("loss", "learning_rate")
    table = (lambda result: result.table) if function is sweep else vars
    assert_same_bits([table(done)[name] for name in columns], [table(whole)[name] for name in columns])


@pytest.mark.slow
def test_a_terminal_that_is_closed_ends_no_training():
    code = """
import numpy as np
import fastprop as fp
X = np.eye(4)
close = lambda epoch, history: epoch == 0 and print("begun", flush=True) or (epoch == 0 and input() == "no")
print(fp.train(fp.MLP((4, 2, 4)), X, X, epochs=50, progress=True, callback=close).epochs)
"""
    ours, theirs = os.openpty()
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": theirs, "text": True}
    with subprocess.Popen([sys.executable, "-c", code], **pipes, start_new_session=True) as process:
        os.close(theirs)
        assert process.stdout.readline() == "begun\n"
        os.close(ours)
        assert process.communicate("go\n", timeout=TIMEOUT)[0] == "50\n"


@pytest.mark.parametrize("method", ["__init__", "update", "close"])
def test_a_bar_that_fails_by_itself_ends_no_training(method, monkeypatch):
    """Such as the widget of a notebook whose front end is gone; the next training has a bar again."""

    class Failing(tqdm.auto.tqdm):
        def __init__(self, *arguments, **options):
            super().__init__(*arguments, **options)
            bars.append(self)
            fail_if("__init__")

        def update(self, count=1):
            fail_if("update")
            super().update(count)

        def close(self):
            if not self.disable:  # as that of a notebook
                fail_if("close")
            super().close()

    def fail_if(name):
        if name == method:
            raise RuntimeError("the front end is gone")

    whole, bars = train(), []
    monkeypatch.setattr(sys, "stderr", Terminal())
    with monkeypatch.context() as patched:
        patched.setattr(tqdm.auto, "tqdm", Failing)
        progress_bar._tqdm.cache_clear()
        done = train()
    assert_same_bits([done.loss], [whole.loss])
    assert len(bars) == 1
    written = sys.stderr.getvalue()
    train()
    assert "3/3" in sys.stderr.getvalue().removeprefix(written)


def test_a_notebook_shows_the_bar_although_its_standard_error_is_no_terminal(monkeypatch):
    train()
    shell = SimpleNamespace(config={"IPKernelApp": {}})
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: shell))
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    train()
    assert "3/3" in sys.stderr.getvalue()  # a bar of text, because there is no IPython to draw a widget
