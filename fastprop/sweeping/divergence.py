"""What `DivergenceWarning` says of a sweep: that nothing finished, or that no network could be kept, and what to do."""

import numpy as np

from fastprop.runs import divergence


def message_of_sweep(experiment, configurations, result, without_network):
    """Return what to say of a sweep in which trainings diverged, or None if there is nothing to say.

    `without_network` are the indices of configurations that diverged in their last training, on all rows. There is
    nothing to say where other configurations diverged but some may be the best.
    """
    diverged = int((result.table["stopped"] == "diverged").sum())
    if not result.finished.any() and diverged:
        what = f"{diverged} of {len(result.table)} configurations diverged and none finished, so that there is no best"
    elif without_network:
        shown = ", ".join(map(str, without_network[:3])) + (", …" if len(without_network) > 3 else "")
        what = f"configuration {shown} diverged in the last training, on all rows, so that its network was not kept"
        experiment = experiment.on_all_rows()
    else:
        return None
    options = configurations[without_network[0] if without_network else 0].options
    rate = getattr(options.optimizer, "learning_rate", np.nan)
    if "learning_rate" in configurations.columns:
        rate = np.nanmin(configurations.columns["learning_rate"])
    network = experiment.network(configurations[0], fold=0)
    return f"{what}: {divergence.advice(experiment.split(fold=0), network, options, rate)}."
