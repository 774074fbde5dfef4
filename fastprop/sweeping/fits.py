"""Trials: a candidate on the rows of a fold. Those that train together are a job, for a thread here or a worker."""

import threading
from typing import NamedTuple

import numpy as np

from fastprop import cost_model, thread_pool
from fastprop.data import Dataset, Split, standardization
from fastprop.kernels import compiler
from fastprop.network import MLP
from fastprop.runs import History, new_run, predict, scores
from fastprop.sweeping.configurations import Candidate


class Fold(NamedTuple):
    """Some rows to train on and others to hold out, and by what the inputs are standardized, or None."""

    rows: np.ndarray
    held_out: np.ndarray
    mean: np.ndarray | None
    scale: np.ndarray | None

    @classmethod
    def of(cls, data, rows, held_out, standardize):
        """The fold of these rows of a data set; to `standardize` is fitted on the training rows."""
        fitted = standardization(data.inputs, rows, data.weights.dtype) if standardize else (None, None)
        return cls(rows, held_out, *fitted)


class Experiment(NamedTuple):
    """What all trials of a sweep share: all that a worker needs to know but the trials themselves."""

    data: Dataset
    held_out: Dataset  # what the held-out rows are of
    folds: tuple[Fold, ...]
    prototypes: dict[object, MLP]  # by loss
    backend: str
    score: object  # the name of a score, or a function

    def network(self, candidate, fold):
        """The network of a candidate as it begins on a fold."""
        network, fold = candidate.network(self.prototypes[candidate.options.loss]), self.folds[fold]
        if fold.mean is not None:
            network.input_mean, network.input_scale = fold.mean, fold.scale
        return network

    def on_all_rows(self):
        """The same with all rows to train on, and none held out."""
        rows = np.arange(len(self.data.inputs))
        return self._replace(folds=(Fold.of(self.data, rows, rows[:0], self.folds[0].mean is not None),))


class Outcome(NamedTuple):
    """What came of a trial so far."""

    history: History
    score: float
    network: MLP | None
    state: dict | None  # what it can go on from, where it was halved and not by a run that begins anew

    @property
    def is_halved(self):
        """Whether it may go on."""
        return self.history.stopped == "halved"

    def resting(self):
        """What is kept of it until it may go on: not the network, nor what its state has of the history."""
        if not self.is_halved:
            return self._replace(network=None)
        none = np.zeros(0)
        return self._replace(network=None, history=History(none, none, none, none, stopped="halved"))


class Trial(NamedTuple):
    """A candidate on a fold, both with their numbers, and what came of it earlier, if anything."""

    number: int
    fold: int
    candidate: Candidate
    earlier: Outcome | None

    @property
    def goes_on(self):
        """Whether it begins from where it came to, and not anew."""
        return self.earlier is not None and self.earlier.state is not None


class Job:
    """Trials that train together until so many epochs are done: a job for `jobs.run`, which hands on the outcomes."""

    def __init__(self, experiment, trials, until, hand_on=lambda outcomes: None):
        self.trials = trials
        self._experiment, self._fold, self._until = experiment, experiment.folds[trials[0].fold], until
        self._hand_on = hand_on
        self._networks = self._new_networks(trials)
        self._split = Split(experiment.data, self._fold.rows, experiment.held_out, self._fold.held_out)
        options_of_networks = [trial.candidate.options for trial in trials]
        self._run = new_run(experiment.backend, self._networks, self._split, options_of_networks)
        if trials[0].goes_on:
            self._run.go_on([trial.earlier.state for trial in trials])
        self.stop = self._run.stop

    def prepare(self):
        """Have all compiled that it needs."""
        self._run.prepare()
        predict(self._networks[0], self._experiment.data.inputs[:1])

    def __call__(self):
        self._run(self._until)
        self._hand_on(self.outcomes())

    def outcomes(self):
        """Return the `Outcome` of each trial."""
        states, histories = self._run.states or [None] * len(self._networks), self._run.histories
        scores = self._scores()
        return [Outcome(*each) for each in zip(histories, scores, self._networks, states)]

    def _new_networks(self, trials):
        new, beginnings = {}, [trial.candidate.beginning for trial in trials]
        for trial, beginning in zip(trials, beginnings):  # to draw weights takes 60 µs, to copy them 2
            if beginning not in new:
                new[beginning] = self._experiment.network(trial.candidate, trial.fold)
        return [new[beginning].copy() for beginning in beginnings]

    def _scores(self):
        return scores(self._networks, self._split, self._experiment.score)


def train(experiment, task, is_over):
    """Train a pack of trials until an epoch, as a worker elsewhere does; return their outcomes, None if it is over."""
    (trials, until), outcomes = task, []

    def watch():
        if is_over():
            raise KeyboardInterrupt

    width = compiler.lanes(next(iter(experiment.prototypes.values())).dtype)  # this machine's vectors may be narrower
    for pack in (trials[first : first + width] for first in range(0, len(trials), width)):
        job = Job(experiment, pack, until, outcomes.extend)
        with _PREPARING:
            job.prepare()
        if not thread_pool.run([job], 1, watch):
            return None
    if len(experiment.folds) > 1:
        outcomes = [outcome._replace(network=None) for outcome in outcomes]  # of no use any more
    return outcomes


_PREPARING = threading.Lock()


def packs(experiment, candidates, numbers, folds, begun, threads):
    """Return which trials train together, in the order in which they are to begin.

    Of trial i, `numbers[i]` is the candidate, `folds[i]` the fold, and `begun[i]` 1 if it goes on from a state, else 0;
    the packs are of such i.
    """
    alone = experiment.backend != "kernels"
    tasks = [task._replace(alone=alone or task.alone) for task in candidates.tasks for _ in 2 * experiment.folds]
    kinds = (candidates.kinds[numbers] * len(experiment.folds) + folds) * 2 + begun
    dtype = next(iter(experiment.prototypes.values())).dtype
    return cost_model.packs(tasks, kinds, candidates.orders[numbers], dtype, threads)
