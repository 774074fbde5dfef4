"""A sweep as it goes: from rung to rung its trials in jobs, and what comes of them into the result."""

import threading
import time

import numpy as np

from fastprop import thread_pool
from fastprop.sweeping.fits import Trial, packs
from fastprop.sweeping.results import Record, push_bounded


class HalvingRunner:
    """Trains candidates of an experiment, by rounds from rung to rung; what came of each goes into `result`."""

    def __init__(self, experiment, candidates, result, halving, keep, crew, progress, journal=None):
        self._experiment, self._candidates, self._result = experiment, candidates, result
        self._halving, self._keep, self._crew, self._progress = halving, keep, crew, progress
        self._journal = journal
        self._taking = threading.Lock()
        self._outcomes = {}  # of candidates on their way: those of their folds
        self._missing = None  # (candidates,): how many of their folds are still to come in the round
        self._left = 0  # how many candidates are still to come in the round
        self._best = []  # of those in the round so far, no more than may go on: a heap, see `push_bounded`
        self._survivors = 0  # how many may go on

    def __call__(self, numbers):
        """Train the candidates `numbers` to their end; return whether nothing broke it off."""
        table, rungs = self._result.table, len(self._result.rungs)
        for rung in range(rungs):
            if not self._train_to_rung(numbers, rung):
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

    def _train_to_rung(self, numbers, rung):
        """Train candidates until a rung; return whether nothing broke it off."""
        until, folds = self._result.rungs[rung], len(self._experiment.folds)
        self._best, self._survivors = [], self._halving.survivors(len(numbers)) if self._halving is not None else 0
        left = numbers
        if self._journal is not None:
            left = np.array([number for number in numbers if not self._is_recorded(number, rung)], int)
        if len(left) == 0:
            return True
        trials, begun = [np.repeat(left, folds), np.tile(np.arange(folds), len(left))], np.zeros(folds * len(left), int)
        if rung > 0:
            earlier = [outcome for number in left for outcome in self._outcomes[number]]
            going_on = [outcome is None or outcome.is_halved for outcome in earlier]
            begun = np.array([outcome is not None and outcome.state is not None for outcome in earlier], int)[going_on]
            trials = [each[going_on] for each in trials]
        self._missing, self._left = np.bincount(trials[0], minlength=len(self._candidates)), len(left)
        together = packs(self._experiment, self._candidates, *trials, begun, self._crew.count)

        def pack(places):
            return [self._trial(*pair) for pair in zip(*(each[places].tolist() for each in trials))]

        self._crew.prepare(self._experiment, map(pack, {min(2, len(each)): each for each in together}.values()), until)
        start = time.perf_counter()
        with thread_pool.ProgressBar(
            total=len(numbers), unit=" configurations", smoothing=0, disable=not self._progress
        ) as bar:
            if len(self._result.rungs) > 1:
                bar.set_description(f"until epoch {until}")

            def take(pack, outcomes):
                self._take(pack, outcomes, rung)

            def watch():
                bar.update(len(numbers) - self._left - bar.n)
                if self._journal is not None:
                    self._journal.flush()

            whole = self._crew.train(self._experiment, map(pack, together), until, take, watch)
        self._result.seconds += time.perf_counter() - start
        return whole

    def _is_recorded(self, number, rung):
        """Whether the journal says what came of a candidate until a rung: then enter it."""
        found = self._journal.take(number, rung, self._candidates.configurations[number])
        if found is None:
            return False
        record, numbers = found
        (cost,) = self._result.record([number], [record], rung)
        if numbers is not None:
            network = self._experiment.network(self._candidates[number], fold=0)
            network.flat_parameters = np.frombuffer(numbers, network.dtype)
            self._result.keep(number, network, self._keep)
        if record.stopped == "halved":
            self._outcomes[number] = [None] * len(self._experiment.folds)
        else:
            self._outcomes.pop(number, None)
        if self._halving is not None:
            self._rank(number, cost)
        return True

    def _trial(self, number, fold):
        outcomes = self._outcomes.get(number)
        return Trial(number, fold, self._candidates[number], outcomes and outcomes[fold])

    def _take(self, trials, outcomes, rung):
        """Take in what came of trials, from any thread."""
        with self._taking, np.errstate(invalid="ignore", over="ignore"):  # of what has diverged
            complete = []
            for trial, outcome in zip(trials, outcomes):
                of_candidate = self._outcomes.setdefault(trial.number, [None] * len(self._experiment.folds))
                of_candidate[trial.fold] = outcome
                self._missing[trial.number] -= 1
                if self._missing[trial.number] == 0:
                    complete.append(trial.number)
            if complete:
                self._finish_configurations(complete, rung)

    def _finish_configurations(self, numbers, rung):
        """Record candidates whose folds are all there."""
        self._left -= len(numbers)
        records = [Record.of(self._outcomes[number], self._result.criterion) for number in numbers]
        for number, record, cost in zip(numbers, records, self._result.record(numbers, records, rung)):
            outcomes = self._outcomes[number]
            kept = len(outcomes) == 1 and self._result.keep(number, outcomes[0].network, self._keep)
            if self._journal is not None and record.stopped != "interrupted":
                network = outcomes[0].network if kept else None
                self._journal.add(number, rung, self._candidates.configurations[number], record, network)
            if record.stopped == "halved":
                self._outcomes[number] = [outcome.resting() for outcome in outcomes]
            else:
                del self._outcomes[number]
            if self._halving is not None:
                self._rank(number, cost)

    def _rank(self, number, cost):
        """See whether so many are better than a candidate that it cannot go on: then its state is not needed."""
        self._outcomes.pop(push_bounded(self._best, self._survivors, cost, number), None)


def train_again(experiment, candidates, result, keep, crew):
    """Keep those networks of the best `keep` configurations that are not there, trained for it."""
    finished, networks = result.finished, result.networks
    best = [number for number in result.ranking[:keep] if finished[number] and number not in networks]

    def take(pack, outcomes):
        result.keep(pack[0].number, outcomes[0].network, keep)

    if best:
        together = [[Trial(number, 0, candidates[number], None)] for number in best]
        crew.train(experiment, together, None, take, lambda: None)
