"""What workers of executors call: functions of jobs, each of which returns a list with what became of each."""

import contextlib
import itertools
import threading

import numpy as np

from fastprop import thread_pool
from fastprop.kernels import compiler
from fastprop.sweeping.fits import positions_of_stored_states
from fastprop.sweeping.outcomes import DetachedOutcomes, DetachedResults
from fastprop.sweeping.pack_runs import PackResults, PackRun
from fastprop.sweeping.preparation import prepare


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
