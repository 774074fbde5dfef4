"""Searches: an Optuna study is asked for configurations, batch by batch, and told their results."""

import numpy as np

from fastprop import checks, thread_pool
from fastprop.integrations import optuna_search
from fastprop.options import choice, integers, loguniform, uniform
from fastprop.sweeping.outcomes import may_be_best


class Search:
    """Chooses configurations from `values`, {name: list or distribution}, by the study of an `OptunaSearch`."""

    def __init__(self, option, values):
        self._option = option
        self._study = option.study
        self._choices = {name: _choices(each) for name, each in values.items()}
        self._space = {name: _distribution(name, each, self._choices[name]) for name, each in values.items()}
        self._extremes = {name: _extremes(each, self._choices[name]) for name, each in values.items()}

    @property
    def batch(self):
        """How many configurations are chosen, and trained, at a time."""
        return self._option.at_once

    def extremes(self):
        """Return configurations that together have both ends of each distribution, and each choice."""
        count = max(map(len, self._extremes.values()))
        return [{name: each[min(k, len(each) - 1)] for name, each in self._extremes.items()} for k in range(count)]

    def check_direction(self, result):
        """Refuse a study that would search for the worst rows of a result."""
        if self._option.minimizes == result.higher_is_better:
            ranks = result.score_name if result.higher_is_better else "what ranks"
            best, direction = ("highest", "maximize") if result.higher_is_better else ("lowest", "minimize")
            raise ValueError(
                f"search has a study that would look for the worst, as {ranks} is best where it is {best}: "
                f"create the study with direction={direction!r}."
            )

    def run(self, runner, configurations, result):
        """Fill the rows of a result, batch by batch, with configurations that a `HalvingRunner` trains.

        Raises
        ------
        thread_pool.Interrupted
            After Ctrl-C; the result then has only the rows that were asked for so far.
        """
        rows = len(result.table)
        try:
            while len(configurations) < rows:
                self._run_batch(runner, configurations, result, min(self.batch, rows - len(configurations)))
        finally:
            result.shorten(len(configurations))

    def _run_batch(self, runner, configurations, result, count):
        trials, interrupted = self._ask(count)
        indices = np.arange(len(configurations), len(configurations) + len(trials))
        try:
            configurations.extend(self._values(trial.params) for trial in trials)
            result.enter(indices, configurations.columns)
            if interrupted:
                raise thread_pool.Interrupted
            runner.train(indices)
        finally:
            self._tell(trials, indices, result)

    def _ask(self, count):
        """Ask the study for `count` trials; return them, and whether Ctrl-C ended this early."""
        trials = []
        try:
            with thread_pool.held_interrupts() as interrupts:
                while len(trials) < count:
                    trials.append(self._study.ask(self._space))
                    interrupts.deliver()
        except KeyboardInterrupt:
            return trials, True
        return trials, False

    def _tell(self, trials, indices, result):
        """Tell the study the results of trials."""
        try:
            with thread_pool.held_interrupts():
                for index, trial in zip(indices, trials):
                    measured = _measured(result, index)
                    state = _state(result, index)
                    optuna_search.tell(self._study, trial, measured, state)
        except KeyboardInterrupt:
            raise thread_pool.Interrupted from None

    def _values(self, parameters):
        """Return the hyperparameter values that a trial's parameters stand for."""
        choices = self._choices
        return {name: choices[name][each] if choices[name] else each for name, each in parameters.items()}


def _measured(result, index):
    """Return {epochs: what ranks} of a row, with the sign that the study expects, for each rung where it is finite."""
    sign = -1 if result.higher_is_better else 1
    return {rung: sign * float(cost) for rung, cost in zip(result.rungs, result.rung_costs[index]) if np.isfinite(cost)}


def _state(result, index):
    """Return how a row's trial ended, in Optuna's words."""
    row = result.table[index]
    if row["stopped"] == "halved":
        return "pruned"
    has_result = may_be_best(row["stopped"], row["final_epochs"]) and _measured(result, index)
    return "complete" if has_result else "fail"


def _choices(values):
    """Return {what the study calls it: value} for a list or a `choice`; None for other distributions."""
    if not isinstance(values, (list, choice)):
        return None
    values = list(values) if isinstance(values, list) else list(values.values)
    if all(value is None or isinstance(value, (bool, int, float, str)) for value in values):
        return dict(zip(values, values))
    names = [checks.shown(value) for value in values]
    distinct = len(set(names)) == len(names)
    return {name if distinct else f"{index}: {name}": each for index, (name, each) in enumerate(zip(names, values))}


def _distribution(name, values, choices):
    """Return the Optuna distribution from which a study chooses."""
    if choices is not None:
        return optuna_search.categorical(list(choices))
    if isinstance(values, integers):
        return optuna_search.integers(values.low, values.high)
    if isinstance(values, (uniform, loguniform)):
        return optuna_search.floats(values.low, values.high, log=isinstance(values, loguniform))
    raise ValueError(
        f"grid[{name!r}] is a distribution that no study searches, {checks.shown(values)}: give fp.uniform, "
        "fp.loguniform, fp.integers, fp.choice or a list."
    )


def _extremes(values, choices):
    """Return values that are valid only if all are: the ends of a distribution, or all choices."""
    return [values.low, values.high] if choices is None else list(choices.values())
