"""Sweeps on the workers of executors have the same bits as on threads of this process, even if workers die."""

import functools
import os
import pickle
import resource
import signal
import tempfile
import threading
import time
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor

import numpy as np
import pytest

import fastprop as fp
from fastprop import thread_pool
from fastprop.kernels import compiler
from fastprop.reference import rounded_layers
from fastprop.sweeping import pack_runs, preparation, workers
from fastprop.sweeping.workers import base
from fastprop.sweeping.workers.shared_folder import SharedFolder
from fastprop.sweeping.workers.tickets import Ticket
from tests import executors
from tests.compare import assert_refused, assert_same_bits
from tests.executors import (
    ALONE,
    IN_PROCESSES,
    SPAWN,
    Dask,
    Inline,
    InlineAdapter,
    Loky,
    lowest,
    processes,
    sweep,
    threads,
)
from tests.marks import slow_except
from tests.processes import output_after_interrupt
from tests.results import assert_same_result

RANDOM = np.random.default_rng(0)
nothing_left = executors.nothing_left

SWEEPS = {
    "validation": {"keep": 3},
    "halving": {"halving": 2, "optimizer": fp.Adam(), "keep": "all", "schedule": fp.CosineDecay(), "dropout": 0.1},
    "folds": {"cv": 3, "validation": None, "keep": 2, "standardize": True},
    "halving folds": {"halving": 3, "cv": 2, "validation": None, "score": "log_loss"},
    "early folds": {"cv": 3, "validation": None, "keep": 3, "early_stopping": fp.EarlyStopping(1), "epochs": 40},
    "on the reference": {"backend": "reference", "halving": 3, "grid": {"seed": range(4)}},
    "shapes": {"grid": {"layer_sizes": [(4, 3), ALONE], "learning_rate": [0.1, 1e30]}},
    "windows, bytes, weights": {
        "X": np.lib.stride_tricks.sliding_window_view(RANDOM.integers(9, size=93).astype(np.uint8), 4),
        "sample_weight": np.linspace(1, 2, 90),
    },
}


@pytest.fixture(
    scope="module", params=slow_except([threads, *IN_PROCESSES.values()], [threads]), ids=["threads", *IN_PROCESSES]
)
def executor(request):
    with request.param() as executor:
        yield executor


# ---- the same bits ----


@pytest.mark.usefixtures("nothing_left")
@pytest.mark.parametrize("options", SWEEPS.values(), ids=SWEEPS)
def test_workers_do_what_threads_of_this_process_do(options, executor):
    assert_same_result(sweep(executor=executor, **options), sweep(**options))


def test_a_journal_goes_on_with_workers_and_without(executor, tmp_path):
    path, options = tmp_path / "runs.jsonl", {"halving": 2, "keep": 3}
    whole = sweep(journal=path, **options)
    lines = path.read_bytes().splitlines(keepends=True)
    for cut, elsewhere in [(12, executor), (17, None), (25, executor)]:
        path.write_bytes(b"".join(lines[:cut]))
        assert_same_result(sweep(journal=path, executor=elsewhere, **options), whole)
        assert sorted(path.read_bytes().splitlines()[:cut]) == sorted(line[:-1] for line in lines[:cut])


@pytest.mark.slow
def test_packs_are_cut_to_the_vectors_of_the_worker():
    narrow = "import os; os.environ['FASTPROP_LANES'] = '4'"
    with ProcessPoolExecutor(1, SPAWN, exec, (narrow,)) as executor:
        assert_same_result(sweep(executor=executor), sweep())


@pytest.mark.slow
def test_a_score_is_a_function_of_a_module_or_with_cloudpickle_any(monkeypatch):
    with processes() as executor:
        assert_same_result(sweep(executor=executor, score=lowest), sweep(score=lowest))
        monkeypatch.setitem(__import__("sys").modules, "cloudpickle", None)
        words = "give a score that is a function of a module, or install cloudpickle."
        assert_refused(TypeError, words, sweep, executor=executor, score=lambda outputs, labels: 1.0)


# ---- how many at a time ----


class Slow(Executor):
    """An executor with one thread that counts the tasks that it was given and has not done."""

    num_workers = 3

    def __init__(self):
        self._pool, self.given, self.maximum, self._counting = ThreadPoolExecutor(1), 0, 0, threading.Lock()

    def submit(self, function, *arguments):
        with self._counting:
            self.given += 1
            self.maximum = max(self.maximum, self.given)
        future = self._pool.submit(function, *arguments)
        future.add_done_callback(self._done)
        return future

    def _done(self, future):
        with self._counting:
            self.given -= 1


@pytest.mark.parametrize(("threads", "maximum"), [(None, 6), (1, 2), (40, 20)])
def test_as_many_tasks_are_under_way_as_keep_the_workers_busy(threads, maximum):
    executor = Slow()
    sweep(ALONE, executor=executor, threads=threads, epochs=1)
    assert executor.maximum == maximum


# ---- errors, and Ctrl-C ----


def fail(outputs, labels):
    raise ZeroDivisionError("in a score")


@pytest.mark.usefixtures("nothing_left")
def test_an_error_of_a_score_in_a_worker_is_told_and_the_sweep_goes_on(executor):
    with pytest.warns(RuntimeWarning, match="score 'fail' raised ZeroDivisionError: in a score at configuration"):
        result = sweep(executor=executor, score=fail)
    assert np.isnan(result.table["score"]).all()
    assert np.isfinite(result.table["validation_loss"]).all()


def test_data_that_the_disk_has_no_room_for_are_told(nothing_left):
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
    try:
        words = "the data for the executor's workers cannot be written to "
        assert_refused(OSError, words, SharedFolder, np.arange(1000.0))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


class Remembering(Inline):
    """The same, which remembers each call, and what it returned."""

    def __init__(self):
        self.calls = []

    def submit(self, function, *arguments):
        future = super().submit(function, *arguments)
        self.calls.append((function, arguments, future.result()))
        return future


def doubled_after(seconds, numbers, this_call):
    time.sleep(seconds * len(numbers))
    return [2 * number for number in numbers]


@pytest.mark.parametrize(("seconds", "tasks", "most_calls"), [(0.0005, 600, 20), (0.06, 3, 3)])
def test_short_tasks_are_done_in_few_calls_and_long_ones_each_in_its_own(seconds, tasks, most_calls):
    executor = Remembering()
    with base.ExecutorWorkers(InlineAdapter(executor)) as inline:
        found = [each for some in inline.results(doubled_after, seconds, range(tasks)) for each in some]
    assert sorted(found) == [(number, 2 * number) for number in range(tasks)]
    sizes = [len(arguments[-1].tasks) for function, arguments, _ in executor.calls if function is base.call]
    assert sum(sizes) == tasks
    assert len(sizes) <= most_calls
    assert len(sizes) == tasks or sizes[-1] < max(sizes) // 4  # at the end they are short, so that all end soon


def test_of_each_pack_the_networks_that_may_be_kept_are_sent_back(monkeypatch):
    monkeypatch.setattr(workers, "ADAPTERS", (InlineAdapter, *workers.ADAPTERS))
    executor = Remembering()
    result = sweep(executor=executor, keep=2)
    trained = [results for function, _, (results, *_) in executor.calls if function is base.call]
    packs = [outcomes for results in trained for (outcomes,) in results]
    assert [sum(outcome.network is not None for outcome in outcomes) for outcomes in packs] == [2] * len(packs)
    assert list(result.networks) == result.ranking[:2].tolist()


@pytest.mark.usefixtures("hears_ctrl_c")
def test_ctrl_c_while_data_are_written_for_the_workers_begins_no_job(monkeypatch):
    class Pressing(InlineAdapter):
        def share(self, value):
            signal.raise_signal(signal.SIGINT)
            return super().share(value)

    monkeypatch.setattr(workers, "ADAPTERS", (Pressing, *workers.ADAPTERS))
    assert set(sweep(executor=Inline()).table["stopped"]) == {"not run"}


def test_a_worker_that_hears_ctrl_c_gives_back_nothing_of_its_job(monkeypatch):
    def interrupted(jobs, threads):
        raise thread_pool.Interrupted
        yield

    monkeypatch.setattr(workers, "ADAPTERS", (InlineAdapter, *workers.ADAPTERS))
    executor = Remembering()
    sweep(executor=executor)
    function, arguments, _ = executor.calls[-1]
    assert None not in function(*arguments)[0]
    monkeypatch.setattr(thread_pool, "results", interrupted)
    assert function(*arguments)[0] == [None] * len(arguments[-1].tasks)


def test_a_worker_begins_no_job_of_a_sweep_that_is_over(monkeypatch):
    monkeypatch.setattr(workers, "ADAPTERS", (InlineAdapter, *workers.ADAPTERS))
    executor = Remembering()
    sweep(executor=executor)
    function, (version, ticket, train, parcel), _ = executor.calls[-1]
    begun = []
    monkeypatch.setattr(ticket, "is_over", lambda: True)
    monkeypatch.setattr(pack_runs.PackRun, "__call__", lambda run: begun.append(run))
    assert function(version, ticket, train, parcel)[0] == [None] * len(parcel.tasks)
    assert begun == []


@pytest.mark.parametrize(("widths", "kinds"), [(range(6, 12), 1), (range(1, 4), 3)], ids=["large", "tiny"])
def test_a_kernel_is_compiled_once_and_tiny_networks_have_functions_for_each_shape(widths, kinds, monkeypatch):
    monkeypatch.setattr(workers, "ADAPTERS", (InlineAdapter, *workers.ADAPTERS))
    monkeypatch.setattr(preparation, "_PREPARED", set())
    prepared, prepare = [], pack_runs.PackRun.prepare
    monkeypatch.setattr(pack_runs.PackRun, "prepare", lambda run: prepared.append(run) or prepare(run))
    grid = {"layer_sizes": [(4, width, 3) for width in widths], "learning_rate": [0.1, 0.2]}
    for dtype in ("float32", "float64"):
        sweep(fp.MLP((4, 3), output="softmax", dtype=dtype), grid, executor=Inline(), epochs=1)
    assert len(prepared) == sum(kinds if compiler.lanes(dtype) > 1 else 1 for dtype in ("float32", "float64"))


class TrainingBeganError(Exception):
    """Raised in place of training."""


@pytest.mark.parametrize(
    "grid",
    [
        {"precision": [None, "bfloat16"]},
        {"precision": ["bfloat16", None, "float32"], "layer_sizes": [(64, 64, 3), (64, 8, 3)]},
        {"optimizer": [fp.SGD(0.1), fp.Adam(), fp.LBFGS()]},
    ],
    ids=["precision", "layers", "all rows"],
)
@pytest.mark.parametrize("executor", [None, Inline()], ids=["threads", "executor"])
def test_before_the_time_begins_each_kernel_is_compiled_once_that_a_sweep_needs(executor, grid, monkeypatch):
    def fail_to_train(run):
        raise TrainingBeganError

    monkeypatch.setattr(workers, "ADAPTERS", (InlineAdapter, *workers.ADAPTERS))
    monkeypatch.setattr(preparation, "_PREPARED", set())
    prepared = []
    monkeypatch.setattr(pack_runs.PackRun, "prepare", lambda run: prepared.append(run.configuration(0)))
    monkeypatch.setattr(pack_runs.PackRun, "__call__", fail_to_train)
    network, X = fp.MLP((64, 64, 3), output="softmax"), np.random.default_rng(0).random((90, 64))
    with pytest.raises(TrainingBeganError):
        sweep(network, grid, X, executor=executor, epochs=1, seconds=60)
    shapes = [configuration.shape(network)[0] for configuration in prepared]
    options = [configuration.options for configuration in prepared]
    is_rounded = {any(rounded_layers(sizes, each.precision)) for sizes, each in zip(shapes, options)}
    assert is_rounded == ({False, True} if "precision" in grid else {False})
    takes_all_rows = {isinstance(each.optimizer, fp.LBFGS) for each in options}
    assert takes_all_rows == ({False, True} if "optimizer" in grid else {False})
    assert len(prepared) <= 3  # of single fits, and of packs of those that may form some


def make_no_number(outputs, labels):
    return outputs


@pytest.mark.usefixtures("nothing_left")
def test_a_score_in_a_worker_that_is_no_number_is_refused(executor):
    with pytest.raises(ValueError, match=r"score 'make_no_number' returned .* of shape \(.*\) .* at configuration"):
        sweep(executor=executor, score=make_no_number)


LACKING = "import sys; sys.modules['fastprop'] = None"
OTHER = "import fastprop.version; fastprop.version.__version__ = fastprop.__version__ = '0.0.9'"


@pytest.mark.slow
@pytest.mark.usefixtures("nothing_left")
@pytest.mark.parametrize(
    ("change", "words"),
    [
        (LACKING, f"the executor's workers have no fastprop: install version {fp.__version__} there."),
        (OTHER, f"workers have fastprop 0.0.9 but this process has {fp.__version__}: install the same there."),
    ],
    ids=["lacking", "other version"],
)
@pytest.mark.parametrize("kind", IN_PROCESSES)
def test_workers_without_this_version_are_refused(kind, change, words):
    with Dask() if kind == "dask" else _changed(kind, change) as executor:
        if kind == "dask":
            executor._client.run(exec, change)
        assert_refused(RuntimeError, words, sweep, executor=executor)


def _changed(kind, change):
    if kind == "processes":
        return ProcessPoolExecutor(1, SPAWN, exec, (change,))
    return pytest.importorskip("loky").ProcessPoolExecutor(1, initializer=exec, initargs=(change,))


def test_a_worker_that_comes_late_is_asked_for_its_version_too():
    ticket = Ticket(None)
    words = f"workers have fastprop {fp.__version__} but this process has 0.0.9: install the same there."
    assert_refused(RuntimeError, words, base.call, "0.0.9", ticket, len, ())


def test_a_worker_on_another_machine_must_see_the_folder():
    folder = SharedFolder(np.arange(3))
    folder.close()
    words = f"a worker does not see the folder {folder._path}: have TMPDIR name one that all machines share."
    assert_refused(RuntimeError, words, folder.ticket.get)


def test_large_arrays_are_mapped_from_the_folder_and_read_once():
    given = [np.arange(5001.0), np.zeros((0, 3)), np.arange(7, dtype=np.uint8), np.asfortranarray(np.eye(90))]
    folder = SharedFolder(given)
    got = folder.ticket.get()
    assert folder.ticket.get() is got
    assert_same_bits(got, given)
    assert not any(array.flags.owndata or array.flags.writeable for array in got if array.nbytes > 4096)
    assert not folder.ticket.is_over()
    folder.close()
    assert folder.ticket.is_over()
    assert_same_bits(got, given)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="processes cannot be forked")
def test_the_folder_that_a_killed_sweep_has_left_is_removed_by_the_next_one(monkeypatch, tmp_path):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    going_on = SharedFolder(np.arange(3))
    child = os.fork()
    if not child:
        SharedFolder(np.arange(4))
        os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(child, 0)
    foreign = tmp_path / "fastprop-of-others"
    foreign.mkdir()
    assert len(os.listdir(tmp_path)) == 3
    later = SharedFolder(np.arange(5))
    assert {str(path) for path in tmp_path.iterdir()} == {going_on._path, later._path, str(foreign)}
    assert_same_bits([pickle.loads(pickle.dumps(going_on.ticket)).get()], [np.arange(3)])
    for folder in going_on, later:
        folder.close()
    assert os.listdir(tmp_path) == [foreign.name]


@pytest.mark.parametrize("value", [3, "dask", ThreadPoolExecutor], ids=str)
def test_what_is_no_executor_is_refused(value):
    words = "executor must be an Executor, not"
    assert_refused(TypeError, words, sweep, executor=value)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["ThreadPoolExecutor", "ProcessPoolExecutor"])
def test_ctrl_c_gives_back_what_is_finished(kind, tmp_path):
    script = f"""
import os
import tempfile
import fastprop as fp
from concurrent.futures import {kind}
from tests.processes import ONE_DONE, say_go
X, y = fp.datasets.digits()
tempfile.tempdir = {str(tmp_path)!r}
options = {{"epochs": 60, "validation": 0.2, "progress": True}}
say_go(ONE_DONE, watching=False)
with {kind}(2) as executor:
    result = fp.sweep((64, 32, 10), X, y, {{"seed": range(4000)}}, executor=executor, **options)
print(set(result.table["stopped"]) <= {{"finished", "interrupted", "not run"}}, result.table["stopped"][-1])
print(os.listdir(tempfile.tempdir))
"""
    assert output_after_interrupt(script) == "True not run\n[]\n"


def noted(path, y, outputs):
    """A slow score, which notes in a file when it is called."""
    with open(path, "a") as file:
        file.write(f"{time.time()}\n")
    time.sleep(0.5)
    return 0.5


@pytest.mark.slow
@pytest.mark.usefixtures("hears_ctrl_c", "nothing_left")
@pytest.mark.parametrize("kind", [threads, processes, Loky])
def test_after_ctrl_c_no_worker_begins_another_slow_score(kind, tmp_path):
    path = tmp_path / "calls"

    def press():
        while not path.exists():
            time.sleep(0.01)
        signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)

    with kind() as executor:
        threading.Thread(target=press).start()
        result = sweep(grid={"seed": range(40)}, score=functools.partial(noted, path), executor=executor)
        returned = time.time()
    assert result.finished.sum() < 40
    assert all(float(line) < returned for line in path.read_text().splitlines())
