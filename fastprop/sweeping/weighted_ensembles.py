"""Ensembles of the networks of folds, weighted by what these give for the rows that they were not trained on."""

from __future__ import annotations

import numpy as np

from fastprop import checks, metrics
from fastprop.calibration import fit_temperature
from fastprop.ensembles import Ensemble
from fastprop.intervals import FoldErrors
from fastprop.options.losses import pinball_of
from fastprop.sweeping.greedy_weights import greedy_weights
from fastprop.task import Task


def weighted_ensemble(networks, outputs, y, fold_of_rows, *, score, steps, calibrate, sample_weight):
    """Return the `Ensemble` of configurations whose weights are chosen greedily; see `SweepResult.weighted_ensemble`.

    Parameters
    ----------
    networks : collection of tuple of MLP
        For each configuration the network of each fold.
    outputs : list of ndarray
        For each configuration (n, n_out), see `SweepResult.out_of_fold`.
    y : array_like
    fold_of_rows : ndarray or None
        (n,) int64, see `fold_networks.fold_of_rows`.
    score : str, callable or Score, optional
    steps : int
    calibrate : bool
    sample_weight : array_like or None
        (n,) weights of the rows.
    """
    steps = checks.whole_number(steps, "steps")
    first = next(iter(networks))[0]
    tasks = [_task(network, y) for network, *_ in networks]
    if calibrates := checks.flag(calibrate, "calibrate"):
        checks.output_of_classes(first)
    of_quantiles = all(task.kind == "quantiles" for task in tasks)
    score = "pinball" if score is None and of_quantiles else score
    chosen = None if score is None else metrics.chosen(score, "score", *tasks)
    is_numeric = first.output not in ("softmax", "sigmoid")
    has_a_target_each = np.size(y) == outputs[0].size
    if is_numeric and not has_a_target_each and chosen is None:
        raise ValueError(
            "the outputs are several of one target, and the networks do not know by which loss: give a score of your "
            "own by which they are weighed, such as a function of outputs and y."
        )
    row_weights = None
    if sample_weight is not None:
        row_weights = checks.row_weights(sample_weight, len(outputs[0]), "sample_weight")
        chosen = chosen and _weighing_rows(chosen)
    options = {"score": chosen, "steps": steps, "sample_weight": row_weights}
    weights = greedy_weights(outputs, np.asarray(y), first.output, **options)
    mean = np.asarray(sum(weight * each.astype(np.float64) for weight, each in zip(weights, outputs)))
    temperature = fit_temperature(mean, y, row_weights) if calibrates else 1.0
    has_errors = is_numeric and has_a_target_each and fold_of_rows is not None
    errors = FoldErrors.of_rows(mean, y, fold_of_rows) if has_errors else None
    return Ensemble.of_folds(networks, weights, fold_errors=errors, temperature=temperature)


def _weighing_rows(score):
    """Return the same `Score` that is given weights of rows."""
    if not (score.is_own or score.takes_weights):
        raise ValueError(
            f"score {score.name!r} takes no weights of rows: give fp.metrics.Score(…, takes_weights=True), or leave "
            "sample_weight out."
        )
    return score.weighted()


def _task(network, y):
    """Return the `Task` of a trained network, whose loss is the default one unless it has learned quantiles."""
    n_out = network.layer_sizes[-1]
    return Task.of(y, n_out, network.output, checks.loss(pinball_of(network.training), network.output, n_out))
