"""How many rungs a sweep trains at a time: where epochs take little time, it looks ahead, and decides afterward."""

import numpy as np

SECONDS_OF_STOP = 3e-4
"""How long it takes a fit to stop at a rung and to begin again, where that was not measured."""

CYCLES_PER_SECOND = 3e9
"""Of a core, about."""

DECAY = 0.75
"""The weight of earlier rungs, at each rung, in the share of configurations that go on."""


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

    def rungs_at_once(self, to_come, done, cycles):
        """Return the rungs to train to in one go: the first of those `to_come`, as many as let the sweep end soonest.

        That is so if the same share of the configurations goes on from each rung, as it did at the last ones. A rung
        that is trained past saves a stop, but epochs after it are then trained of those as well that do not go on.

        Parameters
        ----------
        to_come : list of int
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
        shares = share ** np.arange(1, len(to_come) + 1)
        seconds = seconds_of_epoch * np.array([done, *to_come])  # until each rung, without stops
        left = np.zeros(len(seconds))  # seconds from each rung to the end
        trained_past = np.zeros(len(to_come), int)  # how many rungs are trained past from each rung on
        for rung in reversed(range(len(to_come))):
            each = seconds[rung + 1 :] - seconds[rung] + shares[: len(to_come) - rung] * left[rung + 1 :]
            trained_past[rung] = np.argmin(each)
            left[rung] = self._seconds_of_stop + each[trained_past[rung]]
        return to_come[: trained_past[0] + 1]

    def go_on(self, before, after):
        """Learn how many of the configurations at a rung have gone on."""
        self._before = DECAY * self._before + before
        self._after = DECAY * self._after + after

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
