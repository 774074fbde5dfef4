"""Runs of packs: each trains the fits of a job side by side, and goes on with those that survive a rung."""

import time
from collections import defaultdict
from functools import cached_property, partial

import numpy as np

from fastprop import checks
from fastprop.metrics import INTERRUPTED, UNKNOWN
from fastprop.runs import new_run, predict, scores
from fastprop.sweeping.fit_columns import FitColumns
from fastprop.sweeping.fit_states import LaneState, TakenState
from fastprop.sweeping.outcomes import FitOutcome

BYTES_OF_FIT = 4096
"""The memory of the Python objects of a fit in a run, in bytes, about."""


class PackRun:
    """The run of a job's pack, with a fit in each lane.

    A call trains the pack and returns (job, rungs). `rungs` has for each rung that was reached an iterator of the
    `FitOutcome`s of the job's fits, which are made when they are asked for. The returned job keeps this run if a fit
    can go on; else it has none, so that the run's memory is free.

    Attributes
    ----------
    seconds : float
        How long the last call trained, in seconds; 0 before the first.
    """

    def __init__(self, experiment, job):
        self._experiment = experiment
        self._fold = job.fits.fold
        self._configurations = list(job.fits.configurations)  # one in each lane
        arrays_of_states = job.fits.arrays_of_states()
        fits = job.fits.anew() if arrays_of_states is None else job.fits
        networks = _new_networks(experiment, fits, self._configurations)
        options_of_networks = [each.options for each in self._configurations]
        split = experiment.split(self._fold)
        self._run = new_run(experiment.backend, networks, split, options_of_networks)
        if fits.go_on:
            self._run.go_on(arrays_of_states)
        self.stop = self._run.stop
        self.seconds = 0.0
        self.take(job, range(len(job.fits)))

    @classmethod
    def of(cls, experiment, job):
        """Return the run of a job: that in whose lanes its fits are, or a new one."""
        run = job.run
        if run is None:
            return cls(experiment, job)
        for fit in job.fits:
            if isinstance(fit.state, TakenState):
                run.replace(fit)
        run.take(job, [state.lane for state in job.fits.states])
        return run

    def replace(self, fit):
        """Have a fit go on in its lane from its `TakenState`; results of earlier calls do not change."""
        lane = fit.state.lane
        self._run.replace(lane, fit.state.arrays, fit.configuration.options)
        self._configurations = [*self._configurations[:lane], fit.configuration, *self._configurations[lane + 1 :]]

    def take(self, job, lanes):
        """Have the next call train a job, whose fits are in these lanes."""
        self._job = job
        self._lanes = lanes
        self._run.keep_at_rungs(job.rungs[:-1])
        self._run.deadline = None if job.deadline is None else time.monotonic() + job.deadline.seconds_left()

    @property
    def width(self):
        """The number of fits with which the run began."""
        return len(self._configurations)

    @property
    def nbytes(self):
        """The memory of the run, in bytes, about."""
        return self._run.nbytes + self.width * BYTES_OF_FIT

    def configuration(self, lane):
        """Return the configuration of the fit in a lane."""
        return self._configurations[lane]

    def network(self, lane):
        """Return a copy of the network with which the fit in a lane began, whose parameters may be any."""
        return self._run.networks[lane].copy()

    def export(self, lane):
        """Return the state, arrays by name, from which the fit in a lane goes on in another run."""
        return self._run.export(lane)

    def prepare(self):
        """Compile all that the job needs."""
        self._run.prepare()
        predict(self._run.networks[0], self._experiment.data.inputs[:1])

    def __call__(self):
        before = self._run.seconds
        self._run(self._job.rungs[-1])
        of_pack = self._experiment, self._fold, self._configurations
        *earlier, last = [PackResults(*of_pack, each) for each in self._run.trained()]
        of_rungs = [map(partial(FitOutcome, results), self._lanes) for results in earlier]
        halved = {lane for lane in self._lanes if last.stopped[lane] == "halved"}
        wanted = [lane for lane in self._lanes if self._job.measures_all or lane not in halved]
        PackResults.measure([FitOutcome(last, lane) for lane in wanted if last.lacks_score(lane)])
        self.seconds = self._run.seconds - before
        if halved and self._job.keeps_states and self._run.can_go_on:
            return self._job._replace(run=self), [*of_rungs, map(partial(self._outcome, last), self._lanes)]
        return self._job._replace(run=None), [*of_rungs, map(partial(FitOutcome, last), self._lanes)]

    def _outcome(self, results, lane):
        """Return the `FitOutcome` in a lane, which can go on if it was halved."""
        return FitOutcome(results, lane, LaneState(self, lane) if results.stopped[lane] == "halved" else None)


class PackResults:
    """What a call of a `PackRun` has led to, in the unit of the targets; later calls do not change it.

    Parameters
    ----------
    experiment : Experiment
    fold : int
        The index of the fold.
    configurations : list of Configuration
        Those of the lanes.
    trained : Trained or TrainedPack
        What `Run.trained` returned.

    Attributes
    ----------
    width : int
        The number of fits.
    stopped : list of str
        Why each fit ended.
    losses : list of float
        For each fit the loss that ranks, after the last epoch, or the one whose weights were restored.
    """

    def __init__(self, experiment, fold, configurations, trained):
        first = configurations[0]
        self._experiment = experiment
        self._fold = fold
        self._scored_together_key = fold, *first.shape(experiment.prototypes[first.options.loss])
        self._trained = trained
        self._scaling = experiment.folds[fold].scaling
        self._loss_factors = None if self._scaling is None else _loss_factors(self._scaling, configurations)
        self._networks = {}  # by lane
        self._scores = {}  # by lane, as far as they are known
        self.width = len(configurations)
        self.stopped = trained.stopped
        losses = trained.last_losses(experiment.criterion)
        if self._scaling is not None:
            losses = (losses * self._loss_factors).tolist()
        self.losses = losses

    @cached_property
    def _measured(self):
        measured = self._trained.measured(self._experiment.criterion)
        return measured if self._scaling is None else measured.times(self._loss_factors)

    def columns(self):
        """Return the `FitColumns`, in which a score is NaN that has not been measured."""
        return FitColumns.of(self._measured, self.stopped, self._scores)

    def network(self, lane):
        """Return the trained network of a fit."""
        if lane not in self._networks:
            network = self._networks[lane] = self._trained.network(lane)
            if self._scaling is not None:
                self._scaling.fold_into(network)
        return self._networks[lane]

    def score(self, lane):
        """Return the `Measurement` of a fit's score."""
        if self.lacks_score(lane):
            self.measure([FitOutcome(self, lane)])
        return self._scores.get(lane, UNKNOWN)

    def lacks_score(self, lane):
        """Return whether a score is still to be measured."""
        return lane not in self._scores and len(self._experiment.folds[self._fold].scored) > 0

    def is_interrupted(self, lane):
        """Return whether Ctrl-C has left a fit without a score."""
        return self._scores.get(lane) is INTERRUPTED

    @staticmethod
    def measure(outcomes):
        """Measure the scores of `FitOutcome`s that have none yet, at once those of one fold and one shape."""
        together = defaultdict(list)
        for outcome in outcomes:
            if outcome.results.lacks_score(outcome.lane):
                together[outcome.results._scored_together_key].append(outcome)  # noqa: SLF001 (of this class)
        for some in together.values():
            first = some[0].results
            networks = [outcome.network for outcome in some]
            scored = first._experiment.scored(first._fold)  # noqa: SLF001
            measured = scores(networks, scored, first._experiment.score)  # noqa: SLF001
            for outcome, each in zip(some, measured):
                outcome.results._scores[outcome.lane] = each  # noqa: SLF001


def _loss_factors(scaling, configurations):
    """Return by what the loss of each configuration is multiplied for the unit of the targets, an array."""
    return np.array([scaling.loss_factor(checks.loss_name(each.options.loss)) for each in configurations])


def _new_networks(experiment, fits, configurations):
    """Return the network with which each fit begins; equal ones are one and the same, because drawing takes long.

    That of a fit that goes on is not drawn again, if its run has it.
    """
    if fits.go_on:
        networks = [state.network for state in fits.states]
        if None not in networks:
            return networks
    drawn = {}
    keys = [each.initial_weights_key for each in configurations]
    for configuration, key in zip(configurations, keys):
        if key not in drawn:
            drawn[key] = experiment.network(configuration, fits.fold)
    return [drawn[key] for key in keys]
