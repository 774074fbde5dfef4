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
from fastprop.metrics import UNKNOWN
from fastprop.runs import new_run, predict, scores
from fastprop.sweeping.outcomes import FitOutcome, TakenState

BYTES_OF_FIT = 4096
"""The memory of the Python objects of a fit in a run, in bytes, about."""


class PackRun:
    """The run of a job's pack. A call trains it, and returns the job and for each of its rungs the `FitOutcome`s.

    These are iterators, because many are not needed. There are fewer of them where all fits have ended, or were
    interrupted, before the last rung.

    Attributes
    ----------
    seconds : float
        How long the last call trained, in seconds; 0 before the first.
    """

    def __init__(self, experiment, job):
        self._experiment = experiment
        self._fits = job.fits  # one in each lane
        networks = _new_networks(experiment, job.fits)
        options_of_networks = [fit.configuration.options for fit in job.fits]
        split = experiment.split(job.fits[0].fold)
        self._run = new_run(experiment.backend, networks, split, options_of_networks)
        if job.fits[0].goes_on:
            self._run.go_on([fit.state.arrays for fit in job.fits])
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
        run.take(job, [fit.state.lane for fit in job.fits])
        return run

    def replace(self, fit):
        """Have a fit go on in its lane from its `TakenState`; results of earlier calls do not change."""
        lane = fit.state.lane
        self._run.replace(lane, fit.state.arrays, fit.configuration.options)
        self._fits = [*self._fits[:lane], fit, *self._fits[lane + 1 :]]

    def take(self, job, lanes):
        """Have the next call train a job, whose fits are in these lanes."""
        self._job = job
        self._lanes = lanes
        self._run.keep_at_rungs(job.rungs[:-1])
        self._run.deadline = None if job.deadline is None else time.monotonic() + job.deadline.seconds_left()

    @property
    def width(self):
        """The number of fits with which the run began."""
        return len(self._fits)

    @property
    def can_go_on(self):
        """Whether the run can be called again, and exports the states of its fits."""
        return self._run.can_go_on

    @property
    def nbytes(self):
        """The memory of the run, in bytes, about."""
        return self._run.nbytes + self.width * BYTES_OF_FIT

    def configuration(self, lane):
        """Return the configuration of the fit in a lane."""
        return self._fits[lane].configuration

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
        *earlier, last = [PackResults(self._experiment, self._fits, each) for each in self._run.trained()]
        of_rungs = [map(partial(FitOutcome, results), self._lanes) for results in earlier]
        outcomes = [FitOutcome(last, lane, self) for lane in self._lanes]
        last.measure([(last, each.lane) for each in outcomes if self._job.measures_all or not each.is_halved])
        self.seconds = self._run.seconds - before
        return self._job._replace(run=self), [*of_rungs, iter(outcomes)]


class PackResults:
    """What a call of a `PackRun` has led to, in the unit of the targets; later calls do not change it.

    `fits` are those of the lanes, `trained` is what `Run.trained` returned.
    """

    def __init__(self, experiment, fits, trained):
        self._experiment = experiment
        self._fits = fits
        self._trained = trained
        fold = experiment.folds[fits[0].fold]
        self._scaling = fold.scaling
        self._networks = {}  # by lane
        has_rows = len(fold.scored) > 0
        self.scores = {} if has_rows else dict.fromkeys(range(len(fits)), UNKNOWN)  # by lane, as far as they are known
        self.stopped = trained.stopped
        losses = trained.last_losses(experiment.criterion)
        if self._scaling is not None:
            losses = [loss * self._scaling.loss_factor(name) for loss, name in zip(losses, self._loss_names())]
        self.losses = losses  # for each lane the loss that ranks, after the last epoch or that of the restored weights

    def _loss_names(self):
        return [checks.loss_name(fit.configuration.options.loss) for fit in self._fits]

    @cached_property
    def measured(self):
        """What was `Measured` of each fit, a list."""
        measured = self._trained.measured(self._experiment.criterion)
        if self._scaling is None:
            return measured
        return [each.times(self._scaling.loss_factor(name)) for each, name in zip(measured, self._loss_names())]

    def network(self, lane):
        """Return the trained network of a fit."""
        if lane not in self._networks:
            network = self._networks[lane] = self._trained.network(lane)
            if self._scaling is not None:
                self._scaling.fold_into(network)
        return self._networks[lane]

    def score(self, lane):
        """Return the `Measurement` of a fit's score."""
        if lane not in self.scores:
            self.measure([(self, lane)])
        return self.scores[lane]

    @cached_property
    def _similarity(self):
        """What is equal where networks are similar, see `Predictor`, and are scored on the same rows."""
        first = self._fits[0].configuration
        return self._fits[0].fold, *first.shape(self._experiment.prototypes[first.options.loss])

    @staticmethod
    def measure(pairs):
        """Measure the scores of fits that have none yet, those of similar networks together.

        Each of `pairs` is a `PackResults` and a lane.
        """
        similar = defaultdict(list)
        for results, lane in pairs:
            if lane not in results.scores:
                similar[results._similarity].append((results, lane))  # noqa: SLF001 (of this class)
        for some in similar.values():
            first, _ = some[0]
            networks = [results.network(lane) for results, lane in some]
            scored = first._experiment.scored(first._fits[0].fold)  # noqa: SLF001
            measured = scores(networks, scored, first._experiment.score)  # noqa: SLF001
            for (results, lane), each in zip(some, measured):
                results.scores[lane] = each


def prepare(experiment, job):
    """Compile all that a job needs, unless this process has compiled it for such a job."""
    kind = _kind(experiment, job)
    if kind not in _PREPARED:
        PackRun(experiment, job).prepare()
        _PREPARED.add(kind)


def _kind(experiment, job):
    """Return what is equal for jobs that need the same compiled functions, of which tiny packs have some by shape."""
    configuration = job.fits[0].configuration
    prototype = experiment.prototypes[configuration.options.loss]
    is_pack = len(job.fits) > 1
    shape = configuration.shape(prototype)
    has_functions = is_pack and layout.parameter_count(shape[0]) <= unrolled.MAX_PARAMETERS
    takes_all_rows = configuration.options.optimizer.takes_all_rows
    return experiment.backend, prototype.dtype, is_pack, takes_all_rows, shape if has_functions else None


_PREPARED = set()
"""The kinds of jobs for which `prepare` has compiled all that they need."""


def _new_networks(experiment, fits):
    """Return the network with which each fit begins; equal ones are one and the same, because drawing takes long.

    That of a fit that goes on is not drawn again, if its run has it.
    """
    if fits[0].goes_on:
        networks = [fit.state.network for fit in fits]
        if None not in networks:
            return networks
    drawn = {}
    keys = [fit.configuration.initial_weights_key for fit in fits]
    for fit, key in zip(fits, keys):
        if key not in drawn:
            drawn[key] = experiment.network(fit.configuration, fit.fold)
    return [drawn[key] for key in keys]


def prepare_worker(experiment, jobs, is_over):
    """Compile all that jobs need in a worker of an executor; return a list that has True for each."""
    with _PREPARING:
        for job in jobs:
            prepare(experiment, job)
    return [True] * len(jobs)


def train(experiment, jobs, is_over):
    """Train jobs of one rung in a worker of an executor.

    Returns
    -------
    list
        For each job what its `PackRun` returns, or None if the sweep is over or was interrupted.
    """
    prepare_worker(experiment, jobs, is_over)
    outcomes = []
    with contextlib.closing(thread_pool.results(_runs(experiment, jobs, is_over), 1)) as results:
        try:
            for returned in results:
                for _, (some,) in returned:
                    outcomes += some
                if is_over():
                    return [None] * len(jobs)
        except thread_pool.Interrupted:
            return [None] * len(jobs)
    of_jobs = iter(outcomes)
    return [[_detached(experiment, job, list(itertools.islice(of_jobs, len(job.fits))))] for job in jobs]


def _runs(experiment, jobs, is_over):
    """Yield the runs of jobs in their order, until the sweep is over."""
    lanes = compiler.lanes(experiment.dtype)  # vectors may be narrower here than on the machine that made the packs
    for job in jobs:
        for first in range(0, len(job.fits), lanes):
            if is_over():
                return
            yield PackRun(experiment, job._replace(fits=job.fits[first : first + lanes]))


def _detached(experiment, job, outcomes):
    """Return the outcomes of the fits of a job as they are sent to another process."""
    kept = range(len(outcomes)) if job.is_last else _positions_to_keep(experiment, job.fits, outcomes)
    return [outcome.detached(with_network=position in kept) for position, outcome in enumerate(outcomes)]


def _positions_to_keep(experiment, fits, outcomes):
    """Return the positions of those fits of a job whose networks are sent back, because they may be kept.

    Of those that ended on a single fold, these are the best. A network that goes on is in the state from which it does.
    """
    if len(experiment.folds) > 1 and not experiment.keeps_folds:
        return set()
    without_state = {position for position, outcome in enumerate(outcomes) if outcome.state is None}
    if experiment.keeps_folds:
        return without_state
    ended = [position for position in without_state if not outcomes[position].is_halved]
    costs = [_cost(experiment, outcomes[position]) for position in ended]
    order = np.lexsort(([fits[position].index for position in ended], costs))  # NaN comes last
    return without_state.difference(ended[each] for each in order[experiment.kept :])


def _cost(experiment, outcome):
    """Return what ranks a fit, lowest for the best."""
    return experiment.score.sign * outcome.score.value if experiment.ranks_by_score else outcome.loss


_PREPARING = threading.Lock()
"""Held while a kernel is compiled, so that two threads of a process do not both compile it."""
