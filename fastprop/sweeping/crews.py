"""Who trains a sweep's packs of trials: threads of this process, or the workers of an executor."""

from fastprop import thread_pool
from fastprop.integrations.executors import Workers
from fastprop.sweeping.fits import Job, train


class ThreadBackend:
    """So many threads of this process."""

    def __init__(self, count):
        self.count = count

    def __enter__(self):
        return self

    def __exit__(self, *error):
        pass

    def prepare(self, experiment, packs, until):
        """Have all compiled that such packs need."""
        for pack in packs:
            Job(experiment, pack, until).prepare()

    def train(self, experiment, packs, until, take, watch):
        """Train packs until an epoch, `take` each with its outcomes, from any thread; see `jobs.run`."""

        def job(pack):
            return Job(experiment, pack, until, lambda outcomes: take(pack, outcomes))

        return thread_pool.run(map(job, packs), self.count, watch)


class ExecutorBackend(Workers):
    """The workers of an executor."""

    def prepare(self, experiment, packs, until):
        """Nothing is to be compiled here."""

    def train(self, experiment, packs, until, take, watch):
        """Train packs until an epoch, `take` each with its outcomes; see `Workers.run`."""

        def name(task):
            numbers = [trial.number for trial in task[0]]
            return f"configurations {min(numbers)} to {max(numbers)}" if numbers[1:] else f"configuration {numbers[0]}"

        tasks = ((pack, until) for pack in packs)
        return self.run(train, experiment, tasks, lambda task, outcomes: take(task[0], outcomes), watch, name)
