"""Parallel coordinates: a line for each configuration, through its hyperparameters to what ranks."""

import textwrap

import numpy as np

from fastprop.reporting.formatting import short, shortened, words
from fastprop.reporting.plotting.figures import (
    DIVERGED,
    MANY_MARKS,
    SMALL_TEXT,
    STOPPED,
    AxisScale,
    add_legend_below,
    evenly_spread,
    title_of_drawn,
)

MISSING_HEIGHT = -0.03
"""Where lines pass an axis, below its end at 0, if their configuration has no value there."""

_LABEL_BOX = {"facecolor": "white", "alpha": 0.7, "edgecolor": "none", "pad": 0.5}
"""The box behind the label of a tick, which lines would cross otherwise."""


def parallel_coordinates(figure, ranked, *names):
    """Draw lines through the values of the hyperparameters `names`, and last through what ranks, bright if good."""
    axes = figure.subplots()
    was_run = np.isin(ranked.table["stopped"][ranked.ranking], ("not run", "interrupted"), invert=True)
    order = ranked.ranking[was_run]
    drawn = order[evenly_spread(len(order), 2 * MANY_MARKS, 0)][::-1]  # the best is drawn over the others
    scales = [AxisScale.of(name, ranked.table[name]) for name in names]
    scales.append(AxisScale.of(ranked.ranked_by, _ranks_without_outliers(ranked), not ranked.higher_is_better))
    heights = np.column_stack([_heights(scale) for scale in scales])[drawn]
    if not ranked.higher_is_better:
        heights[:, -1] = 1 - heights[:, -1]
    _draw_lines(axes, heights, ranked.can_be_best[drawn])
    if ranked.can_be_best.any():
        axes.plot(np.arange(len(scales)), heights[-1], color=DIVERGED, linewidth=2.5, label="best", zorder=3)
        for share, label in ((0.85, "better"), (0.15, "worse")):
            axes.plot([], [], color=_color_of_rank(share), linewidth=2.5, label=label)
    if not ranked.can_be_best[drawn].all():
        axes.plot([], [], color=STOPPED, linewidth=2.5, label="not finished")
    add_legend_below(figure, axes, ncols=4)
    for position, scale in enumerate(scales[:-1]):
        _draw_axis(axes, position, _ticks(scale), (position - 0.025, "right"))
    last = len(names)
    ticks = [(height if ranked.higher_is_better else 1 - height, label) for height, label in _ticks(scales[-1])]
    _draw_axis(axes, last, ticks, (last + 0.02, "left"))
    axes.set_xticks(range(len(scales)), [_in_lines(name) for name in [*names, ranked.rank_title]])
    axes.set_yticks([])
    axes.set_xlim(-0.35, last + 0.25)
    axes.set_ylim(-0.04, 1.04)
    axes.tick_params("x", length=0, pad=8)
    axes.spines[:].set_visible(False)
    axes.set_title(title_of_drawn(ranked, len(drawn), len(order)))


def _in_lines(name):
    """Return a name with a word or two in a line, because axes are near each other."""
    return textwrap.fill(words(name), 12)


def _ranks_without_outliers(ranked):
    """Return what ranks, NaN for rows that did not finish; values in the worst 2 % are cut to the limit of these."""
    values = np.where(ranked.can_be_best, ranked.table[ranked.ranked_by], np.nan)
    if not np.isfinite(values).any():
        return values
    low, high = np.nanquantile(values[~(values > ranked.rank_limit)], [0.02, 0.98])
    return np.maximum(values, low) if ranked.higher_is_better else np.minimum(values, high)


def _draw_lines(axes, heights, finished):
    """Draw a line for each row of `heights`, worst first; colors depend on rank, so that each has as many lines."""
    from matplotlib.collections import LineCollection

    rank = np.linspace(0, 1, max(1, finished.sum()))[: finished.sum()]
    colors = np.tile(np.array([*[float(STOPPED)] * 3, 0.25]), (len(heights), 1))
    colors[finished] = _color_of_rank(rank)
    colors[finished, 3] = (0.25 if len(heights) > 200 else 0.5) + 0.5 * rank**4
    lines = [np.column_stack([np.arange(heights.shape[1]), each]) for each in heights]
    linewidth = 1.8 if len(lines) < 100 else 0.8
    axes.add_collection(LineCollection(lines, colors=colors, linewidths=linewidth, rasterized=len(lines) > 200))


def _color_of_rank(rank):
    """Return the color of a rank, from 0 for the worst to 1 for the best."""
    from matplotlib import colormaps

    return colormaps["viridis"](rank)


def _draw_axis(axes, position, ticks, label_position):
    """Draw a vertical axis and its ticks, (height, label) each; labels stand at (x, horizontal alignment)."""
    axes.axvline(position, color="0.2", linewidth=1)
    x, alignment = label_position
    for height, label in ticks:
        axes.plot([position - 0.015, position], [height] * 2, color="0.2", linewidth=1)
        style = {"ha": alignment, "va": "center", "fontsize": SMALL_TEXT, "bbox": _LABEL_BOX, "zorder": 4}
        axes.text(x, height, label, **style)


def _heights(scale):
    """Return where values stand on their axis, from 0 to 1, or at `MISSING_HEIGHT`."""
    positions = np.log(scale.positions) if scale.logarithmic else scale.positions
    known = positions[~np.isnan(positions)]
    if len(known) == 0 or known.min() == known.max():
        return np.where(np.isnan(positions), MISSING_HEIGHT, 0.5)
    heights = (positions - known.min()) / (known.max() - known.min())
    return np.where(np.isnan(heights), MISSING_HEIGHT, heights)


def _ticks(scale):
    """Return (height, label) of the ticks of an axis: one for each value if these are few, else five."""
    low, high = np.nanmin(scale.positions), np.nanmax(scale.positions)
    if scale.ticks is None:
        values = np.geomspace(low, high, 5) if scale.logarithmic else np.linspace(low, high, 5)
        return [(height, short(value)) for height, value in zip(np.linspace(0, 1, 5), values)]
    positions, labels = scale.ticks
    positions = np.array(positions, float)
    if scale.logarithmic:
        positions, low, high = np.log(positions), np.log(low), np.log(high)
    heights = (positions - low) / (high - low) if high > low else np.full(len(positions), 0.5)
    step = -(-len(labels) // 20)
    return [(height, shortened(label, 22)) for height, label in zip(heights[::step], labels[::step])]
