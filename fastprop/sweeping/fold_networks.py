"""The networks of the folds of a cross-validation, where these are kept and none is trained on all rows."""

from contextlib import closing

import numpy as np

from fastprop.checks import read_only
from fastprop.runs import predict
from fastprop.sweeping.fits import FitArrays, Job, packs


def train_missing(experiment, configurations, result, keep, workers):
    """Train the folds of those of the best `keep` configurations again whose networks were not kept, and keep them.

    These are configurations that were taken from a journal, by which no fold diverges.
    """
    finished = result.finished
    known = result.fold_networks
    best = [int(index) for index in result.ranking[:keep] if finished[index] and index not in known]
    if not best:
        return
    folds = len(experiment.folds)
    fits = FitArrays.of_all_folds(best, folds)
    epochs = int(result.table["epochs"][best].max())
    chosen = packs(experiment, configurations, fits, workers.count, epochs)
    jobs = (Job(fits.pack(pack, configurations), [None]) for pack in chosen)
    networks = {index: [None] * folds for index in best}
    with closing(workers.train(experiment, jobs)) as results:
        for ended in results:
            for job, (outcomes,) in ended:
                for index, outcome in zip(job.fits.indices, outcomes):
                    networks[index][job.fits.fold] = outcome.network
    for index, of_folds in networks.items():
        result.keep(index, tuple(of_folds), keep)


def fold_of_rows(scored, rows):
    """Return the fold that holds each of `rows` rows out to score, (rows,) int64, -1 for none.

    `scored` has the rows of each fold. None is returned where several folds hold out the same row.
    """
    found = np.full(rows, -1, np.int64)
    for fold, held_out in enumerate(scored):
        if (found[held_out] >= 0).any():
            return None
        found[held_out] = fold
    return found


def out_of_fold(networks, experiment, scored):
    """Return what networks of folds give for the rows that these hold out to score, by the index of a configuration.

    Parameters
    ----------
    networks : dict
        By index of a configuration, the network of each fold.
    experiment : Experiment
    scored : list of ndarray
        For each fold the rows to score, as indices of the rows of the data that was given.

    Returns
    -------
    dict
        By index, (n, n_out) of the networks' dtype, read-only: NaN for rows that no fold scores, and the mean for rows
        that several do.
    """
    rows = len(experiment.data.inputs) - experiment.data.copies
    inputs = experiment.held_out.inputs
    found = {}
    for index, of_folds in networks.items():
        outputs = [predict(network, inputs, fold.scored) for network, fold in zip(of_folds, experiment.folds)]
        found[index] = mean_of_rows(outputs, scored, rows)
    return found


def mean_of_rows(outputs, rows_of_outputs, rows):
    """Return the mean of the outputs that belong to each of `rows` rows, (rows, n_out) of their dtype, read-only.

    There are one or more `outputs`, (m, n_out) each, and for each of them the (m,) rows to which they belong. A row to
    which none belong is NaN.
    """
    total = np.zeros((rows, outputs[0].shape[1]), outputs[0].dtype)
    for each, of_rows in zip(outputs, rows_of_outputs):
        np.add.at(total, of_rows, each)
    counts = sum(np.bincount(of_rows, minlength=rows) for of_rows in rows_of_outputs)
    with np.errstate(invalid="ignore"):
        total /= counts[:, None].astype(total.dtype)
    return read_only(total)
