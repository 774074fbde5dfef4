"""Workers of executors that die cost what they were at, and a sweep ends as if none had; errors of jobs are raised."""

import contextlib
import glob
import os
import signal
import tempfile
from concurrent.futures import BrokenExecutor, Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor

import numpy as np
import pytest

import fastprop as fp
from fastprop.sweeping.fits import Job
from fastprop.sweeping.sweep_runner import SweepRunner
from fastprop.sweeping.workers import base, new_adapter
from fastprop.sweeping.workers.base import ExecutorWorkers
from tests import executors
from tests.compare import assert_refused
from tests.executors import ALONE, IN_PROCESSES, Dask, end_at_once, lowest, processes, sweep
from tests.results import assert_same_result

nothing_left = executors.nothing_left


class DieOnce:
    """A score that leaves a file for each call, and kills the process at one of those after so many `calls`."""

    __name__ = "lowest"

    def __init__(self, folder, calls):
        self.folder = str(folder)
        self.calls = calls

    def __call__(self, outputs, labels):
        descriptor, _ = tempfile.mkstemp(dir=self.folder, prefix="call")
        os.close(descriptor)
        if len(glob.glob(f"{self.folder}/call*")) > self.calls:
            with contextlib.suppress(FileExistsError):
                os.mkdir(f"{self.folder}/dead")
                os.kill(os.getpid(), signal.SIGKILL)
        return lowest(outputs, labels)


@pytest.mark.slow
@pytest.mark.parametrize("calls", [5, 24], ids=["at the first rung", "at the second rung"])
@pytest.mark.parametrize("new", IN_PROCESSES.values(), ids=IN_PROCESSES)
def test_a_worker_that_dies_costs_what_it_was_at(new, calls, monkeypatch, tmp_path):
    monkeypatch.setattr(base, "CALL_SECONDS", 0.0)  # each call does a single task
    with new() as executor:
        result = sweep(ALONE, executor=executor, score=DieOnce(tmp_path, calls), halving=2)
    assert_same_result(result, sweep(ALONE, score=lowest, halving=2))
    assert (tmp_path / "dead").exists()
    rungs_reached = np.isfinite(result.rung_costs).sum()
    states = calls if new is Dask else 0  # that a worker had made at the most, which dies with them
    assert len(glob.glob(f"{tmp_path}/call*")) <= rungs_reached + states + 4  # two tasks for each of two workers


@pytest.mark.slow
def test_states_that_dask_cannot_compute_again_are_trained_anew(monkeypatch):
    monkeypatch.setattr(base, "CALL_SECONDS", 0.0)
    expected, lost, anew = sweep(ALONE, halving=2), [], []
    going_on, begin_anew = SweepRunner._going_on, Job.anew

    def lose_one(runner, indices, rung):
        indices = going_on(runner, indices, rung)
        if rung == 0:
            lost.append(indices[-1])
            (outcome,) = runner._outcomes[lost[0]]
            outcome.state.stored_states.dask_future = executor._client.submit(end_at_once)
        return indices

    monkeypatch.setattr(SweepRunner, "_going_on", lose_one)
    monkeypatch.setattr(Job, "anew", lambda job: anew.extend(job.fits.indices) or begin_anew(job))
    with Dask() as executor:
        executor._client.cluster.scheduler.allowed_failures = 0
        result = sweep(ALONE, executor=executor, halving=2)
    assert anew == lost
    assert_same_result(result, expected)


def die_at_zeros(outputs, labels):
    if not outputs.any():
        os.kill(os.getpid(), signal.SIGKILL)
    return lowest(outputs, labels)


DEADLY = [{"learning_rate": 0.1}] * 7
DEADLY += [{"initialization": [np.zeros(ALONE[:2]), np.zeros(ALONE[1:])], "learning_rate": 0.0}, {"learning_rate": 0.3}]


@pytest.mark.slow
@pytest.mark.usefixtures("nothing_left")
@pytest.mark.parametrize("new", IN_PROCESSES.values(), ids=IN_PROCESSES)
def test_what_kills_its_workers_over_and_over_ends_the_sweep_in_one_sentence(new, monkeypatch):
    network = fp.MLP(ALONE, output="identity")
    with new() as executor:
        if new is Dask:
            deploy = pytest.importorskip("dask").config.get("distributed.deploy")
            monkeypatch.setitem(deploy, "lost-worker-timeout", "1 ms")  # a worker that has died is given up at once
            executor._client.cluster.scheduler.allowed_failures = 0  # each try of its own takes a new process
        words = "configuration 7 had 3 workers that died: see what they write"
        options = {"network": network, "grid": DEADLY, "loss": "mse", "executor": executor, "score": die_at_zeros}
        assert_refused(RuntimeError, words, sweep, **options)


@pytest.mark.slow
@pytest.mark.usefixtures("nothing_left")
def test_workers_that_die_as_they_start_end_the_sweep_in_one_sentence():
    with ProcessPoolExecutor(2, initializer=os._exit, initargs=(3,)) as executor:
        words = "the executor's workers die as they start: see what they write; have a script begin the sweep under if "
        assert_refused(RuntimeError, words, sweep, ALONE, executor=executor)


class DeadlyToSend:
    def __reduce__(self):
        os.kill(os.getpid(), signal.SIGKILL)


def die_of_the_result_and_then_at_once(shared, folders, this_call):
    try:
        os.mkdir(*folders)
    except FileExistsError:
        os.kill(os.getpid(), signal.SIGKILL)
    return [DeadlyToSend()]


@pytest.mark.slow
def test_a_result_that_is_lost_on_its_way_and_never_had_again_is_not_waited_for(tmp_path):
    with Dask() as executor, ExecutorWorkers(new_adapter(executor)) as dask_workers:
        executor._client.cluster.scheduler.allowed_failures = 0
        task = str(tmp_path / "dead")
        results = dask_workers.results(die_of_the_result_and_then_at_once, None, [task])
        assert_refused(RuntimeError, f"{task} had 3 workers that died", list, results)


class Breaking(Executor):
    """An executor of an unknown kind that breaks for good at its tenth task."""

    def __init__(self):
        self._calls = 0

    def submit(self, function, *arguments):
        self._calls += 1
        future = Future()
        if self._calls >= 10:
            future.set_exception(BrokenExecutor())
        else:
            future.set_result(function(*arguments))
        return future


def test_where_no_new_workers_can_be_made_the_rest_is_done_here():
    with pytest.warns(RuntimeWarning, match="a worker of Breaking died, and no new one can be made: the rest is done"):
        result = sweep(ALONE, executor=Breaking())
    assert_same_result(result, sweep(ALONE))


@pytest.mark.slow
def test_a_broken_executor_is_replaced():
    with processes() as executor:
        with pytest.raises(BrokenExecutor):
            executor.submit(end_at_once).result()
        assert_same_result(sweep(executor=executor), sweep())


# ---- errors ----


class Noting(Executor):
    """An executor that calls a function as soon as it is submitted, and has its error in the future."""

    def submit(self, function, *arguments):
        future = Future()
        try:
            future.set_result(function(*arguments))
        except Exception as error:
            future.set_exception(error)
        return future


def fail_at_odd(shared, numbers, this_call):
    for number in numbers:
        if number % 2:
            raise LookupError(number) from ZeroDivisionError()
    return [number * shared for number in numbers]


@pytest.mark.usefixtures("nothing_left")
@pytest.mark.parametrize(("tasks", "expected"), [([2, 3, 5], [(2, 20)]), ([3, 5, 2], [])])
def test_an_error_of_a_job_is_raised_after_what_ended_with_it_was_returned(tasks, expected):
    found = []
    with ExecutorWorkers(new_adapter(Noting()), count=1) as workers:
        results = workers.results(fail_at_odd, 10, tasks)
        with pytest.raises(LookupError) as caught:
            found.extend(each for some in results for each in some)
    assert caught.value.args[0] in (3, 5)
    assert isinstance(caught.value.__cause__, ZeroDivisionError)
    assert found == expected


def test_a_pool_of_threads_that_is_broken_is_replaced():
    with ThreadPoolExecutor(2, initializer=int, initargs=("no number",)) as executor:
        result = sweep(executor=executor)
    assert_same_result(result, sweep())
