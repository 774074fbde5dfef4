"""What all pictures share: a new figure, how values stand on an axis, and their colors."""

from typing import NamedTuple

import numpy as np

from fastprop.reporting.formatting import short, shortened, words

LOG_SCALE_RATIO = 20
"""The scale of positive numbers is logarithmic if their maximum is more than this multiple of their minimum."""

FEW_VALUES = 8
"""Up to this many different values, each has a tick."""

MANY_MARKS = 500
"""More lines or dots than this are drawn as pixels even in a vector picture, which would be slow to show otherwise."""

BEST, DIVERGED, STOPPED = "black", "C3", "0.65"
"""Colors of the best configuration, of those that diverged, and of those that were stopped at a rung."""


def new_figure(size=(8, 6)):
    """Return an empty figure of a size in inches; ImportError if Matplotlib is not installed."""
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ImportError("plots need Matplotlib: pip install matplotlib.") from error
    return Figure(figsize=size, layout="constrained")


def endings():
    """Return the endings of the pictures that can be drawn, ``[".png", …]``; ImportError as `new_figure`."""
    return [f".{name}" for name in new_figure().canvas.get_supported_filetypes()]


def save(figure, path, **options):
    """Write a figure to a path or file, with the options of Matplotlib's ``savefig``."""
    figure.savefig(path, dpi=120, **options)


def simplify(axes):
    """Leave a faint grid and two of the four lines around it."""
    axes.grid(alpha=0.3, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)


def add_legend(axes, **options):
    """Add a legend if there is anything to say in it."""
    if axes.get_legend_handles_labels()[0]:
        axes.legend(fontsize="small", **options)


class AxisScale(NamedTuple):
    """Where the values of a column stand on an axis."""

    name: str  # of the column
    positions: np.ndarray  # (configurations,) float64, in the unit of the values; NaN for a value that is missing
    labels: list[str]  # of the positions 0, 1, … if the values are not numbers, else empty
    logarithmic: bool  # whether the scale of the axis is logarithmic

    @classmethod
    def of(cls, name, values):
        """Return the scale of a column: that of its numbers, or one position for each different value."""
        if values.dtype.kind in "if":
            positions = values.astype(float)
            positions[~np.isfinite(positions)] = np.nan
            known = positions[~np.isnan(positions)]
            if len(known) and known.min() < known.max():
                return cls(name, positions, [], _is_spread_over_decades(known))
        shown = [short(value) for value in values]
        labels = list(dict.fromkeys(shown))
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
            slanted = sum(len(label) + 2 for label in self.ticks[1]) > 90
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


def evenly_spread(count, maximum, included):
    """Return indices below `count`: all, or about `maximum` of them, evenly spread, with `included` among them."""
    if count <= maximum:
        return np.arange(count)
    return np.union1d(np.linspace(0, count - 1, maximum).round().astype(int), [included])


def title(ranked, name=None):
    """Return the title of a picture: how many configurations in what time, and the best value of a column."""
    text = f"{len(ranked.table):,} configurations in {ranked.seconds:.3g} s"
    if not ranked.finished.any():
        return f"{text}, none finished"
    if name is None:
        return text
    return f"{text}, best {words(name)} {shortened(short(ranked.best[name]))}"


def title_of_drawn(ranked, drawn, total):
    """Return the title of a picture that draws `drawn` of `total` lines; it says so if these are fewer."""
    return title(ranked) if drawn == total else f"{title(ranked)}, {drawn:,} of them drawn"
