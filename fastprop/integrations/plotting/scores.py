"""Loss and score against one hyperparameter, with their spread over seeds or folds."""

import numpy as np

from fastprop.formatting import short, value_name, words
from fastprop.integrations.plotting.figures import (
    BAD,
    MANY,
    STOPPED,
    Places,
    add_legend,
    plain,
    set_scale,
    shortened,
    title,
)

GROUPS = 6
"""Up to so many combinations of the other hyperparameters have a line each."""

SPREAD = 0.1, 0.9
"""From which quantile to which a band goes."""


def score(figure, result, name):
    """Draw loss and score against the hyperparameter `name`."""
    table, finished = result.table, result.finished
    places = Places.of(name, table[name])
    losses = [column for column in ("loss", "validation_loss") if np.isfinite(table[column]).any()] or ["loss"]
    scored = np.isfinite(table["score"]).any()
    panels = figure.subplots(1 + scored, 1, sharex=True, squeeze=False)[:, 0]
    groups = _groups(result, name)
    if groups is None:
        _draw_all(panels, result, places, losses[-1])
    elif len(groups) > 1:
        for number, (text, rows) in enumerate(groups.items()):
            rows = np.array(rows)[finished[rows]]
            for axes, column in zip(panels, (losses[-1], "score")):
                _draw(axes, places, table[column], rows, f"C{number}", text)
    else:
        rows = np.flatnonzero(finished)
        for number, column in enumerate(losses):
            _draw(panels[0], places, table[column], rows, f"C{number}", _LOSSES[column])
        if scored:
            _draw(panels[-1], places, table["score"], rows, "C2", None, table["score_std"])
    single = len(losses) == 1 or groups is None or len(groups) > 1
    panels[0].set_ylabel(f"{_LOSSES[losses[-1]]} loss" if single else "loss")
    set_scale(panels[0], np.concatenate([table[column][finished] for column in losses]))
    if scored:
        panels[-1].set_ylabel(f"{words(result.score_name)} on held-out rows")
        _draw_range(panels[-1], table["score"][finished])
    _draw_others(panels, result, places, losses[-1])
    for axes in panels:
        plain(axes)
        if finished.any():
            axes.axvline(places.positions[result.ranking[0]], color="0.6", linestyle="--", linewidth=1, zorder=0)
    places.set_x(panels[-1])
    others = words(", ".join(_others(result, name))) if groups is not None and len(groups) > 1 else None
    for axes in panels if others is None else panels[:1]:
        add_legend(axes, title=others, title_fontsize="small")
    panels[0].set_title(title(result, name))


_LOSSES = {"loss": "training", "validation_loss": "held-out"}


def _others(result, name):
    return [other for other in result.hyperparameters if other not in (name, "seed")]


def _groups(result, name):
    """The rows of each combination of the other hyperparameters, without seeds; None if there are too many."""
    others = _others(result, name)
    groups = {}
    for number, row in enumerate(result.table):
        groups.setdefault(", ".join(shortened(short(row[other])) for other in others), []).append(number)
        if len(groups) > GROUPS:
            return None
    return groups


def _draw(axes, places, values, rows, color, text, deviations=None):
    """Draw the medians of values at each place, and how far they spread: over rows there, or by their deviations."""
    x, y = places.positions[rows], values[rows]
    known = np.isfinite(x) & np.isfinite(y)
    rows, x, y = rows[known], x[known], y[known]
    at, which, counts = np.unique(x, return_inverse=True, return_counts=True)
    if len(at) == 0:
        return
    ordered = np.split(y[np.argsort(which, kind="stable")], np.cumsum(counts)[:-1])
    middle = np.array([np.median(each) for each in ordered])
    low = high = None
    if counts.max() > 1:
        low, high = np.array([np.quantile(each, SPREAD) for each in ordered]).T
        spread = "middle 80 %"
    elif deviations is not None and (deviations[rows] > 0).any():
        deviation = deviations[rows][np.argsort(which, kind="stable")]
        low, high = middle - deviation, middle + deviation
        spread = "± deviation over folds"
    size = 5 if len(at) <= 100 else 2
    if places.texts:
        errors = None if low is None else [middle - low, high - middle]
        axes.errorbar(at, middle, errors, fmt="o", color=color, capsize=4, markersize=5, label=text)
        return
    axes.plot(at, middle, ".-", color=color, markersize=size, linewidth=1.2, label=text)
    if low is not None:
        axes.fill_between(at, low, high, color=color, alpha=0.2, linewidth=0, label=spread)


def _draw_all(panels, result, places, loss):
    """Draw a dot for each configuration, and through the best at each place a line."""
    table, finished = result.table, result.finished
    ranked = result.ranking[finished[result.ranking]]
    ranked = ranked[np.isfinite(places.positions[ranked])]
    at, first = np.unique(places.positions[ranked], return_index=True)
    best, few = ranked[first], len(at) <= len(ranked) / 3
    style = {"linestyle": "", "marker": ".", "markeredgewidth": 0, "rasterized": len(ranked) > MANY}
    style |= {
        "alpha": max(0.15, min(0.7, 60 / max(1, len(ranked)) ** 0.7)),
        "markersize": 7 if len(ranked) <= MANY else 4,
    }
    for number, (axes, column) in enumerate(zip(panels, (loss, "score"))):
        axes.plot(places.positions[ranked], table[column][ranked], color=f"C{number}", label=None, **style)
        if few:
            text = f"best by {value_name(result, result.ranks)}"
            axes.plot(at, table[column][best], "o" if places.texts else ".-", color="black", linewidth=1, label=text)


def _draw_others(panels, result, places, loss):
    """Draw where configurations diverged, at the upper edge, and those that were stopped at a rung."""
    table = result.table
    halved, diverged = table["stopped"] == "halved", table["stopped"] == "diverged"
    many = len(table) > MANY
    if halved.any():
        for axes, column in zip(panels, (loss, "score")):
            style = {"color": STOPPED, "markersize": 4, "zorder": 1, "rasterized": many}
            axes.plot(places.positions[halved], table[column][halved], ".", label="stopped at a rung", **style)
    if diverged.any():
        axes, x = panels[0], np.unique(places.positions[diverged])
        text = f"diverged ({diverged.sum():,})"
        style = {"color": BAD, "markersize": 5, "transform": axes.get_xaxis_transform(), "clip_on": False}
        axes.plot(x, np.full(len(x), 0.99), "x", label=text, **style, rasterized=many)


def _draw_range(axes, scores):
    """Leave out of a panel scores that are far below the others, such as an r2 of minus a million."""
    known = scores[np.isfinite(scores)]
    if len(known) < 3:
        return
    low, middle, high = np.quantile(known, [0, 0.5, 1])
    if low < middle - 5 * max(high - middle, 0.2):
        axes.set_ylim(middle - 2 * max(high - middle, 0.2), high + 0.1 * max(high - middle, 0.2))
