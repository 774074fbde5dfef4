"""The runner of a sweep: it has workers train fits, rung by rung, and records their outcomes."""

import itertools
import time
from collections import defaultdict
from contextlib import closing

import numpy as np

from fastprop import cost_model, thread_pool
from fastprop.sweeping.bounded_heap import RungRanking
from fastprop.sweeping.configuration_outcomes import ConfigurationOutcomes, mean
from fastprop.sweeping.endings import NOT_RECORDED
from fastprop.sweeping.fit_columns import FitColumns
from fastprop.sweeping.fits import FitArrays, Job, pack_groups, packs_to_go_on
from fastprop.sweeping.live_runs import LiveRuns, rungs_within_memory
from fastprop.sweeping.outcomes import taken_over, worst_ending
from fastprop.sweeping.pack_runs import PackResults
from fastprop.sweeping.preparation import examples
from fastprop.sweeping.rung_pace import RungPace
from fastprop.sweeping.score_problems import ScoreProblems
from fastprop.sweeping.survivors import networks_of_folds
from fastprop.sweeping.sweep_progress import SweepProgress
from fastprop.sweeping.time_limit import OutOfTime, TimeLimit


class SweepRunner:
    """Trains configurations of a `PlannedSweep` from rung to rung, and records their outcomes in its result.

    `workers` are `ThreadWorkers` or `ExecutorWorkers`. Without a `rung_rule` there is one rung, at the end. The
    networks of the best `keep` configurations are kept. Only the thread that calls `train` changes anything here;
    threads that draw jobs only read.
    """

    def __init__(self, planned, workers, keep, progress=False, journal=None):
        self._experiment = planned.experiment
        self._configurations = planned.configurations
        self._result = planned.result
        self._rung_rule = planned.rung_rule
        self._population = planned.population
        self._workers = workers
        self._time = TimeLimit(planned.seconds, workers.count, len(planned.experiment.folds))
        self._keep = keep
        self._progress = SweepProgress(planned.result, progress)
        self._journal = journal
        self._score_problems = ScoreProblems(planned.experiment.score.name)
        self._outcomes = {}  # by index of a configuration that may go on: a list of each fold's `FitOutcome`
        self._reached = {}  # the same of configurations of which some folds have reached this rung
        self._unrecorded = {}  # by index of such a configuration: its rung, if its outcome is not in the table yet
        self._rungs_over = 0  # the number of rungs from which it is decided who goes on
        self._missing_folds = []  # for each configuration how many of its folds have not reached this rung yet
        self._missing = 0  # the number of configurations that have not reached this rung yet
        self._ranking = RungRanking(None)  # of the configurations at this rung
        self._live_runs = LiveRuns(self._experiment.criterion)  # those that may go on from this rung
        self._pace = RungPace(workers.count)
        self._ahead = {}  # by rung: what was trained past earlier rungs, a list of (fits, the `FitOutcome` of each)

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
        self._ahead = {}
        self._rungs_over = 0
        for rung in range(last_rung + 1):
            if self._population is not None:
                self._population.begin(indices, rung, self._result)
            try:
                self._train_to_rung(indices, rung)
            except thread_pool.Interrupted:
                self._mark_survivors("interrupted", rung)
                raise
            if rung < last_rung:
                before = len(indices)
                indices = self._going_on(indices, rung)
                self._pace.go_on(before, len(indices))
            self._score_problems.tell()
            if len(indices) == 0:
                break
            if self._time.is_given and (self._missing if rung == last_rung else self._time.is_over):
                self._mark_survivors("out of time", rung)
                raise OutOfTime

    def _mark_survivors(self, ending, rung):
        """Say in the table how configurations ended on the way to a rung, and keep the networks of the best of them."""
        self._record_halved(list(self._unrecorded))
        if self._population is not None:
            self._population.end(rung, self._result)
        table = self._result.table
        table["stopped"][[index for index in self._outcomes if table["stopped"][index] == "halved"]] = ending
        can_be_best = self._result.can_be_best
        best = [index for index in self._result.ranking[: self._keep].tolist() if can_be_best[index]]
        survivors = {index: self._outcomes[index] for index in best if index in self._outcomes}
        networks = {}
        try:
            for index, outcomes in survivors.items():
                epochs = int(table["epochs"][index])
                configuration = self._configurations[index]
                of_folds = networks_of_folds(self._experiment, index, configuration, outcomes, epochs)
                if of_folds is not None:
                    networks[index] = of_folds
        except KeyboardInterrupt:  # somebody does not want to wait for the others
            raise thread_pool.Interrupted from None
        finally:
            self._result.keep_survivors(networks, self._keep)

    def _going_on(self, indices, rung):
        """Return which configurations go on from a rung, and keep only their outcomes."""
        self._stop_beaten()
        costs = self._result.rung_costs[indices, : rung + 1]
        is_chosen = self._rung_rule.going_on(costs)
        if self._population is not None and not self._time.is_over:
            self._take_over_networks(self._population.pairs(indices, costs, rung), rung)
        may_go_on = np.fromiter((index in self._outcomes for index in indices.tolist()), bool, len(indices))
        self._stop(indices[may_go_on & ~is_chosen].tolist())
        indices = indices[may_go_on & is_chosen]
        self._rungs_over = rung + 1
        self._forget_scores(indices, rung)
        return indices

    def _forget_scores(self, indices, rung):
        """Forget the scores of folds at a rung from which configurations went on, unless they rank.

        So it does not matter whether they were measured for a journal.
        """
        if not self._experiment.ranks_by_score:
            self._result.fold_scores[indices, rung] = np.nan

    def _take_over_networks(self, pairs, rung):
        """Have configurations go on from the networks of others, see `Population.pairs`."""
        parents = sorted({parent for _, parent in pairs})
        self._record_halved([parent for parent in parents if parent in self._unrecorded])
        for index, parent in pairs:
            self._unrecorded.pop(index, None)
            own = self._outcomes.get(index, [None] * len(self._experiment.folds))
            self._outcomes[index] = list(map(taken_over, self._outcomes[parent], own))
        self._population.take_over(pairs, rung, self._result)

    def _stop(self, indices):
        """Record configurations that do not go on from this rung, and forget their outcomes."""
        self._record_halved([index for index in indices if index in self._unrecorded])
        for index in indices:
            del self._outcomes[index]

    def _stop_beaten(self):
        """Stop configurations that cannot go on, because enough others at this rung are better."""
        self._stop([index for index in self._ranking.take_beaten() if index in self._outcomes])

    def _train_to_rung(self, indices, rung):
        """Train configurations to a rung, except those that the journal has."""
        self._reached = {}
        self._missing = 0
        self._live_runs = LiveRuns(self._experiment.criterion)
        self._ranking = RungRanking(self._max_survivors(len(indices), rung))
        if rung in self._ahead:
            self._record_ahead(set(indices.tolist()), rung)
            return
        missing = indices
        if self._journal is not None:
            missing = np.array([index for index in indices if not self._take_over(index, rung)], int)
        if len(missing) == 0:
            return
        fits, states = self._fits_to_train(missing, rung)
        self._missing_folds = np.bincount(fits.indices, minlength=len(self._configurations)).tolist()
        self._missing = len(missing)
        rungs = self._rungs_at_once(rung, len(fits.indices))
        epochs = rungs[-1] - self._epochs_before(rung)
        chosen = packs_to_go_on(self._experiment, self._configurations, fits, states, self._workers.count, epochs)
        if self._time.is_given:  # all folds of some configurations are to be done before the time is over
            chosen = sorted(chosen, key=lambda pack: fits.indices[pack.positions].min())
        to_compile = examples(self._experiment, self._configurations, chosen, fits)
        example_jobs = (self._job(fits, states, pack, None, rungs) for pack in to_compile)
        start = time.perf_counter()
        try:
            self._workers.prepare(self._experiment, example_jobs, self._time.is_to_begin)
        except KeyboardInterrupt:
            raise thread_pool.Interrupted from None
        self._time.begin()
        self._result.preparing_seconds += time.perf_counter() - start
        start = time.perf_counter()
        try:
            jobs = (self._job(fits, states, *each, rungs) for each in self._time.in_time(chosen, fits))
            self._record_all(jobs, rung, len(indices), rungs)
        finally:
            self._result.seconds += time.perf_counter() - start

    def _max_survivors(self, count, rung):
        """Return the largest number that may go on from a rung; None if nobody can be stopped before all are there.

        `count` configurations train to the rung.
        """
        if self._rung_rule is None or rung == len(self._result.rungs) - 1:
            return None
        survivors = self._rung_rule.survivors(count)
        return survivors if survivors < count else None

    @property
    def _measures_all(self):
        """Whether all that is measured of a configuration is wanted at each rung, and not only its loss."""
        return self._experiment.ranks_by_score or self._journal is not None

    def _rungs_at_once(self, rung, fits):
        """Return the epochs of the rungs to which so many fits are trained before anything is decided."""
        rungs = self._result.rungs[rung:]
        groups = pack_groups(self._experiment, self._configurations)
        can_go_on = all(group.can_go_on for group in groups)
        is_free = self._population is None and not self._time.is_given
        if self._measures_all or not is_free or not can_go_on or not self._workers.train_past_rungs:
            return rungs[:1]
        dtype, rows = self._experiment.dtype, len(self._experiment.folds[0].rows)
        cycles = rows * max(cost_model.cycles_of_fit(group, dtype) for group in groups)
        rungs = rungs[: rungs_within_memory(fits, groups, dtype)]
        return self._pace.rungs_at_once(rungs, self._epochs_before(rung), cycles)

    def _epochs_before(self, rung):
        return self._result.rungs[rung - 1] if rung > 0 else 0

    def _record_ahead(self, indices, rung):
        """Record at a rung what was trained past earlier ones, of those configurations that have not been stopped."""
        reached = [(fits, self._live_runs.within_memory(outcomes)) for fits, outcomes in self._ahead.pop(rung)]
        of_all = [index for fits, _ in reached for index in fits.indices if index in indices]
        self._missing_folds = np.bincount(of_all, minlength=len(self._configurations)).tolist()
        self._missing = len(indices)
        self._record(reached, rung, indices)

    def _fits_to_train(self, indices, rung):
        """Return the `FitArrays` of configurations, and a list of the state from which each goes on, or None.

        At the first rung these are all folds, later only those that go on.
        """
        fits = FitArrays.of_all_folds(indices, len(self._experiment.folds))
        if rung == 0:
            return fits, [None] * len(fits.indices)
        earlier = [outcome for index in indices.tolist() for outcome in self._outcomes[index]]
        may_go_on = np.array([outcome is None or outcome.is_halved for outcome in earlier])
        states = [None if outcome is None else outcome.state for outcome in itertools.compress(earlier, may_go_on)]
        fits = fits.some(may_go_on)
        return fits._replace(go_on=np.array([state is not None for state in states])), states

    def _job(self, fits, states, pack, deadline, rungs):
        """Return the job of a `Pack` of `fits` and their `states`."""
        of_pack = fits.pack(pack.positions, self._configurations)
        if states[pack.positions[0]] is not None:
            of_pack.go_on_from([states[position] for position in pack.positions.tolist()])
        is_before_end = rungs[-1] != self._result.rungs[-1]
        return Job(of_pack, rungs, deadline, self._measures_all or not is_before_end, pack.run, is_before_end)

    def _record_all(self, jobs, rung, total, rungs):
        """Train jobs to some `rungs` and record their outcomes at the first; show how many of `total` are done."""
        with (
            self._progress.bar(total, rungs[-1]) as show,
            closing(self._workers.train(self._experiment, jobs)) as results,
        ):
            self._show(show)
            next_time = 0.0
            begin = time.perf_counter()
            try:
                for ended in results:
                    reached = []
                    for job, outcomes_of_rungs in ended:
                        first, *later = outcomes_of_rungs
                        reached.append((job.fits, self._live_runs.within_memory(first)))
                        for later_rung, outcomes in enumerate(later, rung + 1):
                            self._ahead.setdefault(later_rung, []).append((job.fits, outcomes))
                        if job.run is not None:
                            self._pace.add(job)
                    self._record(reached, rung)
                    self._stop_beaten()
                    self._score_problems.tell()
                    if time.perf_counter() >= next_time:
                        self._show(show)
                        next_time = time.perf_counter() + thread_pool.WATCH_SECONDS
            finally:
                self._show(show)
            self._pace.learn(rungs[-1] - self._epochs_before(rung), time.perf_counter() - begin)

    def _show(self, show):
        """Bring the progress bar and the journal's file up to date."""
        show(self._missing)
        if self._journal is not None:
            self._journal.flush()

    def _record(self, reached, rung, wanted=None):
        """Take in what fits have reached, and record configurations all of whose folds have reached the rung.

        The row of a configuration stays as it was at the rung before if one of its fits `_is_behind`, or lacks a score
        because of Ctrl-C.

        `reached` has pairs: `Fits`, and a list of the outcome of each. Only the indices that are `wanted` count, by
        default all.
        """
        complete = []
        for fits, outcomes in reached:
            for index, outcome in zip(fits.indices, outcomes):
                is_wanted = wanted is None or index in wanted
                if not is_wanted or outcome.is_interrupted or self._is_behind(outcome, rung):
                    continue  # one without a score, or with fewer epochs, stays as it was at the rung before
                if index not in self._reached:
                    self._reached[index] = list(self._outcomes.get(index, [None] * len(self._experiment.folds)))
                self._reached[index][fits.fold] = outcome
                self._missing_folds[index] -= 1
                if self._missing_folds[index] == 0:
                    complete.append(index)
        if not complete:
            return
        self._missing -= len(complete)
        by_ending = defaultdict(list)
        for index in complete:
            of_folds = self._outcomes[index] = self._reached.pop(index)
            self._unrecorded[index] = rung
            by_ending[worst_ending(of_folds)].append(index)
        with np.errstate(invalid="ignore", over="ignore"):  # losses of diverged runs may overflow
            for stopped, indices in by_ending.items():
                self._take_in(indices, stopped, rung)

    def _is_behind(self, outcome, rung):
        """Return whether a fit has ended on its way to a rung before it was where it had been at the rung before.

        It had to begin anew, because its state was lost or its run has none, and the time was over or Ctrl-C came.
        """
        return outcome.stopped in NOT_RECORDED and rung > 0 and outcome.epochs < self._epochs_before(rung)

    def _take_in(self, indices, stopped, rung):
        """Take in configurations all of whose folds have reached a rung, and have this worst ending."""
        if stopped != "halved":
            costs = self._record_ended(indices, rung, stopped)
            for index in indices if stopped != "interrupted" else ():
                del self._outcomes[index]
        elif self._measures_all:
            costs = self._record_halved(indices)
        else:
            costs = [mean([fit.loss for fit in self._outcomes[index]]) for index in indices]
            self._result.rung_costs[indices, rung] = np.where(np.isnan(costs), np.nan, costs)
        if stopped != "interrupted":
            self._rank(indices, costs)

    def _record_halved(self, indices):
        """Record configurations that were stopped at a rung, whether or not they go on; return their costs."""
        by_rung = defaultdict(list)
        for index in indices:
            by_rung[self._unrecorded[index]].append(index)
        return [cost for rung, some in by_rung.items() for cost in self._record_ended(some, rung, "halved")]

    def _record_ended(self, indices, rung, stopped):
        """Record the outcomes of configurations that ended alike at a rung, see `worst_ending`; return their costs."""
        fits = [fit for index in indices for fit in self._outcomes[index]]
        PackResults.measure(fits)
        for index in indices:
            del self._unrecorded[index]
        columns = FitColumns.gathered(fits)
        outcomes = ConfigurationOutcomes.of(columns, len(self._experiment.folds), stopped)
        costs = self._result.record(indices, outcomes, rung)
        if rung < self._rungs_over:
            self._forget_scores(indices, rung)
        kept = self._keep_best(indices, outcomes, costs)
        have_problems = np.flatnonzero(columns.has_problem.reshape(len(indices), -1).any(axis=1)).tolist()
        of_grid = self._configurations.grid
        have_no_score = {
            index
            for index in (indices[position] for position in have_problems)
            if self._score_problems.add(index, of_grid, self._outcomes[index])
        }
        if self._journal is not None:
            self._add_to_journal(indices, outcomes, rung, kept, have_no_score)
        return costs

    def _add_to_journal(self, indices, outcomes, rung, kept, have_no_score):
        """Add the `ConfigurationOutcomes` of some configurations to the journal; see `_keep_best` for what was kept."""
        for position, index in enumerate(indices):
            if outcomes.stopped[position] not in NOT_RECORDED and index not in have_no_score:
                values = self._recorded_values(index)
                recorded = None if self._experiment.keeps_folds else kept.get(index, [None])[0]
                self._journal.add(index, self._result.rungs[rung], values, outcomes.row(position), recorded)

    def _keep_best(self, indices, outcomes, costs):
        """Keep the networks of those of some recorded configurations that are among the best so far.

        Returns
        -------
        dict
            By index of a configuration, the network of each fold.
        """
        kept = {}
        for position in np.argsort(costs).tolist():  # the best first, so that few networks are made
            if not self._result.may_keep(costs[position], self._keep):
                break
            index = indices[position]
            if outcomes.stopped[position] != "halved":
                networks = tuple([each.network for each in self._outcomes[index]])
                if None not in networks and self._result.keep(index, networks, self._keep):
                    kept[index] = networks
        return kept

    def _rank(self, indices, costs):
        """Compare configurations that have reached this rung with the others that have."""
        self._progress.add(costs)
        self._ranking.add(indices, costs)

    def _take_over(self, index, rung):
        """Record the outcome of a configuration at a rung that the journal has; return whether it has one."""
        found = self._journal.take(self._recorded_values(index), self._result.rungs[rung])
        if found is None:
            return False
        outcome, parameters = found
        with self._journal.refusing():
            if len(outcome.fold_scores) != len(self._experiment.folds):
                raise ValueError(f"configuration {index} has scores of {len(outcome.fold_scores)} folds")
            (cost,) = self._result.record([index], ConfigurationOutcomes.of_one(outcome), rung)
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
        self._rank([index], [cost])
        return True

    def _recorded_values(self, index):
        """Return the values by which a journal knows a configuration."""
        return self._configurations.grid[index] if self._population is None else self._population.values(index)
