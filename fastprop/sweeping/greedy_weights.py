"""Weights of networks in an ensemble: chosen greedily, by outputs for rows that the networks were not trained on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastprop import metrics
from fastprop.annotations import FloatArray

STEPS = 40
"""How many times a network is chosen, which may be the same one: a weight is a multiple of 1 / this number, or less."""

MIN_PROBABILITY = 1e-7
"""A probability below this counts as this, so that one row cannot decide alone; about the rounding of float32."""


def greedy_weights(
    outputs: Sequence[FloatArray],
    y: NDArray[Any],
    activation: str,
    *,
    score: metrics.Score | None = None,
    steps: int = STEPS,
    sample_weight: NDArray[np.float64] | None = None,
) -> NDArray[np.float64]:
    """Return the weights (networks,) of a mean of outputs that is best on held-out rows.

    From no network on, at each step that one is added which makes the mean of all that were added the best, one that
    was added before included; of equally good ones the first. Of the ensembles of all steps, the best one is taken, and
    of equally good ones the smallest. A network's weight is its share of the networks that were added.

    Parameters
    ----------
    outputs : sequence of ndarray
        (networks,) arrays (n, n_out): the outputs of each for rows that it was not trained on. Rows in which an output
        is NaN do not count.
    y : ndarray
        (n,) or (n, n_out) targets, as a sweep takes them.
    activation : str
        The output activation of the networks. With softmax and sigmoid the mean of -log of the probability of what
        occurred is made small, and else the mean of squared errors, in units of each target's variance.
    score : Score, optional
        What to make best in their place.
    steps : int
        At least 1.
    sample_weight : ndarray, optional
        (n,) weights of the rows, for a score that takes these, or without a score.

    Raises
    ------
    ValueError
        If there is no row for which all networks have outputs.

    References
    ----------
    Caruana, Niculescu-Mizil, Crew and Ksikes, "Ensemble selection from libraries of models", ICML 2004.

    Examples
    --------
    >>> import numpy as np
    >>> from fastprop.sweeping.greedy_weights import greedy_weights
    >>> y = np.array([0.0, 1.0, 2.0])
    >>> too_high, too_low, wrong = y + 1, y - 1, -y
    >>> greedy_weights([each[:, None] for each in (too_high, too_low, wrong)], y, "identity").tolist()
    [0.5, 0.5, 0.0]
    """
    outputs = np.stack([np.asarray(each, np.float64) for each in outputs])
    is_known = np.isfinite(outputs).all(axis=(0, 2))
    if not is_known.any():
        raise ValueError("no row was held out of the training of all networks: give folds that share held-out rows.")
    outputs, y = outputs[:, is_known], np.asarray(y)[is_known]
    weights = None if sample_weight is None else sample_weight[is_known]
    if score is not None:
        return _chosen_shares(outputs, _costs_by_score(score, y, weights), steps)
    if activation in ("softmax", "sigmoid"):
        return _chosen_shares(_probabilities(outputs, y, activation), _mean_of_rows(_surprises, weights), steps)
    y = y.reshape(len(y), -1)
    scale = y.std(axis=0)
    errors = (outputs - y) / np.where(scale > 0, scale, 1)
    return _chosen_shares(errors, _mean_of_rows(np.square, weights), steps)


def cross_fitted(
    outputs: Sequence[FloatArray],
    y: NDArray[Any],
    activation: str,
    held_out: Sequence[NDArray[np.int64]],
    *,
    score: metrics.Score | None = None,
    sample_weight: NDArray[np.float64] | None = None,
) -> NDArray[np.float64]:
    """Return mean outputs (n, n_out) in which each row has weights that were chosen without it.

    The greedy weights for the rows of each part of `held_out` are chosen by the rows of the other parts. A score of
    these outputs is that of new rows, as far as weights go: a score of the rows by which weights were chosen is too
    good. Rows that are in no part are NaN.

    Parameters
    ----------
    outputs, y, activation, score, sample_weight
        See `greedy_weights`.
    held_out : sequence of ndarray
        Two or more disjoint parts of the rows, (m,) int each, such as those that the folds of a cross-validation hold
        out.

    References
    ----------
    Stone, "Cross-validatory choice and assessment of statistical predictions", Journal of the Royal Statistical Society
    B 36 (1974).

    Examples
    --------
    >>> import numpy as np
    >>> from fastprop.sweeping.greedy_weights import cross_fitted
    >>> y = np.array([0.0, 1.0, 2.0, 3.0])
    >>> right_then_wrong, wrong_then_right = np.array([0.0, 1, 9, 9]), np.array([9.0, 9, 2, 3])
    >>> candidates = [right_then_wrong[:, None], wrong_then_right[:, None]]
    >>> cross_fitted(candidates, y, "identity", [np.array([0, 1]), np.array([2, 3])])[:, 0].tolist()
    [9.0, 9.0, 9.0, 9.0]
    """
    outputs = np.stack([np.asarray(each, np.float64) for each in outputs])
    made = np.full(outputs.shape[1:], np.nan)
    for part in held_out:
        others = np.concatenate([each for each in held_out if each is not part])
        row_weights = None if sample_weight is None else sample_weight[others]
        options = {"score": score, "sample_weight": row_weights}
        weights = greedy_weights(outputs[:, others], np.asarray(y)[others], activation, **options)
        made[part] = np.tensordot(weights, outputs[:, part], 1)
    return made


def _chosen_shares(values, costs, steps):
    """Return the weights (networks,) that are chosen greedily, see `greedy_weights`.

    ``costs(means)`` returns the costs (networks,) of means (networks, n, …) of `values`, one for each network.
    """
    total = np.zeros(values.shape[1:])
    chosen, best, best_size = [], np.inf, 1
    for size in range(1, steps + 1):
        costs_of_each = np.nan_to_num(costs((total + values) / size), nan=np.inf, posinf=np.inf)
        index = int(costs_of_each.argmin())
        chosen.append(index)
        total += values[index]
        if costs_of_each[index] < best:
            best, best_size = costs_of_each[index], size
    return np.bincount(chosen[:best_size], minlength=len(values)) / best_size


def _probabilities(outputs, y, activation):
    """Return the probability of what occurred, (networks, n, 1) of classes or (networks, n, n_out) of labels."""
    if activation == "softmax" and y.ndim == 1:
        return np.take_along_axis(outputs, y.astype(np.int64)[None, :, None], axis=2)
    y = y.reshape(len(y), -1)
    if activation == "softmax":
        return (outputs * y).sum(axis=2, keepdims=True)
    return np.where(y > 0.5, outputs, 1 - outputs)


def _surprises(probabilities):
    return -np.log(np.maximum(probabilities, MIN_PROBABILITY))


def _mean_of_rows(cost, weights):
    """Return a function of values (networks, n, …) that returns the mean `cost` of each network, by weights of rows."""
    if weights is None:
        return lambda values: cost(values).mean(axis=(1, 2))
    shares = weights / weights.sum()
    return lambda values: cost(values).mean(axis=2) @ shares


def _costs_by_score(score, y, weights):
    def cost(outputs):
        return score.sign * metrics.measure(score, outputs, y, weights=weights).value

    return lambda outputs: np.array([cost(each) for each in outputs])
