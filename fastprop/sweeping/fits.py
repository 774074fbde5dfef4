"""Fits, each of which is a configuration on a fold, and jobs, each of which trains a pack of fits side by side."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from fastprop import cost_model
from fastprop.data import Dataset, Split, balanced
from fastprop.metrics import Score
from fastprop.network import MLP
from fastprop.sweeping.configuration import Configuration
from fastprop.sweeping.fit_states import FitState
from fastprop.sweeping.folds import Fold

if TYPE_CHECKING:
    from fastprop.sweeping.pack_runs import PackRun
    from fastprop.sweeping.time_limit import Deadline


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
    keeps_folds: bool  # whether the networks of the folds are kept, and none is trained on all rows
    ranks_by_score: bool  # whether configurations are ranked by the score, and not by the criterion
    kept: int  # of how many configurations, the best, networks are kept

    @property
    def criterion(self):
        """The loss that ranks without a score: "validation_loss" or "loss"."""
        return "validation_loss" if len(self.folds[0].held_out) else "loss"

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


class Fit(NamedTuple):
    """A configuration on a fold, and the state from which it goes on."""

    index: int  # index of the configuration
    fold: int  # index of the fold
    configuration: Configuration
    state: FitState | None  # None for one that begins anew


class Fits(Sequence):
    """Fits on one fold, that train side by side; a `Fit` is made when it is asked for.

    Parameters
    ----------
    indices : list of int
        The index of each one's configuration.
    fold : int
        The index of the fold.
    configurations : sequence of Configuration
    states : list, optional
        The state from which each goes on; None where all begin anew.
    """

    def __init__(self, indices, fold, configurations, states=None):
        self.indices = indices
        self.fold = fold
        self.configurations = configurations
        self.states = states

    @property
    def go_on(self):
        """Whether they go on from where they were stopped, and do not begin anew."""
        return self.states is not None

    def arrays_of_states(self):
        """Return the arrays of each state; None if the fits begin anew.

        They all do so where those of one state were lost, because they train side by side.
        """
        arrays = [state.arrays for state in self.states or ()]
        return None if not arrays or any(each is None for each in arrays) else arrays

    def anew(self):
        """Return the same fits, which begin anew, and end with the same bits."""
        return Fits(self.indices, self.fold, self.configurations)

    def go_on_from(self, states):
        """Have the fits go on from states; no configuration is made anew if the states have those of all fits."""
        known = [state.configuration for state in states]
        if None in known:
            known = [each or made for each, made in zip(known, self.configurations)]
        self.configurations = known
        self.states = states

    def __len__(self):
        return len(self.indices)

    def __getitem__(self, position):
        of_position = self.indices[position], self.fold, self.configurations[position]
        new = Fits if isinstance(position, slice) else Fit
        return new(*of_position, None if self.states is None else self.states[position])


class Job(NamedTuple):
    """A pack, and the epochs to train it to: what a worker takes at a time."""

    fits: Fits  # the pack: no more than a vector has lanes
    rungs: list[int | None]  # the epochs at which outcomes are wanted; None stands for the end of training
    deadline: Deadline | None = None  # when training ends after its epoch
    measures_all: bool = True  # whether scores are measured of all fits, and not only of those that end by themselves
    run: PackRun | None = None  # the run in whose lanes all fits are, to go on; None for a new one
    keeps_states: bool = False  # whether fits may go on from the last of the rungs, so that their states are needed
    is_last: bool = False  # whether nothing follows, wherever training ends, so that all networks are to be kept

    def anew(self):
        """Return the same job, whose fits begin anew."""
        return self._replace(fits=self.fits.anew())

    def __str__(self):
        indices = self.fits.indices
        return f"configurations {min(indices)} to {max(indices)}" if indices[1:] else f"configuration {indices[0]}"


def positions_of_stored_states(jobs):
    """Return from which `StoredStates` the fits of jobs go on, each once, with the positions of their states."""
    positions = defaultdict(list)
    for job in jobs:
        for state in job.fits.states or ():
            if state.stored_states is not None:
                positions[state.stored_states].append(state.position)
    return positions


class FitArrays(NamedTuple):
    """Fits that are to be trained, as arrays, because there may be many; the `Fits` of a pack are made in its turn."""

    indices: np.ndarray  # (fits,) int: the index of each one's configuration
    folds: np.ndarray  # (fits,) int: the index of each one's fold
    go_on: np.ndarray  # (fits,) bool: whether each goes on from where it was stopped, and does not begin anew

    @classmethod
    def of_all_folds(cls, indices, folds):
        """Return the fits of configurations on each of so many `folds`, which begin anew."""
        return cls(
            indices=np.repeat(indices, folds),
            folds=np.tile(np.arange(folds), len(indices)),
            go_on=np.zeros(folds * len(indices), bool),
        )

    def some(self, positions):
        """Return the fits at some positions."""
        return FitArrays(*(array[positions] for array in self))

    def pack(self, positions, configurations):
        """Return the `Fits` at the positions of a pack, which begin anew."""
        indices = self.indices[positions].tolist()
        return Fits(indices, int(self.folds[positions[0]]), configurations.some(indices))


class Pack(NamedTuple):
    """Fits of a `FitArrays` that train side by side."""

    positions: np.ndarray  # (fits,) int: where they are
    run: PackRun | None  # the run that goes on with them; None for a new one


def packs_to_go_on(experiment, configurations, fits, states, workers, epochs):
    """Return the `Pack`s of fits that go on from `states`, a list in which None stands for a fit that begins anew.

    A pack stays together as long as more than half of its fits go on. What is left of others forms new packs; where
    all that is left of one forms a pack again, its run goes on. A fit that is alone now has a new run, because that
    takes less time.
    """
    if not fits.go_on.any():  # maybe of millions, for which no lists are made
        return [Pack(positions, None) for positions in packs(experiment, configurations, fits, workers, epochs)]
    of_runs = defaultdict(list)
    for position, state in enumerate(states):
        of_runs[None if state is None else state.run].append(position)
    without_run = of_runs.pop(None, [])
    whole = [Pack(np.array(some), run) for run, some in of_runs.items() if 2 * len(some) > run.width]
    leaving = [each for run, some in of_runs.items() if 2 * len(some) <= run.width for each in some]
    rest = np.array(sorted([*without_run, *leaving]), int)
    if len(rest) == 0:
        return whole
    for pack in packs(experiment, configurations, fits.some(rest), workers, epochs):
        positions = rest[pack]
        runs = {None if states[each] is None else states[each].run for each in positions}
        run = runs.pop() if len(runs) == 1 and len(positions) > 1 else None
        whole.append(Pack(positions, run if run is not None and len(of_runs[run]) == len(positions) else None))
    return whole


def kernel_cycles(experiment, job):
    """Return how many cycles the kernels take for a job, about; infinity where it does not train on kernels alone."""
    configuration = job.fits.configurations[0]
    options = configuration.options
    if experiment.backend != "kernels" or options.optimizer.takes_all_rows:
        return np.inf
    sizes, *_ = configuration.shape(experiment.prototypes[options.loss])
    cost = cost_model.cost_alone if len(job.fits) == 1 else cost_model.cost_of_pack
    fold, epochs = experiment.folds[job.fits.fold], job.rungs[-1] or options.epochs
    measured = epochs * len(fold.held_out) + len(fold.scored)  # whose outputs take about a third of a row's training
    rows = epochs * len(fold.rows) + measured / 3
    return rows * cost(sizes, experiment.dtype, options.batch_size)


def pack_groups(experiment, configurations):
    """Return the groups of fits that may train in one pack."""
    if experiment.backend == "kernels":
        return configurations.groups
    return [group._replace(can_pack=False, can_go_on=False) for group in configurations.groups]


def packs(experiment, configurations, fits, workers, epochs):
    """Return which of `fits`, a `FitArrays`, form packs: for each pack its positions in them, in order of start.

    They are to be trained for some `epochs`.
    """
    rows = epochs * len(experiment.folds[0].rows)
    shape = len(configurations.groups), len(experiment.folds), 2  # the last: fits that begin, and those that go on
    of_configurations = [group._replace(trained_rows=rows) for group in pack_groups(experiment, configurations)]
    groups = [group for group in of_configurations for _ in range(shape[1] * shape[2])]
    key = configurations.group_indices[fits.indices], fits.folds, fits.go_on.astype(int)
    group_indices = np.ravel_multi_index(key, shape)
    return cost_model.packs(groups, group_indices, configurations.row_orders[fits.indices], experiment.dtype, workers)
