"""A sweep that is planned: workers train its configurations, and then the networks that are to be kept."""

from __future__ import annotations

from contextlib import suppress
from typing import NamedTuple

import numpy as np

from fastprop.options import RungRule
from fastprop.runs import record
from fastprop.sweeping import fold_networks
from fastprop.sweeping.configurations import Configurations
from fastprop.sweeping.fits import Experiment
from fastprop.sweeping.last_trainings import train_again
from fastprop.sweeping.outer_folds import OuterFold
from fastprop.sweeping.population import Population
from fastprop.sweeping.results import SweepResult
from fastprop.sweeping.search import Search
from fastprop.sweeping.sweep_runner import SweepRunner
from fastprop.sweeping.time_limit import OutOfTime


class PlannedSweep(NamedTuple):
    """A sweep whose arguments are checked, and of which nothing has run yet."""

    experiment: Experiment
    configurations: Configurations
    result: SweepResult  # to be filled
    rung_rule: RungRule | None  # which configurations go on from the rungs; None without rungs before the end
    population: Population | None  # whose configurations change at rungs
    seconds: float | None  # how long to train; None for as long as it takes
    keep: int  # the number of networks to keep
    search: Search | None  # chooses the configurations; None where they are known beforehand
    is_cross_validated: bool  # whether the folds are those of a cross-validation
    outer_folds: list[OuterFold]  # in each of which the sweep is repeated afterward


def execute(planned, workers, progress, journal):
    """Have `workers` train all configurations of a `PlannedSweep`.

    Returns
    -------
    list of int
        The indices of configurations that have no network because their last training, on all rows, diverged.

    Raises
    ------
    thread_pool.Interrupted
        After Ctrl-C.
    """
    experiment = planned.experiment
    configurations = planned.configurations
    result = planned.result
    trains_on_all_rows = planned.is_cross_validated and not experiment.keeps_folds
    keep = 0 if trains_on_all_rows else planned.keep  # then no network of a single fold is kept
    runner = SweepRunner(planned, workers, keep, progress, journal)
    with suppress(OutOfTime):
        if planned.search is not None:
            planned.search.check(result)
            planned.search.run(runner, configurations, result, journal)
        else:
            indices = np.arange(len(configurations))
            result.enter(indices, configurations.columns)
            runner.train(indices)
    if experiment.keeps_folds:
        fold_networks.train_missing(experiment, configurations, result, planned.keep, workers)
        return []
    last = experiment.on_all_rows() if trains_on_all_rows else experiment
    return train_again(last, configurations, result, planned.keep, workers, after_folds=trains_on_all_rows)


def record_trainings(result, experiment, configurations, class_weight):
    """Have the networks of a result know how they were trained."""
    folds = experiment.folds if experiment.keeps_folds else (experiment.all_rows,)
    kept = result.fold_networks or {index: (network,) for index, network in result.networks.items()}
    for index, networks in kept.items():
        row = result.table[index]
        ended = {"epochs_done": row["final_epochs"], "stopped": str(row["stopped"])}
        for fold, network in zip(folds, networks):
            others = {"standardize": fold.mean is not None, "class_weight": class_weight, **ended}
            network.training = record(configurations[index].options, len(fold.rows), len(fold.held_out), **others)
