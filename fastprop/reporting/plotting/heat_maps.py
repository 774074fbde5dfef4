"""Heat maps: what ranks against two hyperparameters, as cells, or as dots where the values make no grid."""

from typing import NamedTuple

import numpy as np

from fastprop.reporting.formatting import short, shortened, words
from fastprop.reporting.plotting.figures import (
    DIVERGED,
    LOG_SCALE_RATIO,
    SMALL_TEXT,
    STOPPED,
    AxisScale,
    add_legend_below,
    simplify,
    title,
)

WRITTEN_ROWS, WRITTEN_COLUMNS = 12, 7
"""Up to so many rows and columns of cells have their values written in."""

MANY_CELLS = 100
"""More cells than this are drawn as pixels even in a vector picture."""

SPARSE = 4
"""Dots are drawn in place of cells if there would be more than this many cells for each configuration."""

DIVERGED_CELL, STOPPED_CELL, EMPTY_CELL = "#f3c5c0", "0.75", "0.95"
"""Colors of cells in which none finished: where some diverged, where others were stopped, and where none was run."""


def heat_map(figure, ranked, across, up):
    """Draw what ranks against the hyperparameters `across` and `up`.

    A cell shows the best over the other hyperparameters, of the median over the seeds.
    """
    table = ranked.table
    axes = figure.subplots()
    cells = len(set(map(short, table[across]))) * len(set(map(short, table[up])))
    (_draw_dots if cells > SPARSE * len(table) else _draw_cells)(figure, axes, ranked, across, up)
    axes.set_title(f"{title(ranked)}, {ranked.rank_title}")
    add_legend_below(figure, axes)


def _draw_cells(figure, axes, ranked, across, up):
    columns, column_labels = _cells(ranked.table[across])
    rows, row_labels = _cells(ranked.table[up])
    values = np.full((len(row_labels), len(column_labels)), np.nan)
    for cell, value in _best_values(ranked, across, up, rows, columns).items():
        values[cell] = value
    _draw_unfinished(axes, ranked, np.isnan(values), rows, columns)
    mesh = _draw_mesh(figure, axes, ranked, values)
    if len(values) <= WRITTEN_ROWS and len(column_labels) <= WRITTEN_COLUMNS:
        _write_values(axes, values, mesh)
    if ranked.can_be_best.any():
        _frame_cell(axes, rows[ranked.ranking[0]], columns[ranked.ranking[0]])
    for axis, labels, name in ((axes.xaxis, column_labels, across), (axes.yaxis, row_labels, up)):
        step = -(-len(labels) // 12)
        axis.set_ticks(range(0, len(labels), step), [shortened(label, 24) for label in labels[::step]])
        axis.set_label_text(words(name))
    if sum(len(label.get_text()) + 2 for label in axes.get_xticklabels()) > 48:
        for label in axes.get_xticklabels():
            label.set(rotation=40, ha="right", rotation_mode="anchor")


def _draw_unfinished(axes, ranked, unfinished, rows, columns):
    """Draw the cells in which no configuration finished, and explain their colors in the legend."""
    from matplotlib.colors import ListedColormap

    axes.set_facecolor(EMPTY_CELL)
    was_stopped = np.isin(ranked.table["stopped"], ("halved", "interrupted", "out of time"))
    rest = unfinished.copy()
    for chosen, color, label in (
        (ranked.diverged, DIVERGED_CELL, "diverged"),
        (was_stopped, STOPPED_CELL, "stopped before the end"),
    ):
        cells = np.zeros(rest.shape, bool)
        cells[rows[chosen], columns[chosen]] = True
        cells &= rest
        rest &= ~cells
        if cells.any():
            colormap = ListedColormap([color])
            axes.pcolormesh(*_edges(rest), np.where(cells, 1.0, np.nan), cmap=colormap, rasterized=True)
            axes.plot([], [], "s", color=color, markersize=9, label=label)
    if rest.any():
        axes.plot([], [], "s", color=EMPTY_CELL, markeredgecolor="0.6", markersize=9, label="not run")


def _edges(cells):
    """Return where the columns and rows of cells begin and end."""
    rows, columns = cells.shape
    return np.arange(columns + 1) - 0.5, np.arange(rows + 1) - 0.5


def _draw_mesh(figure, axes, ranked, values):
    """Draw the cells and the bar that explains their colors."""
    scale = _color_scale(values[np.isfinite(values)], ranked)
    mesh = axes.pcolormesh(*_edges(values), values, rasterized=values.size > MANY_CELLS, **scale.style)
    figure.colorbar(mesh, ax=axes, label=ranked.rank_title, extend=scale.extend, pad=0.02)
    return mesh


def _frame_cell(axes, row, column):
    """Draw a frame around the cell of the best configuration, whatever the size of the cells."""
    from matplotlib.patches import Rectangle

    style = {"fill": False, "edgecolor": DIVERGED, "linewidth": 2.5, "clip_on": False, "zorder": 3}
    axes.add_patch(Rectangle((column - 0.5, row - 0.5), 1, 1, **style))
    style = {"color": DIVERGED, "markerfacecolor": "none", "markeredgewidth": 2.5, "markersize": 9}
    axes.plot([], [], "s", linestyle="", label="best", **style)


def _write_values(axes, values, mesh):
    """Write each cell's value into it, black on bright colors and white on dark ones."""
    for (row, column), value in np.ndenumerate(values):
        if np.isfinite(value):
            brightness = sum(mesh.cmap(mesh.norm(value))[:3])
            color = "black" if brightness > 1.4 else "white"
            axes.text(column, row, f"{value:.3g}", ha="center", va="center", color=color, fontsize=SMALL_TEXT)


def _draw_dots(figure, axes, ranked, across, up):
    table = ranked.table
    x = AxisScale.of(across, table[across])
    y = AxisScale.of(up, table[up])
    ranks = table[ranked.ranked_by]
    scale = _color_scale(ranks[ranked.can_be_best], ranked)
    order = ranked.ranking[ranked.can_be_best[ranked.ranking]][::-1]  # the best is drawn over the others
    style = {"s": 40 if len(table) <= 500 else 12, "linewidths": 0, "rasterized": len(table) > 500, **scale.style}
    dots = axes.scatter(x.positions[order], y.positions[order], c=ranks[order], label="finished", **style)
    figure.colorbar(dots, ax=axes, label=ranked.rank_title, extend=scale.extend, pad=0.02)
    if ranked.halved.any():
        style = {"color": STOPPED, "markersize": 4, "zorder": 0, "label": "stopped before the end"}
        axes.plot(x.positions[ranked.halved], y.positions[ranked.halved], ".", **style)
    if ranked.diverged.any():
        style = {"color": DIVERGED, "markersize": 4, "zorder": 0, "label": "diverged"}
        axes.plot(x.positions[ranked.diverged], y.positions[ranked.diverged], "x", **style)
    if ranked.can_be_best.any():
        best = ranked.ranking[0]
        style = {"color": DIVERGED, "markersize": 12, "markerfacecolor": "none", "linestyle": ""}
        axes.plot(x.positions[best], y.positions[best], "o", markeredgewidth=2, label="best", **style)
    simplify(axes)
    x.set_x(axes)
    axes.set_ylabel(words(up))
    if y.logarithmic:
        axes.set_yscale("log")
    if y.ticks is not None:
        axes.set_yticks(*y.ticks)
        axes.set_yticks([], minor=True)


def _cells(values):
    """Return the column or row of each value, and their labels: numbers ascend, others stand as they first occur."""
    if values.dtype.kind in "if":
        distinct, cell_of_value = np.unique(values, return_inverse=True)
        return cell_of_value, [short(value) for value in distinct]
    shown = [short(value) for value in values]
    cell_of_shown = {each: cell for cell, each in enumerate(dict.fromkeys(shown))}
    return np.array([cell_of_shown[each] for each in shown]), list(cell_of_shown)


def _best_values(ranked, across, up, rows, columns):
    """Return for each cell, (row, column), the best over the other hyperparameters of the median over seeds."""
    others = [name for name in ranked.hyperparameters if name not in (across, up, "seed")]
    values_of_seeds = {}
    for index in np.flatnonzero(ranked.can_be_best):
        row = ranked.table[index]
        key = rows[index], columns[index], *(short(row[name]) for name in others)
        values_of_seeds.setdefault(key, []).append(row[ranked.ranked_by])
    medians = {}
    for (row, column, *_), values in values_of_seeds.items():
        medians.setdefault((row, column), []).append(np.median(values))
    best = max if ranked.higher_is_better else min
    return {cell: best(values) for cell, values in medians.items()}


class _ColorScale(NamedTuple):
    """How values are colored."""

    style: dict  # `norm` and `cmap` of Matplotlib
    extend: str  # the end of the scale whose color also stands for values beyond it: "min", "max" or "neither"


def _color_scale(values, ranked):
    """Return colors for values of what ranks: the best is the brightest.

    The scale ends at the worst value, or at the quantile that leaves out the worst tenth if that lies far beyond; runs
    that nearly diverged are left out.
    """
    from matplotlib.colors import LogNorm, Normalize

    higher_is_better = ranked.higher_is_better
    known, values = values, values[values <= ranked.rank_limit]
    if len(values) == 0:
        return _ColorScale({"norm": Normalize(0, 1), "cmap": "viridis"}, "neither")
    low = values.min()
    high = values.max()
    extend = "neither" if len(values) == len(known) else "max"
    worst = np.quantile(values, 0.1 if higher_is_better else 0.9)
    if higher_is_better and worst - low > high - worst:
        low, extend = worst, "min"
    logarithmic = low > 0 and not higher_is_better and high > LOG_SCALE_RATIO / 4 * low
    if not higher_is_better and not logarithmic and high - worst > worst - low:
        high, extend = worst, "max"
    if low == high:
        high = low + (abs(low) or 1)
    norm = (LogNorm if logarithmic else Normalize)(low, high)
    return _ColorScale({"norm": norm, "cmap": "viridis" if higher_is_better else "viridis_r"}, extend)
