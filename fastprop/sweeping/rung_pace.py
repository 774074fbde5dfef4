"""How many rungs a sweep trains at a time: where epochs take little time, it looks ahead, and decides afterward."""

import numpy as np

SECONDS_OF_STOP = 3e-4
"""How long it takes a fit to stop at a rung and to begin again, where that was not measured."""

CYCLES_PER_SECOND = 3e9
"""Of a core, about."""

MEMORY = 0.75
"""How much the configurations of a rung count at the next one, in the share of those that go on."""


class RungPace:
    """Measures how long a stop at a rung takes, how long an epoch, and how many configurations go on.

    Parameters
    ----------
    workers : int
        How many packs train at a time.
    """

    def __init__(self, workers):
        self._workers = workers
        self._before = 1.0  # configurations at rungs, of which the latest count most
        self._after = 1.0  # the same, of those that went on
        self._seconds_of_stop = SECONDS_OF_STOP  # for each fit
        self._seconds_of_epoch = None  # the same; None until it was measured
        self._forget()

    def _forget(self):
        self._fits = 0  # in calls of `PackRun`s to the rungs that are trained to
        self._kernels = 0.0  # seconds

    def rungs(self, rungs, done, cycles):
        """Return the rungs to train to in one go: as many of the first of `rungs` as let the sweep end the earliest.

        That is so if the same share of the configurations goes on from each rung, as it did at the last ones. A rung
        that is trained past saves a stop, but epochs after it are then trained of those as well that do not go on.

        Parameters
        ----------
        rungs : list of int
            The epochs of the rungs to come.
        done : int
            The number of epochs that are done.
        cycles : float
            How many cycles an epoch of a fit takes, if none was measured.
        """
        seconds_of_epoch = self._seconds_of_epoch
        if seconds_of_epoch is None:
            seconds_of_epoch = cycles / CYCLES_PER_SECOND / self._workers
        share = self._after / (self._before + 1)  # as if one more had been there
        shares = share ** np.arange(1, len(rungs) + 1)
        seconds = seconds_of_epoch * np.array([done, *rungs])  # until each rung, without stops
        left = np.zeros(len(seconds))  # seconds from each rung to the end
        for rung in reversed(range(len(rungs))):
            each = seconds[rung + 1 :] - seconds[rung] + shares[: len(rungs) - rung] * left[rung + 1 :]
            best = int(np.argmin(each))
            left[rung] = self._seconds_of_stop + each[best]
        return rungs[: best + 1]

    def go_on(self, before, after):
        """Learn how many of the configurations at a rung have gone on."""
        self._before = MEMORY * self._before + before
        self._after = MEMORY * self._after + after

    def add(self, job):
        """Add the last call of the `PackRun` of a job."""
        self._fits += len(job.fits)
        self._kernels += job.run.seconds

    def learn(self, epochs, seconds):
        """Learn from the runs that were added, which trained for some epochs within these seconds."""
        if self._fits:
            self._seconds_of_stop = (seconds - self._kernels / self._workers) / self._fits
            self._seconds_of_epoch = self._kernels / self._workers / self._fits / epochs
        self._forget()
