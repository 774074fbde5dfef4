"""Learning curves and rungs: a line for each configuration over the epochs, colored by a hyperparameter."""

import numpy as np

from fastprop.reporting.formatting import short, shortened, words
from fastprop.reporting.plotting.figures import (
    BEST,
    MANY_MARKS,
    AxisScale,
    Colors,
    add_legend,
    evenly_spread,
    set_limits,
    set_scale,
    simplify,
    title_of_drawn,
)


def learning_curves(figure, ranked, name):
    """Draw the history of each configuration, colored by the hyperparameter `name`."""
    axes = figure.subplots()
    trained = np.flatnonzero(ranked.table["epochs"] > 0)
    epochs = np.arange(1, ranked.history.shape[1] + 1)
    _draw_lines(figure, axes, ranked, name, epochs, ranked.history, trained)
    known = ranked.history[ranked.can_be_best] if ranked.can_be_best.any() else ranked.history
    known = known[np.isfinite(known)]
    shown = known[known <= ranked.loss_limit]  # what nearly diverges would fill the whole scale
    if len(shown):
        set_limits(axes, shown.min(), np.quantile(shown, 0.98))
    add_legend(axes)
    axes.set_xlabel("epochs")
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.set_ylabel(words(ranked.criterion))


def rungs(figure, ranked, name):
    """Draw what ranked at each rung, colored by the hyperparameter `name`: a line ends where it was stopped."""
    axes = figure.subplots()
    sign = -1 if ranked.higher_is_better else 1
    reached = np.isfinite(ranked.rung_costs)
    values = np.where(reached, sign * ranked.rung_costs, np.nan)
    epochs = np.array(ranked.rungs)
    _draw_lines(figure, axes, ranked, name, epochs, values, np.flatnonzero(reached.any(axis=1)), marker=".")
    known = values[np.isfinite(values)]
    shown = known[known <= ranked.rank_limit]
    if len(shown) < len(known) and len(shown):
        set_limits(axes, shown.min(), shown.max())
    elif not ranked.higher_is_better:  # shares, such as accuracy, are read on a linear axis
        set_scale(axes, known)
    if epochs[-1] > 4 * epochs[0]:
        axes.set_xscale("log")
    step = -(-len(epochs) // 8)
    shown = list(range(len(epochs)))[::-step][::-1]
    counts = (~np.isnan(ranked.rung_costs)).sum(axis=0)
    axes.set_xticks(epochs[shown], [f"{epochs[rung]}\nof {counts[rung]:,}" for rung in shown])
    axes.set_xticks([], minor=True)
    add_legend(axes)
    axes.set_xlabel("epochs, and how many configurations reached them")
    axes.set_ylabel(ranked.rank_title)


def _draw_lines(figure, axes, ranked, name, x, values, rows, marker=None):
    """Draw `values`, (configurations, x), of some rows: dotted if they diverged, and the best in black."""
    scale = AxisScale.of(name, ranked.table[name])
    best = ranked.ranking[0]
    rows = rows[np.lexsort((rows, scale.positions[rows]))]
    position_of_best = np.flatnonzero(rows == best)
    drawn = rows[evenly_spread(len(rows), MANY_MARKS, position_of_best[0] if len(position_of_best) else 0)]
    colors = Colors(scale)
    alpha = 0.9 if len(drawn) <= 50 else 0.5
    diverged = ranked.diverged[drawn]
    for chosen, style in ((drawn[~diverged], "-"), (drawn[diverged], ":")):
        if len(chosen):
            lines = [np.column_stack([x, values[row]]) for row in chosen]
            with_ends = marker is not None or style == ":" or len(x) == 1
            _add_lines(axes, lines, colors.of_rows(chosen), style, alpha, with_ends)
    if diverged.any():
        axes.plot([], [], "x:", color="0.4", label=f"diverged ({ranked.diverged.sum():,})")
    if marker is not None and ranked.halved.any():
        axes.plot([], [], marker, color="0.4", linestyle="", label="stopped there")
    if ranked.can_be_best.any():
        label = f"best: {words(name)} {shortened(short(ranked.best[name]))}"
        style = ".-" if marker or len(x) == 1 else "-"
        axes.plot(x, values[best], style, color=BEST, linewidth=2, label=label)
    axes.autoscale_view()
    simplify(axes)
    colors.add_bar(figure, axes)
    axes.set_title(title_of_drawn(ranked, len(drawn), len(rows)))


def _add_lines(axes, lines, colors, style, alpha, with_ends):
    """Add lines of a style and, if asked for, a mark at the last finite point of each."""
    from matplotlib.collections import LineCollection

    as_pixels = len(lines) > MANY_MARKS // 2
    options = {"colors": colors, "linestyles": style, "linewidths": 1.1, "alpha": alpha, "rasterized": as_pixels}
    axes.add_collection(LineCollection(lines, **options))
    if with_ends:
        ends = np.array([_end(line) for line in lines])
        marker = "x" if style == ":" else "."
        axes.scatter(*ends.T, c=colors, marker=marker, s=16, alpha=alpha, rasterized=as_pixels)


def _end(line):
    """Return the last point of a line that is finite."""
    known = line[np.isfinite(line[:, 1])]
    return known[-1] if len(known) else (np.nan, np.nan)
