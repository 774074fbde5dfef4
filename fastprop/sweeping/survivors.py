"""The networks of configurations that were in training when Ctrl-C or the time ended a sweep."""

import warnings

from fastprop.sweeping.fit_states import StoredState
from fastprop.sweeping.fits import Fits, Job
from fastprop.sweeping.outcomes import only_outcome
from fastprop.sweeping.pack_runs import PackRun


def networks_of_folds(experiment, index, configuration, outcomes, epochs):
    """Return the network that a configuration has on each fold, or None where one's is not to be had.

    Only the journal has it, or it was lost with a worker, or its file cannot be read, which a warning tells.

    Parameters
    ----------
    experiment : Experiment
    index : int
        The index of the configuration.
    configuration : Configuration
    outcomes : list of FitOutcome or None
        Of each fold.
    epochs : int
        The epochs that are done.
    """
    networks = []
    for fold, outcome in enumerate(outcomes):
        fits = Fits([index], fold, [configuration])
        try:
            network = _network(experiment, fits, outcome, epochs)
        except OSError as error:
            warnings.warn(f"the network of configuration {index} is not kept, because {error}", stacklevel=2)
            return None
        if network is None:
            return None
        networks.append(network)
    return tuple(networks)


def _network(experiment, fits, outcome, epochs):
    """Return the network of the `FitOutcome` of `fits`, which are a single one; or None."""
    if outcome is None:
        return None
    if outcome.network is not None or outcome.state is None:
        return outcome.network
    fetched = outcome.state.arrays  # a worker may have them on another machine
    if fetched is None:
        return None
    fits.go_on_from([StoredState.in_memory(fetched)])
    _, rungs = PackRun(experiment, Job(fits, [epochs]))()  # the epochs are done: nothing is trained
    return only_outcome(rungs).network
