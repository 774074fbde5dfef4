"""Fits, each of which is a configuration on a fold, and jobs, each of which trains a pack of fits side by side."""

import contextlib
import itertools
import threading
import time
from typing import NamedTuple

import numpy as np

from fastprop import checks, cost_model, thread_pool
from fastprop.data import Dataset, Origin, Split, TargetScaling, balanced, standardization
from fastprop.kernels import compiler
from fastprop.metrics import Score
from fastprop.network import MLP
from fastprop.runs import new_run, predict, scores
from fastprop.sweeping.configurations import Configuration
from fastprop.sweeping.outcomes import FitOutcome


class Fold(NamedTuple):
    """The rows to train on and those to hold out, and how the inputs are standardized.

    What is held out is scored, unless other rows are.
    """

    rows: np.ndarray  # (m,) int64: indices of the training rows
    held_out: np.ndarray  # (k,) int64: indices of the held-out rows, whose loss may end a training
    scored: np.ndarray  # (s,) int64: indices of the held-out rows on which the score is measured
    mean: np.ndarray | None  # (n_in,) of each input; None where inputs are not standardized
    scale: np.ndarray | None  # (n_in,) standard deviation of each input; None where inputs are not standardized
    scaling: TargetScaling | None  # of the targets; None where these are trained on as they are

    @classmethod
    def of(cls, data, side, standardizes, scales_targets):
        """Return the fold of the rows `side` of a data set: those to train on, those to hold out, those to score.

        Mean and scale of inputs and targets are those of the training rows, if they are asked for.
        """
        rows = side[0]
        fitted = standardization(data.inputs, rows) if standardizes else (None, None)
        scaling = None
        if scales_targets:
            scaling = TargetScaling.fit(data.given[rows].reshape(len(rows), -1), data.task.loss)
        return cls(*side, *fitted, scaling)


class Experiment(NamedTuple):
    """What all fits of a sweep share, and a worker needs in addition to its jobs."""

    data: Dataset  # the data set of the training rows
    held_out: Dataset  # the data set of the held-out rows
    folds: tuple[Fold, ...]  # one without cross-validation
    all_rows: Fold  # all rows to train on and none held out; without cross-validation the one fold
    prototypes: dict[object, MLP]  # by loss: the network with which its configurations begin
    backend: str  # "kernels" or "reference"
    score: Score  # what is measured on the held-out rows
    is_balanced: bool  # whether the classes of each fold's training rows weigh alike
    keeps_folds: bool = False  # whether the networks of the folds are kept, and none is trained on all rows

    @property
    def dtype(self):
        """The dtype of all networks."""
        return next(iter(self.prototypes.values())).dtype

    def split(self, fold):
        """Return the `Split` of the data by the fold with this index."""
        split = Split(self.data, self.folds[fold].rows, self.held_out, self.folds[fold].held_out)
        if self.folds[fold].scaling is not None:
            split = split.scaled(self.folds[fold].scaling)
        return balanced(split) if self.is_balanced else split

    def scored(self, fold):
        """Return the `Split` whose held-out rows are those on which the score is measured."""
        return Split(self.data, self.folds[fold].rows, self.held_out, self.folds[fold].scored)

    def network(self, configuration, fold):
        """Return the network with which a configuration begins on the fold with this index."""
        network = configuration.network(self.prototypes[configuration.options.loss])
        if self.folds[fold].mean is not None:
            network.input_mean = self.folds[fold].mean
            network.input_scale = self.folds[fold].scale
        network.feature_names = network.feature_names or self.data.inputs.feature_names
        return network

    def on_all_rows(self):
        """Return the same experiment with all rows to train on, and none held out."""
        return self._replace(folds=(self.all_rows,))


def common_origin(prototype, folds):
    """Return the origin to which data is converted once for all `folds`, of which the first has all training rows."""
    if folds[0].mean is None:
        return Origin.of_network(prototype)
    return Origin.common([(fold.mean, fold.scale) for fold in folds], prototype.dtype)


class Fit(NamedTuple):
    """A configuration on a fold, and its outcome at an earlier rung, if it has one."""

    index: int  # index of the configuration
    fold: int  # index of the fold
    configuration: Configuration
    earlier: FitOutcome | None  # the outcome at the rung before, if there is one

    @property
    def goes_on(self):
        """Whether it goes on from where it was stopped, and does not begin anew."""
        return self.earlier is not None and self.earlier.state is not None


class Job(NamedTuple):
    """A pack, all of whose fits are on one fold, and the epoch to train it to: what a worker takes at a time."""

    fits: list[Fit]  # the pack: no more than a vector has lanes
    until: int | None  # the epoch to train to; None stands for the end of training
    deadline: float | None = None  # the time by `time.time`, in seconds, at which training ends after its epoch

    def __str__(self):
        indices = [fit.index for fit in self.fits]
        return f"configurations {min(indices)} to {max(indices)}" if indices[1:] else f"configuration {indices[0]}"


class PackRun:
    """The run of a job's pack. A call trains the pack and returns the job and the `FitOutcome` of each fit."""

    def __init__(self, experiment, job):
        self._experiment = experiment
        self._job = job
        self._split = experiment.split(job.fits[0].fold)
        self._networks = _new_networks(experiment, job.fits)
        options_of_networks = [fit.configuration.options for fit in job.fits]
        self._run = new_run(experiment.backend, self._networks, self._split, options_of_networks)
        if job.fits[0].goes_on:
            self._run.go_on([fit.earlier.state for fit in job.fits])
        if job.deadline is not None:
            self._run.deadline = time.monotonic() + job.deadline - time.time()
        self.stop = self._run.stop

    def prepare(self):
        """Compile all that the job needs."""
        self._run.prepare()
        predict(self._networks[0], self._experiment.data.inputs[:1])

    def __call__(self):
        self._run(self._job.until)
        states = self._run.states or [None] * len(self._networks)
        histories = self._histories_in_own_unit()
        scored = self._experiment.scored(self._job.fits[0].fold)
        measured = scores(self._networks, scored, self._experiment.score)
        each = zip(histories, measured, self._networks, states)
        return self._job, list(itertools.starmap(FitOutcome, each))

    def _histories_in_own_unit(self):
        """Return the histories with losses in the unit of the targets, and have the networks answer in it, too."""
        scaling = self._experiment.folds[self._job.fits[0].fold].scaling
        if scaling is None:
            return self._run.histories
        for network in self._networks:
            scaling.fold_into(network)
        losses = [checks.loss_name(fit.configuration.options.loss) for fit in self._job.fits]
        return [scaling.history_in_own_unit(*each) for each in zip(self._run.histories, losses)]


def prepare(experiment, job):
    """Compile all that a job needs, unless this process has compiled it for such a job."""
    first = job.fits[0].configuration
    prototype = experiment.prototypes[first.options.loss]
    optimizer = first.options.optimizer
    kind = experiment.backend, prototype.dtype, len(job.fits) > 1, optimizer.takes_all_rows, *first.shape(prototype)
    if kind not in _PREPARED:
        PackRun(experiment, job).prepare()
        _PREPARED.add(kind)


_PREPARED = set()
"""The kinds of jobs for which `prepare` has compiled all that they need."""


def _new_networks(experiment, fits):
    """Return a network for each fit; equal ones are drawn once and copied, because drawing takes much longer."""
    drawn = {}
    keys = [fit.configuration.initial_weights_key for fit in fits]
    for fit, key in zip(fits, keys):
        if key not in drawn:
            drawn[key] = experiment.network(fit.configuration, fit.fold)
    return [drawn[key].copy() for key in keys]


def train(experiment, job, is_over):
    """Train a job in a worker of an executor; return the `FitOutcome` of each fit, or None if the sweep is over."""
    outcomes = []
    lanes = compiler.lanes(experiment.dtype)  # vectors may be narrower here than on the machine that made the pack
    for first in range(0, len(job.fits), lanes):
        run = PackRun(experiment, job._replace(fits=job.fits[first : first + lanes]))
        with _PREPARING:
            run.prepare()
        with contextlib.closing(thread_pool.results([run], 1)) as results:
            try:
                for returned in results:
                    if is_over():
                        return None
                    for _, some in returned:
                        outcomes += some
            except thread_pool.Interrupted:
                return None
    if len(experiment.folds) > 1 and not experiment.keeps_folds:  # then no network has to be sent back
        outcomes = [outcome._replace(network=None) for outcome in outcomes]
    return outcomes


_PREPARING = threading.Lock()
"""Held while a kernel is compiled, so that two threads of a process do not both compile it."""


class FitArrays(NamedTuple):
    """Fits that are to be trained, as arrays, because there may be many: a `Fit` is made only when its turn comes."""

    indices: np.ndarray  # (fits,) int: the index of each one's configuration
    folds: np.ndarray  # (fits,) int: the index of each one's fold
    go_on: np.ndarray  # (fits,) bool: see `Fit.goes_on`


def packs(experiment, configurations, fits, workers):
    """Return which of `fits`, a `FitArrays`, form packs: for each pack its positions in them, in order of start."""
    shape = len(configurations.groups), len(experiment.folds), 2
    groups = [group for group, _, _ in itertools.product(configurations.groups, *map(range, shape[1:]))]
    if experiment.backend != "kernels":
        groups = [group._replace(can_pack=False) for group in groups]
    key = configurations.group_indices[fits.indices], fits.folds, fits.go_on.astype(int)
    group_indices = np.ravel_multi_index(key, shape)
    return cost_model.packs(groups, group_indices, configurations.row_orders[fits.indices], experiment.dtype, workers)
