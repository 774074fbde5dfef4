"""A page about a search for an ensemble: what has weight, how good and how sure it is, and which columns count."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from fastprop.annotations import Path
from fastprop.calibration import with_temperature
from fastprop.metrics import SCORES
from fastprop.reporting import html, plotting
from fastprop.reporting.formatting import short, words
from fastprop.tabular.column_inputs import ColumnInputs
from fastprop.tabular.tuned_search import TunedSearch

RESAMPLES = 200
"""Samples of the rows, with replacement, from which the interval of a score is taken."""

LEVEL = 0.95
"""How often an interval is to hold the score of the ensemble on new rows, as far as rows alone differ."""

BINS = 10
"""Bins of rows by the probability of the likeliest class, each with as many rows."""

MAX_COLUMNS = 25
"""Columns whose importance is drawn, which are the most important ones."""

MAX_ROWS = 2000
"""Rows of each fold, at most, on which the importance of columns is measured."""

MAX_LINES = 8
"""Configurations whose learning curves are drawn, which are those with the most weight."""


class Fitted(NamedTuple):
    """A search and the data on which it was made."""

    found: TunedSearch
    X: Mapping[str, Any]  # ColumnInputs or ndarray (n, n_in), by the name of their encoding
    names: tuple[str, ...] | None = None  # of the columns of an array, (n_in,)


def write(path: Path, fitted: Fitted, title: str) -> None:
    """Write a page about an ensemble, one HTML file that needs no other (extra ``plot``).

    References
    ----------
    The interval is the percentile bootstrap of Efron, "Bootstrap methods: another look at the jackknife", The Annals of
    Statistics 7 (1979). The picture of probabilities is the reliability diagram of Niculescu-Mizil and Caruana,
    "Predicting good probabilities with supervised learning", ICML 2005. The importance is that of Breiman, "Random
    forests", Machine Learning 45 (2001), on rows that the networks were not trained on.

    Raises
    ------
    ImportError
        If Matplotlib is not installed.
    OSError
        If the file cannot be written.
    """
    found = fitted.found.with_weight()
    parts = [f"<h1>{html.escape(title)}</h1>", html.facts(_facts(fitted))]
    order = np.argsort(-found.weights, kind="stable").tolist()
    chosen = [found.kept[index] for index in order]
    names = list(chosen[0].values)
    rows = [
        [float(found.weights[index]), found.kept[index].score, *(found.kept[index].values[name] for name in names)]
        for index in order
    ]
    parts.append("<h2>Configurations with a weight in the ensemble</h2>")
    parts.append(html.sorting_table(["weight", words(found.score_name), *map(words, names)], rows))
    losses = [each.losses[np.isfinite(each.losses)] for each in chosen[:MAX_LINES]]
    labels = [f"{found.weights[index]:.0%}: {short(found.kept[index].values['layer_sizes'])}" for index in order]
    pictures = [("Learning curves", plotting.losses_of_configurations, (losses, labels))]
    outputs, y = found.outputs[found.held_out], found.y[found.held_out]
    if found.calibrates:
        outputs = with_temperature(outputs, found.temperature)
    if found.output == "softmax":
        pictures.append(("Calibration, out-of-fold", plotting.reliability, calibration(outputs, y)))
    elif outputs.shape[1] == 1:
        pictures.append(("Predictions, out-of-fold", plotting.predictions, (outputs[:, 0], y.reshape(-1))))
    if found.score_name in SCORES:
        names, worse = importance(fitted)
        order = np.argsort(-worse, kind="stable")[:MAX_COLUMNS]
        drawn = [names[index] for index in order], worse[order], found.score_name
        pictures.append(("Permutation importance, out-of-fold", plotting.importance, drawn))
    for heading, draw, arguments in pictures:
        parts.append(html.picture(heading, draw, *arguments))
    html.write_page(path, title, parts)


def _facts(fitted):
    found = fitted.found
    facts = {
        "configurations tried": f"{found.tried:,}",
        "took": f"{found.seconds:.3g} s",
        "networks in the ensemble": str(len(found.ensemble.networks)),
        f"best configuration, {words(found.score_name)} of {len(found.folds)} folds": short(found.kept[0].score),
    }
    if found.calibrates:
        facts["temperature of the probabilities"] = f"{found.temperature:.3g}"
    if found.score_name in SCORES:
        measured = lambda rows: found.measured(found.cross_fitted[rows], rows)  # noqa: E731
        value, low, high = interval(measured, found.held_out)
        facts[f"ensemble, out-of-fold {words(found.score_name)} ({LEVEL:.0%} of resamples)"] = (
            f"{value:.4g} ({low:.4g} to {high:.4g})"
        )
    return facts


def interval(measured, rows, resamples=RESAMPLES, seed=0):
    """Return the score that `measured` returns of `rows` (m,) int, and the ends of its bootstrap interval over them.

    Examples
    --------
    >>> import numpy as np
    >>> from fastprop.tabular.ensemble_report import interval
    >>> errors = np.array([1.0, 1.0, 7.0])
    >>> interval(lambda rows: errors[rows].mean(), np.array([0, 1]))
    (1.0, 1.0, 1.0)
    """
    random = np.random.default_rng(seed)
    values = [measured(random.choice(rows, len(rows))) for _ in range(resamples)]
    low, high = np.nanquantile(values, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(measured(rows)), float(low), float(high)


def calibration(outputs, y):
    """Return the mean probability of the likeliest class, and how often it is right, (bins,), by that probability.

    Examples
    --------
    >>> import numpy as np
    >>> from fastprop.tabular.ensemble_report import calibration
    >>> confidence, accuracy = calibration(np.array([[0.5, 0.5]] * 50 + [[0.1, 0.9]] * 50), np.arange(100) % 2)
    >>> confidence.round(1).tolist()[::9], accuracy.tolist()[::9]
    ([0.5, 0.9], [0.5, 0.5])
    """
    probability = outputs.max(axis=1)
    is_right = outputs.argmax(axis=1) == y
    bins = np.array_split(np.argsort(probability, kind="stable"), min(BINS, len(y)))
    return np.array([probability[rows].mean() for rows in bins]), np.array([is_right[rows].mean() for rows in bins])


def importance(fitted, seed=0):
    """Return the names of the columns, and by how much the score is worse when the cells of each are permuted.

    It is measured on the rows that each fold held out, by the networks of that fold; (columns,) float64 means over the
    folds, weighed by their rows.
    """
    found = fitted.found.with_weight()
    used = {each.encoding: fitted.X[each.encoding] for each in found.kept}
    names, groups = _columns(fitted)
    random = np.random.default_rng(seed)
    worse, counts = [], []
    for fold, (training, held_out) in enumerate(found.folds):
        rows = random.permutation(held_out)[:MAX_ROWS]
        encoded = {name: _array(X, training, rows) for name, X in used.items()}
        networks = [(weight, each.networks[fold], each.encoding) for weight, each in zip(found.weights, found.kept)]
        permuted = random.permutation(len(rows))
        base = found.measured(_mean(networks, encoded), rows)
        drops = []
        for column in range(len(names)):
            changed = {name: each.copy() for name, each in encoded.items()}
            for name, each in encoded.items():
                features = groups[name][column]
                changed[name][:, features] = each[permuted][:, features]
            drops.append(found.score.sign * (found.measured(_mean(networks, changed), rows) - base))
        worse.append(drops)
        counts.append(len(rows))
    return names, np.average(worse, axis=0, weights=counts)


def _array(X, training, rows):
    """Return some rows of inputs as an array (m, n_in), as they are encoded by the training rows."""
    return X.array(X.encoder_of(training))[rows] if isinstance(X, ColumnInputs) else np.array(X[rows], np.float64)


def _columns(fitted):
    """Return the names of columns, and by encoding the features (slices) that each column becomes."""
    names, groups = [], {}
    for encoding, X in fitted.X.items():
        if isinstance(X, ColumnInputs):
            plans = [plan for plan in X.encoder.plans if plan.feature_names]
            names = [plan.name for plan in plans]
            ends = np.cumsum([0, *(len(plan.feature_names) for plan in plans)])
        else:
            names = list(fitted.names or [f"x{index}" for index in range(X.shape[1])])
            ends = np.arange(X.shape[1] + 1)
        groups[encoding] = [slice(begin, end) for begin, end in zip(ends, ends[1:])]
    return names, groups


def _mean(networks, inputs):
    """Return the weighted mean of the outputs of networks, which have inputs (m, n_in) by their encoding."""
    return sum(weight * network.predict(inputs[name]).astype(np.float64) for weight, network, name in networks)
