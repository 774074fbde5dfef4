"""The pool of threads: jobs, results, errors and Ctrl-C."""

import os
import signal
import threading
import time
from contextlib import closing

import pytest

from fastprop import thread_pool
from tests.processes import TIMEOUT


class Job:
    """A job that calls `work` with itself as the argument; `stop` sets `stopped`."""

    def __init__(self, work=lambda job: None):
        self.work, self.stopped, self.ran = work, threading.Event(), False

    def __call__(self):
        self.ran = True
        self.work(self)

    def stop(self):
        self.stopped.set()


def until_stopped(job):
    assert job.stopped.wait(TIMEOUT)


def fail(job):
    raise ZeroDivisionError


def nothing():
    pass


def test_jobs_run_in_order_and_are_drawn_one_by_one():
    events = []

    def draw():
        for index in range(3):
            events.append(("drawn", index))
            yield Job(lambda job, index=index: events.append(("ran", index)))

    assert thread_pool.run(draw(), 1, nothing) is True
    assert events == [(what, index) for index in range(3) for what in ("drawn", "ran")]


def test_as_many_jobs_run_at_a_time_as_there_are_threads():
    together, running, maximum = threading.Barrier(3), set(), []

    def meet(job):
        running.add(job)
        together.wait(TIMEOUT)
        maximum.append(len(running))
        together.wait(TIMEOUT)
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


def give_threads(monkeypatch, count, refusing=nothing):
    """Have the system start so many threads and no more; return those that it starts. It calls `refusing` first."""
    thread, begun = threading.Thread, []

    class Scarce(thread):
        def start(self):
            if len(begun) == count:
                refusing()
                raise RuntimeError("can't start new thread")
            super().start()
            begun.append(self)

    monkeypatch.setattr(threading, "Thread", Scarce)
    return begun


@pytest.mark.parametrize("count", [1, 2, 3])
def test_as_many_threads_as_the_system_gives_do_all_jobs(monkeypatch, count):
    begun, jobs = give_threads(monkeypatch, count), [Job() for _ in range(8)]
    assert thread_pool.run(jobs, 4, nothing)
    assert all(job.ran for job in jobs)
    assert len(begun) == count
    for thread in begun:
        thread.join(TIMEOUT)
        assert not thread.is_alive()


def test_threads_that_end_before_the_system_refuses_another_are_counted(monkeypatch):
    begun = give_threads(monkeypatch, 1, refusing=lambda: begun[0].join(TIMEOUT))
    jobs = [returning(each) for each in range(8)]
    with closing(thread_pool.results(jobs, 2)) as batches:
        assert sorted(flat(batches)) == list(range(8))


def test_threads_that_work_while_the_system_refuses_another_do_the_rest(monkeypatch):
    give_threads(monkeypatch, 1)
    is_refused = threading.Event()
    jobs = [Job(lambda job: is_refused.wait(TIMEOUT)) for _ in range(3)]
    assert thread_pool.run(jobs, 2, watch=is_refused.set)
    assert all(job.ran for job in jobs)


def test_where_the_system_gives_no_thread_it_is_said_and_no_job_is_begun(monkeypatch):
    give_threads(monkeypatch, 0)
    job = Job()
    with pytest.raises(RuntimeError, match=r"^the system starts no thread, .*: end other programs, or allow more"):
        thread_pool.run([job], 2, nothing)
    assert not job.ran


def test_an_error_while_drawing_is_raised():
    def draw():
        yield Job()
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        thread_pool.run(draw(), 2, nothing)


def test_ctrl_c_stops_the_running_jobs_and_begins_no_other():
    running, never = [Job(until_stopped), Job(until_stopped)], Job()
    pressed = []

    def press_once():
        if not pressed:
            pressed.append(True)
            raise KeyboardInterrupt

    assert thread_pool.run([*running, never], 2, press_once) is False
    assert all(job.stopped.is_set() for job in running)
    assert not never.ran


def test_watch_is_called_from_the_calling_thread_and_once_more_when_all_is_done():
    job, seen = Job(), []
    thread_pool.run([job], 1, lambda: seen.append((job.ran, threading.current_thread())))
    assert seen[-1] == (True, threading.current_thread())


# ---- results by iteration ----


def returning(value, stopped=None):
    """A job that returns a value: at once, or once it is stopped."""
    job = Job() if stopped is None else Job(until_stopped)
    call = job.__call__

    class Returning(Job):
        def __call__(self):
            call()
            return value

        def stop(self):
            job.stop()

    return Returning()


def flat(batches, into=None):
    values = [] if into is None else into
    for batch in batches:
        values += batch
    return values


def assert_no_thread_is_left(others):
    """Fail if a thread goes on that is not one of the `others`, which were there before."""
    for thread in set(threading.enumerate()) - others:
        thread.join(TIMEOUT)  # it has returned from its last job, and may be about to end
        assert not thread.is_alive()


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_what_jobs_return_comes_back_once_each(threads):
    others = set(threading.enumerate())
    values = flat(thread_pool.results(map(returning, range(50)), threads))
    assert sorted(values) == list(range(50))
    assert values == list(range(50)) or threads > 1
    assert_no_thread_is_left(others)


def test_the_caller_is_awake_about_twenty_times_a_second_when_nothing_comes():
    job, batches = returning("late", stopped=True), []
    for batch in thread_pool.results([job], 1):
        batches.append(batch)
        if len(batches) == 3:
            job.stop()
    assert batches[:3] == [[], [], []]
    assert ["late"] in batches


def test_threads_wait_with_their_results_for_a_caller_that_is_busy():
    drawn = []

    def draw():
        for value in range(100):
            drawn.append(value)
            yield returning(value)

    results = thread_pool.results(draw(), 1)
    values = list(next(results))
    threading.Event().wait(0.1)
    assert len(drawn) - len(values) <= thread_pool.UNREAD_RESULTS + 2  # one in hand, one being drawn
    assert sorted(flat(results, values)) == list(range(100))


def test_an_error_comes_after_what_all_others_returned():
    values = []
    with pytest.raises(ZeroDivisionError):
        flat(thread_pool.results([returning(1), returning(2), Job(fail), returning(3)], 1), values)
    assert values == [1, 2]


def test_a_caller_that_leaves_stops_the_running_jobs():
    others = set(threading.enumerate())
    waiting, never = Job(until_stopped), Job()
    with closing(thread_pool.results([returning(1), waiting, never], 1)) as results:
        for batch in results:
            if batch:
                break
    assert waiting.stopped.is_set() or not waiting.ran
    assert not never.ran
    assert_no_thread_is_left(others)


def test_a_caller_that_leaves_is_not_held_up_by_what_jobs_still_want_it_to_call():
    calls = []
    job = Job(lambda job: [thread_pool.in_calling_thread(calls.append, each) for each in range(5)])
    with closing(thread_pool.results([job], 1)) as results:
        while not calls:
            next(results)
    assert calls == [0]


def test_the_caller_is_awake_between_the_calls_that_jobs_ask_for_all_the_time():
    calls = []

    def call():
        calls.append(True)
        time.sleep(0.01)

    jobs = [Job(lambda job: [thread_pool.in_calling_thread(call) for _ in range(20)]) for _ in range(4)]
    with closing(thread_pool.results(jobs, 4)) as results:
        for _ in range(4):
            next(results)
    assert len(calls) <= 4 * 4  # at most those for which all threads wait, each time


@pytest.mark.usefixtures("hears_ctrl_c")
def test_ctrl_c_comes_between_results_and_after_all_that_was_running():
    running, never = returning("stopped", stopped=True), Job()
    taken_in = []

    def take_in():
        for batch in thread_pool.results([returning("first"), running, never], 1):
            if batch == ["first"]:
                signal.raise_signal(signal.SIGINT)
            taken_in.extend(batch)  # not skipped: Ctrl-C is held back

    with pytest.raises(thread_pool.Interrupted):
        take_in()
    assert taken_in == ["first", "stopped"]
    assert not never.ran
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


@pytest.mark.usefixtures("hears_ctrl_c")
@pytest.mark.parametrize("returns", [False, True], ids=["run", "results"])
def test_ctrl_c_in_a_function_of_a_job_that_is_stopped_waits_for_the_job(returns):
    def ask(job):
        assert job.stopped.wait(TIMEOUT)
        found.append(thread_pool.in_calling_thread(signal.raise_signal, signal.SIGINT))
        found.append(thread_pool.in_calling_thread(len, "which is not called any more"))

    found, jobs = [], [Job(ask), Job(fail)]
    if returns:
        with closing(thread_pool.results(jobs, 2)) as batches, pytest.raises(thread_pool.Interrupted):
            flat(batches)
    else:
        assert thread_pool.run(jobs, 2, nothing) is False
    assert found == [None, None]


@pytest.mark.usefixtures("hears_ctrl_c")
def test_ctrl_c_as_the_last_jobs_end_interrupts(monkeypatch):
    stop = thread_pool._Workers.stop

    def interrupted(workers, *held):
        signal.raise_signal(signal.SIGINT)
        return stop(workers, *held)

    monkeypatch.setattr(thread_pool._Workers, "stop", interrupted)
    job = Job()
    assert thread_pool.run([job], 1, nothing) is False
    assert job.ran


@pytest.mark.usefixtures("hears_ctrl_c")
@pytest.mark.parametrize("returns", [False, True], ids=["run", "results"])
def test_ctrl_c_amid_the_start_of_threads_stops_all_of_them(monkeypatch, returns):
    jobs, thread, begun = [Job(until_stopped) for _ in range(3)], threading.Thread, []

    class Pressed(thread):
        def start(self):
            super().start()
            begun.append(self)
            if len(begun) == 1:
                signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(threading, "Thread", Pressed)
    if returns:
        with pytest.raises(thread_pool.Interrupted):
            list(thread_pool.results(jobs, 2))
    else:
        assert thread_pool.run(jobs, 2, nothing) is False
    for each in begun:
        each.join(TIMEOUT)
        assert not each.is_alive()
    assert not jobs[2].ran


# ---- cores ----

with_cores = pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="threads cannot choose their cores here")


@with_cores
def test_a_settled_thread_may_run_where_it_could_before():
    before = os.sched_getaffinity(0)
    for index in range(2 * len(before) + 1):
        thread_pool.spread_over_cores(index)
        assert os.sched_getaffinity(0) == before


def test_threads_settle_on_the_allowed_cores_in_turn(monkeypatch):
    allowed, moves = {9, 2, 5}, []
    monkeypatch.setattr(os, "sched_getaffinity", lambda thread: set(allowed), raising=False)
    monkeypatch.setattr(os, "sched_setaffinity", lambda thread, cores: moves.append((thread, cores)), raising=False)
    for index in range(4):
        thread_pool.spread_over_cores(index)
    assert moves == [(0, cores) for core in (2, 5, 9, 2) for cores in ({core}, allowed)]


def test_cores_are_counted_from_the_first_and_around(monkeypatch):
    allowed, moves = {9, 2, 5}, []
    monkeypatch.setattr(os, "sched_getaffinity", lambda thread: set(allowed), raising=False)
    monkeypatch.setattr(os, "sched_setaffinity", lambda thread, cores: moves.append(cores), raising=False)
    for index, first in [(0, 5), (1, 5), (2, 5), (1, 9), (1, 7), (1, None)]:
        thread_pool.spread_over_cores(index, first)
    assert moves[::2] == [{5}, {9}, {2}, {2}, {5}, {5}]  # 7 is not allowed, so that the first is 2


@with_cores
def test_the_present_core_is_the_one_on_which_the_thread_may_run():
    for core in (allowed := os.sched_getaffinity(0)):
        os.sched_setaffinity(0, {core})
        try:
            assert thread_pool.present_core() == core
        finally:
            os.sched_setaffinity(0, allowed)


def test_the_present_core_is_not_known_everywhere(monkeypatch):
    monkeypatch.setattr(thread_pool, "_sched_getcpu", None)
    assert thread_pool.present_core() is None


def test_where_threads_cannot_choose_their_cores_they_stay(monkeypatch):
    monkeypatch.delattr(os, "sched_setaffinity", raising=False)
    thread_pool.spread_over_cores(1)
