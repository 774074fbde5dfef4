"""How many rungs a sweep trains at a time: where epochs take little time, it looks ahead, and decides afterward."""

import numpy as np

MAX_AHEAD = 8
"""How long a sweep may train past a rung, as a multiple of the time that it takes to stop there and to begin again."""


class RungPace:
    """Measures how long a stop at a rung takes, and how long an epoch.

    Parameters
    ----------
    workers : int
        How many packs train at a time.
    """

    def __init__(self, workers):
        self._workers = workers
        self._seconds_of_stop = 0.0
        self._seconds_of_epoch = None  # of a pack
        self._forget()

    def _forget(self):
        self._count = 0  # of calls of `PackRun`s to the rungs that are trained to
        self._first_begin, self._last_end = np.inf, -np.inf
        self._calls = self._kernels = 0.0  # seconds

    def rungs(self, rungs, done, packs):
        """Return the rungs to train to in one go: those of `rungs` that are near enough, and always the first.

        Parameters
        ----------
        rungs : list of int
            The epochs of the rungs to come.
        done : int
            The number of epochs that are done.
        packs : int
            How many packs are to be trained.
        """
        if self._seconds_of_epoch is None:
            return rungs[:1]
        turns = -(-packs // self._workers)
        farthest = done + MAX_AHEAD * self._seconds_of_stop / max(self._seconds_of_epoch * turns, 1e-9)
        return [rung for rung in rungs if rung <= farthest] or rungs[:1]

    def add(self, run):
        """Add how long the last call of a `PackRun` took."""
        self._count += 1
        self._first_begin, self._last_end = min(self._first_begin, run.begin), max(self._last_end, run.end)
        self._calls += run.end - run.begin
        self._kernels += run.seconds

    def learn(self, epochs, begin, end):
        """Learn from the runs that were added, which trained for some epochs between two times by `perf_counter`."""
        if self._count:
            outside_of_runs = self._first_begin - begin + end - self._last_end
            self._seconds_of_stop = outside_of_runs + (self._calls - self._kernels) / self._workers
            self._seconds_of_epoch = self._kernels / self._count / epochs
        self._forget()
