"""Loss and score against one hyperparameter, with their spread over seeds or folds."""

import numpy as np

from fastprop.reporting.formatting import short, shortened, words
from fastprop.reporting.plotting.figures import (
    DIVERGED,
    MANY_MARKS,
    SMALL_TEXT,
    STOPPED,
    AxisScale,
    add_legend,
    add_legend_below,
    set_limits,
    set_linear_limits,
    set_scale,
    simplify,
    title,
)

MAX_GROUPS = 6
"""Up to this many combinations of the other hyperparameters have a line each; else each configuration has a dot."""

SPREAD = 0.1, 0.9
"""The quantiles between which a band is drawn."""

_LOSSES = {"loss": "training", "validation_loss": "held-out"}
"""The columns of losses, and the word for the rows that each is measured on."""


def score(figure, ranked, name):
    """Draw loss and score against the hyperparameter `name`."""
    table = ranked.table
    scale = AxisScale.of(name, table[name])
    losses = [column for column in _LOSSES if np.isfinite(table[column]).any()] or ["loss"]
    has_scores = np.isfinite(table["score"]).any()
    panels = figure.subplots(1 + has_scores, 1, sharex=True, squeeze=False)[:, 0]
    others = [other for other in ranked.hyperparameters if other not in (name, "seed")]
    groups = _groups(ranked, others)
    if groups is None:
        _draw_dots(panels, ranked, scale, losses[-1])
    elif len(groups) > 1:
        _draw_groups(panels, ranked, scale, losses[-1], groups)
    else:
        _draw_columns(panels, ranked, scale, losses)
    one_loss = len(losses) == 1 or groups is None or len(groups) > 1
    panels[0].set_ylabel(f"{_LOSSES[losses[-1]]} loss" if one_loss else "loss")
    if has_scores:
        panels[-1].set_ylabel(words(ranked.score_name))
    _draw_unfinished(panels, ranked, scale, losses[-1])
    _set_ranges(panels, ranked, losses[-1:] if one_loss else losses)
    for axes in panels:
        simplify(axes)
        if ranked.can_be_best.any():
            axes.axvline(scale.positions[ranked.ranking[0]], color="0.6", linestyle="--", linewidth=1, zorder=0)
    scale.set_x(panels[-1])
    if groups is None:
        add_legend_below(figure, panels[0], ncols=3)  # in a panel it would hide dots
    elif len(groups) > 1:
        add_legend_below(figure, panels[0], title=words(", ".join(others)), title_fontsize=SMALL_TEXT, ncols=3)
    else:
        for axes in panels:
            add_legend(axes)
    panels[0].set_title(title(ranked, name))


def _groups(ranked, others):
    """Return the rows of each combination of the other hyperparameters; None if there are more than `MAX_GROUPS`."""
    groups = {}
    for index, row in enumerate(ranked.table):
        groups.setdefault(", ".join(shortened(short(row[other])) for other in others), []).append(index)
        if len(groups) > MAX_GROUPS:
            return None
    return groups


def _draw_groups(panels, ranked, scale, loss, groups):
    """Draw a line for each group of rows."""
    for position, (label, rows) in enumerate(groups.items()):
        rows = np.array(rows)[ranked.can_be_best[rows]]
        for axes, column in zip(panels, (loss, "score")):
            _draw_medians(axes, scale, ranked.table[column], rows, f"C{position}", label)


def _draw_columns(panels, ranked, scale, losses):
    """Draw a line for each loss, and one for the score if there is a second panel."""
    table = ranked.table
    rows = np.flatnonzero(ranked.can_be_best)
    for position, column in enumerate(losses):
        _draw_medians(panels[0], scale, table[column], rows, f"C{position}", _LOSSES[column])
    if len(panels) > 1:
        _draw_medians(panels[-1], scale, table["score"], rows, "C2", None, table["score_std"])


def _draw_medians(axes, scale, values, rows, color, label, deviations=None):
    """Draw the median of the values at each position, and their spread there: over rows, or by `deviations`."""
    x, y = scale.positions[rows], values[rows]
    known = np.isfinite(x) & np.isfinite(y)
    rows, x, y = rows[known], x[known], y[known]
    positions, position_of_row, counts = np.unique(x, return_inverse=True, return_counts=True)
    if len(positions) == 0:
        return
    order = np.argsort(position_of_row, kind="stable")
    values_at = np.split(y[order], np.cumsum(counts)[:-1])
    medians = np.array([np.median(each) for each in values_at])
    low = high = None
    if counts.max() > 1:
        low, high = np.array([np.quantile(each, SPREAD) for each in values_at]).T
        spread = "middle 80 %"
    elif deviations is not None and (deviations[rows] > 0).any():
        low, high = medians - deviations[rows][order], medians + deviations[rows][order]
        spread = "± deviation over folds"
    if scale.labels:
        errors = None if low is None else [medians - low, high - medians]
        axes.errorbar(positions, medians, errors, fmt="o", color=color, capsize=4, markersize=5, label=label)
        return
    markersize = 5 if len(positions) <= 100 else 2
    axes.plot(positions, medians, ".-", color=color, markersize=markersize, linewidth=1.2, label=label)
    if low is not None:
        axes.fill_between(positions, low, high, color=color, alpha=0.2, linewidth=0, label=spread)


def _draw_dots(panels, ranked, scale, loss):
    """Draw a dot for each configuration, and a line through the best at each position if these are few."""
    order = ranked.ranking[ranked.can_be_best[ranked.ranking]]
    order = order[np.isfinite(scale.positions[order])]
    positions, first = np.unique(scale.positions[order], return_index=True)
    best = order[first]
    many = len(order) > MANY_MARKS
    style = {"linestyle": "", "marker": ".", "markeredgewidth": 0, "rasterized": many, "markersize": 4 if many else 7}
    style["alpha"] = max(0.15, min(0.7, 60 / max(1, len(order)) ** 0.7))
    for axes, column in zip(panels, (loss, "score")):
        values = ranked.table[column]
        axes.plot(scale.positions[order], values[order], color="C0", label="a configuration", **style)
        if len(positions) <= len(order) / 3:
            line = "o" if scale.labels else ".-"
            axes.plot(positions, values[best], line, color="black", linewidth=1, label=f"best by {ranked.rank_title}")


def _draw_unfinished(panels, ranked, scale, loss):
    """Draw the configurations that were stopped at a rung, and mark at the upper edge where others diverged."""
    as_pixels = len(ranked.table) > MANY_MARKS
    if ranked.halved.any():
        x = scale.positions[ranked.halved]
        for axes, column in zip(panels, (loss, "score")):
            style = {"color": STOPPED, "markersize": 4, "zorder": 1, "rasterized": as_pixels}
            axes.plot(x, ranked.table[column][ranked.halved], ".", label="stopped at a rung", **style)
    axes = panels[0]
    nearly = ranked.nearly_diverged & (ranked.can_be_best | ranked.halved)
    for chosen, marker, label in ((ranked.diverged, "x", "diverged"), (nearly, "^", "above the axis")):
        if chosen.any():
            x = np.unique(scale.positions[chosen])
            style = {"color": DIVERGED, "markersize": 5, "transform": axes.get_xaxis_transform(), "clip_on": False}
            style |= {"linestyle": "", "rasterized": as_pixels}
            axes.plot(x, np.full(len(x), 0.99), marker, label=f"{label} ({chosen.sum():,})", **style)


def _set_ranges(panels, ranked, losses):
    """Set the vertical axes, leaving out configurations that nearly diverged."""
    shown = (ranked.can_be_best | ranked.halved) & ~ranked.nearly_diverged
    of_losses = np.concatenate([ranked.table[column][shown] for column in losses])
    of_losses = of_losses[of_losses <= ranked.loss_limit]
    drawn = ranked.nearly_diverged & (ranked.can_be_best | ranked.halved)
    if drawn.any() and len(of_losses):
        set_limits(panels[0], of_losses.min(), of_losses.max())
    else:
        set_scale(panels[0], of_losses)
    if len(panels) > 1:
        scores = ranked.table["score"][shown]
        known = scores[np.isfinite(scores)]
        if drawn.any() and len(known):
            set_linear_limits(panels[-1], known.min(), known.max())
        _limit_range(panels[-1], known)


def _limit_range(axes, known):
    """Leave out of a panel scores that are far below the others, such as an R² of minus a million."""
    if len(known) < 3:
        return
    low, middle, high = np.quantile(known, [0, 0.5, 1])
    spread = max(high - middle, 0.2)
    if low < middle - 5 * spread:
        axes.set_ylim(middle - 2 * spread, high + 0.1 * spread)
