"""Ctrl-C: what it has ended is said on standard error, and a second one ends the script."""

import os
import signal
import sys
import threading

import numpy as np
import pytest

import fastprop as fp
from fastprop import interrupts
from tests.processes import output_after_interrupt, run_python

X = np.linspace(-1, 1, 24).reshape(12, 2)
Y = np.arange(12) % 2


def classifier():
    return fp.MLP((2, 3, 2), output="softmax")


def press(*arguments):
    """Do what Ctrl-C does while a function of the user runs."""
    raise KeyboardInterrupt


def train(backend):
    return fp.train(classifier(), X, Y, epochs=4, callback=press, backend=backend).stopped


def stream(backend):
    return fp.train_stream(classifier(), [(X, Y)] * 4, callback=press, backend=backend).stopped


def sweep(backend):
    grid = {"learning_rate": [0.1, 0.2]}
    return fp.sweep((2, 3, 2), X, Y, grid, epochs=1, validation=0.5, score=press, backend=backend, threads=1).history


@pytest.mark.parametrize("backend", ["kernels", "reference"])
@pytest.mark.parametrize(
    ("call", "said"),
    [
        (train, "the training after 1 of 4 epochs"),
        (stream, "the training after 1 chunks"),
        (sweep, "the sweep after 0 of 2 configurations"),
    ],
)
def test_what_ctrl_c_ended_is_said_and_a_second_one_ends_the_script(capsys, call, said, backend):
    call(backend)
    assert f"fastprop: Ctrl-C has ended {said}, and what is done is returned: " in capsys.readouterr().err
    with pytest.raises(KeyboardInterrupt):
        call(backend)
    assert "Ctrl-C" not in capsys.readouterr().err


def test_a_later_ctrl_c_in_a_script_is_a_first_one_again(capsys, monkeypatch):
    now = 100.0
    monkeypatch.setattr(interrupts.time, "monotonic", lambda: now)
    interrupts.tell("a training")
    now += interrupts.SECONDS_BETWEEN + 1
    interrupts.tell("another training")
    now += 1
    with pytest.raises(KeyboardInterrupt):
        interrupts.tell("the rest of a loop")
    assert capsys.readouterr().err.count("Ctrl-C has ended") == 2


def test_ctrl_c_in_a_part_of_a_search_ends_the_search(capsys):
    with pytest.raises(KeyboardInterrupt), interrupts.raised():
        train("kernels")
    assert capsys.readouterr().err == ""
    interrupts.tell("a training")  # which is the first


@pytest.mark.slow
def test_a_loop_of_trainings_ends_at_the_second_ctrl_c():
    script = """
import os, signal
import numpy as np
import fastprop as fp
from tests.processes import say_go, trains

def press_again(epoch, history):
    os.kill(os.getpid(), signal.SIGINT)

X, network = np.eye(4), fp.MLP((4, 4, 4), output="softmax")
say_go(ready=trains)
print(fp.train(network, X, range(4), epochs=10**9).stopped)
try:
    print(fp.train(network, X, range(4), epochs=10**9, callback=press_again).stopped)
except KeyboardInterrupt:
    print("ended")
"""
    assert output_after_interrupt(script).split() == ["interrupted", "ended"]


@pytest.mark.slow
def test_ctrl_c_while_numba_is_imported_leaves_it_usable():
    script = """
import os, signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
import fastprop as fp

class Press:
    def find_spec(self, name, *rest):
        if name == "numba.core":
            os.kill(os.getpid(), signal.SIGINT)

sys.meta_path.insert(0, Press())
try:
    fp.train
except KeyboardInterrupt:
    print("interrupted")
print(fp.train(fp.MLP((1, 1)), [[0.0]], [0.0], epochs=1).stopped)
"""
    assert run_python(script).split() == ["interrupted", "finished"]


# ---- held back ----


def reached(*steps):
    """Take steps while Ctrl-C is held back; return those that were reached, and the error that ended them, or None.

    A step is "press", "deliver", an exception to raise, or anything else, which does nothing.
    """
    done = []
    try:
        with interrupts.held() as held:
            for step in steps:
                if step == "press":
                    signal.raise_signal(signal.SIGINT)
                elif step == "deliver":
                    held.deliver()
                elif isinstance(step, BaseException):
                    raise step
                done.append(step)
    except BaseException as error:
        return done, type(error)
    return done, None


@pytest.mark.usefixtures("hears_ctrl_c")
@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        (["deliver", "a"], (["deliver", "a"], None)),
        (["press", "a", "deliver", "b"], (["press", "a"], KeyboardInterrupt)),
        (["press", "a"], (["press", "a"], KeyboardInterrupt)),  # at the end
        (["press", "a", "press", "b"], (["press", "a"], KeyboardInterrupt)),  # the second at once
        (["press", ZeroDivisionError()], (["press"], ZeroDivisionError)),  # is not hidden
    ],
    ids=str,
)
def test_ctrl_c_is_held_until_it_is_delivered(steps, expected):
    assert reached(*steps) == expected
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


class Noting:
    """A context that notes what happens in it; Ctrl-C is pressed where its end is called, and as it begins and ends."""

    def __init__(self, at):
        self.at, self.events = at, []

    def __enter__(self):
        self._note("entered")

    def __exit__(self, *error):
        self._note("left")

    def _note(self, event):
        if event == self.at:
            signal.raise_signal(signal.SIGINT)
        self.events.append(event)


@pytest.mark.usefixtures("hears_ctrl_c")
@pytest.mark.parametrize(
    ("at", "expected"),
    [
        ("entered", ["entered", "left"]),
        ("block", ["entered", "left"]),
        ("end", ["entered", "block", "left"]),
        ("left", ["entered", "block", "left"]),
    ],
)
def test_a_context_is_entered_and_left_as_a_whole(at, expected):
    context = Noting(at)

    def press(frame, event, argument):
        """Press Ctrl-C as the end of the block is called, before its first statement: a profiler is called there."""
        if at == "end" and event == "call" and frame.f_code is interrupts.around.__exit__.__code__:
            sys.setprofile(None)
            signal.raise_signal(signal.SIGINT)

    def pass_through():
        sys.setprofile(press)
        with interrupts.around(context):
            if at == "block":
                signal.raise_signal(signal.SIGINT)
            context.events.append("block")

    with pytest.raises(KeyboardInterrupt):
        pass_through()
    sys.setprofile(None)
    assert context.events == expected
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


@pytest.mark.usefixtures("hears_ctrl_c")
def test_an_error_amid_the_entry_gives_ctrl_c_its_handler_back():
    class Failing(Noting):
        def __enter__(self):
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError), interrupts.around(Failing(None)):
        raise AssertionError
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


@pytest.mark.usefixtures("hears_ctrl_c")
def test_a_handler_that_a_block_sets_stays():
    with interrupts.held():
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    assert signal.getsignal(signal.SIGINT) == signal.SIG_IGN


def test_a_handler_of_ones_own_is_called_when_it_is_delivered():
    presses = []
    before = signal.signal(signal.SIGINT, lambda *arguments: presses.append(arguments))
    try:
        with interrupts.held() as held:
            signal.raise_signal(signal.SIGINT)
            assert presses == []
            held.deliver()
            assert len(presses) == 1
        assert len(presses) == 1
    finally:
        signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize("handler", [signal.SIG_IGN, signal.SIG_DFL])
def test_handlers_that_are_not_pythons_are_left_alone(handler):
    before = signal.signal(signal.SIGINT, handler)
    try:
        with interrupts.held():
            assert signal.getsignal(signal.SIGINT) == handler
    finally:
        signal.signal(signal.SIGINT, before)


def test_where_no_handler_can_be_set_as_in_a_subinterpreter_nothing_is_held(monkeypatch):
    def refused(*arguments):
        raise ValueError("signal only works in main thread of the main interpreter")

    before = signal.getsignal(signal.SIGINT)
    monkeypatch.setattr(interrupts, "set_handler", refused)
    with interrupts.held():
        assert signal.getsignal(signal.SIGINT) == before
    assert signal.getsignal(signal.SIGINT) == before


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="processes cannot be forked")
def test_in_a_forked_process_nothing_is_held():
    run_python("""
import os, signal
from fastprop import interrupts
signal.signal(signal.SIGINT, signal.default_int_handler)
with interrupts.held():
    child = os.fork()
    if child == 0:
        try:
            signal.raise_signal(signal.SIGINT)
        except KeyboardInterrupt:
            os._exit(7)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
""")


def test_in_another_thread_nothing_is_held():
    handlers = []

    def hold():
        with interrupts.held():
            handlers.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=hold)
    thread.start()
    thread.join()
    assert handlers == [signal.getsignal(signal.SIGINT)]
