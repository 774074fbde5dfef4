"""What all pictures share: a new one, the places of values on an axis, and colors for them."""

from typing import NamedTuple

import numpy as np

from fastprop.formatting import short, words

RATIO = 20
"""Positive numbers whose largest is more than so many times the least, and most of them small, have a log scale."""

FEW = 8
"""Up to so many values have a tick or a color each."""

MANY = 500
"""Above so many lines or dots there is a picture of them in the picture, which would be slow to draw else."""

BEST, BAD, STOPPED = "black", "C3", "0.65"
"""Colors of the best configuration, of those that diverged, and of those that were stopped."""


def new_figure(size=(8, 6)):
    """Return an empty figure; ImportError if Matplotlib is not installed."""
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ImportError("plots need Matplotlib: pip install matplotlib.") from error
    return Figure(figsize=size, layout="constrained")


def save(figure, path, **how):
    """Write a figure to a file."""
    figure.savefig(path, dpi=120, **how)


def plain(axes):
    """Leave a faint grid and two of the four lines around it."""
    axes.grid(alpha=0.3, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)


def add_legend(axes, **how):
    """Add a legend if there is anything to say in it."""
    if axes.get_legend_handles_labels()[0]:
        axes.legend(fontsize="small", **how)


class Places(NamedTuple):
    """Where the values of a hyperparameter stand on an axis."""

    name: str
    positions: np.ndarray  # (n,); NaN for what is not there
    texts: list  # of the positions 0, 1, …, where the values are not numbers
    logarithmic: bool

    @classmethod
    def of(cls, name, values):
        """The places of a column: those of numbers are the numbers, unless there is but one of them."""
        if values.dtype.kind in "if":
            numbers = values.astype(float)
            numbers[~np.isfinite(numbers)] = np.nan
            known = numbers[~np.isnan(numbers)]
            if len(known) and known.min() < known.max():
                small = np.median(known) < (known.min() + known.max()) / 4  # of evenly spread ones it is a half
                return cls(name, numbers, [], bool(small and known.min() > 0 and known.max() > RATIO * known.min()))
        labels = [short(value) for value in values]
        texts = list(dict.fromkeys(labels))
        numbers = {text: float(number) for number, text in enumerate(texts)}
        return cls(name, np.array([numbers[label] for label in labels]), texts, False)

    @property
    def ticks(self):
        """Positions and texts of values that are few, or None."""
        if self.texts:
            step = -(-len(self.texts) // 40)  # more names than that cannot be read
            return list(range(0, len(self.texts), step)), [shortened(text) for text in self.texts[::step]]
        values = np.unique(self.positions[~np.isnan(self.positions)])
        return (values.tolist(), [short(value) for value in values]) if len(values) <= FEW else None

    def set_x(self, axes):
        """Make the horizontal axis one for these places."""
        axes.set_xlabel(words(self.name))
        if self.logarithmic:
            axes.set_xscale("log")
        if self.ticks is not None:
            slanted = sum(len(text) + 2 for text in self.ticks[1]) > 90
            axes.set_xticks(*self.ticks, **({"rotation": 30, "ha": "right"} if slanted else {}))
            axes.set_xticks([], minor=True)
        if self.texts:
            axes.set_xlim(-0.5, len(self.texts) - 0.5)


class Colors:
    """Colors for the values of a hyperparameter: names have one each, numbers a scale."""

    def __init__(self, places):
        from matplotlib import cm, colormaps, colors

        self._places, known = places, places.positions[~np.isnan(places.positions)]
        if places.texts:
            count = len(places.texts)
            map_ = colors.ListedColormap(colormaps["tab10"].colors[:count]) if count <= 10 else colormaps["viridis"]
            norm = colors.BoundaryNorm(np.arange(count + 1) - 0.5, map_.N if count <= 10 else 256)
        else:
            map_ = colormaps["viridis"]
            norm = (colors.LogNorm if places.logarithmic else colors.Normalize)(known.min(), known.max())
        self._mappable = cm.ScalarMappable(norm, map_.with_extremes(bad=STOPPED))

    def __getitem__(self, rows):
        """The colors of some rows, (rows, 4)."""
        return self._mappable.to_rgba(np.ma.masked_invalid(self._places.positions[rows]))

    def add_bar(self, figure, axes):
        """Add the scale beside `axes`."""
        bar = figure.colorbar(self._mappable, ax=axes, label=words(self._places.name), pad=0.02)
        if self._places.ticks is not None:
            bar.set_ticks(self._places.ticks[0], labels=self._places.ticks[1])
            bar.ax.set_yticks([], minor=True)


def shortened(text, maximum=32):
    """Return a text of `maximum` letters at most."""
    return text if len(text) <= maximum else text[: maximum - 1] + "…"


def set_scale(axes, values, axis="y"):
    """Make an axis logarithmic if `values` are all positive and of different sizes."""
    known = values[np.isfinite(values)]
    if len(known) and known.min() > 0 and known.max() > 3 * known.min():
        axes.set(**{f"{axis}scale": "log"})


def some(count, maximum, always):
    """Return numbers below `count`, at most `maximum` of them, evenly spread, and the one that is `always` there."""
    if count <= maximum:
        return np.arange(count)
    return np.union1d(np.linspace(0, count - 1, maximum).round().astype(int), [always])


def title(result, name=None):
    """Return what stands above a picture: how many configurations, how long, and the best value of one column."""
    text = f"{len(result.table):,} configurations in {result.seconds:.3g} s"
    if not result.finished.any():
        return f"{text}, none finished"
    if name is None:
        return text
    return f"{text}, best {words(name)} {shortened(short(result.best[name]))}"
