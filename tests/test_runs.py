"""What all kinds of runs have in common, and that errors of a team's threads reach the caller."""

import gc
import threading
import time

import numpy as np
import pytest

import fastprop as fp
from fastprop.data import Dataset, Split
from fastprop.kernels import epochs, team
from fastprop.runs import STREAMS, KernelRun, LBFGSRun, ReferenceRun, Run, TrainingOptions, kernel_team, new_run
from fastprop.runs.history import stop_reason
from tests.compare import assert_same_bits
from tests.problems import noise

X, Y, _ = noise()
KINDS = {
    KernelRun: ("kernels", fp.SGD(0.1)),
    ReferenceRun: ("reference", fp.SGD(0.1)),
    LBFGSRun: ("kernels", fp.LBFGS()),
}


def made(kind, **options):
    """A run of a kind, on data of its own."""
    network = fp.MLP((5, 8, 3), output="identity", seed=1, dtype="float64")
    data = Dataset.of(X, Y, network, "mse")
    if kind in STREAMS.values():
        run = kind(network, TrainingOptions(epochs=1, loss="mse"), 1)
        run.take(data)
        return run
    backend, optimizer = KINDS[kind]
    rows = np.arange(len(X))
    options = TrainingOptions(**{"epochs": 4, "loss": "mse", "optimizer": optimizer} | options)
    return new_run(backend, [network], Split(data, rows[:150], data, rows[150:]), [options])


# ---- one protocol ----


@pytest.mark.parametrize("kind", [*KINDS, *STREAMS.values()])
def test_each_kind_of_run_has_the_same_members(kind):
    run = made(kind)
    assert type(run) is kind
    assert isinstance(run, Run)
    run.prepare()
    run()
    assert run.history is run.histories[0] or vars(run.history).keys() == vars(run.histories[0]).keys()
    assert (len(run.histories), run.history.stopped) == (1, "finished")
    assert np.isfinite(run.history.loss[: run.history.epochs]).all()
    assert run.history.epochs == len(run.history.loss) > 0


@pytest.mark.parametrize("kind", KINDS)
def test_a_run_of_each_kind_is_halved_and_goes_on_as_if_it_had_not_been(kind):
    whole, first, second = (made(kind) for _ in range(3))
    whole()
    first(until=2)
    assert (first.history.stopped, first.history.epochs, len(first.states)) == ("halved", 2, 1)
    second.go_on(first.states)
    second()
    assert (second.history.stopped, second.history.epochs) == ("finished", 4)
    assert_same_bits([second.history.loss], [whole.history.loss])


@pytest.mark.parametrize("kind", KINDS)
def test_a_run_whose_patience_ends_where_it_would_be_halved_has_ended_early(kind):
    run = made(kind, early_stopping=fp.EarlyStopping(2, minimum_improvement=1e9))
    run(until=3)
    assert (run.history.stopped, run.history.epochs) == ("early", 3)


@pytest.mark.parametrize("kind", KINDS)
def test_a_run_that_is_stopped_while_it_trains_is_interrupted(kind):
    run = made(kind, callback=lambda epoch, history: run.stop())
    run()
    assert (run.history.stopped, run.history.epochs) == ("interrupted", 1)


@pytest.mark.parametrize("epochs_done", [0, 1])
def test_a_chunk_of_a_stream_that_is_stopped_is_not_finished(epochs_done):
    run = made(STREAMS["kernels"])
    for _ in range(epochs_done):
        run()
        run.take(Dataset.of(X, Y, run.networks[0], "mse"))
    run.stop()
    run()
    assert (run.history.stopped, run.history.epochs) == ("interrupted", epochs_done)


# ---- why a run ended ----

PLAIN = {
    "called_off": False,
    "ended": "",
    "done": 3,
    "epochs": 9,
    "stop_requested": False,
    "time_is_over": False,
    "until": 9,
}
REASONS = [
    ({}, "finished"),  # of a run that is under way
    ({"done": 9}, "finished"),
    ({"until": 3}, "halved"),
    ({"stop_requested": True, "until": 3}, "interrupted"),
    ({"time_is_over": True, "until": 3}, "out of time"),
    ({"time_is_over": True, "done": 9}, "finished"),
    ({"ended": "early", "stop_requested": True, "until": 3}, "early"),
    ({"ended": "converged", "stop_requested": True}, "converged"),
    ({"ended": "early", "done": 9}, "finished"),
    ({"ended": "converged", "done": 9}, "finished"),
    ({"stop_requested": True, "done": 9}, "finished"),
    ({"ended": "diverged", "done": 9}, "diverged"),
    ({"ended": "diverged", "stop_requested": True}, "diverged"),
    ({"called_off": True, "ended": "early", "stop_requested": True}, "callback"),
    ({"called_off": True, "done": 9}, "callback"),
]


@pytest.mark.parametrize(("facts", "reason"), REASONS, ids=str)
def test_the_reason_why_a_run_ended(facts, reason):
    assert stop_reason(**PLAIN | facts) == reason


# ---- threads that share a run ----


def trained(**options):
    network = fp.MLP((5, 70, 130, 3), output="identity", seed=1)
    return fp.train(network, X, Y, epochs=2, batch_size=203, threads=3, **options)


def error_of(call, seconds=60):
    """Return what a call raises; it runs in another thread, so that a call that never returns fails the test."""
    errors = []

    def work():
        try:
            call()
        except Exception as error:
            errors.append(error)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(seconds)
    assert not thread.is_alive(), "the call does not return"
    return errors[0]


@pytest.mark.usefixtures("threads_always_share")
@pytest.mark.parametrize("position", range(3))
def test_an_error_in_a_members_thread_is_raised_and_no_thread_is_left(position, monkeypatch):
    trained()  # compiles the kernel
    before, train = set(threading.enumerate()), epochs.train

    def failing(training):
        if training.member.position == position:
            raise ZeroDivisionError
        train(training)

    monkeypatch.setattr(epochs, "train", failing)
    assert isinstance(error_of(trained), ZeroDivisionError)
    assert set(threading.enumerate()) <= before


@pytest.mark.usefixtures("threads_always_share")
def test_a_member_that_joins_a_team_as_another_fails_returns(monkeypatch):
    """The first member had taken it in, and then went on past the round with which it was to join."""
    trained()  # compiles the kernel
    before, train = set(threading.enumerate()), epochs.train

    def failing(training):
        barrier = training.member.barrier
        if training.member.position == 2:
            raise ZeroDivisionError
        if training.member.position == 1:
            while barrier[team.ABANDONED] == 0:
                time.sleep(0.001)
            barrier[team.SIZE], barrier[team.JOINING_ROUND] = 2, barrier[team.ROUND] - 1
        train(training)

    monkeypatch.setattr(epochs, "train", failing)
    assert isinstance(error_of(trained, seconds=10), ZeroDivisionError)
    assert set(threading.enumerate()) <= before


def let_a_member_fail_to_begin(monkeypatch, error):
    """Have the thread of a second member raise an error as it begins; return what threads have been begun for."""
    thread, begun = threading.Thread, []

    class Failing(thread):
        def start(self):
            target = self._target.__qualname__
            begun.append(target)
            if target.startswith("run_members") and begun.count(target) == 2:
                raise error
            super().start()

    monkeypatch.setattr(threading, "Thread", Failing)
    return begun


@pytest.mark.usefixtures("threads_always_share")
@pytest.mark.parametrize("error", [RuntimeError("can't start new thread"), MemoryError()], ids=repr)
def test_where_the_system_gives_no_thread_a_run_goes_on_with_fewer_and_other_errors_are_raised(error, monkeypatch):
    trained()  # compiles the kernel
    before = set(threading.enumerate())
    begun = let_a_member_fail_to_begin(monkeypatch, error)
    if isinstance(error, MemoryError):
        assert error_of(trained) is error
    else:
        assert trained().stopped == "finished"
    assert begun.count("run_members.<locals>.work") >= 2
    assert set(threading.enumerate()) <= before


@pytest.mark.usefixtures("threads_always_share")
def test_members_of_a_team_go_to_cores_of_their_own_the_first_once_the_others_have_begun(monkeypatch):
    moves = []
    monkeypatch.setattr(kernel_team, "present_core", lambda: 7)
    monkeypatch.setattr(kernel_team, "spread_over_cores", lambda index, first: moves.append((index, first)))
    trained()
    assert set(moves) == {(0, 7), (1, 7), (2, 7)}


# ---- the garbage collector ----


@pytest.mark.parametrize("collects", [True, False])
def test_compiling_leaves_the_garbage_collector_as_it_was(collects, monkeypatch):
    monkeypatch.setattr(kernel_team, "_PREPARED", set())
    seen, train = [], kernel_team.KernelTeam.train

    def look(team, until):
        seen.append(gc.isenabled())
        train(team, until)

    monkeypatch.setattr(kernel_team.KernelTeam, "train", look)
    run = made(KernelRun)
    was_enabled = gc.isenabled()
    (gc.enable if collects else gc.disable)()
    try:
        run.prepare()
        assert gc.isenabled() == collects
    finally:
        (gc.enable if was_enabled else gc.disable)()
    assert seen == [False]
