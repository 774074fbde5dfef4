import os
import threading

import pytest

from fastprop import thread_pool

SPINS_BEFORE_YIELD = 5  # seconds after which a test that would hang fails


class Job:
    """Does `work` with itself; `stopped` is set by `stop`."""

    def __init__(self, work=lambda job: None):
        self.work, self.stopped, self.ran = work, threading.Event(), False

    def __call__(self):
        self.ran = True
        self.work(self)

    def stop(self):
        self.stopped.set()


def until_stopped(job):
    assert job.stopped.wait(SPINS_BEFORE_YIELD)


def fail(job):
    raise ZeroDivisionError


def nothing():
    pass


def test_jobs_run_in_order_and_are_drawn_one_by_one():
    events = []

    def draw():
        for number in range(3):
            events.append(("drawn", number))
            yield Job(lambda job, number=number: events.append(("ran", number)))

    assert thread_pool.run(draw(), 1, nothing) is True
    assert events == [(what, number) for number in range(3) for what in ("drawn", "ran")]


def test_as_many_jobs_run_at_a_time_as_there_are_threads():
    together, running, maximum = threading.Barrier(3), set(), []

    def meet(job):
        running.add(job)
        together.wait(SPINS_BEFORE_YIELD)
        maximum.append(len(running))
        together.wait(SPINS_BEFORE_YIELD)
        running.discard(job)

    assert thread_pool.run([Job(meet) for _ in range(6)], 3, nothing)
    assert maximum == [3] * 6


def test_more_threads_than_jobs_are_no_harm():
    work = [Job(), Job()]
    assert thread_pool.run(work, 8, nothing)
    assert all(job.ran for job in work)


def test_an_error_is_raised_after_the_running_jobs_were_stopped_and_no_other_was_begun():
    waiting, failing, never = Job(until_stopped), Job(fail), Job()
    with pytest.raises(ZeroDivisionError):
        thread_pool.run([waiting, failing, never], 2, nothing)
    assert waiting.stopped.is_set()
    assert not never.ran


def test_an_error_while_drawing_is_raised():
    def draw():
        yield Job()
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        thread_pool.run(draw(), 2, nothing)


def test_ctrl_c_stops_the_running_jobs_and_begins_no_other():
    running, never = [Job(until_stopped), Job(until_stopped)], Job()
    presses = iter([KeyboardInterrupt])

    def press_once():
        for press in presses:
            raise press

    assert thread_pool.run([*running, never], 2, press_once) is False
    assert all(job.stopped.is_set() for job in running)
    assert not never.ran


def test_watch_is_called_from_the_calling_thread_and_once_more_when_all_is_done():
    job, seen = Job(), []
    thread_pool.run([job], 1, lambda: seen.append((job.ran, threading.current_thread())))
    assert seen[-1] == (True, threading.current_thread())


# ---- cores ----

with_cores = pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="threads cannot choose their cores here")


@with_cores
def test_a_settled_thread_may_run_where_it_could_before():
    before = os.sched_getaffinity(0)
    for number in range(2 * len(before) + 1):
        thread_pool.spread_over_cores(number)
        assert os.sched_getaffinity(0) == before


def test_threads_settle_on_the_allowed_cores_in_turn(monkeypatch):
    allowed, moves = {9, 2, 5}, []
    monkeypatch.setattr(os, "sched_getaffinity", lambda thread: set(allowed), raising=False)
    monkeypatch.setattr(os, "sched_setaffinity", lambda thread, cores: moves.append((thread, cores)), raising=False)
    for number in range(4):
        thread_pool.spread_over_cores(number)
    assert moves == [(0, cores) for core in (2, 5, 9, 2) for cores in ({core}, allowed)]


def test_where_threads_cannot_choose_their_cores_they_stay(monkeypatch):
    monkeypatch.delattr(os, "sched_setaffinity", raising=False)
    thread_pool.spread_over_cores(1)
