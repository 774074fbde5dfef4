"""Searches: an Optuna study is asked for configurations, batch by batch, and told their results."""

import itertools
import math

import numpy as np

from fastprop import checks, interrupts, thread_pool
from fastprop.integrations import optuna_search
from fastprop.options import choice, integers, loguniform, uniform
from fastprop.sweeping import spaces
from fastprop.sweeping.endings import is_finished
from fastprop.sweeping.journal import RecordedTrial


class Search:
    """Chooses configurations from `values`, {name: list or distribution}, by the study of an `OptunaSearch`."""

    def __init__(self, option, values):
        self._option = option
        self._study = optuna_search.Study(option.study)
        self._values = values
        self._space = {name: choice(each) if isinstance(each, list) else each for name, each in values.items()}
        named = [pair for name, each in self._space.items() for pair in spaces.named_distributions(each, name)]
        self._indices = {name: _indices(each) for name, each in named if isinstance(each, choice)}
        self._distributions = {name: _distribution(name, each, self._indices.get(name)) for name, each in named}
        self._combinations = math.prod(map(spaces.combinations, self._space.values()))

    @property
    def batch(self):
        """How many configurations are chosen, and trained, at a time."""
        return self._option.at_once

    @property
    def journaled(self):
        """What sweeps that share a journal must have in common, because trials are taken over: by name."""
        return {f"grid[{name!r}]": values for name, values in self._values.items()}

    def extremes(self):
        """Return configurations that together have both ends of each distribution, and each choice."""
        return spaces.extreme_configurations(self._space)

    def check(self, result):
        """Refuse a study that would search for the worst rows of a result, or has searched among other values."""
        if self._option.minimizes == result.higher_is_better:
            ranks = result.score_name if result.higher_is_better else "what ranks"
            best, direction = ("highest", "maximize") if result.higher_is_better else ("lowest", "minimize")
            raise ValueError(
                f"search has a study that would look for the worst, as {ranks} is best where it is {best}: "
                f"create the study with direction={direction!r}."
            )
        earlier = self._study.distributions()
        for name, distribution in self._distributions.items():
            if name in earlier and not optuna_search.are_compatible(earlier[name], distribution):
                raise ValueError(
                    f"search has a study whose trials have {name} from {optuna_search.described(earlier[name])}, and "
                    f"grid has {optuna_search.described(distribution)}: give the same, or a new study."
                )

    def run(self, runner, configurations, result, journal):
        """Fill the rows of a result, batch by batch, with configurations that a `SweepRunner` trains.

        There are fewer rows where the study's sampler ends the search.

        Raises
        ------
        thread_pool.Interrupted
            After Ctrl-C; the result then has only the rows that were asked for so far.
        ValueError
            If the study chooses nothing.
        """
        filling = _Filling(self, self._study, runner, configurations, result, journal)
        filling.run(len(result.table), self.batch)
        if len(result.table) == 0:
            raise ValueError(
                f"search has a study whose {self._study.sampler} has tried all that it has to try: give a new study."
            )

    def suggested_by(self, trial):
        """Return the configuration that a trial of Optuna suggests."""
        return self._resolved(lambda name: optuna_search.suggested(trial, name, self._distributions[name]))

    def values_of(self, parameters):
        """Return the configuration that the parameters of a trial stand for; None if some are missing."""
        try:
            return self._resolved(parameters.__getitem__)
        except KeyError:
            return None

    def all_begun(self, asked):
        """Return whether the study has nothing left to begin, after it was `asked` for these trials of a batch."""
        return self._study.all_begun(asked, self._combinations, lambda each: self.values_of(each) is not None)

    def _resolved(self, parameter):
        """Return a configuration; ``parameter(name)`` is what the study has chosen for the parameter of a name."""

        def choose(name, distribution):
            chosen = parameter(name)
            return self._indices[name][chosen] if isinstance(distribution, choice) else chosen

        return {name: spaces.resolved(each, name, choose) for name, each in self._space.items()}


class _Filling:
    """Fills the rows of one result."""

    def __init__(self, search, study, runner, configurations, result, journal):
        self._search = search
        self._study = study
        self._runner = runner
        self._configurations = configurations
        self._result = result
        self._journal = journal
        self._batches = 0  # the number of batches so far, also of an earlier sweep

    def run(self, rows, at_once):
        """Fill at most so many rows, `at_once` in a batch."""
        try:
            self._go_on(rows)
            while (missing := rows - len(self._configurations)) > 0 and not self._study.is_stopped:
                trials, interrupted = self._ask(min(at_once, missing))
                if not trials and not interrupted:
                    break
                self._train(trials, interrupted)
        finally:
            self._result.shorten(len(self._configurations))

    def _go_on(self, rows):
        """Take over the trials for which an earlier sweep of this journal has asked the same study."""
        if self._journal is None:
            return
        recorded = self._journal.study(self._study.name)
        trials = self._study.trials
        if recorded is None or not all(_is_same(each, trials) for each in recorded.trials):
            self._journal.begin_study(self._study.name, self._study.running())
            self._journal.flush()
            return
        numbers = [each.number for each in recorded.trials]
        self._study.fail(self._study.unknown({*numbers, *recorded.running}))  # killed while it was asked for
        left_over = set(numbers)
        for _, batch in itertools.groupby(recorded.trials, key=lambda each: each.batch):
            found = [trials[each.number] for each in batch]
            pairs = [(trial, self._search.values_of(trial.params)) for trial in found]
            pairs = [pair for pair in pairs if pair[1] is not None][: rows - len(self._configurations)]
            self._batches += 1
            if pairs:
                self._train(pairs)
            left_over.difference_update(trial.number for trial, _ in pairs)
        self._study.fail(sorted(left_over.intersection(self._study.running())))

    def _ask(self, count):
        """Ask for `count` trials, or as many as are left.

        Return pairs of a trial and its values, and whether Ctrl-C ended this early.
        """
        pairs = []
        try:
            with interrupts.held() as held:
                while len(pairs) < count and not self._search.all_begun([trial for trial, _ in pairs]):
                    pairs.append(self._asked())
                    held.deliver()
        except KeyboardInterrupt:
            return pairs, True
        except BaseException:
            self._study.fail([trial.number for trial, _ in pairs])
            raise
        self._batches += 1
        return pairs, False

    def _asked(self):
        """Ask for a trial, and record that it was asked for."""
        try:
            trial, values = self._study.ask(self._search.suggested_by)
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(
                f"search has a study whose {self._study.sampler} cannot choose from grid, because of this: {error} "
                "Give the study another sampler, or the grid what that one expects."
            ) from error
        if self._journal is not None:
            recorded = RecordedTrial(trial.number, trial.datetime_start.isoformat(), self._batches)
            self._journal.add_trial(self._study.name, recorded)
            self._journal.flush(is_durable=False)
        return trial, values

    def _train(self, pairs, interrupted=False):
        """Train the configurations of pairs of a trial and its values, and tell the study their results."""
        indices = np.arange(len(self._configurations), len(self._configurations) + len(pairs))
        try:
            self._configurations.extend(values for _, values in pairs)
            self._result.enter(indices, self._configurations.columns)
            if interrupted:
                raise thread_pool.Interrupted
            self._runner.train(indices)
        finally:
            self._tell([trial for trial, _ in pairs], indices)

    def _tell(self, trials, indices):
        """Tell the study the results of trials; an error is raised when all are told."""
        errors = []
        try:
            with interrupts.held():
                for index, trial in zip(indices, trials):
                    try:
                        self._study.tell(trial, *_told(self._result, index))
                    except Exception as error:
                        errors.append(error)
        except KeyboardInterrupt:
            raise thread_pool.Interrupted from None
        if errors:
            raise errors[0]


def _is_same(recorded, trials):
    """Return whether a `RecordedTrial` is the trial of its number."""
    started = trials[recorded.number].datetime_start if recorded.number < len(trials) else None
    return started is not None and started.isoformat() == recorded.started


def _told(result, index):
    """Return what a study is told of a row: what ranks at each rung where it is finite, at the end, and the state."""
    sign = -1 if result.higher_is_better else 1
    costs = {
        rung: sign * float(cost) for rung, cost in zip(result.rungs, result.rung_costs[index]) if np.isfinite(cost)
    }
    value = float(result.table[result.ranks][index])
    row = result.table[index]
    if row["stopped"] == "halved" and costs:
        return costs, value, "pruned"
    is_complete = is_finished(row["stopped"], row["final_epochs"]) and math.isfinite(value)
    return costs, value, "complete" if is_complete else "fail"


def _indices(values):
    """Return {what the study calls it: index of the value} for a `choice`."""
    values = values.values
    if all(value is None or isinstance(value, (bool, int, float, str)) for value in values):
        return {value: values.index(value) for value in values}
    names = [checks.shown(value) for value in values]
    distinct = len(set(names)) == len(names)
    return {name if distinct else f"{index}: {name}": index for index, name in enumerate(names)}


def _distribution(name, values, indices):
    """Return the Optuna distribution from which a study chooses."""
    if indices is not None:
        return optuna_search.categorical(list(indices))
    if isinstance(values, integers):
        return optuna_search.integers(values.low, values.high, log=values.log)
    if isinstance(values, (uniform, loguniform)):
        return optuna_search.floats(values.low, values.high, log=isinstance(values, loguniform))
    raise ValueError(
        f"grid[{name!r}] is a distribution that no study searches, {checks.shown(values)}: give fp.uniform, "
        "fp.loguniform, fp.integers, fp.choice or a list."
    )
