"""The last trainings of a sweep: those of networks that are to be kept, and are not there yet."""

from contextlib import closing

from fastprop.sweeping.fits import Fits, Job
from fastprop.sweeping.outcomes import only_outcome


def train_again(experiment, configurations, result, keep, workers, after_folds=False):
    """Train the networks of the best `keep` configurations that were not kept, and keep them.

    With `after_folds`, each configuration was trained on several folds and is now trained on other rows, for as many
    epochs as on the folds. Returns the indices of the configurations whose training diverged, which have no network.
    """
    finished = result.finished
    networks = result.networks
    best = [int(index) for index in result.ranking[:keep] if finished[index] and index not in networks]
    if not best:
        return []
    diverged = []
    jobs = (_final_job(index, configurations[index], result.table[index], after_folds) for index in best)
    with closing(workers.train(experiment, jobs)) as results:
        for ended in results:
            for job, rungs in ended:
                (index,) = job.fits.indices
                outcome = only_outcome(rungs)
                if outcome.stopped == "interrupted":
                    continue
                if outcome.final_epochs == 0:
                    diverged.append(index)
                else:
                    result.keep(index, (outcome.network,), keep)
    return diverged


def _final_job(index, configuration, row, after_folds):
    """Return the job that trains the network of a configuration once more, which is to be kept.

    `row` is its row of the table. After a cross-validation, the mean number of epochs of the folds takes the place of
    early stopping: no rows are held out whose loss could end the training. Schedules keep the epochs that were planned.
    """
    options = configuration.options
    ran_out_of_time = row["stopped"] == "out of time"
    until = int(row["epochs"]) if ran_out_of_time else None
    if after_folds and (ran_out_of_time or options.early_stopping is not None):
        configuration = configuration._replace(options=options._replace(early_stopping=None))
        until = int(row["final_epochs"])
    return Job(Fits([index], 0, [configuration]), [until], is_last=True)
