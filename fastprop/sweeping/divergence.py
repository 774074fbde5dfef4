"""What `DivergenceWarning` says of a sweep: that nothing of use was found or could be kept, and what to do."""

import numpy as np

from fastprop.runs import divergence


def message_of_sweep(experiment, configurations, result, without_network):
    """Return what to say of a sweep in which trainings diverged or were of no use, or None if there is nothing to say.

    `without_network` are the indices of configurations that diverged in their last training, on all rows. There is
    nothing to say where other configurations diverged but some may be the best.
    """
    index = without_network[0] if without_network else 0
    diverged = int((result.table["stopped"] == "diverged").sum())
    if not result.finished.any() and diverged:
        what = f"{diverged} of {len(result.table)} configurations diverged and none finished, so that there is no best"
    elif without_network:
        shown = ", ".join(map(str, without_network[:3])) + (", …" if len(without_network) > 3 else "")
        what = f"configuration {shown} diverged in the last training, on all rows, so that its network was not kept"
        experiment = experiment.on_all_rows()
    elif (problem := _why_best_is_of_no_use(experiment, configurations, result)) is not None:
        index = int(result.ranking[0])
        what = f"the best configuration, {index}, ended with {problem}"
    else:
        return None
    options = configurations[index].options
    rate = getattr(options.optimizer, "learning_rate", np.nan)
    if "learning_rate" in configurations.columns:
        rate = np.nanmin(configurations.columns["learning_rate"])
    network = experiment.network(configurations[0], fold=0)
    return f"{what}: {divergence.advice(experiment.split(fold=0), network, options, rate)}."


def _why_best_is_of_no_use(experiment, configurations, result):
    """Return in words why the network of the best row is of no use; None if it is of use, or there is no best row."""
    if not result.can_be_best.any():
        return None
    best = int(result.ranking[0])
    configuration = configurations[best]
    split = experiment.on_all_rows().scored(fold=0)  # whose targets are in their own unit, as losses of a result are
    network = experiment.prototypes[configuration.options.loss]
    loss = np.fmin(result.table["loss"][best], result.table["validation_loss"][best])
    return divergence.why_of_no_use(loss, configuration.options.loss, split, network)
