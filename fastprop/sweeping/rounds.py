"""A sweep as it goes: from rung to rung its trials in jobs, and what comes of them into the result."""

import heapq
import threading
import time

import numpy as np

from fastprop import jobs
from fastprop.sweeping.results import Record
from fastprop.sweeping.trials import Fold, Job, Trial, packs


class Rounds:
    """Trains candidates of an experiment, by rounds from rung to rung; what came of each goes into `result`."""

    def __init__(self, experiment, candidates, result, halving, keep, threads, progress):
        self._experiment, self._candidates, self._result = experiment, candidates, result
        self._halving, self._keep, self._threads, self._progress = halving, keep, threads, progress
        self._taking = threading.Lock()
        self._outcomes = {}  # of candidates on their way: those of their folds
        self._missing = None  # (candidates,): how many of their folds are still to come in the round
        self._left = 0  # how many candidates are still to come in the round
        self._best = []  # of those in the round so far, no more than may go on: a heap, the worst first
        self._most = 0  # how many may go on

    def __call__(self, numbers):
        """Train the candidates `numbers` to their end; return whether nothing broke it off."""
        table, rungs = self._result.table, len(self._result.rungs)
        for rung in range(rungs):
            if not self._climb(numbers, rung):
                table["stopped"][[number for number in self._outcomes if table["stopped"][number] == "halved"]] = (
                    "interrupted"
                )
                return False
            if rung < rungs - 1:
                chosen = self._halving.going_on(self._result.rung_costs[numbers, : rung + 1])
                numbers = numbers[chosen & (table["stopped"][numbers] == "halved")]
                self._outcomes = {number: self._outcomes[number] for number in numbers}
            if len(numbers) == 0:
                break
        return True

    def _climb(self, numbers, rung):
        """Train candidates until a rung; return whether nothing broke it off."""
        until, folds = self._result.rungs[rung], len(self._experiment.folds)
        trials = np.repeat(numbers, folds), np.tile(np.arange(folds), len(numbers))
        if rung > 0:
            going_on = [outcome.is_halved for number in numbers for outcome in self._outcomes[number]]
            trials = [each[going_on] for each in trials]
        self._missing, self._left = np.bincount(trials[0], minlength=len(self._candidates)), len(numbers)
        self._best, self._most = [], self._halving.most(len(numbers)) if self._halving is not None else 0
        together = packs(self._experiment, self._candidates, *trials, self._threads)

        def job(pack):
            pack = [self._trial(*pair) for pair in zip(*(each[pack].tolist() for each in trials))]
            return Job(self._experiment, pack, until, lambda outcomes: self._take(pack, outcomes, rung))

        for pack in {min(2, len(pack)): pack for pack in together}.values():
            job(pack).prepare()
        start = time.perf_counter()
        with jobs.ProgressBar(
            total=len(numbers), unit=" configurations", smoothing=0, disable=not self._progress
        ) as bar:
            if len(self._result.rungs) > 1:
                bar.set_description(f"until epoch {until}")
            watch = lambda: bar.update(len(numbers) - self._left - bar.n)  # noqa: E731
            whole = jobs.run(map(job, together), min(self._threads, len(together)), watch)
        self._result.seconds += time.perf_counter() - start
        return whole

    def _trial(self, number, fold):
        outcomes = self._outcomes.get(number)
        return Trial(number, fold, self._candidates[number], outcomes and outcomes[fold])

    def _take(self, trials, outcomes, rung):
        """Take in what came of trials, from any thread."""
        with self._taking:
            for trial, outcome in zip(trials, outcomes):
                of_candidate = self._outcomes.setdefault(trial.number, [None] * len(self._experiment.folds))
                of_candidate[trial.fold] = outcome
                self._missing[trial.number] -= 1
                if self._missing[trial.number] == 0:
                    self._left -= 1
                    self._settle(trial.number, rung)

    def _settle(self, number, rung):
        """Record a candidate whose folds are all there."""
        outcomes, result = self._outcomes[number], self._result
        record = Record.of(outcomes, result.criterion)
        cost = result.record(number, record, rung)
        if len(outcomes) == 1:
            result.keep(number, outcomes[0].network, self._keep)
        if record.stopped == "halved":
            self._outcomes[number] = [outcome.resting() for outcome in outcomes]
        else:
            del self._outcomes[number]
        if self._halving is not None:
            self._rank(number, cost)

    def _rank(self, number, cost):
        """See whether so many are better than a candidate that it cannot go on: then its state is not needed."""
        known = not np.isnan(cost)
        heapq.heappush(self._best, (known, -cost if known else 0.0, -number))
        if len(self._best) > self._most:
            *_, worst = heapq.heappop(self._best)
            self._outcomes.pop(-worst, None)


def train_again(experiment, candidates, result, keep, threads):
    """Keep networks of the best `keep` configurations, trained on all rows."""
    data, standardized = experiment.data, experiment.folds[0].mean is not None
    rows = np.arange(len(data.inputs))
    experiment = experiment._replace(folds=(Fold.of(data, rows, rows[:0], standardized),))

    def job(number):
        trial = Trial(number, 0, candidates[number], None)
        return Job(experiment, [trial], None, lambda outcomes: result.keep(number, outcomes[0].network, keep))

    best = [number for number in result.ranking[:keep] if result.finished[number]]
    jobs.run(map(job, best), threads, lambda: None)
