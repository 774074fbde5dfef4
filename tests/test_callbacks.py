"""Callbacks and score functions run in the calling thread, and see and change the network as it is."""

import contextvars
import signal
import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import fastprop as fp
from fastprop import thread_pool
from tests.compare import assert_same_bits
from tests.problems import three_classes

X, LABELS = three_classes()
NUMBERS = X[:, 0] - X[:, 1]
RUN = contextvars.ContextVar("run", default=None)
BACKENDS = pytest.mark.parametrize("backend", ["kernels", "reference"])
OPTIMIZERS = pytest.mark.parametrize("optimizer", [fp.SGD(0.5, momentum=0.9), fp.LBFGS()], ids=str)


def new(**options):
    return fp.MLP((4, 6, 3), output="softmax", **options)


def where():
    return threading.current_thread(), RUN.get()


@pytest.fixture
def here():
    token = RUN.set("mine")
    yield where()
    RUN.reset(token)


@BACKENDS
@OPTIMIZERS
def test_a_callback_runs_in_the_calling_thread_and_its_context(backend, optimizer, here):
    database = sqlite3.connect(":memory:")  # refuses any other thread
    database.execute("create table log (epoch, loss)")
    seen = set()

    def log(epoch, history):
        seen.add(where())
        database.execute("insert into log values (?, ?)", (epoch, history.loss[epoch]))

    history = fp.train(new(), X, LABELS, epochs=4, callback=log, backend=backend, optimizer=optimizer)
    assert seen == {here}
    assert database.execute("select loss from log order by epoch").fetchall() == [(loss,) for loss in history.loss]


@BACKENDS
def test_the_callback_of_a_stream_runs_there_too(backend, here):
    seen = set()
    chunks = [(X, LABELS)] * 3
    fp.train_stream(new(), chunks, callback=lambda chunk, history: seen.add(where()), backend=backend)
    assert seen == {here}


@pytest.mark.slow
@BACKENDS
@pytest.mark.parametrize("options", [{"validation": 0.3}, {"cv": 3}, {"validation": 0.3, "halving": 2}], ids=str)
def test_a_score_is_measured_in_the_calling_thread_of_a_sweep(backend, options, here):
    seen = set()

    def score(outputs, y):
        seen.add(where())
        return float((outputs.argmax(axis=1) == y).mean())

    grid = {"learning_rate": np.geomspace(0.1, 1, 20), "seed": [0, 1]}
    result = fp.sweep((4, 6, 3), X, LABELS, grid, epochs=4, score=score, threads=2, backend=backend, **options)
    assert seen == {here}
    expected = fp.sweep((4, 6, 3), X, LABELS, grid, epochs=4, score="accuracy", backend=backend, **options)
    np.testing.assert_array_equal(result.table["score"], expected.table["score"])


def test_on_an_executor_a_score_is_measured_by_its_workers():
    names = []
    with ThreadPoolExecutor(1, thread_name_prefix="worker") as executor:
        grid, options = {"seed": [0, 1]}, {"epochs": 2, "validation": 0.3, "executor": executor}
        score = lambda outputs, y: names.append(threading.current_thread().name) or 0.0  # noqa: E731
        fp.sweep((4, 6, 3), X, LABELS, grid, score=score, **options)
    assert all(name.startswith("worker") for name in names)


@pytest.mark.parametrize(
    ("optimizer", "average"), [(fp.SGD(0.5), None), (fp.SGD(0.5), fp.EMA(0.5)), (fp.LBFGS(), None)], ids=str
)
def test_a_callback_sees_the_network_as_it_is(average, optimizer):
    seen = {}
    for backend in ("kernels", "reference"):
        network = new(dtype="float64")
        seen[backend] = []
        see = lambda epoch, history, network=network, backend=backend: seen[backend].append(network.predict(X))  # noqa: E731
        options = {"epochs": 4, "optimizer": optimizer, "average": average, "backend": backend}
        fp.train(network, X, LABELS, callback=see, **options)
        assert_same_bits(seen[backend][-1:], [network.predict(X)])
        assert not np.array_equal(*seen[backend][:2])
    np.testing.assert_allclose(seen["kernels"], seen["reference"], rtol=1e-9)


@pytest.mark.parametrize(
    "options",
    [
        {"optimizer": fp.SGD(0.5)},
        {"optimizer": fp.Adam(0.01), "early_stopping": fp.EarlyStopping(2, restore_best=False)},
        {"optimizer": fp.SGD(0.5), "average": fp.EMA(0.5)},
        {"optimizer": fp.LBFGS()},
    ],
    ids=str,
)
def test_what_a_callback_changes_counts_in_the_training_that_follows(options):
    outcomes = []
    for backend in ("kernels", "reference"):
        network = new(dtype="float64")

        def prune(epoch, history, network=network):
            if epoch == 2:
                network.weights[0][:2] = 0

        history = fp.train(network, X, LABELS, epochs=5, callback=prune, backend=backend, **options)
        outcomes.append([history.loss, *network.weights, *network.biases])
    for ours, theirs in zip(*outcomes):
        np.testing.assert_allclose(ours, theirs, rtol=1e-7, atol=1e-10)
    untouched = fp.train(new(dtype="float64"), X, LABELS, epochs=5, **options)
    assert (outcomes[0][0][4] == untouched.loss[4]) == ("average" in options)  # it changes the average alone


def test_weights_that_a_callback_leaves_alone_keep_the_digits_of_the_reference():
    with_callback, plain = new(), new()
    options = {"epochs": 5, "backend": "reference", "optimizer": fp.SGD(0.5)}
    looked = fp.train(with_callback, X, LABELS, callback=lambda epoch, history: False, **options)
    assert_same_bits([looked.loss], [fp.train(plain, X, LABELS, **options).loss])


@BACKENDS
@OPTIMIZERS
def test_an_exception_of_a_callback_ends_the_run(backend, optimizer):
    def fail(epoch, history):
        if epoch == 2:
            raise KeyError("mine")

    options = {"epochs": 50, "backend": backend, "optimizer": optimizer}
    before = set(threading.enumerate())
    with pytest.raises(KeyError, match="mine"):
        fp.train(new(), X, LABELS, callback=fail, **options)
    assert set(threading.enumerate()) <= before


@BACKENDS
def test_ctrl_c_in_a_callback_ends_the_run_after_the_epoch(backend, tmp_path):
    def press(epoch, history):
        if epoch == 2:
            signal.raise_signal(signal.SIGINT)

    options = {"epochs": 9, "backend": backend}
    network, expected = new(), new()
    history = fp.train(network, X, LABELS, callback=press, **options)
    assert (history.stopped, history.epochs) == ("interrupted", 3)
    fp.train(expected, X, LABELS, **options | {"epochs": 3})
    assert_same_bits([network.parameters], [expected.parameters])


def test_a_callback_may_train_another_network():
    losses = []

    def train_another(epoch, history):
        losses.append(fp.train(new(), X, LABELS, epochs=2, callback=lambda epoch, history: epoch == 0).epochs)

    fp.train(new(), X, LABELS, epochs=3, callback=train_another)
    assert losses == [1, 1, 1]


# ---- the pool ----


class Job:
    """A job that calls a function by `thread_pool.in_calling_thread`, and notes what it returned."""

    def __init__(self, function):
        self.function, self.stopped, self.returned = function, threading.Event(), "nothing"

    def __call__(self):
        self.returned = thread_pool.in_calling_thread(self.function)
        return self.returned

    def stop(self):
        self.stopped.set()


def test_many_jobs_have_their_functions_called_one_at_a_time():
    jobs = [Job(lambda index=index: (index, threading.current_thread())) for index in range(50)]
    assert thread_pool.run(jobs, 4, lambda: None)
    assert [job.returned for job in jobs] == [(index, threading.current_thread()) for index in range(50)]
    returned = [each for batch in thread_pool.results(jobs, 4) for each in batch]
    assert sorted(index for index, _ in returned) == list(range(50))


def test_after_ctrl_c_in_a_function_the_job_is_stopped_before_it_goes_on():
    def press():
        raise KeyboardInterrupt

    job = Job(press)
    assert thread_pool.run([job], 1, lambda: None) is False
    assert job.stopped.is_set()
    assert job.returned is None


def test_outside_of_a_pool_a_function_is_called_at_once():
    assert thread_pool.in_calling_thread(lambda value: value, 3) == 3
