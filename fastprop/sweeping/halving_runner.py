"""The runner of a sweep: it has workers train fits, rung by rung, and records their outcomes."""

import time
from collections import Counter
from contextlib import closing

import numpy as np

from fastprop import thread_pool
from fastprop.metrics import INTERRUPTED
from fastprop.progress_bar import ProgressBar
from fastprop.sweeping.bounded_heap import push_bounded
from fastprop.sweeping.fits import Fit, FitArrays, Job, PackRun, packs
from fastprop.sweeping.outcomes import NOT_RECORDED, ConfigurationOutcome
from fastprop.sweeping.score_problems import ScoreProblems

FOLD_SECONDS = 0.5
"""How long a fold may train at the least, so that a configuration that was begun has a score soon after the time."""


class OutOfTime(thread_pool.Interrupted):
    """The time that was given to a sweep is over; what was trained until then is recorded."""


class HalvingRunner:
    """Trains configurations of a `PlannedSweep` from rung to rung, and records their outcomes in its result.

    `workers` are `ThreadWorkers` or `ExecutorWorkers`. Without `halving` there is one rung, at the end. The
    networks of the best `keep` configurations are kept. Only the thread that calls `train` changes anything here;
    threads that draw jobs only read.
    """

    def __init__(self, planned, workers, keep, progress=False, journal=None):
        self._experiment = planned.experiment
        self._configurations = planned.configurations
        self._result = planned.result
        self._halving = planned.halving
        self._seconds = planned.seconds
        self._deadline = None  # the time by `time.time` at which the sweep ends, once it has begun to train
        self._workers = workers
        self._keep = keep
        self._progress = progress
        self._journal = journal
        self._score_problems = ScoreProblems(planned.experiment.score.name)
        self._outcomes = {}  # by index of a configuration that is in training: a list of each fold's `FitOutcome`
        self._missing_folds = None  # (configurations,) int: folds that have not reached this rung yet
        self._missing = 0  # the number of configurations that have not reached this rung yet
        self._best = []  # the configurations at this rung that may go on so far: a heap, see `push_bounded`
        self._survivors = 0  # the largest number of configurations that may go on from this rung
        self._lowest_cost = np.inf  # of all configurations so far, for the progress bar

    def train(self, indices):
        """Train the configurations `indices` to their end, or to the rung at which they are stopped.

        Raises
        ------
        thread_pool.Interrupted
            After Ctrl-C; configurations that were in training are then recorded as interrupted.
        OutOfTime
            If the time of the sweep is over; configurations that were in training are then recorded so.
        """
        last_rung = len(self._result.rungs) - 1
        for rung in range(last_rung + 1):
            try:
                self._train_to_rung(indices, rung)
            except thread_pool.Interrupted:
                self._mark_survivors("interrupted")
                raise
            if rung < last_rung:
                indices = self._going_on(indices, rung)
            if len(indices) == 0:
                break
            if self._time_is_over() and (rung < last_rung or self._missing):
                self._mark_survivors("out of time")
                raise OutOfTime

    def _time_is_over(self):
        return self._deadline is not None and time.time() >= self._deadline

    def _mark_survivors(self, ending):
        """Say in the table how configurations in training ended, and keep the networks of the best of them."""
        table = self._result.table
        table["stopped"][[index for index in self._outcomes if table["stopped"][index] == "halved"]] = ending
        can_be_best = self._result.can_be_best
        best = [index for index in self._result.ranking[: self._keep].tolist() if can_be_best[index]]
        networks = {index: self._networks(index) for index in best if index in self._outcomes}
        self._result.keep_survivors({index: each for index, each in networks.items() if each is not None}, self._keep)

    def _networks(self, index):
        """Return the network of each fold of a configuration in training, or None if only the journal has one's."""
        networks = tuple(self._network(index, fold) for fold in range(len(self._outcomes[index])))
        return None if any(each is None for each in networks) else networks

    def _network(self, index, fold):
        outcome = self._outcomes[index][fold]
        if outcome is None:
            return None
        if outcome.network is not None or outcome.state is None:
            return outcome.network
        job = Job([Fit(index, fold, self._configurations[index], outcome)], int(self._result.table["epochs"][index]))
        _, ((_, _, network, _),) = PackRun(self._experiment, job)()  # the epochs are done: nothing is trained
        return network

    def _going_on(self, indices, rung):
        """Return which configurations go on from a rung, and keep only their outcomes."""
        is_chosen = self._halving.going_on(self._result.rung_costs[indices, : rung + 1])
        indices = indices[is_chosen & (self._result.table["stopped"][indices] == "halved")]
        self._outcomes = {index: self._outcomes[index] for index in indices}
        return indices

    def _train_to_rung(self, indices, rung):
        """Train configurations to a rung, except those that the journal has."""
        self._best = []
        self._survivors = 0 if self._halving is None else self._halving.survivors(len(indices))
        missing = indices
        if self._journal is not None:
            missing = np.array([index for index in indices if not self._take_over(index, rung)], int)
        if len(missing) == 0:
            return
        fits = self._fits_to_train(missing, rung)
        self._missing_folds = np.bincount(fits.indices, minlength=len(self._configurations))
        self._missing = len(missing)
        chosen = packs(self._experiment, self._configurations, fits, self._workers.count)
        if self._seconds is not None:  # all folds of some configurations are to be done before the time is over
            chosen = sorted(chosen, key=lambda pack: fits.indices[pack].min())
        self._workers.prepare(self._experiment, (self._job(fits, pack, rung) for pack in _examples(chosen)))
        if self._deadline is None and self._seconds is not None:
            self._deadline = time.time() + self._seconds
        start = time.perf_counter()
        try:
            jobs = (self._job(fits, pack, rung, deadline) for pack, deadline in self._in_time(chosen, fits))
            self._record_all(jobs, rung, len(indices))
        finally:
            self._result.seconds += time.perf_counter() - start

    def _in_time(self, chosen, fits):
        """Yield packs until the time is over, then only those of configurations of which another fold has begun.

        Each comes with its deadline, or None: the folds of a configuration share the time that is left.
        """
        begun = set()
        to_come = Counter(fits.indices[pack].min() for pack in chosen) if self._seconds is not None else None
        for pack in chosen:
            indices = set(fits.indices[pack].tolist())
            if begun and self._time_is_over() and not begun & indices:
                continue
            begun |= indices
            yield pack, self._share_of_time(to_come, fits.indices[pack].min())

    def _share_of_time(self, to_come, index):
        """Return when the next pack of a configuration must end, by how many of its packs are `to_come`; or None."""
        if to_come is None:
            return None
        turns = -(-to_come[index] // self._workers.count)
        to_come[index] -= 1
        if len(self._experiment.folds) == 1:
            return self._deadline
        return time.time() + max(FOLD_SECONDS, (self._deadline - time.time()) / turns)

    def _fits_to_train(self, indices, rung):
        """Return the `FitArrays` of configurations: all folds at the first rung, later only those that go on."""
        folds = len(self._experiment.folds)
        fits = FitArrays(
            indices=np.repeat(indices, folds),
            folds=np.tile(np.arange(folds), len(indices)),
            go_on=np.zeros(folds * len(indices), bool),
        )
        if rung == 0:
            return fits
        earlier = [outcome for index in indices for outcome in self._outcomes[index]]
        may_go_on = np.array([outcome is None or outcome.is_halved for outcome in earlier])
        has_state = np.array([outcome is not None and outcome.state is not None for outcome in earlier])
        return FitArrays(fits.indices[may_go_on], fits.folds[may_go_on], has_state[may_go_on])

    def _job(self, fits, pack, rung, deadline=None):
        """Return the job of a pack, which is an array of positions in `fits`."""
        pairs = zip(fits.indices[pack].tolist(), fits.folds[pack].tolist())
        return Job([self._fit(index, fold) for index, fold in pairs], self._result.rungs[rung], deadline)

    def _fit(self, index, fold):
        of_folds = self._outcomes.get(index)
        return Fit(index, fold, self._configurations[index], None if of_folds is None else of_folds[fold])

    def _record_all(self, jobs, rung, total):
        """Train jobs and record their outcomes; show how many of `total` configurations are done."""
        bar = ProgressBar(total, " configurations", shown=self._progress, smoothing=0)
        with bar, closing(self._workers.train(self._experiment, jobs)) as results:
            self._show(bar, total, rung)
            next_time = 0.0
            try:
                for ended in results:
                    for job, outcomes in ended:
                        self._record(job.fits, outcomes, rung)
                    if time.perf_counter() >= next_time:
                        self._show(bar, total, rung)
                        next_time = time.perf_counter() + thread_pool.WATCH_SECONDS
            finally:
                self._show(bar, total, rung)

    def _show(self, bar, total, rung):
        """Bring the progress bar and the journal's file up to date."""
        if self._progress:
            bar.set_description(self._description(rung))
        bar.update(total - self._missing - bar.n)
        if self._journal is not None:
            self._journal.flush()

    def _description(self, rung):
        """Return the text before the progress bar: the epoch of the rung, if there are several, and the best so far."""
        result = self._result
        parts = [f"until epoch {result.rungs[rung]}"] if len(result.rungs) > 1 else []
        if np.isfinite(self._lowest_cost):
            name = result.score_name if result.ranks == "score" else result.ranks.replace("_", " ")
            best = -self._lowest_cost if result.higher_is_better else self._lowest_cost
            parts.append(f"best {name} {best:.4g}")
        return ", ".join(parts)

    def _record(self, fits, outcomes, rung):
        """Record the outcomes of fits, and those of configurations all of whose folds have reached the rung."""
        complete = []
        for fit, outcome in zip(fits, outcomes):
            if outcome.score is INTERRUPTED:  # the configuration stays as it was at the rung before
                continue
            if fit.index not in self._outcomes:
                self._outcomes[fit.index] = [None] * len(self._experiment.folds)
            self._outcomes[fit.index][fit.fold] = outcome
            self._missing_folds[fit.index] -= 1
            if self._missing_folds[fit.index] == 0:
                complete.append(fit.index)
        if complete:
            self._missing -= len(complete)
            with np.errstate(invalid="ignore", over="ignore"):  # losses of diverged runs may overflow
                self._finish_configurations(complete, rung)

    def _finish_configurations(self, indices, rung):
        """Record configurations all of whose folds have reached a rung."""
        for index in indices:
            self._score_problems.check(index, self._configurations.grid, self._outcomes[index])
        outcomes = [ConfigurationOutcome.of(self._outcomes[index], self._result.criterion) for index in indices]
        costs = self._result.record(indices, outcomes, rung)
        for index, outcome, cost in zip(indices, outcomes, costs):
            of_folds = self._outcomes[index]
            networks = tuple(each.network for each in of_folds) if self._keep > 0 else (None,)
            is_kept = all(each is not None for each in networks) and self._result.keep(index, networks, self._keep)
            if self._journal is not None and outcome.stopped not in NOT_RECORDED:
                values = self._configurations.grid[index]
                recorded = networks[0] if is_kept and not self._experiment.keeps_folds else None
                self._journal.add(index, self._result.rungs[rung], values, outcome, recorded)
            if outcome.stopped == "interrupted":
                continue
            if outcome.stopped == "halved":
                self._outcomes[index] = [each.while_waiting(self._experiment.keeps_folds) for each in of_folds]
            else:
                del self._outcomes[index]
            self._rank(index, cost)

    def _take_over(self, index, rung):
        """Record the outcome of a configuration at a rung that the journal has; return whether it has one."""
        found = self._journal.take(self._configurations.grid[index], self._result.rungs[rung])
        if found is None:
            return False
        outcome, parameters = found
        with self._journal.refusing():
            if len(outcome.fold_scores) != len(self._experiment.folds):
                raise ValueError(f"configuration {index} has scores of {len(outcome.fold_scores)} folds")
            (cost,) = self._result.record([index], [outcome], rung)
            if parameters is not None:
                network = self._experiment.network(self._configurations[index], fold=0)
                values = np.frombuffer(parameters, network.dtype)
                if values.shape != network.flat_parameters.shape or not np.isfinite(values).all():
                    raise ValueError(f"configuration {index} has a network of other parameters")
                network.flat_parameters = values
                self._result.keep(index, (network,), self._keep)
        if outcome.stopped == "halved":
            self._outcomes[index] = [None] * len(self._experiment.folds)
        else:
            self._outcomes.pop(index, None)
        self._rank(index, cost)
        return True

    def _rank(self, index, cost):
        """Forget the outcomes of the worst configuration if too many are better for it to go on; note the best cost."""
        self._lowest_cost = min(self._lowest_cost, np.inf if np.isnan(cost) else cost)
        if self._halving is not None:
            self._outcomes.pop(push_bounded(self._best, self._survivors, cost, index), None)


def _examples(packs):
    """Return a pack of one fit and one of two, if packs of one and of several are there: they need other kernels."""
    single = next((pack for pack in packs if len(pack) == 1), None)
    several = next((pack[:2] for pack in packs if len(pack) > 1), None)
    return [pack for pack in (single, several) if pack is not None]


def train_again(experiment, configurations, result, keep, workers, after_folds=False):
    """Train the networks of the best `keep` configurations that were not kept, and keep them.

    With `after_folds`, each configuration was trained on several folds and is now trained on other rows, for as many
    epochs as on the folds. Returns the indices of the configurations whose training diverged, which have no network.
    """
    finished = result.finished
    networks = result.networks
    best = [int(index) for index in result.ranking[:keep] if finished[index] and index not in networks]
    if not best:
        return []
    diverged = []
    jobs = (_final_job(index, configurations[index], result.table[index], after_folds) for index in best)
    with closing(workers.train(experiment, jobs)) as results:
        for ended in results:
            for job, (outcome,) in ended:
                index = job.fits[0].index
                if outcome.history.stopped == "interrupted":
                    continue
                if outcome.history.best_epoch < 0:
                    diverged.append(index)
                else:
                    result.keep(index, (outcome.network,), keep)
    return diverged


def _final_job(index, configuration, row, after_folds):
    """Return the job that trains the network of a configuration once more, which is to be kept.

    `row` is its row of the table. After a cross-validation, the mean number of epochs of the folds takes the place of
    early stopping: no rows are held out whose loss could end the training. Schedules keep the epochs that were planned.
    """
    options = configuration.options
    ran_out_of_time = row["stopped"] == "out of time"
    until = int(row["epochs"]) if ran_out_of_time else None
    if after_folds and (ran_out_of_time or options.early_stopping is not None):
        configuration = configuration._replace(options=options._replace(early_stopping=None))
        until = int(row["final_epochs"])
    return Job([Fit(index, 0, configuration, None)], until)
