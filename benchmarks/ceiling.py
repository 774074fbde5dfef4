"""Measures how many configurations a second a sweep can hand out and record; run ``python -m benchmarks.ceiling``.

The workers of its executor return at once, with made-up outcomes, and their time does not count. What is left is what
one process does for any number of workers: it checks configurations, makes jobs and pickles them, unpickles outcomes,
records them and ranks. The rate is that of this thread's processor time, so that other programs do not matter. The
bytes of a configuration are those of these pickles.
"""

import argparse
import pickle
import time
from concurrent.futures import Executor, Future
from unittest import mock

import numpy as np

import fastprop as fp
from fastprop.sweeping import worker_jobs
from fastprop.sweeping.endings import CODES
from fastprop.sweeping.fit_columns import FitColumns
from fastprop.sweeping.outcomes import DetachedResults
from fastprop.sweeping.workers import base

ROWS, EPOCHS = 256, 5


def made_up(experiment, jobs, this_call):
    """Return what `worker_jobs.train` does, without training: the loss of a configuration is its index."""
    indices = np.array([index for job in jobs for index in job.fits.indices], float)
    count = len(indices)
    columns = FitColumns(
        loss=indices,
        validation_loss=np.full(count, np.nan),
        epochs=np.full(count, EPOCHS),
        final_epochs=np.full(count, EPOCHS),
        seconds=np.zeros(count),
        history=np.repeat(indices[:, None], EPOCHS, axis=1),
        stopped=np.full(count, CODES["finished"]),
        score=np.full(count, np.nan),
        note=np.full(count, np.nan),
        has_problem=np.zeros(count, bool),
    )
    return worker_jobs.outcomes_of_jobs(jobs, DetachedResults(columns, experiment.criterion))


class AtOnce(Executor):
    """Does each call as it is submitted, in the calling thread, with pickles as to another process and back."""

    def __init__(self, workers):
        self._max_workers = workers
        self.calls = self.sent = self.received = 0
        self.seconds = 0.0  # in which workers would have worked

    def submit(self, function, *arguments):
        """Return the future of a call, which is done."""
        sent = pickle.dumps((function, arguments), protocol=5)
        begin = time.thread_time()
        function, arguments = pickle.loads(sent)
        received = pickle.dumps(function(*arguments), protocol=5)
        self.seconds += time.thread_time() - begin
        self.calls += 1
        self.sent += len(sent)
        self.received += len(received)
        future = Future()
        future.set_result(pickle.loads(received))
        return future


def main():
    """Print the rate, and the messages and bytes of a configuration."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.ceiling", description=__doc__.splitlines()[0])
    parser.add_argument("--configurations", type=int, default=200_000)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args()
    random = np.random.default_rng(0)
    X, y = random.random((ROWS, 2), np.float32), random.random((ROWS, 1), np.float32)
    grid = {"learning_rate": np.geomspace(1e-3, 1, arguments.configurations)}
    for _ in range(arguments.repeats):
        executor = AtOnce(arguments.workers)
        begin = time.thread_time()
        with mock.patch.object(base, "train", made_up):
            result = fp.sweep((2, 2, 1), X, y, grid, epochs=EPOCHS, loss="mse", keep=0, executor=executor)
        seconds = time.thread_time() - begin - executor.seconds
        np.testing.assert_array_equal(result.table["loss"], np.arange(arguments.configurations))
        count = arguments.configurations
        rate = f"{count / seconds:,.0f} configurations a second, {1e6 * seconds / count:.1f} µs each"
        sent = f"{executor.sent / count:.1f} bytes sent and {executor.received / count:.1f} received for each"
        print(f"{rate}; {executor.calls} calls, {sent}")


if __name__ == "__main__":
    main()
