"""What all pictures share: a new figure, how values stand on an axis, and their colors."""

import io
import os
import textwrap
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np

from fastprop import files
from fastprop.reporting.formatting import short, shortened, words

LOG_SCALE_RATIO = 20
"""The scale of positive numbers is logarithmic if their maximum is more than this multiple of their minimum."""

LINE = 56
"""Up to this many characters of a title stand in a line."""

FEW_VALUES = 6
"""Up to this many different values, each has a tick."""

MANY_MARKS = 500
"""More lines or dots than this are drawn as pixels even in a vector picture, which would be slow to show otherwise."""

BEST, DIVERGED, STOPPED = "black", "C3", "0.65"
"""Colors of the best configuration, of those that diverged, and of those that were stopped at a rung."""


SIZE = 6.0, 4.8
"""Width and height of a picture, in inches."""

DPI = 160
"""Dots per inch of a picture of pixels."""

TEXT, SMALL_TEXT = 12, 11
"""Sizes of text, in points: they are read where a picture is shown 400 pixels wide."""


def new_figure():
    """Return an empty figure, which notebooks show; ImportError if Matplotlib is not installed."""
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ImportError("plots need Matplotlib: pip install matplotlib.") from error
    figure = Figure(figsize=SIZE, dpi=DPI, layout="constrained")
    figure._repr_png_ = partial(_png, figure)
    return figure


def _png(figure):
    file = io.BytesIO()
    figure.savefig(file, format="png")
    return file.getvalue()


def endings():
    """Return the endings of the pictures that can be drawn, ``[".png", …]``; ImportError as `new_figure`."""
    return [f".{name}" for name in new_figure().canvas.get_supported_filetypes()]


def finish(figure, path, **options):
    """Write a figure to a path or file, with the options of ``savefig``; return it if the path is None."""
    for axes in figure.axes:
        axes.tick_params(labelsize=SMALL_TEXT)
        for text in (axes.xaxis.label, axes.yaxis.label, axes.title):
            text.set_fontsize(TEXT)
        for text in (axes.xaxis.get_offset_text(), axes.yaxis.get_offset_text()):
            text.set_fontsize(SMALL_TEXT)
        axes.title.set_text(textwrap.fill(axes.title.get_text(), LINE))
    if path is None:
        return figure
    if not isinstance(path, (str, os.PathLike)):
        figure.savefig(path, **options)
        return None
    path = Path(path) if Path(path).suffix else Path(f"{path}.png")
    with files.replacing(path, "picture") as file:
        figure.savefig(file, format=path.suffix[1:].lower(), **options)
    return None


def simplify(axes):
    """Leave a faint grid and two of the four lines around it."""
    axes.grid(alpha=0.3, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)


def add_legend(axes, **options):
    """Add a legend if there is anything to say in it."""
    if axes.get_legend_handles_labels()[0]:
        axes.legend(fontsize=SMALL_TEXT, **options)


def add_legend_below(figure, axes, **more):
    """Add a legend below everything else of the figure if there is anything to say in it."""
    handles, labels = axes.get_legend_handles_labels()
    if handles:
        options = {"loc": "outside lower left", "ncols": 2, "frameon": False, "fontsize": SMALL_TEXT, **more}
        figure.legend(handles, labels, **options)


class AxisScale(NamedTuple):
    """Where the values of a column stand on an axis."""

    name: str  # of the column
    positions: np.ndarray  # (configurations,) float64, in the unit of the values; NaN for a value that is missing
    labels: list[str]  # of the positions 0, 1, … if the values are not numbers, else empty
    logarithmic: bool  # whether the scale of the axis is logarithmic

    @classmethod
    def of(cls, name, values, may_be_logarithmic=True):
        """Return the scale of a column: that of its numbers, or one position for each different value."""
        if values.dtype.kind in "if":
            positions = values.astype(float)
            positions[~np.isfinite(positions)] = np.nan
            known = positions[~np.isnan(positions)]
            if len(known) and known.min() < known.max():
                return cls(name, positions, [], may_be_logarithmic and _is_spread_over_decades(known))
        shown = [short(value) for value in values]
        are_sizes = all(isinstance(value, tuple) and all(isinstance(each, int) for each in value) for value in values)
        labels = list(dict.fromkeys(map(short, sorted(values)) if are_sizes else shown))
        position_of = {label: float(position) for position, label in enumerate(labels)}
        return cls(name, np.array([position_of[each] for each in shown]), labels, False)

    @property
    def ticks(self):
        """Positions and labels of the ticks if there are few values, else None: then Matplotlib chooses."""
        if self.labels:
            step = -(-len(self.labels) // 40)  # more labels than 40 could not be read
            return list(range(0, len(self.labels), step)), [shortened(label) for label in self.labels[::step]]
        values = np.unique(self.positions[~np.isnan(self.positions)])
        return (values.tolist(), [short(value) for value in values]) if len(values) <= FEW_VALUES else None

    def set_x(self, axes):
        """Make this the scale of the horizontal axis."""
        axes.set_xlabel(words(self.name))
        if self.logarithmic:
            axes.set_xscale("log")
        if self.ticks is not None:
            slanted = sum(len(label) + 2 for label in self.ticks[1]) > 60
            axes.set_xticks(*self.ticks, **({"rotation": 30, "ha": "right"} if slanted else {}))
            axes.set_xticks([], minor=True)
        if self.labels:
            axes.set_xlim(-0.5, len(self.labels) - 0.5)


def _is_spread_over_decades(values):
    """Return whether positive values have a ratio of more than `LOG_SCALE_RATIO`, and most of them are small."""
    small = np.median(values) < (values.min() + values.max()) / 4  # the median of evenly spread values is at a half
    return bool(small and values.min() > 0 and values.max() > LOG_SCALE_RATIO * values.min())


class Colors:
    """Colors for the values on an `AxisScale`: labels have one each, numbers a continuous scale."""

    def __init__(self, scale):
        from matplotlib import cm, colormaps, colors

        self._scale = scale
        if scale.labels:
            count = len(scale.labels)
            colormap = colors.ListedColormap(colormaps["tab10"].colors[:count]) if count <= 10 else colormaps["viridis"]
            norm = colors.BoundaryNorm(np.arange(count + 1) - 0.5, colormap.N if count <= 10 else 256)
        else:
            colormap = colormaps["viridis"]
            known = scale.positions[~np.isnan(scale.positions)]
            norm = (colors.LogNorm if scale.logarithmic else colors.Normalize)(known.min(), known.max())
        self._mappable = cm.ScalarMappable(norm, colormap.with_extremes(bad=STOPPED))

    def of_rows(self, rows):
        """Return the colors of some rows of the table, (rows, 4)."""
        return self._mappable.to_rgba(np.ma.masked_invalid(self._scale.positions[rows]))

    def add_bar(self, figure, axes):
        """Add a bar that explains the colors beside `axes`."""
        bar = figure.colorbar(self._mappable, ax=axes, label=words(self._scale.name), pad=0.02)
        if self._scale.ticks is not None:
            positions, labels = self._scale.ticks
            bar.set_ticks(positions, labels=labels)
            bar.ax.set_yticks([], minor=True)


def set_scale(axes, values, axis="y"):
    """Make an axis logarithmic if `values` are all positive and their maximum is over three times their minimum."""
    known = values[np.isfinite(values)]
    if len(known) and known.min() > 0 and known.max() > 3 * known.min():
        axes.set(**{f"{axis}scale": "log"})


def set_limits(axes, low, high):
    """Set the vertical axis from `low` to `high`, with a margin on both sides."""
    set_scale(axes, np.array([low, high]))
    if axes.get_yscale() == "log":
        margin = max(1.15, (high / low) ** 0.05)
        axes.set_ylim(low / margin, high * margin**2)
    else:
        set_linear_limits(axes, low, high)


def set_linear_limits(axes, low, high):
    """Set a vertical axis of a linear scale from `low` to `high`, with a margin on both sides."""
    margin = 0.05 * (high - low) or 0.1
    axes.set_ylim(low - margin, high + margin)


def evenly_spread(count, maximum, included):
    """Return indices below `count`: all, or about `maximum` of them, evenly spread, with `included` among them."""
    if count <= maximum:
        return np.arange(count)
    return np.union1d(np.linspace(0, count - 1, maximum).round().astype(int), [included])


def title(ranked, name=None):
    """Return the title of a picture: how many configurations in what time, and the best value of a column."""
    text = f"{len(ranked.table):,} configurations in {ranked.seconds:.3g} s"
    if not ranked.can_be_best.any():
        return f"{text}, none finished"
    if name is None:
        return text
    return f"{text}, best {words(name)} {shortened(short(ranked.best[name]))}"


def title_of_drawn(ranked, drawn, total):
    """Return the title of a picture that draws `drawn` of `total` lines; it says so if these are fewer."""
    return title(ranked) if drawn == total else f"{title(ranked)}, {drawn:,} of them drawn"
