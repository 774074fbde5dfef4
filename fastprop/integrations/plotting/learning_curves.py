"""What came after each epoch, or at each rung: a line for each configuration, colored by a hyperparameter."""

import numpy as np

from fastprop.formatting import short, value_name, words
from fastprop.integrations.plotting.figures import (
    BEST,
    MANY,
    Colors,
    Places,
    add_legend,
    plain,
    set_scale,
    shortened,
    some,
    title,
)


def learning_curves(figure, result, name):
    """Draw the history of each configuration, colored by the hyperparameter `name`."""
    axes = figure.subplots()
    ran = np.flatnonzero(result.table["epochs"] > 0)
    _draw_lines(figure, axes, result, name, np.arange(1, result.history.shape[1] + 1), result.history, ran)
    known = result.history[result.finished] if result.finished.any() else result.history
    known = known[np.isfinite(known)]
    if len(known):
        low, high = known.min(), np.quantile(known, 0.98)  # beyond stand those that diverge
        set_scale(axes, np.array([low, high]))
        margin = 1.15 if axes.get_yscale() == "log" else 0
        room = 0.05 * (high - low) or 0.1
        axes.set_ylim(*((low / margin, high * margin**2) if margin else (low - room, high + room)))
    add_legend(axes)
    axes.set_xlabel("epochs")
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.set_ylabel(words(result.criterion))


def rungs(figure, result, name):
    """Draw what ranked at each rung, colored by the hyperparameter `name`: where a line ends, it was stopped."""
    axes = figure.subplots()
    sign = -1 if result.higher_is_better else 1
    reached = np.isfinite(result.rung_costs)
    values = np.where(reached, sign * result.rung_costs, np.nan)
    _draw_lines(figure, axes, result, name, np.array(result.rungs), values, np.flatnonzero(reached.any(axis=1)), ".")
    known = values[np.isfinite(values)]
    if len(known):
        set_scale(axes, known)
    factor = result.rungs[-1] / result.rungs[0]
    if factor > 4:
        axes.set_xscale("log")
    step = -(-len(result.rungs) // 12)
    shown = list(range(len(result.rungs)))[::-step][::-1]
    ticks = [f"{result.rungs[rung]}\nof {np.sum(~np.isnan(result.rung_costs[:, rung])):,}" for rung in shown]
    axes.set_xticks([result.rungs[rung] for rung in shown], ticks)
    axes.set_xticks([], minor=True)
    add_legend(axes)
    axes.set_xlabel("epochs, and how many configurations came so far")
    axes.set_ylabel(value_name(result, result.ranks))


def _draw_lines(figure, axes, result, name, x, values, rows, marker=None):
    """Draw `values`, (configurations, x), of some rows: dotted if they diverged, and the best in black."""
    from matplotlib.collections import LineCollection

    places, best = Places.of(name, result.table[name]), result.ranking[0]
    rows = rows[np.lexsort((rows, places.positions[rows]))]
    always = np.flatnonzero(rows == best)
    drawn = rows[some(len(rows), MANY, always[0] if len(always) else 0)]
    colors = Colors(places)
    diverged = result.table["stopped"][drawn] == "diverged"
    alpha = 0.9 if len(drawn) <= 50 else 0.5
    for chosen, style in ((~diverged, "-"), (diverged, ":")):
        lines = [np.column_stack([x, values[number]]) for number in drawn[chosen]]
        if lines:
            how = {"colors": colors[drawn[chosen]], "linestyles": style, "linewidths": 1.1, "alpha": alpha}
            axes.add_collection(LineCollection(lines, **how, rasterized=len(lines) > MANY // 2))
            ends = np.array([_end(line) for line in lines])
            if marker or style == ":" or len(x) == 1:
                shape = {"marker": "x" if style == ":" else ".", "s": 16, "alpha": alpha}
                axes.scatter(*ends.T, c=colors[drawn[chosen]], **shape, rasterized=len(lines) > MANY // 2)
    if diverged.any():
        axes.plot([], [], "x:", color="0.4", label=f"diverged ({(result.table['stopped'] == 'diverged').sum():,})")
    if result.finished.any():
        text = f"best: {words(name)} {shortened(short(result.best[name]))}"
        axes.plot(x, values[best], ".-" if marker or len(x) == 1 else "-", color=BEST, linewidth=2, label=text)
    axes.autoscale_view()
    plain(axes)
    colors.add_bar(figure, axes)
    text = title(result)
    axes.set_title(text if len(drawn) == len(rows) else f"{text}, {len(drawn):,} of them drawn")


def _end(line):
    """The last point of a line that is finite."""
    known = line[np.isfinite(line[:, 1])]
    return known[-1] if len(known) else (np.nan, np.nan)
