"""Between rungs the calling process has handles of states, and the arrays stay where workers have left them."""

import errno
import gc
import glob
import os
import pickle
import signal
import tempfile
import time
from concurrent.futures import Executor, Future

import numpy as np
import pytest

import fastprop as fp
from fastprop.sweeping import sweep_runner
from fastprop.sweeping.fits import Job
from fastprop.sweeping.sweep_runner import SweepRunner
from fastprop.sweeping.time_limit import Deadline, TimeLimit
from fastprop.sweeping.workers import base, mapped_files
from fastprop.sweeping.workers.shared_folder import SharedFolder
from tests import executors
from tests.compare import assert_refused, assert_same_bits
from tests.executors import ALONE, IN_PROCESSES, processes, sweep, threads
from tests.marks import slow_except
from tests.processes import TIMEOUT, unmeasured
from tests.results import assert_same_result

nothing_left = executors.nothing_left
pytestmark = pytest.mark.usefixtures("nothing_left")

POPULATION = {
    "grid": {"learning_rate": fp.loguniform(0.01, 3), "seed": fp.integers(0, 9)},
    "samples": 12,
    "search": fp.PopulationBased(share=0.3, epochs=2),
}
KINDS = {
    "halving": {"halving": 2, "keep": 3},
    "median": {"halving": fp.MedianStopping(2), "keep": "all"},
    "large": {"network": ALONE, "halving": 3, "optimizer": fp.Adam(), "average": fp.EMA(0.9), "keep": 2},
    "early": {"halving": fp.Halving(2, 2), "early_stopping": fp.EarlyStopping(1, 0.01), "schedule": fp.CosineDecay()},
    "folds": {"cv": 2, "validation": None, "halving": 3, "standardize": True, "keep": 2},
    "population": POPULATION,
    "population of folds": POPULATION | {"cv": 2, "validation": None, "refit": False, "keep": 2},
}


def files_of_states():
    return glob.glob(f"{tempfile.gettempdir()}/fastprop-*/states-*")


class Pickling(Executor):
    """An executor that does each call at once, with pickles as to another process and back; `before` it calls this."""

    num_workers = 2

    def __init__(self, before=lambda: None):
        self.nbytes = []
        self._before = before

    def submit(self, function, *arguments):
        self._before()
        sent = pickle.dumps((function, arguments), protocol=5)
        function, arguments = pickle.loads(sent)
        received = pickle.dumps(function(*arguments), protocol=5)
        self.nbytes += [len(sent), len(received)]
        future = Future()
        future.set_result(pickle.loads(received))
        return future


# ---- the same bits ----


@pytest.mark.parametrize("options", KINDS.values(), ids=KINDS)
@pytest.mark.parametrize("new", slow_except([Pickling, *IN_PROCESSES.values()], [Pickling]))
def test_fits_go_on_from_stored_states_with_the_same_bits(new, options, monkeypatch):
    monkeypatch.setattr(base, "CALL_SECONDS", 0.005)  # a rung has several calls
    expected = sweep(**options)
    if new is Pickling:
        assert_same_result(sweep(executor=Pickling(), **options), expected)
    else:
        with new() as executor:
            assert_same_result(sweep(executor=executor, **options), expected)


@pytest.mark.parametrize("options", KINDS.values(), ids=KINDS)
def test_fits_whose_states_were_lost_begin_anew_with_the_same_bits(options, monkeypatch):
    monkeypatch.setattr(base, "CALL_SECONDS", 0.0)
    lost = []

    def lose_every_other():
        for path in sorted(files_of_states())[::2]:
            os.unlink(path)
            lost.append(path)

    assert_same_result(sweep(executor=Pickling(lose_every_other), **options), sweep(**options))
    assert lost


@pytest.mark.parametrize(
    "code", [errno.ENOENT, errno.ESTALE, errno.EMFILE, errno.EACCES, errno.ENOMEM], ids=os.strerror
)
def test_only_states_whose_file_is_gone_are_lost(code, monkeypatch):
    read = mapped_files.read
    failed = []

    def fail(path):
        if "states-" not in str(path):
            return read(path)
        failed.append(path)
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(mapped_files, "read", fail)
    if code in (errno.ENOENT, errno.ESTALE):
        assert_same_result(sweep(ALONE, executor=Pickling(), halving=2), sweep(ALONE, halving=2))
    else:
        words = f"{os.strerror(code)}: have the workers"
        assert_refused(OSError, words, sweep, ALONE, executor=Pickling(), halving=2)
    assert failed


@pytest.mark.skipif(not os.path.isdir("/dev/fd"), reason="descriptors cannot be counted")
def test_no_file_stays_open_from_which_a_state_was_read():
    folder = SharedFolder(None)
    given = {"parameters": np.arange(5000.0), "done": np.array(3)}
    several = [folder.ticket.store({3: given, 5: given}) for _ in range(9)]
    before = len(os.listdir("/dev/fd"))
    for each in several:
        each.load([3])
    got = [each.get(position) for each in several for position in (3, 5)]
    assert len(os.listdir("/dev/fd")) == before
    for each in got:
        assert_same_bits(each.values(), given.values())
    folder.close()


# ---- what the calling process has ----


def test_the_calling_process_sends_and_gets_no_arrays_of_states():
    options = {"network": (4, 20_000, 3), "grid": {"seed": range(9)}, "optimizer": fp.Adam(), "keep": 1}
    executor = Pickling()
    sweep(executor=executor, halving=3, **options)
    network = 4 * (5 * 20_000 + 3 * 20_001)  # bytes
    assert sum(nbytes > network for nbytes in executor.nbytes) == 1  # that of the last rung, which is the result
    assert sum(executor.nbytes) < 1.5 * network


@pytest.mark.slow  # it collects garbage 40 times, of all that other tests have imported
def test_states_are_stored_no_longer_than_a_fit_needs_them(monkeypatch):
    monkeypatch.setattr(base, "CALL_SECONDS", 0.0)  # each configuration has its own file
    counts = []

    def count():
        gc.collect()
        counts.append(len(files_of_states()))

    sweep(ALONE, executor=Pickling(count), halving=fp.Halving(2, min_epochs=1), epochs=8)
    ends_of_rungs = np.cumsum([1, 20, 10, 5])  # the first call asks for the version
    assert [counts[each] for each in ends_of_rungs] == [0, 10, 5, 3]
    assert max(counts) < 20


@pytest.mark.skipif(not hasattr(os, "fork"), reason="processes cannot be forked")
def test_only_the_process_that_owns_states_removes_them():
    folder = SharedFolder(None)
    states = {3: {"parameters": np.arange(5.0)}}
    stored = pickle.loads(pickle.dumps(folder.ticket)).store(states)
    copy = pickle.loads(pickle.dumps(stored))
    assert_same_bits(copy.get(3).values(), states[3].values())
    del copy
    assert len(files_of_states()) == 1
    stored.own()
    if not (child := os.fork()):
        del stored
        os._exit(0)
    os.waitpid(child, 0)
    assert len(files_of_states()) == 1
    del stored
    assert files_of_states() == []
    folder.end()
    folder.close()


@pytest.mark.slow
@pytest.mark.parametrize("in_processes", [True, False])
def test_dask_forgets_states_that_no_fit_needs(in_processes, monkeypatch):
    distributed = pytest.importorskip("distributed")
    monkeypatch.setattr(base, "CALL_SECONDS", 0.0)
    options = {"dashboard_address": ":0", "silence_logs": 50, "n_workers": 1, "threads_per_worker": 2}
    with (
        unmeasured(),
        distributed.LocalCluster(processes=in_processes, **options) as cluster,
        distributed.Client(cluster) as client,
    ):
        result = sweep(ALONE, executor=client.get_executor(), halving=2)
        assert_same_result(result, sweep(ALONE, halving=2))
        end = time.monotonic() + TIMEOUT
        while cluster.scheduler.tasks:
            assert time.monotonic() < end
            gc.collect()
            time.sleep(0.01)


def test_a_disk_without_room_for_states_is_told():
    resource = pytest.importorskip("resource")

    def fill():
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, limits[1]))  # bytes

    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        words = "the data for the executor's workers cannot be written to "
        assert_refused(OSError, words, sweep, ALONE, executor=Pickling(fill), halving=2)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


# ---- Ctrl-C, and out of time ----


def assert_networks_are_those_of_their_epochs(result):
    """Fail unless each network that a sweep of rates has kept is that of as many epochs as its row says."""
    assert result.networks
    for index, network in result.networks.items():
        row = result.table[index]
        grid = {"learning_rate": [row["learning_rate"]]}
        again = sweep(ALONE, grid, epochs=int(row["epochs"]), optimizer=fp.Adam())
        assert_same_bits([network.parameters], [again.best_network.parameters])


SAME = "epochs", "loss", "score"
"""Columns of the table in which a configuration has what it had at its rung."""

LARGE = {"network": ALONE, "optimizer": fp.Adam(), "keep": 3, "halving": fp.Halving(2, min_epochs=3)}
EVERYWHERE = pytest.mark.parametrize("new", slow_except([threads, *IN_PROCESSES.values()], [threads]))


@pytest.fixture
def ctrl_c_at_second_rung(monkeypatch, hears_ctrl_c):
    """Press Ctrl-C when calls have been submitted whose fits go on."""
    submit_all = base.ExecutorWorkers._submit_all

    def submit_and_press(workers, submit, submitted, *others):
        submit_all(workers, submit, submitted, *others)
        jobs = [task for call in submitted.values() for task in call.tasks if isinstance(task, Job)]
        if any(job.fits.go_on for job in jobs):
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(base.ExecutorWorkers, "_submit_all", submit_and_press)


@pytest.mark.usefixtures("ctrl_c_at_second_rung")
@EVERYWHERE
def test_after_ctrl_c_networks_are_had_from_stored_states(new):
    with new() as executor:
        result = sweep(executor=executor, **LARGE)
    assert "interrupted" in result.table["stopped"][list(result.networks)]
    assert_networks_are_those_of_their_epochs(result)


@pytest.mark.usefixtures("ctrl_c_at_second_rung")
def test_a_second_ctrl_c_amid_these_networks_keeps_the_result_and_those_that_are_there(monkeypatch):
    asked = []
    networks_of_folds = sweep_runner.networks_of_folds

    def press_at_the_second(*arguments):
        asked.append(arguments)
        if len(asked) == 2:
            signal.raise_signal(signal.SIGINT)
        return networks_of_folds(*arguments)

    monkeypatch.setattr(sweep_runner, "networks_of_folds", press_at_the_second)
    monkeypatch.setattr(base, "CALL_SECONDS", 0.0)  # few have ended when Ctrl-C comes
    with threads() as executor:
        result = sweep(executor=executor, **LARGE | {"keep": 10})
    assert result.is_interrupted
    assert len(asked) == 2
    assert (result.table["stopped"][list(result.networks)] == "interrupted").sum() == 1
    assert_networks_are_those_of_their_epochs(result)


@pytest.mark.usefixtures("ctrl_c_at_second_rung")
def test_after_ctrl_c_networks_that_cannot_be_read_are_told(monkeypatch):
    def fail(path):
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    networks_of_folds = sweep_runner.networks_of_folds

    def ask_without_files(*arguments):
        with monkeypatch.context() as patch:
            patch.setattr(mapped_files, "read", fail)
            return networks_of_folds(*arguments)

    monkeypatch.setattr(sweep_runner, "networks_of_folds", ask_without_files)
    with processes() as executor, pytest.warns(UserWarning, match="is not kept, because states of networks cannot be"):
        result = sweep(executor=executor, **LARGE)
    assert result.is_interrupted
    assert "interrupted" not in result.table["stopped"][list(result.networks)]


@EVERYWHERE
def test_out_of_time_networks_are_had_from_stored_states(new, monkeypatch):
    over = []
    going_on = SweepRunner._going_on
    monkeypatch.setattr(SweepRunner, "_going_on", lambda *arguments: over.append(True) or going_on(*arguments))
    monkeypatch.setattr(TimeLimit, "is_over", property(lambda limit: bool(over)))
    with new() as executor:
        result = sweep(executor=executor, seconds=1000.0, **LARGE)
    assert set(result.table["stopped"][list(result.networks)]) == {"out of time"}
    assert_networks_are_those_of_their_epochs(result)


@pytest.mark.parametrize("folds", [1, 2])
@pytest.mark.parametrize("ranked", [{}, {"score": "accuracy"}], ids=["by loss", "by score"])
def test_out_of_time_a_fit_that_has_lost_its_state_keeps_what_its_row_has(ranked, folds, monkeypatch):
    rungs, lost = [], []
    going_on = SweepRunner._going_on
    monkeypatch.setattr(SweepRunner, "_going_on", lambda *arguments: rungs.append(True) or going_on(*arguments))

    def lose_and_end():
        for path in files_of_states() if rungs else ():
            os.unlink(path)
            lost.append(path)
        if rungs:
            monkeypatch.setattr(Deadline, "seconds_left", lambda deadline: 0.0)

    options = {"cv": 2, "validation": None} if folds == 2 else {}
    options |= ranked | {"network": ALONE, "grid": {"learning_rate": [0.01, 0.1, 0.3, 1.0]}, "keep": 4}
    result = sweep(executor=Pickling(lose_and_end), seconds=1000.0, halving=fp.Halving(2, min_epochs=4), **options)
    expected = sweep(epochs=4, **options)
    assert lost
    assert set(result.table["stopped"]) <= {"halved", "out of time"}
    assert_same_bits([result.table[name] for name in SAME], [expected.table[name] for name in SAME])
    assert set(result.networks) == set(np.flatnonzero(result.table["stopped"] == "out of time"))
    for index, network in result.networks.items():
        assert_same_bits([network.parameters], [expected.networks[index].parameters])
