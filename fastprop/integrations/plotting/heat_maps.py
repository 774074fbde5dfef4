"""What ranks, of two hyperparameters: cells, or dots where the values make no grid."""

from typing import NamedTuple

import numpy as np

from fastprop.formatting import short, value_name, words
from fastprop.integrations.plotting.figures import BAD, RATIO, Places, add_legend, plain, shortened, title

WRITTEN = 100
"""Up to so many cells have their value written in."""

SPARSE = 4
"""If there would be so many times more cells than configurations, these are dots."""


def heat_map(figure, result, across, up):
    """Draw what ranks of the hyperparameters `across` and `up`: the best of the others, the median of seeds."""
    table = result.table
    axes = figure.subplots()
    cells = len(set(map(short, table[across]))) * len(set(map(short, table[up])))
    (_draw_dots if cells > SPARSE * len(table) else _draw_cells)(figure, axes, result, across, up)
    axes.set_title(f"{title(result)}, {value_name(result, result.ranks)}")


def _draw_cells(figure, axes, result, across, up):
    from matplotlib.colors import ListedColormap

    table, best = result.table, result.ranking[0]
    (columns, column_texts), (rows, row_texts) = (_cells(table[name]) for name in (across, up))
    shape = len(row_texts), len(column_texts)
    values = np.full(shape, np.nan)
    for (row, column), value in _values(result, across, up, rows, columns).items():
        values[row, column] = value
    ran = np.zeros(shape, bool)
    ran[rows[table["stopped"] == "diverged"], columns[table["stopped"] == "diverged"]] = True
    diverged = ran & np.isnan(values)
    edges = np.arange(shape[1] + 1) - 0.5, np.arange(shape[0] + 1) - 0.5
    axes.set_facecolor("0.93")
    if diverged.any():
        axes.pcolormesh(*edges, np.where(diverged, 1.0, np.nan), cmap=ListedColormap(["#f3c5c0"]), rasterized=True)
        axes.plot([], [], "s", color="#f3c5c0", label="diverged")
    scale = _scale(values[np.isfinite(values)], result.higher_is_better)
    mesh = axes.pcolormesh(*edges, values, rasterized=values.size > WRITTEN, **scale.style)
    figure.colorbar(mesh, ax=axes, label=value_name(result, result.ranks), extend=scale.extend, pad=0.02)
    if values.size <= WRITTEN:
        for (row, column), value in np.ndenumerate(values):
            if np.isfinite(value):
                shade = sum(mesh.cmap(mesh.norm(value))[:3])
                axes.text(
                    column, row, f"{value:.3g}", ha="center", va="center", color="black" if shade > 1.4 else "white"
                )
    if result.finished.any():
        style = {"color": BAD, "markersize": 14 if values.size <= 400 else 9, "markerfacecolor": "none"}
        axes.plot(columns[best], rows[best], "s", markeredgewidth=2, label="best", linestyle="", **style)
    for axis, texts, name in ((axes.xaxis, column_texts, across), (axes.yaxis, row_texts, up)):
        step = -(-len(texts) // 16)
        axis.set_ticks(range(0, len(texts), step), [shortened(text, 24) for text in texts[::step]])
        axis.set_label_text(words(name))
    if sum(len(label.get_text()) + 2 for label in axes.get_xticklabels()) > 75:
        axes.tick_params("x", rotation=40)
    add_legend(axes, loc="lower left", bbox_to_anchor=(0, -0.2), ncols=2, frameon=False)


def _draw_dots(figure, axes, result, across, up):
    table, finished, diverged = result.table, result.finished, result.table["stopped"] == "diverged"
    (x, y), best = [Places.of(name, table[name]) for name in (across, up)], result.ranking[0]
    scale = _scale(table[result.ranks][finished], result.higher_is_better)
    order = result.ranking[finished[result.ranking]][::-1]  # the best on top
    style = {"s": 40 if len(table) <= 500 else 12, "linewidths": 0, "rasterized": len(table) > 500, **scale.style}
    dots = axes.scatter(x.positions[order], y.positions[order], c=table[result.ranks][order], **style)
    figure.colorbar(dots, ax=axes, label=value_name(result, result.ranks), extend=scale.extend, pad=0.02)
    if diverged.any():
        axes.plot(
            x.positions[diverged], y.positions[diverged], "x", color=BAD, markersize=4, zorder=0, label="diverged"
        )
    if finished.any():
        style = {"color": BAD, "markersize": 12, "markerfacecolor": "none", "linestyle": ""}
        axes.plot(x.positions[best], y.positions[best], "o", markeredgewidth=2, label="best", **style)
    plain(axes)
    x.set_x(axes)
    axes.set_ylabel(words(up))
    if y.logarithmic:
        axes.set_yscale("log")
    if y.ticks is not None:
        axes.set_yticks(*y.ticks)
        axes.set_yticks([], minor=True)
    add_legend(axes, loc="lower left", bbox_to_anchor=(0, -0.2), ncols=2, frameon=False)


def _cells(values):
    """The number of each value's column or row, and the texts of these: numbers by size, others as they come."""
    if values.dtype.kind in "if":
        distinct, which = np.unique(values, return_inverse=True)
        return which, [short(value) for value in distinct]
    texts = [short(value) for value in values]
    distinct = {text: number for number, text in enumerate(dict.fromkeys(texts))}
    return np.array([distinct[text] for text in texts]), list(distinct)


def _values(result, across, up, rows, columns):
    """For each cell the best over the other hyperparameters of the median over seeds."""
    others = [name for name in result.hyperparameters if name not in (across, up, "seed")]
    same, best = {}, max if result.higher_is_better else min
    for number in np.flatnonzero(result.finished):
        row = result.table[number]
        key = rows[number], columns[number], *(short(row[name]) for name in others)
        same.setdefault(key, []).append(row[result.ranks])
    cells = {}
    for (row, column, *_), values in same.items():
        cells.setdefault((row, column), []).append(np.median(values))
    return {cell: best(values) for cell, values in cells.items()}


class _Scale(NamedTuple):
    """How values are colored."""

    style: dict
    extend: str  # which end of the scale stands for values beyond it, too


def _scale(values, higher_is_better):
    """Colors for values: the best is bright, and what is far worse than the others is as dark as the 90 % quantile."""
    from matplotlib.colors import LogNorm, Normalize

    if len(values) == 0:
        return _Scale({"norm": Normalize(0, 1), "cmap": "viridis"}, "neither")
    low, high, extend = values.min(), values.max(), "neither"
    worst = np.quantile(values, 0.1 if higher_is_better else 0.9)
    if higher_is_better and worst - low > high - worst:
        low, extend = worst, "min"
    logarithmic = low > 0 and not higher_is_better and high > RATIO / 4 * low
    if not higher_is_better and not logarithmic and high - worst > worst - low:
        high, extend = worst, "max"
    if low == high:
        high = low + (abs(low) or 1)
    norm = (LogNorm if logarithmic else Normalize)(low, high)
    return _Scale({"norm": norm, "cmap": "viridis" if higher_is_better else "viridis_r"}, extend)
