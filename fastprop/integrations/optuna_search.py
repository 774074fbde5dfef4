"""Optuna: the distributions that its studies choose from, and how a trial ends."""


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


def integers(low, high):
    """Return the distribution of whole numbers from `low` to `high`."""
    return optuna().distributions.IntDistribution(low, high)


def categorical(values):
    """Return the distribution of values that are strings, numbers, bools or None."""
    return optuna().distributions.CategoricalDistribution(values)


def tell(study, trial, measured, state):
    """Tell a study the result of a trial.

    Parameters
    ----------
    study : optuna.Study
    trial : optuna.Trial
    measured : dict
        By the number of epochs, the value that was measured after them; the last one is the trial's value.
    state : str
        How the trial ended: ``"complete"``, ``"pruned"`` or ``"fail"``.
    """
    for epochs, value in measured.items():
        trial.report(value, epochs)
    value = list(measured.values())[-1] if state == "complete" else None
    study.tell(trial, value, optuna().trial.TrialState[state.upper()])
