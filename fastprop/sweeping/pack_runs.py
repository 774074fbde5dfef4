"""Runs of packs: each trains the fits of a job side by side, and goes on with those that survive a rung."""

import contextlib
import itertools
import threading
import time
from collections import defaultdict
from functools import cached_property, partial

import numpy as np

from fastprop import checks, thread_pool
from fastprop.kernels import compiler, layout, unrolled
from fastprop.metrics import INTERRUPTED, UNKNOWN
from fastprop.runs import new_run, predict, scores
from fastprop.sweeping.configuration import option_values
from fastprop.sweeping.fit_columns import FitColumns
from fastprop.sweeping.fit_states import LaneState, TakenState
from fastprop.sweeping.fits import positions_of_stored_states
from fastprop.sweeping.outcomes import DetachedOutcomes, DetachedResults, FitOutcome

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


def prepare(experiment, job):
    """Compile all that a job needs, unless this process has compiled it for such a job."""
    key = compiled_key(experiment, job.fits.configurations, job.fits.fold)
    if key not in _PREPARED:
        PackRun(experiment, job).prepare()
        _PREPARED.add(key)


def compiled_key(experiment, configurations, fold):
    """Return what is equal for packs that need the same compiled functions, of which tiny networks have some by shape.

    `configurations` are those of the fits of a pack, which train on the fold with this index.
    """
    first = configurations[0]
    prototype = experiment.prototypes[first.options.loss]
    width, rows = len(configurations), len(experiment.folds[fold].rows)
    shape = first.shape(prototype)
    functions = None
    is_tiny = layout.parameter_count(shape[0]) <= unrolled.MAX_PARAMETERS
    if is_tiny and unrolled.pays(width, first.options.epochs, rows):
        shares_rows = not first.options.shuffle or len(set(option_values(configurations, "seed"))) == 1
        functions = *shape, shares_rows, any(option_values(configurations, "dropout"))
    return experiment.backend, prototype.dtype, width > 1, first.kernel_key(prototype), functions


_PREPARED = set()
"""The `compiled_key` of packs for which `prepare` has compiled all that they need."""


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


def prepare_worker(experiment, jobs, this_call):
    """Compile all that jobs need in a worker of an executor; return a list that has True for each.

    `this_call` is not asked whether the sweep is over, as a kernel cannot be compiled by half. It is an argument of all
    functions that `ExecutorWorkers.results` has workers call.
    """
    with _PREPARING:
        for job in jobs:
            prepare(experiment, job)
    return [True] * len(jobs)


def train(experiment, jobs, this_call):
    """Train jobs of one rung in a worker of an executor; `this_call`, a `WorkerCall`, stores the states of their fits.

    Returns
    -------
    list
        For each job its `rungs`, which has the one rung, as a `PackRun` returns them; None if the sweep is over or was
        interrupted.
    """
    prepare_worker(experiment, jobs, this_call)
    for stored_states, positions in positions_of_stored_states(jobs).items():
        stored_states.load(positions)
    outcomes = []
    with contextlib.closing(thread_pool.results(_runs(experiment, jobs, this_call.is_over), 1)) as results:
        try:
            for returned in results:
                for _, rungs in returned:
                    (of_rung,) = rungs
                    outcomes += of_rung
                if this_call.is_over():
                    return [None] * len(jobs)
        except thread_pool.Interrupted:
            return [None] * len(jobs)
    PackResults.measure(outcomes)
    kept = _positions_to_keep(experiment, jobs, outcomes)
    return outcomes_of_jobs(jobs, DetachedResults.of(outcomes, experiment.criterion, kept, this_call.store))


def outcomes_of_jobs(jobs, results):
    """Return what `train` returns for jobs of one rung, from the `DetachedResults` of all their fits."""
    ends = itertools.accumulate((len(job.fits) for job in jobs), initial=0)
    return [[DetachedOutcomes(results, range(*lanes))] for lanes in itertools.pairwise(ends)]


def _runs(experiment, jobs, is_over):
    """Yield the runs of jobs in their order, until the sweep is over."""
    lanes = compiler.lanes(experiment.dtype)  # vectors may be narrower here than on the machine that made the packs
    for job in jobs:
        for first in range(0, len(job.fits), lanes):
            if is_over():
                return
            yield PackRun(experiment, job._replace(fits=job.fits[first : first + lanes]))


def _positions_to_keep(experiment, jobs, outcomes):
    """Return in ascending order the positions of those outcomes of jobs whose networks are sent back.

    They are sent because they may be kept: all after a last training, and none of folds whose networks are not kept.
    Else those are not sent that go on, because they are in the states from which they do. Of the others all are sent
    that were halved or trained on folds, and of those that ended without folds the best.
    """
    if jobs[0].is_last:
        return list(range(len(outcomes)))
    if len(experiment.folds) > 1 and not experiment.keeps_folds:
        return []
    without_state = [position for position, outcome in enumerate(outcomes) if outcome.state is None]
    if experiment.keeps_folds:
        return without_state
    ended = [position for position in without_state if not outcomes[position].is_halved]
    costs = [_cost(experiment, outcomes[position]) for position in ended]
    indices = [index for job in jobs for index in job.fits.indices]
    order = np.lexsort(([indices[position] for position in ended], costs))  # NaN comes last
    too_bad = {ended[each] for each in order[experiment.kept :]}
    return [position for position in without_state if position not in too_bad]


def _cost(experiment, outcome):
    """Return what ranks a fit, lowest for the best."""
    return experiment.score.sign * outcome.score.value if experiment.ranks_by_score else outcome.loss


_PREPARING = threading.Lock()
"""Held while a kernel is compiled, so that two threads of a process do not both compile it."""
