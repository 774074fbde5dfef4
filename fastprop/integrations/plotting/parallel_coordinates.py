"""A line for each configuration, through its hyperparameters to what ranks."""

import numpy as np

from fastprop.formatting import short, value_name, words
from fastprop.integrations.plotting.figures import MANY, STOPPED, Places, shortened, some, title


def parallel_coordinates(figure, result, names):
    """Draw lines through the values of the hyperparameters `names`, and last through what ranks, bright if good."""
    from matplotlib import colormaps
    from matplotlib.collections import LineCollection

    axes = figure.subplots()
    order = result.ranking[np.isin(result.table["stopped"][result.ranking], ("not run", "interrupted"), invert=True)]
    drawn = order[some(len(order), 2 * MANY, 0)][::-1]  # the best is drawn last
    finished = result.finished[drawn]
    values = np.where(result.finished, result.table[result.ranks], np.nan)
    if np.isfinite(values).any():  # what is far worse than most stands at the end of its axis
        quantiles = np.nanquantile(values, [0.02, 0.98])
        values = np.maximum(values, quantiles[0]) if result.higher_is_better else np.minimum(values, quantiles[1])
    places = [Places.of(name, result.table[name]) for name in names] + [Places.of(result.ranks, values)]
    heights = np.column_stack([_heights(each) for each in places])[drawn]
    if not result.higher_is_better:
        heights[:, -1] = 1 - heights[:, -1]
    good = np.linspace(0, 1, max(1, finished.sum()))  # by rank: as many lines of each color
    colors = np.tile(np.array([*_gray(STOPPED), 0.25]), (len(drawn), 1))
    colors[finished] = colormaps["viridis"](good[: finished.sum()])
    colors[finished, 3] = (0.25 if len(drawn) > 200 else 0.5) + 0.5 * good[: finished.sum()] ** 4
    lines = [np.column_stack([np.arange(len(places)), each]) for each in heights]
    axes.add_collection(
        LineCollection(lines, colors=colors, linewidths=0.8 + (1.0 * (len(lines) < 100)), rasterized=len(lines) > 200)
    )
    if result.finished.any():
        axes.plot(np.arange(len(places)), heights[-1], color="C3", linewidth=2.5, label="best", zorder=3)
        axes.legend(loc="upper left", bbox_to_anchor=(0, -0.06), frameon=False)
    for number, each in enumerate(places):
        axes.axvline(number, color="0.2", linewidth=1)
        turned = number == len(names) and not result.higher_is_better
        for height, text in _ticks(each):
            axes.plot([number - 0.015, number], [1 - height if turned else height] * 2, color="0.2", linewidth=1)
            where = (number + 0.02, "left") if number == len(names) else (number - 0.025, "right")
            box = {"facecolor": "white", "alpha": 0.7, "edgecolor": "none", "pad": 0.5}
            place = where[0], 1 - height if turned else height
            axes.text(*place, text, ha=where[1], va="center", fontsize="small", bbox=box, zorder=4)
    labels = [words(name) for name in names] + [value_name(result, result.ranks)]
    axes.set_xticks(range(len(places)), labels)
    axes.set_yticks([])
    axes.set_xlim(-0.35, len(places) - 1 + 0.25)
    axes.set_ylim(-0.04, 1.04)
    axes.tick_params("x", length=0, pad=8)
    axes.spines[:].set_visible(False)
    text = title(result)
    axes.set_title(text if len(drawn) == len(order) else f"{text}, {len(drawn):,} of them drawn")


def _gray(shade):
    return [float(shade)] * 3


def _heights(places):
    """Where values stand on their axis, from 0 to 1; below it what a configuration does not have."""
    positions = np.log(places.positions) if places.logarithmic else places.positions
    known = positions[~np.isnan(positions)]
    if len(known) == 0 or known.min() == known.max():
        return np.where(np.isnan(positions), -0.03, 0.5)
    heights = (positions - known.min()) / (known.max() - known.min())
    return np.where(np.isnan(heights), -0.03, heights)


def _ticks(places):
    """Heights and texts for the marks of an axis: of each value where they are few, else of five."""
    if places.ticks is not None:
        at, texts = places.ticks
        at = np.array(at, float)
        low, high = np.nanmin(places.positions), np.nanmax(places.positions)
        at = np.log(at) if places.logarithmic else at
        low, high = (np.log(low), np.log(high)) if places.logarithmic else (low, high)
        heights = (at - low) / (high - low) if high > low else np.full(len(at), 0.5)
        step = -(-len(texts) // 20)
        return [(height, shortened(text, 22)) for height, text in zip(heights[::step], texts[::step])]
    low, high = np.nanmin(places.positions), np.nanmax(places.positions)
    marks = np.geomspace(low, high, 5) if places.logarithmic else np.linspace(low, high, 5)
    return [(height, short(mark)) for height, mark in zip(np.linspace(0, 1, 5), marks)]
