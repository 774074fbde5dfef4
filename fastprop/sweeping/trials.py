"""Trials: a candidate on the rows of a fold. Those that train together are a job, for a thread here or a worker."""

from typing import NamedTuple

import numpy as np

from fastprop import checks, scheduling
from fastprop.moments import standardization
from fastprop.network import MLP
from fastprop.options import LBFGS
from fastprop.runs import History, new_run, predict, score
from fastprop.sweeping.candidates import Candidate


class Fold(NamedTuple):
    """Some rows to train on and others to hold out, and by what the inputs are standardised, or None."""

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

    data: checks.Dataset
    held_out: checks.Dataset  # what the held-out rows are of
    folds: tuple[Fold, ...]
    likes: dict[object, MLP]  # by loss
    backend: str
    score: object  # the name of a score, or a function


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


class Trial(NamedTuple):
    """A candidate on a fold, both with their numbers, and what came of it earlier, if anything."""

    number: int
    fold: int
    candidate: Candidate
    earlier: Outcome | None


class Job:
    """Trials that train together until so many epochs are done: a job for `jobs.run`, which hands on the outcomes."""

    def __init__(self, experiment, trials, until, hand_on=lambda outcomes: None):
        self._experiment, self._fold, self._until = experiment, experiment.folds[trials[0].fold], until
        self._hand_on = hand_on
        self._networks = [self._network(trial.candidate) for trial in trials]
        self._run = self._new_run(self._networks, [trial.candidate.setting for trial in trials])
        if trials[0].earlier is not None and trials[0].earlier.state is not None:
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
        scores = [self._score(network) for network in self._networks]
        return [Outcome(*each) for each in zip(histories, scores, self._networks, states)]

    def _network(self, candidate):
        network = candidate.network(self._experiment.likes[candidate.setting.loss])
        if self._fold.mean is not None:
            network.input_mean, network.input_scale = self._fold.mean, self._fold.scale
        return network

    def _new_run(self, networks, settings):
        experiment, fold = self._experiment, self._fold
        return new_run(
            experiment.backend, networks, experiment.data, fold.rows, experiment.held_out, fold.held_out, settings
        )

    def _score(self, network):
        return score(network, self._experiment.held_out, self._fold.held_out, self._experiment.score)


def packs(experiment, trials, threads):
    """Return lists of the numbers of those trials that train together, in the order in which they are to begin."""
    likes = experiment.likes
    if experiment.backend != "kernels" or any(isinstance(each.candidate.setting.optimizer, LBFGS) for each in trials):
        return [[number] for number in range(len(trials))]
    shapes = [(*each.candidate.shape(likes[each.candidate.setting.loss]), each.fold) for each in trials]
    return scheduling.packs(shapes, next(iter(likes.values())).dtype, threads)
