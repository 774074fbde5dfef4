"""Studies of Optuna as the engine of a search (extra ``optuna``): what they choose from, and how a trial ends."""


def optuna():
    """Return Optuna, or raise an ImportError that says how to install it."""
    try:
        import optuna
    except ImportError as error:
        raise ImportError("a search needs Optuna: pip install optuna.") from error
    return optuna


def numbers(low, high, log=False):
    """Return the distribution of numbers from `low` to `high`, or of their logarithms."""
    return optuna().distributions.FloatDistribution(low, high, log=log)


def whole_numbers(low, high):
    """Return the distribution of whole numbers from `low` to `high`."""
    return optuna().distributions.IntDistribution(low, high)


def names(values):
    """Return the distribution of texts, numbers, bools or None."""
    return optuna().distributions.CategoricalDistribution(values)


def tell(study, trial, measured, ended):
    """Tell a study what came of a trial.

    Parameters
    ----------
    study : optuna.Study
    trial : optuna.Trial
    measured : dict
        After how many epochs what was measured, the last at its end.
    ended : str
        ``"complete"``, ``"pruned"`` or ``"fail"``.
    """
    for epochs, value in measured.items():
        trial.report(value, epochs)
    value = list(measured.values())[-1] if ended == "complete" else None
    study.tell(trial, value, optuna().trial.TrialState[ended.upper()])
