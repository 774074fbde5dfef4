"""Optuna: a study that is asked for trials and told what became of them, so that none is left running."""

import contextlib
import math

from fastprop.notices import warn


def optuna():
    """Return Optuna, or raise an ImportError that says how to install it."""
    try:
        import optuna
    except ImportError as error:
        raise ImportError("a search needs Optuna: pip install optuna.") from error
    return optuna


def floats(low, high, log=False):
    """Return the distribution of numbers from `low` to `high`, or of numbers whose logarithms are uniform."""
    return optuna().distributions.FloatDistribution(low, high, log=log)


def integers(low, high, log=False):
    """Return the distribution of whole numbers from `low` to `high`, or of those whose logarithms are uniform."""
    return optuna().distributions.IntDistribution(low, high, log=log)


def categorical(values):
    """Return the distribution of values that are strings, numbers, bools or None."""
    return optuna().distributions.CategoricalDistribution(values)


def suggested(trial, name, distribution):
    """Return the value that a trial suggests for a parameter of one of these distributions."""
    if hasattr(distribution, "choices"):
        return trial.suggest_categorical(name, distribution.choices)
    suggest = trial.suggest_int if isinstance(distribution.low, int) else trial.suggest_float
    return suggest(name, distribution.low, distribution.high, log=distribution.log)


def described(distribution):
    """Return a distribution of Optuna in the words in which fastprop has it."""
    if hasattr(distribution, "choices"):
        return f"the choices {', '.join(map(repr, distribution.choices))}"
    kind = "whole numbers" if isinstance(distribution.low, int) else "numbers"
    scale = " on a logarithmic scale" if distribution.log else ""
    return f"{kind} from {distribution.low} to {distribution.high}{scale}"


def are_compatible(earlier, distribution):
    """Return whether trials of one study may have both distributions of a parameter of one name."""
    try:
        optuna().distributions.check_distribution_compatibility(earlier, distribution)
    except ValueError:
        return False
    return True


class Study:
    """A study of Optuna, beside which other processes may search the same one.

    Attributes
    ----------
    is_stopped : bool
        Whether the sampler has said that the search is over.
    """

    def __init__(self, study):
        self._study = study
        self._asked = set()  # numbers of the trials that were asked for
        self._running_before = set(self.running())
        self.is_stopped = False

    @property
    def name(self):
        """The name, by which a storage knows it."""
        return self._study.study_name

    @property
    def sampler(self):
        """The name of the class of its sampler."""
        return type(self._study.sampler).__name__

    @property
    def trials(self):
        """All trials so far, by their number."""
        return self._study.get_trials(deepcopy=False)

    def running(self):
        """Return the numbers of the trials that run."""
        return [trial.number for trial in self._in_state("RUNNING")]

    def distributions(self):
        """Return by name the last distribution of each parameter of its trials."""
        return {name: each for trial in self.trials for name, each in trial.distributions.items()}

    def ask(self, suggest):
        """Ask for a trial, of which ``suggest(trial)`` takes the values; return both.

        A trial of which they cannot be taken has failed, also after Ctrl-C.
        """
        trial = None
        try:
            with self._noticing_stop():
                trial = self._study.ask()
                values = suggest(trial)
        except BaseException:
            self.fail([trial.number] if trial is not None else self.unknown(self._asked | self._running_before))
            raise
        self._asked.add(trial.number)
        return trial, values

    def unknown(self, known):
        """Return the number, in a list, of the trial that runs and is none of those `known`; of several none.

        If there are several, some are those of other processes.
        """
        unknown = [number for number in self.running() if number not in known]
        return unknown if len(unknown) == 1 else []

    def fail(self, numbers):
        """End running trials as failed."""
        for number in numbers:
            with contextlib.suppress(Exception), self._noticing_stop():  # samplers may raise when it has ended
                self._study.tell(number, state=optuna().trial.TrialState.FAIL)

    def tell(self, trial, measured, value, state):
        """Tell the study the result of a trial.

        Parameters
        ----------
        trial : optuna.Trial or optuna.trial.FrozenTrial
            The trial, or one that an earlier sweep has asked for. If the latter has failed because the sweep was
            interrupted, a new trial of the same parameters is added; if it has a result, that one stays.
        measured : dict
            By the number of epochs, the value that was measured after them.
        value : float
            The result of a complete trial.
        state : str
            How the trial ended: ``"complete"``, ``"pruned"`` or ``"fail"``.
        """
        value = value if state == "complete" else None
        ended = optuna().trial.TrialState[state.upper()]
        earlier = getattr(trial, "state", None)
        if earlier is None:
            for epochs, each in measured.items():
                trial.report(each, epochs)
        if earlier is None or earlier.name == "RUNNING":
            try:
                with self._noticing_stop():
                    self._study.tell(trial if earlier is None else trial.number, value, ended)
            except Exception as error:
                if not self.trials[trial.number].state.is_finished():
                    raise
                warn(
                    f"the study has the result of trial {trial.number}, but after it the sampler {self.sampler} raised "
                    f"{error!r}: the search goes on.",
                    UserWarning,
                )
        elif earlier.name == "FAIL" and state != "fail" and not self._has_result(trial.params):
            new = optuna().trial.create_trial(
                state=ended,
                value=value if state == "complete" else measured[max(measured)],
                params=trial.params,
                distributions=trial.distributions,
                intermediate_values=measured,
            )
            self._study.add_trial(new)

    def all_begun(self, asked, combinations, is_complete):
        """Return whether the sampler tries each combination once, and has begun all of them.

        Parameters
        ----------
        asked : list of optuna.Trial
            The trials of this batch.
        combinations : int or float
            How many combinations of parameters there are.
        is_complete : callable
            Returns whether parameters of a trial, {name: value}, are such a combination.
        """
        sampler = self._study.sampler
        is_grid = isinstance(sampler, optuna().samplers.GridSampler)
        if not (is_grid or isinstance(sampler, optuna().samplers.BruteForceSampler)) or self._in_state("WAITING"):
            return False
        if not is_grid:
            tried = {tuple(sorted(trial.params.items())) for trial in self.trials if is_complete(trial.params)}
            return len(tried) >= combinations
        return self._has_begun_grid(self.trials[asked[-1].number]) if asked else sampler.is_exhausted(self._study)

    def _has_begun_grid(self, last):
        """Return whether all of the grid of the trial `last` has begun, by what the sampler notes of each trial."""
        grid = last.system_attrs.get("search_space")
        if grid is None:  # its parameters were enqueued
            return False
        notes = [trial.system_attrs for trial in self.trials]
        begun = {each["grid_id"] for each in notes if each.get("search_space") == grid}
        return len(begun) == math.prod(map(len, grid.values()))

    def _has_result(self, parameters):
        return any(trial.params == parameters for trial in self._in_state("COMPLETE", "PRUNED"))

    def _in_state(self, *names):
        states = [optuna().trial.TrialState[name] for name in names]
        return self._study.get_trials(deepcopy=False, states=states)

    @contextlib.contextmanager
    def _noticing_stop(self):
        """Let samplers call ``study.stop()``, which Optuna allows only within its own loop."""

        def stop():
            self.is_stopped = True

        self._study.stop = stop
        try:
            yield
        finally:
            vars(self._study).pop("stop", None)
