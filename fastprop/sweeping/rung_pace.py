"""How many rungs a sweep trains at a time: where epochs take little time, it looks ahead, and decides afterward."""

WORTH = 8
"""A sweep trains past a rung for so many times the time that it takes to stop there and to begin again."""


class RungPace:
    """Measures what a stop at a rung costs, and what an epoch costs.

    Parameters
    ----------
    workers : int
        How many packs train at a time.
    """

    def __init__(self, workers):
        self._workers = workers
        self._seconds_of_stop = 0.0
        self._seconds_of_epoch = None  # of a pack

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
        farthest = done + WORTH * self._seconds_of_stop / max(self._seconds_of_epoch * turns, 1e-9)
        return [rung for rung in rungs if rung <= farthest] or rungs[:1]

    def learn(self, runs, epochs, begin, end):
        """Take in what `PackRun`s took that were trained for some epochs, between two times by `time.perf_counter`."""
        if not runs:
            return
        calls = sum(run.end - run.begin for run in runs)
        kernels = sum(run.seconds for run in runs)
        apart = min(run.begin for run in runs) - begin + end - max(run.end for run in runs)
        self._seconds_of_stop = apart + (calls - kernels) / self._workers
        self._seconds_of_epoch = kernels / len(runs) / epochs
