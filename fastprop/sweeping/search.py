"""A search: a study is asked for configurations, batch by batch, and told what came of them."""

import numpy as np

from fastprop import checks, thread_pool
from fastprop.integrations import optuna_search
from fastprop.options import choice, integers, loguniform, uniform
from fastprop.sweeping.results import ENDED_WELL


class Search:
    """Chooses configurations of `values`, {name: list or distribution}, by the study of an `OptunaSearch`."""

    def __init__(self, option, values):
        self._option, self._study = option, option.study
        self._choices = {name: _choices(each) for name, each in values.items()}
        self._space = {name: _distribution(name, each, self._choices[name]) for name, each in values.items()}
        ends = {name: [each.low, each.high] for name, each in values.items() if self._choices[name] is None}
        self._extremes = {name: ends.get(name) or list(self._choices[name].values()) for name in values}

    def extremes(self):
        """Configurations that have between them each end and each choice."""
        maximum = max(map(len, self._extremes.values()))
        return [{name: each[min(k, len(each) - 1)] for name, each in self._extremes.items()} for k in range(maximum)]

    @property
    def at_once(self):
        """How many configurations are trained at a time."""
        return self._option.at_once

    def _check(self, result):
        """Refuse a study that would look for the worst."""
        if self._option.minimizes == result.higher_is_better:
            ranks = result.score_name if result.higher_is_better else "what ranks"
            best, direction = ("highest", "maximize") if result.higher_is_better else ("lowest", "minimize")
            raise ValueError(
                f"search has a study that would look for the worst, as {ranks} is best where it is {best}: "
                f"create the study with direction={direction!r}."
            )

    def __call__(self, rounds, candidates, result):
        """Fill the rows of a result, batch by batch; Ctrl-C ends it with the rows that were asked for by then.

        Return whether nothing broke it off.
        """
        self._check(result)
        whole, rows = True, len(result.table)
        while whole and len(candidates) < rows:
            ask = _Asking(self._study, self._space, min(self.at_once, rows - len(candidates)))
            whole = thread_pool.run([ask], 1, lambda: None)
            numbers = np.arange(len(candidates), len(candidates) + len(ask.trials))
            try:
                candidates.extend(self._configuration(trial.params) for trial in ask.trials)
                result.enter(numbers, candidates)
                whole = whole and rounds(numbers)
            finally:
                thread_pool.run([_Telling(self._study, ask.trials, numbers, result)], 1, lambda: None)
        result.shorten(len(candidates))
        return whole

    def _configuration(self, parameters):
        choices = self._choices
        return {name: choices[name][each] if choices[name] else each for name, each in parameters.items()}


class _Asking:
    """Asks a study for trials: a job, for Ctrl-C not to come amid one."""

    def __init__(self, study, space, count):
        self._study, self._space, self._count, self.trials = study, space, count, []

    def __call__(self):
        while len(self.trials) < self._count:
            self.trials.append(self._study.ask(self._space))

    def stop(self):
        """End after the trial it is at."""
        self._count = 0


class _Telling:
    """Tells a study what came of trials: a job, for Ctrl-C not to come amid one."""

    def __init__(self, study, trials, numbers, result):
        self._study, self._trials, self._numbers, self._result = study, trials, numbers, result

    def __call__(self):
        sign, rungs = -1 if self._result.higher_is_better else 1, self._result.rungs
        for number, trial in zip(self._numbers, self._trials):
            costs, stopped = self._result.rung_costs[number], self._result.table["stopped"][number]
            measured = {rung: sign * float(cost) for rung, cost in zip(rungs, costs) if np.isfinite(cost)}
            ended = "pruned" if stopped == "halved" else "complete" if stopped in ENDED_WELL and measured else "fail"
            optuna_search.tell(self._study, trial, measured, ended)

    def stop(self):
        """It is short, and ends by itself."""


def _choices(values):
    """The values of a list or of `choice` by what a study calls them; None of other distributions."""
    if not isinstance(values, (list, choice)):
        return None
    values = list(values) if isinstance(values, list) else list(values.values)
    if all(value is None or isinstance(value, (bool, int, float, str)) for value in values):
        return dict(zip(values, values))
    names = [checks.shown(value) for value in values]
    distinct = len(set(names)) == len(names)
    return {name if distinct else f"{number}: {name}": each for number, (name, each) in enumerate(zip(names, values))}


def _distribution(name, values, choices):
    """What a study is to choose from."""
    if choices is not None:
        return optuna_search.names(list(choices))
    if isinstance(values, integers):
        return optuna_search.whole_numbers(values.low, values.high)
    if isinstance(values, (uniform, loguniform)):
        return optuna_search.numbers(values.low, values.high, log=isinstance(values, loguniform))
    raise ValueError(
        f"grid[{name!r}] is a distribution that no study searches, {checks.shown(values)}: give fp.uniform, "
        "fp.loguniform, fp.integers, fp.choice or a list."
    )
